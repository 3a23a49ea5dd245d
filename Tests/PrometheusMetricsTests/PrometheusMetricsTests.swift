//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CoreMetrics
import Testing

@testable import PrometheusMetrics

@Suite struct PrometheusMetricsTests {
    private let registry = PrometheusRegistry()
    private var factory: PrometheusMetricsFactory { PrometheusMetricsFactory(registry: self.registry) }

    /// The lines of one family, without its help.
    private func lines(_ prefix: String, _ registry: PrometheusRegistry? = nil) -> [String] {
        (registry ?? self.registry).render().split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix(prefix) || $0.hasPrefix("# TYPE " + prefix) }
    }

    @Test("a counter ends in _total, once, and counts whole and broken steps together")
    func counter() {
        Counter(label: "hb.requests", dimensions: [("http.route", "/a")], factory: self.factory).increment(by: 2)
        Counter(label: "hb.requests", dimensions: [("http.route", "/a")], factory: self.factory).increment()
        Counter(label: "turns_total", factory: self.factory).increment()
        self.factory.makeFloatingPointCounter(label: "cost", dimensions: []).increment(by: 0.25)
        self.factory.makeCounter(label: "cost", dimensions: []).increment(by: 2)
        self.factory.makeCounter(label: "cost", dimensions: []).increment(by: -5)
        #expect(
            self.lines("hb_requests") == [
                "# TYPE hb_requests_total counter", "hb_requests_total{http_route=\"/a\"} 3",
            ])
        #expect(self.lines("turns_total") == ["# TYPE turns_total counter", "turns_total 1"])
        #expect(self.lines("cost_total").last == "cost_total 2.25")
    }

    @Test("a gauge goes up and down, whether it is made as a meter or as a recorder that does not aggregate")
    func gauge() {
        let meter = Meter(label: "http.server.active_requests", factory: self.factory)
        meter.increment(by: 3)
        meter.decrement()
        Gauge(label: "queue", factory: self.factory).record(2.5)
        #expect(
            self.lines("http_server") == [
                "# TYPE http_server_active_requests gauge", "http_server_active_requests 2",
            ])
        #expect(self.lines("queue").last == "queue 2.5")
    }

    @Test("a timer is a histogram in seconds, with cumulative buckets, sum and count")
    func timer() {
        let registry = PrometheusRegistry(configuration: .init(buckets: ["db.time": [1, 0.1, 1, .infinity]]))
        let factory = PrometheusMetricsFactory(registry: registry)
        let timer = Timer(label: "db.time", dimensions: [("op", "read")], factory: factory)
        timer.recordMilliseconds(50)
        timer.recordMilliseconds(100)
        timer.recordMilliseconds(700)
        timer.recordSeconds(3)
        #expect(
            self.lines("db_time", registry) == [
                "# TYPE db_time_seconds histogram", "db_time_seconds_bucket{op=\"read\",le=\"0.1\"} 2",
                "db_time_seconds_bucket{op=\"read\",le=\"1\"} 3", "db_time_seconds_bucket{op=\"read\",le=\"+Inf\"} 4",
                "db_time_seconds_sum{op=\"read\"} 3.85", "db_time_seconds_count{op=\"read\"} 4",
            ])
        #expect(MetricKind.timer.name(of: "first_token_seconds") == "first_token_seconds")
    }

    @Test("a recorder that aggregates is a histogram without a unit")
    func recorder() {
        let recorder = Recorder(label: "sizes", factory: self.factory)
        recorder.record(7)
        recorder.record(Double.nan)
        recorder.record(1e9)
        let lines = self.lines("sizes")
        #expect(lines.contains("sizes_bucket{le=\"10\"} 1"))
        #expect(lines.contains("sizes_bucket{le=\"+Inf\"} 2"))
        #expect(lines.contains("sizes_sum 1000000007"))
    }

    @Test("names and labels are made what Prometheus allows")
    func sanitising() {
        #expect(MetricKind.gauge.name(of: "9.größe-a:b") == "_9_gr__e_a:b")
        #expect(MetricKind.gauge.name(of: "") == "_")
        let labels = LabelSet(
            [("z", "1"), ("a.b", "q\"uo\\te\nline"), ("a_b", "second"), ("__x", "2")], isHistogram: false)
        #expect(labels.text == #"a_b="q\"uo\\te\nline",label___x="2",z="1""#)
        #expect(LabelSet([("le", "1")], isHistogram: true).text == #"label_le="1""#)
        #expect(LabelSet([("le", "1")], isHistogram: false).text == #"le="1""#)
        let long = LabelSet([("a", String(repeating: "ü", count: 1000))], isHistogram: false)
        #expect(long.text.unicodeScalars.count == PrometheusLimits.labelValueScalars + 4)
        #expect(
            LabelSet([("a", "1"), ("b", "2")], isHistogram: false)
                == LabelSet([("b", "2"), ("a", "1")], isHistogram: false))
    }

    @Test("numbers are written as Prometheus reads them")
    func numbers() {
        #expect(
            [0, -1, 1e15, 0.1, .infinity, -.infinity, .nan, 1e-9].map(\.sample)
                == ["0", "-1", "1000000000000000", "0.1", "+Inf", "-Inf", "NaN", "1e-09"])
    }

    @Test("help is the label unless it is given, with its line breaks escaped")
    func help() {
        let registry = PrometheusRegistry(configuration: .init(help: ["a.b": "first\nsecond"]))
        let factory = PrometheusMetricsFactory(registry: registry)
        Counter(label: "a.b", factory: factory).increment()
        Counter(label: "c.d", factory: factory).increment()
        let text = registry.render()
        #expect(text.contains("# HELP a_b_total first\\nsecond\n"))
        #expect(text.contains("# HELP c_d_total c.d\n"))
    }

    @Test("series above the cap are dropped and counted, those that exist go on")
    func cap() {
        for number in 0..<(PrometheusLimits.seriesPerMetric + 5) {
            Counter(label: "many", dimensions: [("id", String(number))], factory: self.factory).increment()
        }
        Counter(label: "many", dimensions: [("id", "0")], factory: self.factory).increment()
        #expect(self.lines("many_total").count == PrometheusLimits.seriesPerMetric + 1)
        #expect(self.lines("many_total{id=\"0\"}") == ["many_total{id=\"0\"} 2"])
        #expect(self.lines("metrics_series_dropped_total").last == "metrics_series_dropped_total 5")
        for number in 0..<(PrometheusLimits.metrics + 5) { Gauge(label: "g\(number)", factory: self.factory).record(1) }
        #expect(self.lines("metrics_series_dropped_total").last == "metrics_series_dropped_total 11")
    }

    @Test("a name belongs to one kind of metric, samples of a histogram included")
    func clashes() {
        Recorder(label: "a", factory: self.factory).record(1)
        Gauge(label: "a", factory: self.factory).record(1)
        Gauge(label: "a_count", factory: self.factory).record(1)
        Gauge(label: "process_open_fds", factory: self.factory).record(1)
        #expect(self.lines("metrics_series_dropped_total").last == "metrics_series_dropped_total 3")
        #expect(self.lines("process_open_fds").count == 2)
    }

    @Test("a destroyed metric is no longer rendered, and its name is free again")
    func destroy() {
        let counter = Counter(label: "once", factory: self.factory)
        counter.increment()
        counter.destroy()
        #expect(self.lines("once").isEmpty)
        Gauge(label: "once_total", factory: self.factory).record(1)
        #expect(self.lines("once").last == "once_total 1")
    }

    @Test("nothing is lost when many record at once")
    func concurrency() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<2000 {
                        self.factory.makeCounter(label: "c", dimensions: []).increment(by: 1)
                        self.factory.makeMeter(label: "g", dimensions: []).increment(by: 1)
                        self.factory.makeTimer(label: "t", dimensions: []).recordNanoseconds(1_000_000_000)
                    }
                }
            }
        }
        #expect(self.lines("c_total").last == "c_total 16000")
        #expect(self.lines("g ").last == "g 16000")
        #expect(self.lines("t_seconds_sum") == ["t_seconds_sum 16000"])
        #expect(self.lines("t_seconds_count") == ["t_seconds_count 16000"])
    }

    @Test("the process is described from /proc, whatever the program is called")
    func process() throws {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 300 200 0 0 20 0 12 0 5000 1048576 256 0 0"
        let statistics = ProcessStatistics(stat: stat, ticksPerSecond: 100, pageBytes: 4096, bootTimeSeconds: 1000)
        #expect(statistics.cpuSeconds == 5)
        #expect(statistics.threads == 12)
        #expect(statistics.startTimeSeconds == 1050)
        #expect(statistics.virtualBytes == 1_048_576)
        #expect(statistics.residentBytes == 1_048_576)
        let broken = ProcessStatistics(stat: "7 (x) S", ticksPerSecond: 100, pageBytes: 1, bootTimeSeconds: nil)
        #expect(broken.residentBytes == nil)
        let current = ProcessStatistics.current()
        #expect(try #require(current.residentBytes) > 1_000_000)
        #expect(try #require(current.openFiles) > 2)
        #expect(try #require(current.openFilesMax) >= #require(current.openFiles))
        #expect(try #require(current.startTimeSeconds) > 1_600_000_000)
        #expect(self.lines("process_resident_memory_bytes").count == 2)
    }
}
