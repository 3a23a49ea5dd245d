import ParleyCore
import Metrics
import CoreMetrics
final class PrometheusRegistry: Sendable { func render() -> String { "" } }
func PrometheusMetricsFactory(registry: PrometheusRegistry) -> NOOPMetricsHandler { NOOPMetricsHandler.instance }
