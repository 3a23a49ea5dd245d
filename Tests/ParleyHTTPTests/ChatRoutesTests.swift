//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import Testing

@Suite("The REST surface", .timeLimit(.minutes(1)))
struct ChatRoutesTests {
    @Test("a conversation from the session to the stored answer")
    func conversation() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let session = try await server.request("GET", "/api/session", cookie: cookie)
            #expect(session.json["mode"] as? String == "open")
            let conversation = try await server.newConversation(cookie)
            let turn = try await server.send("one two three", to: conversation, cookie: cookie)
            let id = try #require(turn["id"] as? String)
            let events = try await server.events(of: id, cookie: cookie)
            #expect(events.first?.name == "started")
            #expect(events.first?.id == "1-1")
            #expect(events.last?.name == "completed")
            let text = events.filter { $0.name == "delta" }.compactMap { $0.json["text"] as? String }.joined()
            #expect(text == "one two three ")
            #expect(events.allSatisfy { $0.json["turnID"] as? String == id && $0.json["id"] as? String == $0.id })
            let messages = try await server.request(
                "GET", "/api/conversations/\(conversation)/messages", cookie: cookie)
            #expect(messages.list("messages").map { $0["content"] as? String } == ["one two three", text])
            #expect(messages.list("messages").map { $0["state"] as? String } == ["completed", "completed"])
            let list = try await server.request("GET", "/api/conversations", cookie: cookie)
            #expect(list.list("conversations").first?["title"] as? String == "one two three")
        }
    }

    @Test("a reader that comes back with its last event id sees the rest and nothing twice")
    func resumes() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let turn = try await server.send(
                "a b c", to: try await server.newConversation(cookie), cookie: cookie)
            let id = try #require(turn["id"] as? String)
            let all = try await server.events(of: id, cookie: cookie)
            for (index, event) in all.enumerated() {
                let rest = try await server.events(of: id, cookie: cookie, after: event.id)
                #expect(rest.map(\.id) == all.dropFirst(index + 1).map(\.id))
            }
        }
    }

    @Test("an edit and a regeneration are siblings, and the branch form shows one path")
    func branches() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let conversation = try await server.newConversation(cookie)
            let turn = try await server.send("first", to: conversation, cookie: cookie)
            _ = try await server.events(of: #require(turn["id"] as? String), cookie: cookie)
            let answer = try #require(turn["assistantMessageID"] as? String)
            let again = try await server.request(
                "POST", "/api/messages/\(answer)/regenerate", cookie: cookie, json: [:])
            #expect(again.status == 202)
            let path = "/api/conversations/\(conversation)/messages"
            let edit = try await server.request(
                "POST", path, cookie: cookie, json: ["content": "edited", "parentID": NSNull()])
            #expect(edit.status == 202)
            let all = try await server.request("GET", path, cookie: cookie)
            #expect(all.list("messages").count == 5)
            let branch = try await server.request("GET", path + "?branch=\(answer)", cookie: cookie)
            #expect(branch.list("messages").map { $0["id"] as? String }.last == answer)
            #expect((branch.list("messages").last?["siblings"] as? [String])?.count == 2)
            #expect((branch.list("messages").first?["siblings"] as? [String])?.count == 2)
            let latest = try await server.request("GET", path + "?branch=latest", cookie: cookie)
            #expect(latest.list("messages").first?["content"] as? String == "edited")
        }
    }

    @Test("rename, pin, archive, find, delete and restore")
    func keeps() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let id = try await server.newConversation(cookie)
            let path = "/api/conversations/\(id)"
            let patched = try await server.request(
                "PATCH", path, cookie: cookie,
                json: ["title": "Zebra crossing", "pinned": true, "systemPrompt": "Be brief."])
            #expect(patched.json["pinned"] as? Bool == true)
            #expect(patched.json["titleIsAutomatic"] as? Bool == false)
            let cleared = try await server.request("PATCH", path, cookie: cookie, json: ["systemPrompt": NSNull()])
            #expect(cleared.json["systemPrompt"] is NSNull)
            let found = try await server.request("GET", "/api/history?q=zebra", cookie: cookie)
            #expect(found.list("hits").first?["conversationID"] as? String == id)
            _ = try await server.request("PATCH", path, cookie: cookie, json: ["archived": true])
            #expect(try await server.request("GET", "/api/conversations", cookie: cookie).list("conversations").isEmpty)
            let archived = try await server.request("GET", "/api/conversations?archived=true", cookie: cookie)
            #expect(archived.list("conversations").count == 1)
            #expect(try await server.request("DELETE", path, cookie: cookie).status == 204)
            #expect(try await server.request("GET", path, cookie: cookie).status == 404)
            #expect(try await server.request("POST", path + "/restore", cookie: cookie).status == 200)
            #expect(try await server.request("GET", path, cookie: cookie).status == 200)
        }
    }

    @Test("what is exported can be imported")
    func archives() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let id = try await server.newConversation(cookie)
            let turn = try await server.send("keep me", to: id, cookie: cookie)
            _ = try await server.events(of: #require(turn["id"] as? String), cookie: cookie)
            let path = "/api/conversations/\(id)/export"
            let file = try await server.request("GET", path + "?format=json", cookie: cookie)
            #expect(file.header("Content-Disposition")?.hasSuffix("keep-me.json\"") == true)
            let imported = try await server.request("POST", "/api/import", cookie: cookie, body: file.body)
            #expect(imported.json["imported"] as? Int == 1)
            let markdown = try await server.request("GET", path + "?format=markdown", cookie: cookie)
            #expect(markdown.text.contains("## You\n\nkeep me"))
        }
    }

    @Test("presets are kept, changed and deleted")
    func presets() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let path = "/api/presets/\(PresetID.generate())"
            let body = ["name": "Pirate", "systemPrompt": "Talk like a pirate."]
            #expect(try await server.request("PUT", path, cookie: cookie, json: body).status == 200)
            #expect(try await server.request("PUT", path, cookie: cookie, json: body).status == 200)
            let list = try await server.request("GET", "/api/presets", cookie: cookie)
            #expect(list.list("presets").map { $0["name"] as? String } == ["Pirate"])
            #expect(try await server.request("DELETE", path, cookie: cookie).status == 204)
            #expect(try await server.request("DELETE", path, cookie: cookie).status == 404)
        }
    }

    @Test("the local model speaks OpenAI's protocol")
    func openAI() async throws {
        try await TestServer.run { server in
            let models = try await server.request("GET", "/v1/models")
            #expect(models.list("data").first?["id"] as? String == "saying")
            let body: [String: Any] = ["model": "saying", "messages": [["role": "user", "content": "x y"]]]
            let whole = try await server.request("POST", "/v1/chat/completions", json: body)
            let choice = whole.list("choices").first
            #expect((choice?["message"] as? [String: Any])?["content"] as? String == "x y ")
            #expect(choice?["finish_reason"] as? String == "stop")
            let stream = try await server.request(
                "POST", "/v1/chat/completions", json: body.merging(["stream": true]) { $1 })
            #expect(stream.text.hasSuffix("data: [DONE]\n\n"))
            #expect(stream.text.contains("\"content\":\"x \""))
            let bad = try await server.request("POST", "/v1/chat/completions", json: ["messages": "no"])
            #expect(bad.status == 422)
            #expect((bad.json["error"] as? [String: Any])?["param"] as? String == "messages")
        }
    }
}
