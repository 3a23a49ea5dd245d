//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import ParleyChat
import ParleyCore

/// The outermost middleware: gives the request its id, turns errors into problems, sets the security headers, and
/// writes one line and the metrics when the last byte is out.
struct RequestLog: RouterMiddleware {
    typealias Context = AppContext

    let pages: Pages
    let secureTransport: Bool

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        context.requestID = Self.requestID(of: request)
        var logger = context.logger
        logger[metadataKey: "hb.request.id"] = nil
        logger[metadataKey: "request"] = "\(context.requestID)"
        context.requestLogger = logger
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = self.response(for: error, request: request, context: context)
        }
        response.headers[.requestID] = context.requestID
        SecurityHeaders.add(to: &response.headers, secureTransport: self.secureTransport)
        let entry = Entry(
            method: request.method, path: request.uri.path, route: context.endpointPath ?? "(none)",
            status: response.status.code, start: start, logger: logger)
        guard request.method != .head, response.status != .noContent, response.body.contentLength != 0 else {
            entry.write()
            return response
        }
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { entry.write() }
            try await body.write(writer)
        }
        return response
    }

    private func response(for error: any Error, request: Request, context: AppContext) -> Response {
        let problem = Problem(error) ?? .internalError
        if problem.status.code >= 500 {
            context.logger.error("request failed", metadata: ["error": "\(error)"])
        }
        if request.uri.path.hasPrefix("/v1/") {
            return problem.openAIError()
        }
        let wantsPage = request.method == .get && request.headers[.accept]?.contains("text/html") == true
        if wantsPage, !request.uri.path.hasPrefix("/api/") {
            return self.pages.error(problem, requestID: context.requestID)
        }
        return problem.problemDetails(requestID: context.requestID)
    }

    /// The client's id when it is a plain short word, otherwise a new one.
    private static func requestID(of request: Request) -> String {
        if let id = request.headers[.requestID], (1...HTTPLimits.requestIDBytes).contains(id.utf8.count),
            id.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2D || byte == 0x5F
            })
        {
            return id
        }
        return ID<Self>.generate().description
    }

    /// What the access log and the metrics say of one request.
    private struct Entry: Sendable {
        var method: HTTPRequest.Method
        var path: String
        var route: String
        var status: Int
        var start: ContinuousClock.Instant
        var logger: Logger

        func write() {
            let duration = ContinuousClock.now - self.start
            let dimensions = [
                ("method", self.method.rawValue), ("route", self.route), ("status", String(self.status)),
            ]
            Counter(label: "parley_http_requests", dimensions: dimensions).increment()
            Metrics.Timer(label: "parley_http_request_duration", dimensions: Array(dimensions.prefix(2)))
                .recordNanoseconds(Int64(duration.inSeconds * 1e9))
            self.logger.info(
                "request",
                metadata: [
                    "method": "\(self.method.rawValue)", "path": "\(self.path)", "status": "\(self.status)",
                    "ms": "\(String(format: "%.1f", duration.inSeconds * 1000))",
                ])
        }
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID")!  // safe: a valid token
}
