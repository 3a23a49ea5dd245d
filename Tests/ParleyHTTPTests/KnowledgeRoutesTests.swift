//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyHTTP
import ParleyStore
import Testing

@Suite("Documents and memory over REST", .timeLimit(.minutes(1)))
struct KnowledgeRoutesTests {
    @Test("a collection is made, renamed, shared and deleted by its owner; readers see it and no other reader")
    func collections() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let ada = try await server.firstAccount()
            let (eve, cookie) = try await server.stranger()
            let made = try await server.request("POST", "/api/collections", cookie: ada, json: ["name": " Work "])
            #expect(made.status == 201)
            let collection = try #require(made.json["collection"] as? [String: Any])
            #expect(collection["name"] as? String == "Work")
            #expect(collection["readers"] as? String == "owner")
            #expect(collection["mayWrite"] as? Bool == true)
            let path = "/api/collections/\(try #require(collection["id"] as? String))"
            #expect(made.header("Location") == path)
            let twice = try await server.request("POST", "/api/collections", cookie: ada, json: ["name": "WORK"])
            #expect(twice.status == 409)
            let document = try await server.upload([("a.txt", "secret")], collection: "Work", cookie: ada)
            let id = try #require((document.json["document"] as? [String: Any])?["id"] as? String)
            let hidden = ["/api/documents/\(id)", "/api/documents/\(id)/content", path]
            for path in hidden { #expect(try await server.request("GET", path, cookie: cookie).status == 404) }
            let other = UserID.generate().description
            let shared = try await server.request(
                "PATCH", path, cookie: ada, json: ["readers": [eve.id.description, other], "name": "Team"])
            #expect(shared.status == 200, "\(shared.text)")
            for path in hidden { #expect(try await server.request("GET", path, cookie: cookie).status == 200) }
            let seen = try await server.request("GET", "/api/collections", cookie: cookie).list("collections")
            #expect(seen.map { $0["name"] as? String } == ["Team"])
            #expect(seen.first?["mayWrite"] as? Bool == false)
            #expect(seen.first?["readers"] as? [String] == [eve.id.description])
            let list = try await server.request("GET", "/api/documents?collection=team", cookie: cookie)
            #expect(list.list("documents").count == 1)
            for (method, path) in [
                ("PATCH", path), ("DELETE", path), ("DELETE", "/api/documents/\(id)"),
                ("POST", "/api/documents/\(id)/retry"),
            ] {
                let body = method == "PATCH" ? Data("{\"name\":\"Mine\"}".utf8) : nil
                #expect(
                    try await server.request(method, path, cookie: cookie, body: body).status == 404,
                    "\(method) \(path)")
            }
            let into = try await server.upload(
                [("b.txt", "x")], collection: String(path.split(separator: "/").last ?? ""), cookie: cookie)
            #expect(into.status == 404)
            #expect(try await server.request("POST", "/api/documents/\(id)/retry", cookie: ada).status == 409)
            #expect(try await server.request("DELETE", "/api/documents/\(id)", cookie: ada).status == 204)
            #expect(try await server.request("GET", "/api/documents/\(id)", cookie: ada).status == 404)
            #expect(try await server.request("DELETE", path, cookie: ada).status == 204)
            #expect(try await server.request("GET", path, cookie: ada).status == 404)
        }
    }

    @Test("values that make no sense are refused with the field")
    func wrong() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let unknown = CollectionID.generate().description
            for (method, path, body, field) in [
                ("POST", "/api/collections", "{}", "name"), ("POST", "/api/collections", "{\"name\":\" \"}", "name"),
                ("POST", "/api/collections", "{\"name\":\"\(unknown)\"}", "name"),
                ("POST", "/api/collections", "{\"name\":\"a\\u0001\"}", "name"),
                ("POST", "/api/collections", "{\"name\":\"a\",\"readers\":\"nobody\"}", "readers"),
                ("POST", "/api/collections", "{\"name\":\"a\",\"readers\":[1]}", "readers"),
                ("POST", "/api/collections", "{\"name\":\"a\",\"readers\":[\"x\"]}", "readers"),
                ("GET", "/api/search", nil, "q"), ("GET", "/api/search?q=%20", nil, "q"),
                ("GET", "/api/search?q=x&limit=51", nil, "limit"), ("GET", "/api/search?q=x&limit=0", nil, "limit"),
                ("GET", "/api/search?q=x&collection=", nil, "collection"),
                ("GET", "/api/documents?limit=1000", nil, "limit"),
                ("POST", "/api/memories", "{\"text\":\"\"}", "text"),
                ("POST", "/api/memories", "{\"text\":\"\(String(repeating: "x", count: 1001))\"}", "text"),
                ("PATCH", "/api/memories/settings", "{\"usesMemories\":1}", "usesMemories"),
                ("GET", "/api/admin/jobs?state=lost", nil, "state"),
            ] as [(String, String, String?, String)] {
                let reply = try await server.request(method, path, cookie: cookie, body: body.map { Data($0.utf8) })
                #expect(reply.status == 422, "\(method) \(path) \(body ?? "") \(reply.text)")
                #expect(
                    (reply.list("errors").first?["field"] as? String)?.hasPrefix(field) == true, "\(path) \(reply.text)"
                )
            }
            for path in [
                "/api/documents?collection=nowhere", "/api/documents?collection=\(unknown)",
                "/api/search?q=x&collection=nowhere", "/api/documents/\(unknown)", "/api/documents/x/content",
            ] {
                #expect(try await server.request("GET", path, cookie: cookie).status == 404, "\(path)")
            }
            #expect(try await server.request("GET", "/api/documents?before=x", cookie: cookie).status == 400)
            #expect(try await server.request("GET", "/api/admin/jobs?before=x", cookie: cookie).status == 400)
        }
    }

    @Test("a search names its collections by id or name and tells passages, places and what it compared")
    func search() async throws {
        let search = WordSearch()
        try await TestServer.run(search: search) { server in
            let cookie = try await server.openSession()
            let made = try await server.request("POST", "/api/collections", cookie: cookie, json: ["name": "Work"])
            let id = try #require((made.json["collection"] as? [String: Any])?["id"] as? String)
            _ = try await server.request("POST", "/api/collections", cookie: cookie, json: ["name": "Home & garden"])
            let path =
                "/api/search?q=How%20many%3F&collection=work&collection=Home%20%26%20garden&collection=\(id)&limit=5"
            let reply = try await server.request("GET", path, cookie: cookie)
            let passage = try #require(reply.list("passages").first)
            #expect(passage["title"] as? String == "Handbook")
            #expect(passage["headings"] as? [String] == ["Leave"])
            #expect(passage["page"] as? Int == 3)
            #expect(passage["range"] as? [Int] == [10, 40])
            #expect(passage["score"] as? Double == 0.75)
            #expect(reply.json["usedVectors"] as? Bool == false)
            #expect(reply.list("unready").isEmpty)
            let query = try #require(search.queries.first)
            #expect(query.text == "How many?")
            #expect(query.collections?.count == 2)
            #expect(query.limit == 5)
            #expect(query.userID == User.local.id)
            _ = try await server.request("GET", "/api/search?q=x", cookie: cookie)
            #expect(search.queries.last?.collections == nil)
            let away = try await server.request("GET", "/api/search?q=away", cookie: cookie)
            #expect(away.status == 503)
            #expect(away.header("Retry-After") != nil)
        }
    }

    @Test("facts are added, corrected and forgotten by their user alone; settings change one by one")
    func memories() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let ada = try await server.firstAccount()
            let eve = try await server.stranger().cookie
            let made = try await server.request("POST", "/api/memories", cookie: ada, json: ["text": "Likes tea"])
            #expect(made.status == 201)
            let memory = try #require(made.json["memory"] as? [String: Any])
            #expect(memory["origin"] as? String == "user")
            #expect(memory["conversationID"] is NSNull)
            let path = "/api/memories/\(try #require(memory["id"] as? String))"
            #expect(try await server.request("GET", "/api/memories", cookie: eve).list("memories").isEmpty)
            #expect(try await server.request("PATCH", path, cookie: eve, json: ["text": "x"]).status == 404)
            #expect(try await server.request("DELETE", path, cookie: eve).status == 404)
            #expect(try await server.request("DELETE", "/api/memories", cookie: eve).status == 204)
            let edited = try await server.request("PATCH", path, cookie: ada, json: ["text": "Likes coffee"])
            #expect((edited.json["memory"] as? [String: Any])?["text"] as? String == "Likes coffee")
            let list = try await server.request("GET", "/api/memories", cookie: ada).list("memories")
            #expect(list.map { $0["text"] as? String } == ["Likes coffee"])
            #expect(try await server.request("DELETE", path, cookie: ada).status == 204)
            #expect(try await server.request("DELETE", path, cookie: ada).status == 404)
            _ = try await server.request("POST", "/api/memories", cookie: ada, json: ["text": "One"])
            #expect(try await server.request("DELETE", "/api/memories", cookie: ada).status == 204)
            #expect(try await server.request("GET", "/api/memories", cookie: ada).list("memories").isEmpty)
            let changed = try await server.request(
                "PATCH", "/api/memories/settings", cookie: ada, json: ["learnsMemories": false])
            #expect(changed.json["learnsMemories"] as? Bool == false)
            let settings = try await server.request("GET", "/api/memories/settings", cookie: ada)
            #expect(settings.json["usesMemories"] as? Bool == true)
            #expect(settings.json["learnsMemories"] as? Bool == false)
            let others = try await server.request("GET", "/api/memories/settings", cookie: eve)
            #expect(others.json["learnsMemories"] as? Bool == true)
        }
    }

    @Test("background jobs are for administrators: list, filter, discard; a live one is not revived")
    func jobs() async throws {
        try await TestServer.run(mode: .accounts) { server in
            let ada = try await server.firstAccount()
            let eve = try await server.stranger().cookie
            _ = try await server.upload([("a.txt", "x")], cookie: ada)
            let list = try await server.request("GET", "/api/admin/jobs?state=waiting", cookie: ada)
            let job = try #require(list.list("jobs").first)
            #expect(job["kind"] as? String == "document.read")
            #expect(try await server.request("GET", "/api/admin/jobs?state=dead", cookie: ada).list("jobs").isEmpty)
            let path = "/api/admin/jobs/\(try #require(job["id"] as? String))"
            for (method, path) in [("GET", "/api/admin/jobs"), ("DELETE", path), ("POST", path + "/retry")] {
                #expect(try await server.request(method, path, cookie: eve).status == 403, "\(method) \(path)")
            }
            #expect(try await server.request("POST", path + "/retry", cookie: ada).status == 409)
            #expect(try await server.request("DELETE", path, cookie: ada).status == 204)
            #expect(try await server.request("DELETE", path, cookie: ada).status == 404)
        }
    }

    @Test("readiness tells how well can be searched and stays ready without vectors")
    func readiness() async throws {
        try await TestServer.run { server in
            let reply = try await server.request("GET", "/readyz")
            #expect(reply.status == 200)
            let knowledge = (reply.json["components"] as? [String: [String: Any]])?["knowledge"]
            #expect(knowledge?["status"] as? String == "degraded")
            #expect(knowledge?["detail"] as? String == "no embedder: words only")
        }
    }

    @Test("a message names its collections by id or name; what is not there is a 404 with the field")
    func messages() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let made = try await server.request("POST", "/api/collections", cookie: cookie, json: ["name": "Work"])
            let id = try #require((made.json["collection"] as? [String: Any])?["id"] as? String)
            let path = "/api/conversations/\(try await server.newConversation(cookie))/messages"
            for (collections, expected) in [
                ("[\"work\",\"\(id)\"]", [id]), ("[]", []), ("null", nil),
            ] as [(String, [String]?)] {
                let body = Data("{\"content\":\"x\",\"collections\":\(collections)}".utf8)
                let reply = try await server.request("POST", path, cookie: cookie, body: body)
                #expect(reply.status == 202, "\(reply.text)")
                let turn = try #require(reply.json["turn"] as? [String: Any])
                let turnID = try #require(turn["id"] as? String)
                let stored = try await server.store.turn(try #require(TurnID(turnID)), owner: User.local.id)
                #expect(stored.collections?.map(\.description) == expected, "\(collections)")
            }
            for (collections, status) in [
                ("[\"none\"]", 404), ("[\"\(CollectionID.generate())\"]", 404), ("[\"\"]", 422), ("\"work\"", 422),
                ("[1]", 422),
            ] {
                let body = Data("{\"content\":\"x\",\"collections\":\(collections)}".utf8)
                let reply = try await server.request("POST", path, cookie: cookie, body: body)
                #expect(reply.status == status, "\(collections) \(reply.text)")
                let field = reply.list("errors").first?["field"] as? String
                #expect(field?.hasPrefix("collections") == true, "\(collections)")
            }
        }
    }
}
