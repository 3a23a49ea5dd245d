//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCluster
import ParleyCore
import ParleyHTTP
import ParleyStore
import Testing

@Suite("Where one is signed in", .timeLimit(.minutes(1)))
struct SessionListTests {
    private func ids(_ server: TestServer, _ cookie: String) async throws -> (own: String, others: [String]) {
        let sessions = try await server.request("GET", "/api/sessions", cookie: cookie).list("sessions")
        let own = sessions.filter { $0["current"] as? Bool == true }.compactMap { $0["id"] as? String }
        let others = sessions.filter { $0["current"] as? Bool == false }.compactMap { $0["id"] as? String }
        return (try #require(own.first), others)
    }

    @Test("is listed, and each can be signed out, also the one that asks")
    func listAndEnd() async throws {
        try await TestServer.run { server in
            let (one, two) = (try await server.openSession(), try await server.openSession())
            let list = try await server.request("GET", "/api/sessions", cookie: one)
            #expect(list.status == 200 && list.list("sessions").count == 2)
            #expect(list.json["next"] is NSNull)
            let first = try #require(list.list("sessions").first)
            #expect(Set(first.keys) == ["id", "createdAt", "lastSeenAt", "endsAt", "current"])
            let (own, others) = try await self.ids(server, one)
            #expect(try await self.ids(server, two).own == others[0])
            // An id is neither the secret nor what the store finds the session by, and no way in.
            #expect(try await server.request("GET", "/api/session", cookie: "parley_session=\(own)").status == 401)
            let ended = try await server.request("DELETE", "/api/sessions/\(others[0])", cookie: one)
            #expect(ended.status == 204 && ended.header("Set-Cookie") == nil)
            #expect(try await server.request("GET", "/api/session", cookie: two).status == 401)
            #expect(try await server.request("DELETE", "/api/sessions/\(others[0])", cookie: one).status == 404)
            #expect(try await server.request("DELETE", "/api/sessions/nothing", cookie: one).status == 404)
            let last = try await server.request("DELETE", "/api/sessions/\(own)", cookie: one)
            #expect(last.status == 204 && last.header("Set-Cookie")?.contains("Max-Age=0") == true)
            #expect(try await server.request("GET", "/api/session", cookie: one).status == 401)
        }
    }

    @Test("all others can be signed out at once")
    func endOthers() async throws {
        try await TestServer.run { server in
            let cookies = try await [server.openSession(), server.openSession(), server.openSession()]
            for cookie in cookies {
                #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 200)
            }
            #expect(try await server.request("DELETE", "/api/sessions", cookie: cookies[1]).status == 204)
            let statuses = try await [0, 1, 2].asyncMap {
                try await server.request("GET", "/api/session", cookie: cookies[$0]).status
            }
            #expect(statuses == [401, 200, 401])
            #expect(try await self.ids(server, cookies[1]).others.isEmpty)
        }
    }

    @Test("another's session is not there")
    func strangers() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let account = ["name": "Ada", "email": "ada@example.org", "password": "correct horse"]
            let ada = try #require(try await server.request("POST", "/api/accounts", json: account).cookie)
            let eve = User(id: .generate(), name: "Eve", email: "eve@x.org", role: .member, createdAt: .now())
            try await server.store.create(eve, passwordHash: nil, onlyIfFirst: false)
            let cookie = try await SessionForTest.open(for: eve.id, in: server.store)
            let own = try await self.ids(server, ada).own
            #expect(try await self.ids(server, cookie).others.isEmpty)
            #expect(try await server.request("DELETE", "/api/sessions/\(own)", cookie: cookie).status == 404)
            #expect(try await server.request("DELETE", "/api/sessions", cookie: cookie).status == 204)
            #expect(try await server.request("GET", "/api/session", cookie: ada).status == 200)
        }
    }

    @Test("signing out closes the session's sockets, on the node that is asked")
    func closesSockets() async throws {
        try await TestServer.run { server in
            let (one, two) = (try await server.openSession(), try await server.openSession())
            let other = try await self.ids(server, one).others[0]
            try await RawExchange.socket(cookie: two, port: server.port, until: "signed out") { () async throws in
                #expect(try await server.request("DELETE", "/api/sessions/\(other)", cookie: one).status == 204)
            }
            try await RawExchange.socket(cookie: one, port: server.port, until: "signed out") { () async throws in
                #expect(try await server.request("DELETE", "/api/session", cookie: one).status == 204)
            }
        }
    }

    @Test("a session that ends on another node is over here at once, with its sockets")
    func otherNode() async throws {
        let sessions = SessionsInMemory()
        try await TestServer.run(access: .init(sessions: sessions, signals: sessions)) { server in
            let cookie = try await server.openSession()
            #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 200)
            let start = ContinuousClock.now
            try await RawExchange.socket(cookie: cookie, port: server.port, until: "signed out") { () async throws in
                sessions.endAll()
            }
            #expect(start.duration(to: .now) < .seconds(1))
            #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 401)
        }
    }

    @Test("when signals may have been missed, the sessions of all sockets are looked up again")
    func missedSignals() async throws {
        let sessions = SessionsInMemory()
        try await TestServer.run(access: .init(sessions: sessions, signals: sessions)) { server in
            let cookie = try await server.openSession()
            try await RawExchange.socket(cookie: cookie, port: server.port, until: "signed out") { () async throws in
                sessions.endAllSilently()
                sessions.signal(.mayHaveMissed)
            }
            #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 401)
        }
    }

    @Test("while the store is away those who are known go on, and nobody else comes in")
    func storeIsAway() async throws {
        let sessions = SessionsInMemory()
        try await TestServer.run(access: .init(sessions: sessions, signals: sessions)) { server in
            let (known, unknown) = (try await server.openSession(), try await server.openSession())
            #expect(try await server.request("GET", "/api/conversations", cookie: known).status == 200)
            sessions.isAway = true
            // What may have been missed makes this node ask again; it cannot.
            sessions.signal(.mayHaveMissed)
            #expect(try await server.request("GET", "/api/conversations", cookie: known).status == 200)
            let refused = try await server.request("GET", "/api/conversations", cookie: unknown)
            #expect(refused.status == 503 && refused.header("Retry-After") != nil)
            #expect(try await server.request("POST", "/api/session", json: [:]).status == 503)
            #expect(try await server.request("DELETE", "/api/session", cookie: known).status == 503)
            #expect(try await server.request("GET", "/api/conversations", cookie: known).status == 200)
            sessions.isAway = false
            #expect(try await server.request("GET", "/api/conversations", cookie: unknown).status == 200)
        }
    }

    @Test("a user who is no more has no session")
    func userIsGone() async throws {
        let sessions = SessionsInMemory()
        try await TestServer.run(access: .init(sessions: sessions)) { server in
            let cookie = try await SessionForTest.open(for: .generate(), in: sessions)
            #expect(try await server.request("GET", "/api/session", cookie: cookie).status == 401)
        }
    }

    @Test("an administrator sees the nodes, a member does not")
    func nodes() async throws {
        let registry = InProcessNodeRegistry()
        let node = NodeRecord(
            id: NodeID("test"), address: "http://10.0.0.7:8080", version: "1", state: .terminating, runningTurns: 2,
            startedAt: .now())
        _ = try await registry.announce(node)
        try await TestServer.run(nodes: registry) { server in
            let reply = try await server.request("GET", "/api/admin/nodes", cookie: server.openSession())
            #expect(reply.json["frozen"] as? Bool == false)
            let listed = try #require(reply.list("nodes").first)
            #expect(listed["id"] as? String == "test" && listed["state"] as? String == "terminating")
            #expect(listed["current"] as? Bool == true && listed["suspect"] as? Bool == false)
            let eve = User(id: .generate(), name: "Eve", email: nil, role: .member, createdAt: .now())
            try await server.store.create(eve, passwordHash: nil, onlyIfFirst: false)
            let member = try await SessionForTest.open(for: eve.id, in: server.store)
            #expect(try await server.request("GET", "/api/admin/nodes", cookie: member).status == 403)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
