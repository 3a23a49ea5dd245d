import ParleyCore
import Metrics
import CoreMetrics
struct SQLitePassageIndex: PassageSearch { init(passages: [Int]) throws {}
 func passages(answering question: String, limit: Int) async throws -> [Citation] { [] } }
enum ManualLoader { static func passages(folder: String) -> [Int] { [] } }
final class PrometheusRegistry: Sendable { func render() -> String { "" } }
func PrometheusMetricsFactory(registry: PrometheusRegistry) -> NOOPMetricsHandler { NOOPMetricsHandler.instance }
