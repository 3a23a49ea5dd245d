//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import ParleyCore

/// The router's front: knows every route, so that a wrong method is a 405 and the description can be tested.
struct RouteTable {
    typealias Handler = @Sendable (Request, AppContext) async throws -> Response

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]

    private let router: Router<AppContext>
    /// Path patterns in Hummingbird's form (`/api/turns/{id}`) with their methods.
    private(set) var routes: [String: Set<HTTPRequest.Method>] = [:]

    init(router: Router<AppContext>) {
        self.router = router
    }

    mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        self.routes[path, default: []].insert(method)
        self.router.on(RouterPath(path), method: method, use: handler)
    }

    /// A GET that has no HEAD: what it answers is not a document.
    mutating func onlyGet(_ path: String, _ handler: @escaping Handler) {
        self.on(.get, path, handler)
    }

    mutating func get(_ path: String, _ handler: @escaping Handler) {
        self.on(.get, path, handler)
        self.routes[path]?.insert(.head)
        self.router.on(RouterPath(path), method: .head) { request, context in
            let response = try await handler(request, context)
            return response.createHeadResponse()
        }
    }

    /// Answers every other method on the known paths with 405. Call it last.
    func refuseOtherMethods() {
        for (path, allowed) in self.routes {
            for method in Self.methods where !allowed.contains(method) {
                self.router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw Problem.methodNotAllowed(Array(allowed))
                }
            }
        }
    }
}

extension AppContext {
    /// The id in the path.
    ///
    /// - Throws: a 404 `Problem`: what is no id names nothing.
    func id<Entity>(_ type: ID<Entity>.Type = ID<Entity>.self) throws -> ID<Entity> {
        guard let text = self.parameters.get("id"), let id = ID<Entity>(text) else { throw Problem.notFound }
        return id
    }
}

extension Request {
    /// A query parameter, percent-decoded.
    func query(_ name: String) -> String? {
        self.uri.queryParameters[Substring(name)].map(String.init)
    }

    /// `limit`, between 1 and the limit of a page.
    ///
    /// - Throws: a 422 `Problem`.
    func limit() throws -> Int {
        guard let text = self.query("limit") else { return CoreLimits.defaultPageElements }
        guard let limit = Int(text), (1...CoreLimits.pageElements).contains(limit) else {
            throw Problem.invalid("limit", "must be a number from 1 to \(CoreLimits.pageElements)")
        }
        return limit
    }

    /// A query parameter of at most `CoreLimits.queryBytes` without NUL.
    ///
    /// - Throws: a 422 `Problem`.
    func searchQuery(_ name: String = "q") throws -> String? {
        guard let text = self.query(name) else { return nil }
        guard text.utf8.count <= CoreLimits.queryBytes, !text.utf8.contains(0) else {
            throw Problem.invalid(name, "must be at most \(CoreLimits.queryBytes) bytes without NUL")
        }
        return text.allSatisfy(\.isWhitespace) ? nil : text
    }
}
