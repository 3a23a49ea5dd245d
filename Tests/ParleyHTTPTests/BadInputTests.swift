//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOHTTP1
import ParleyCore
import Testing

@Suite("Bad input", .timeLimit(.minutes(1)))
struct BadInputTests {
    @Test("is a 4xx problem with a reason, and the server lives on")
    func corpus() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let conversation = try await server.newConversation(cookie)
            let path = "/api/conversations/\(conversation)/messages"
            let unknown = ConversationID.generate().description
            let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
            let cases: [(String, String, Data, Int)] = [
                ("POST", path, Data("{".utf8), 400), ("POST", path, Data("".utf8), 400),
                ("POST", path, Data("[]".utf8), 400), ("POST", path, Data("null".utf8), 400),
                ("POST", path, Data("{\"content\":1}".utf8), 422), ("POST", path, Data("{}".utf8), 422),
                ("POST", path, Data("{\"content\":\"\"}".utf8), 422),
                ("POST", path, Data("{\"content\":\" \\n\"}".utf8), 422),
                ("POST", path, Data("{\"content\":\"a\\u0000b\"}".utf8), 422),
                ("POST", path, Data("{\"content\":null}".utf8), 422),
                ("POST", path, Data("{\"content\":\"x\",\"id\":\"no\"}".utf8), 422),
                ("POST", path, Data("{\"content\":\"x\",\"parentID\":\"\(unknown)\"}".utf8), 404),
                ("POST", path, Data("{\"content\":\"x\",\"model\":\"\"}".utf8), 422),
                ("POST", path, Data([0x7B, 0x22, 0xFF, 0x22, 0x7D]), 400),
                ("POST", path, Data("{\"content\":\"\\ud800\"}".utf8), 400),
                ("POST", path, Data(deep.utf8), 400), ("POST", path, Data(repeating: 0, count: 16), 400),
                ("POST", path, Data("{\"content\":\"\(String(repeating: "x", count: 256 * 1024 + 1))\"}".utf8), 413),
                ("POST", path, Data(repeating: 0x20, count: 3 * 1024 * 1024), 413),
                ("POST", "/api/conversations/\(unknown)/messages", Data("{\"content\":\"x\"}".utf8), 404),
                ("POST", "/api/conversations/no-id/messages", Data("{\"content\":\"x\"}".utf8), 404),
                ("PATCH", "/api/conversations/\(conversation)", Data("{\"title\":\"\"}".utf8), 422),
                ("PATCH", "/api/conversations/\(conversation)", Data("{\"pinned\":\"yes\"}".utf8), 422),
                ("POST", "/api/import", Data("[{]".utf8), 422),
                ("POST", "/api/messages/\(unknown)/regenerate", Data("{}".utf8), 404),
                ("POST", "/api/turns/\(unknown)/stop", Data("{}".utf8), 404),
            ]
            for (method, path, body, status) in cases {
                let reply = try await server.request(method, path, cookie: cookie, body: body)
                let what = "\(method) \(path) \(String(decoding: body.prefix(60), as: UTF8.self))"
                #expect(reply.status == status, "\(what) \(reply.text.prefix(200))")
                #expect(reply.header("Content-Type") == "application/problem+json", "\(what)")
                #expect(reply.json["status"] as? Int == status, "\(what)")
                #expect((reply.json["detail"] as? String)?.isEmpty == false, "\(what)")
                if status == 422 {
                    #expect(!reply.list("errors").isEmpty, "\(what)")
                }
            }
            #expect(try await server.request("GET", "/readyz").status == 200)
        }
    }

    @Test("query parameters that make no sense are refused")
    func queries() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let conversation = try await server.newConversation(cookie)
            let turn = try await server.send("x", to: conversation, cookie: cookie)
            let id = try #require(turn["id"] as? String)
            for path in [
                "/api/conversations?limit=0", "/api/conversations?limit=x", "/api/conversations?limit=9999999999999",
                "/api/conversations?before=nonsense", "/api/conversations/\(conversation)/messages?before=%FF",
                "/api/conversations/\(conversation)/messages?branch=x", "/api/turns/\(id)/events?after=abc",
                "/api/conversations/\(conversation)/export?format=exe",
                "/api/history?q=" + String(repeating: "x", count: 2000),
            ] {
                let reply = try await server.request("GET", path, cookie: cookie)
                #expect([400, 422].contains(reply.status), "\(path) \(reply.status)")
            }
            // Words that mean something to the search engine mean nothing special here.
            for query in ["%22", "a%20OR", "NEAR(", "*", "col:x", "-x", "%27;DROP", "(", "^a", "%00"] {
                let reply = try await server.request("GET", "/api/history?q=\(query)", cookie: cookie)
                #expect(reply.status < 500, "\(query)")
            }
        }
    }

    @Test("a wrong method is a 405 that says what is right, an unknown path a 404")
    func methods() async throws {
        try await TestServer.run { server in
            for (path, methods) in server.routes where !path.contains("**") {
                let concrete = path.replacing("{id}", with: ConversationID.generate().description)
                for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] where !methods.contains(method) {
                    let reply = try await server.request(method, concrete)
                    #expect(reply.status == 405, "\(method) \(path)")
                    #expect(Set(reply.headers[canonicalForm: "Allow"].map(String.init)) == methods, "\(path)")
                }
            }
            #expect(try await server.request("GET", "/api/nothing").status == 404)
            #expect(try await server.request("GET", "/../../etc/passwd").status == 404)
            #expect(try await server.request("GET", "/assets/../templates/index.mustache").status == 404)
            #expect(try await server.request("GET", "/assets/%2e%2e/templates/index.mustache").status == 404)
        }
    }
}
