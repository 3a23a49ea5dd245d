//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Testing

@Suite("The description of the API", .timeLimit(.minutes(1)))
struct DescriptionTests {
    @Test("names every route and method, and no other")
    func complete() async throws {
        try await TestServer.run { server in
            let reply = try await server.request("GET", "/openapi.json")
            let paths = try #require(reply.json["paths"] as? [String: [String: Any]])
            var described: [String: Set<String>] = [:]
            for (path, operations) in paths {
                described[path] = Set(operations.keys.map { $0.uppercased() }).subtracting(["PARAMETERS", "SUMMARY"])
            }
            var routes: [String: Set<String>] = [:]
            for (path, methods) in server.routes {
                routes[path.replacing("**", with: "{path}")] = methods.subtracting(["HEAD"])
            }
            for path in Set(routes.keys).union(described.keys) {
                #expect(routes[path] == described[path], "\(path)")
            }
        }
    }
}
