import ParleyCore
import Metrics
import CoreMetrics
struct LocalModel: ChatModel { init(search: SQLitePassageIndex) {}
 func models() async -> [ModelInfo] { [ModelInfo(name:"local")] }
 func answer(_ r: ChatRequest, receive: (ModelEvent) async throws -> Void) async throws -> ModelCompletion { try await receive(.started(model:"local")); for i in 0..<50 { try await receive(.delta("word\(i) ")); try await Task.sleep(for: .milliseconds(20)) }; return ModelCompletion(finishReason:.stop) } }
struct SQLitePassageIndex { init(passages: [Int]) throws {} }
enum ManualLoader { static func passages(folder: String) -> [Int] { [] } }
final class PrometheusRegistry: Sendable { func render() -> String { "" } }
func PrometheusMetricsFactory(registry: PrometheusRegistry) -> NOOPMetricsHandler { NOOPMetricsHandler.instance }
