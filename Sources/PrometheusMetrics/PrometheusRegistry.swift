//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// All metrics of a process, and their text for Prometheus (exposition format 0.0.4).
///
/// swift-prometheus would replace this module.
public final class PrometheusRegistry: Sendable {
    /// What differs from the defaults, by the label that the metric is made with.
    public struct Configuration: Sendable {
        /// Upper bounds of the buckets of single timers (in seconds) and recorders.
        public var buckets: [String: [Double]]
        /// What `# HELP` says of single metrics; the label itself unless given.
        public var help: [String: String]

        public init(buckets: [String: [Double]] = [:], help: [String: String] = [:]) {
            self.buckets = buckets
            self.help = help
        }
    }

    private struct State {
        var families: [String: Family] = [:]
        /// Names of single samples and the family that they belong to: a histogram `a` has `a_sum`, so no gauge may.
        var sampleNames: [String: String] = [:]
    }

    private let configuration: Configuration
    private let state = Mutex(State())
    private let dropped = Atomic<Int>(0)

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// The value type of the `Content-Type` header for ``render()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    // MARK: Series

    /// The series of a label and dimensions, made when it is new.
    ///
    /// - Returns: nil when a limit is reached or the name is taken by another kind; that is counted.
    func series(_ kind: MetricKind, label: String, dimensions: [(String, String)]) -> (any Series)? {
        let name = kind.name(of: label)
        let labels = LabelSet(dimensions, isHistogram: kind.isHistogram)
        let found = self.state.withLock { state in
            guard self.admit(name, kind, label, &state) else { return nil as (any Series)? }
            return state.families[name]?.series(labels)
        }
        if found == nil { self.dropped.add(1, ordering: .relaxed) }
        return found
    }

    /// Whether `name` is, or may become, a family of that kind.
    private func admit(_ name: String, _ kind: MetricKind, _ label: String, _ state: inout State) -> Bool {
        if let family = state.families[name] { return family.kind == kind }
        let sampleNames = kind.sampleNames(of: name)
        guard state.families.count < PrometheusLimits.metrics,
            !ProcessStatistics.names.contains(name), name != Self.droppedName,
            sampleNames.allSatisfy({ state.sampleNames[$0] == nil })
        else { return false }
        for sampleName in sampleNames { state.sampleNames[sampleName] = name }
        state.families[name] = Family(
            name: name, kind: kind, help: self.configuration.help[label] ?? label,
            bounds: self.bounds(of: label, kind))
        return true
    }

    private func bounds(of label: String, _ kind: MetricKind) -> [Double] {
        guard kind.isHistogram else { return [] }
        let fallback = kind == .timer ? PrometheusLimits.timerBuckets : PrometheusLimits.recorderBuckets
        // `+Inf` is always there; NaN has no place in an order.
        let bounds = (self.configuration.buckets[label] ?? fallback).filter(\.isFinite)
        return Array(Set(bounds).sorted().prefix(PrometheusLimits.buckets))
    }

    /// Forgets a series, so that it is no longer rendered.
    func remove(_ series: any Series) {
        self.state.withLock { state in
            for name in state.families.keys where state.families[name]?.remove(series) == true {
                guard let family = state.families[name], family.isEmpty else { return }
                state.families[name] = nil
                for sampleName in family.kind.sampleNames(of: name) { state.sampleNames[sampleName] = nil }
                return
            }
        }
    }

    // MARK: Text

    private static let droppedName = "metrics_series_dropped_total"

    /// The text of all metrics and of the process, sorted by name. Reads a few files of `/proc`.
    public func render() -> String {
        let families = self.state.withLock { Array($0.families.values) }
        var text = ""
        text.reserveCapacity(families.count * 500)
        for family in families.sorted(by: { $0.name < $1.name }) { family.render(into: &text) }
        text.writeHead(Self.droppedName, type: "counter", help: "Series that were not kept, for a limit or a clash.")
        text.writeSample(Self.droppedName, labels: "", Double(self.dropped.load(ordering: .relaxed)))
        ProcessStatistics.current().render(into: &text)
        return text
    }
}
