//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import CoreMetrics

/// Puts what is recorded through swift-metrics into a ``PrometheusRegistry``:
/// `MetricsSystem.bootstrap(PrometheusMetricsFactory(registry: registry))`.
///
/// Two metrics of the same label and dimensions are the same series. What finds no place, because a limit is reached or
/// its name is taken by another kind of metric, is dropped and counted in `metrics_series_dropped_total`.
public struct PrometheusMetricsFactory: MetricsFactory {
    private let registry: PrometheusRegistry

    public init(registry: PrometheusRegistry) {
        self.registry = registry
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.registry.series(.counter, label: label, dimensions: dimensions) as? CounterSeries
            ?? NOOPMetricsHandler.instance
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.registry.series(.counter, label: label, dimensions: dimensions) as? CounterSeries
            ?? NOOPMetricsHandler.instance
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.registry.series(.gauge, label: label, dimensions: dimensions) as? GaugeSeries
            ?? NOOPMetricsHandler.instance
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        switch self.registry.series(aggregate ? .recorder : .gauge, label: label, dimensions: dimensions) {
        case let histogram as HistogramSeries: histogram
        case let gauge as GaugeSeries: gauge
        default: NOOPMetricsHandler.instance
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.registry.series(.timer, label: label, dimensions: dimensions) as? HistogramSeries
            ?? NOOPMetricsHandler.instance
    }

    public func destroyCounter(_ handler: any CounterHandler) { self.destroy(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.destroy(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { self.destroy(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { self.destroy(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { self.destroy(handler) }

    private func destroy(_ handler: any AnyObject) {
        if let series = handler as? any Series { self.registry.remove(series) }
    }
}

extension CounterSeries: CounterHandler, FloatingPointCounterHandler {
    func increment(by amount: Int64) { self.add(amount) }
    func increment(by amount: Double) { self.add(amount) }
}

extension GaugeSeries: MeterHandler, RecorderHandler {
    func set(_ value: Int64) { self.set(Double(value)) }
    func increment(by amount: Double) { self.add(amount) }
    func decrement(by amount: Double) { self.add(-amount) }
    func record(_ value: Int64) { self.set(Double(value)) }
    func record(_ value: Double) { self.set(value) }
}

extension HistogramSeries: RecorderHandler, TimerHandler {
    func record(_ value: Int64) { self.record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }
}
