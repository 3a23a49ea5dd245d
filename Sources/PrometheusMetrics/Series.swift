//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// One line of development of a metric: a name with one set of labels.
protocol Series: AnyObject, Sendable {
    /// Appends the samples; `labels` is without braces.
    func render(_ name: String, labels: String, into text: inout String)
}

/// All series of one name.
struct Family: Sendable {
    let name: String
    let kind: MetricKind
    let help: String
    /// Upper bounds of the buckets, ascending and without infinity.
    let bounds: [Double]
    private var members: [LabelSet: any Series] = [:]

    init(name: String, kind: MetricKind, help: String, bounds: [Double]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.bounds = bounds
    }

    var isEmpty: Bool { self.members.isEmpty }

    /// The series with these labels, made when it is new; nil when there are too many.
    mutating func series(_ labels: LabelSet) -> (any Series)? {
        if let member = self.members[labels] { return member }
        guard self.members.count < PrometheusLimits.seriesPerMetric else { return nil }
        let member: any Series =
            switch self.kind {
            case .counter: CounterSeries()
            case .gauge: GaugeSeries()
            case .timer, .recorder: HistogramSeries(bounds: self.bounds)
            }
        self.members[labels] = member
        return member
    }

    mutating func remove(_ series: any Series) -> Bool {
        guard let labels = self.members.first(where: { $0.value === series })?.key else { return false }
        self.members[labels] = nil
        return true
    }

    func render(into text: inout String) {
        text.writeHead(self.name, type: self.kind.type, help: self.help)
        for (labels, member) in self.members.sorted(by: { $0.key.text < $1.key.text }) {
            member.render(self.name, labels: labels.text, into: &text)
        }
    }
}

/// A number that only grows. Whole steps, which nearly all are, take one atomic addition.
final class CounterSeries: Series {
    private let whole = Atomic<UInt64>(0)
    private let fraction = AtomicDouble()

    func add(_ amount: Int64) {
        guard amount > 0 else { return }
        self.whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    func add(_ amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.fraction.add(amount)
    }

    func reset() {
        self.whole.store(0, ordering: .relaxed)
        self.fraction.store(0)
    }

    func render(_ name: String, labels: String, into text: inout String) {
        text.writeSample(name, labels: labels, Double(self.whole.load(ordering: .relaxed)) + self.fraction.load())
    }
}

/// A number that goes up and down.
final class GaugeSeries: Series {
    private let value = AtomicDouble()

    func set(_ value: Double) { self.value.store(value) }
    func add(_ amount: Double) { self.value.add(amount) }

    func render(_ name: String, labels: String, into text: inout String) {
        text.writeSample(name, labels: labels, self.value.load())
    }
}

/// How often a value fell under each bound.
///
/// A lock and not atomics: sum and bucket then belong together in every scrape, and an uncontended lock costs what the
/// two atomic steps would.
final class HistogramSeries: Series {
    private struct State {
        /// One count for each bound and one for what lies above all.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        self.state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let index = self.bounds.firstIndex { value <= $0 } ?? self.bounds.count
        self.state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    func render(_ name: String, labels: String, into text: inout String) {
        let (counts, sum) = self.state.withLock { ($0.counts, $0.sum) }
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < self.bounds.count ? self.bounds[index].sample : "+Inf"
            text.writeSample(name + "_bucket", labels: "\(prefix)le=\"\(bound)\"", Double(total))
        }
        text.writeSample(name + "_sum", labels: labels, sum)
        text.writeSample(name + "_count", labels: labels, Double(total))
    }
}

/// A floating-point number without a lock.
struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { self.bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var current = self.bits.load(ordering: .relaxed)
        while true {
            let next = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = self.bits.weakCompareExchange(
                expected: current, desired: next, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}
