//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyHTTP
import ParleyStore
import Testing

@Suite("Who may do what", .timeLimit(.minutes(1)))
struct AccessTests {
    @Test("every route of the API needs a session, but for those that make one")
    func everyRoute() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let open: Set = ["/api/session", "/api/accounts", "/api/version"]
            for (path, methods) in server.routes where path.hasPrefix("/api/") && !open.contains(path) {
                for method in methods where method != "HEAD" {
                    let concrete = path.replacing("{id}", with: ConversationID.generate().description)
                    let body = method == "GET" ? nil : Data("{}".utf8)
                    let reply = try await server.request(method, concrete, body: body)
                    #expect(reply.status == 401, "\(method) \(path) \(reply.status)")
                }
            }
            #expect(try await server.request("GET", "/v1/models").status == 401)
        }
    }

    @Test("the first account is the administrator's, then sign-up is closed; passwords are checked")
    func accounts() async throws {
        try await TestServer.run(mode: .accounts) { server in
            #expect(try await server.request("GET", "/api/session").json["setupRequired"] as? Bool == true)
            let account = ["name": "Ada", "email": "Ada@example.org", "password": "correct horse"]
            let made = try await server.request("POST", "/api/accounts", json: account)
            #expect(made.status == 201)
            #expect((made.json["user"] as? [String: Any])?["role"] as? String == "administrator")
            let set = try #require(made.header("Set-Cookie"))
            #expect(set.contains("HttpOnly") && set.contains("SameSite=Lax"))
            #expect(try await server.request("POST", "/api/accounts", json: account).status == 403)
            let wrong = ["email": "ada@example.org", "password": "wrong horse"]
            #expect(try await server.request("POST", "/api/session", json: wrong).status == 401)
            let unknown = ["email": "bob@example.org", "password": "correct horse"]
            #expect(try await server.request("POST", "/api/session", json: unknown).status == 401)
            let signedIn = try await server.request(
                "POST", "/api/session", json: ["email": "ada@example.org", "password": "correct horse"])
            let cookie = try #require(signedIn.cookie)
            let key = try await server.request("POST", "/api/admin/keys", cookie: cookie, json: ["name": "ci"])
            let secret = try #require(key.json["key"] as? String)
            let bearer = ["Authorization": "Bearer \(secret)"]
            #expect(try await server.request("GET", "/v1/models", headers: bearer).status == 200)
            #expect(try await server.request("GET", "/v1/models", headers: ["Authorization": "Bearer x"]).status == 401)
            let keys = try await server.request("GET", "/api/admin/keys", cookie: cookie)
            #expect(keys.list("keys").first?["key"] == nil)
            #expect(try await server.request("DELETE", "/api/session", cookie: cookie).status == 204)
            #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 401)
        }
    }

    @Test("what belongs to another user is not there: read, write, stop, follow, regenerate")
    func strangers() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let account = ["name": "Ada", "email": "ada@example.org", "password": "correct horse"]
            let ada = try #require(try await server.request("POST", "/api/accounts", json: account).cookie)
            let conversation = try await server.newConversation(ada)
            let turn = try await server.send("secret", to: conversation, cookie: ada)
            let turnID = try #require(turn["id"] as? String)
            let messageID = try #require(turn["assistantMessageID"] as? String)
            let eve = User(id: .generate(), name: "Eve", email: "eve@x.org", role: .member, createdAt: .now())
            try await server.store.create(eve, passwordHash: nil, onlyIfFirst: false)
            let cookie = try await SessionForTest.open(for: eve.id, in: server.store)
            for (method, path, body) in [
                ("GET", "/api/conversations/\(conversation)", nil),
                ("GET", "/api/conversations/\(conversation)/messages", nil),
                ("GET", "/api/conversations/\(conversation)/messages?branch=latest", nil),
                ("GET", "/api/conversations/\(conversation)/export", nil),
                ("POST", "/api/conversations/\(conversation)/messages", "{\"content\":\"x\"}"),
                ("PATCH", "/api/conversations/\(conversation)", "{\"title\":\"x\"}"),
                ("DELETE", "/api/conversations/\(conversation)", nil),
                ("POST", "/api/conversations/\(conversation)/restore", nil),
                ("GET", "/api/turns/\(turnID)", nil), ("GET", "/api/turns/\(turnID)/events", nil),
                ("POST", "/api/turns/\(turnID)/stop", "{}"),
                ("POST", "/api/messages/\(messageID)/regenerate", "{}"),
            ] as [(String, String, String?)] {
                let reply = try await server.request(method, path, cookie: cookie, body: body.map { Data($0.utf8) })
                #expect(reply.status == 404, "\(method) \(path) \(reply.status)")
            }
            let hits = try await server.request("GET", "/api/history?q=secret", cookie: cookie)
            #expect(hits.list("hits").isEmpty)
            #expect(try await server.request("GET", "/api/admin/keys", cookie: cookie).status == 403)
        }
    }

    @Test("guessing passwords is slowed down")
    func throttles() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let wrong = ["email": "ada@example.org", "password": "wrong horse"]
            var statuses: [Int] = []
            for _ in 0..<12 {
                statuses.append(try await server.request("POST", "/api/session", json: wrong).status)
            }
            #expect(statuses.prefix(10).allSatisfy { $0 == 401 })
            #expect(statuses.suffix(2).allSatisfy { $0 == 429 })
        }
    }

    @Test("pages of other origins cannot act, and in open mode only this machine's names are answered")
    func origins() async throws {
        try await TestServer.run { server in
            for headers in [
                ["Origin": "https://evil.example"], ["Origin": "null"], ["Sec-Fetch-Site": "cross-site"],
                ["Host": "evil.example"],
            ] {
                let reply = try await server.request(
                    "POST", "/api/session", headers: headers, body: Data("{}".utf8))
                #expect([403, 421].contains(reply.status), "\(headers) \(reply.status)")
            }
            let rebound = try await server.request("GET", "/api/session", headers: ["Host": "evil.example:80"])
            #expect(rebound.status == 421)
            let own = try await server.request(
                "POST", "/api/session", headers: ["Origin": server.origin], body: Data("{}".utf8))
            #expect(own.status == 201)
        }
    }

    @Test("every answer carries the security headers and a request id")
    func headers() async throws {
        try await TestServer.run { server in
            for path in ["/", "/api/session", "/nothing", "/v1/models", "/healthz"] {
                let reply = try await server.request("GET", path, headers: ["X-Request-ID": "my-id"])
                let policy = try #require(reply.header("Content-Security-Policy"))
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
                #expect(reply.header("X-Content-Type-Options") == "nosniff")
                #expect(reply.header("X-Request-ID") == "my-id")
            }
            let odd = try await server.request("GET", "/healthz", headers: ["X-Request-ID": "a b"])
            #expect(odd.header("X-Request-ID") != "a b")
        }
    }
}
