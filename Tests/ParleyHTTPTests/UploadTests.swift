//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOPosix
import OpenSSLCrypto
import ParleyCore
import ParleyStore
import Testing

@Suite("An upload", .timeLimit(.minutes(1)))
struct UploadTests {
    @Test("is stored whole, byte for byte, and can be downloaded as an attachment that no browser runs")
    func roundTrip() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            // Longer than two parts of the store, with bytes that look like the form's own.
            var content = Data((0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) })
            content.append(Data("\r\n--\(TestForm.boundary.dropLast())\r\n-\(TestForm.boundary)\r\n".utf8))
            var form = TestForm()
            form.add(file: "Größe \\\"a\\\".html", content)
            form.add("collection", "Work")
            let reply = try await server.request(
                "POST", "/api/documents", cookie: cookie, headers: TestForm.type, body: form.data)
            #expect(reply.status == 202, "\(reply.text)")
            let document = try #require(reply.json["document"] as? [String: Any])
            #expect(document["addition"] as? String == "added")
            #expect(document["state"] as? String == "pending")
            #expect(document["byteCount"] as? Int == content.count)
            #expect(document["mediaType"] is NSNull && document["failure"] is NSNull)
            #expect(reply.list("documents").count == 1)
            let id = try #require(document["id"] as? String)
            #expect(reply.header("Location") == "/api/documents/\(id)")
            let download = try await server.request("GET", "/api/documents/\(id)/content", cookie: cookie)
            #expect(download.body == content)
            #expect(download.header("Content-Type") == "application/octet-stream")
            #expect(download.header("X-Content-Type-Options") == "nosniff")
            let disposition = try #require(download.header("Content-Disposition"))
            #expect(disposition.hasPrefix("attachment; filename=\"Gr__e__a_.html\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe"))
            #expect(server.spooled.isEmpty)
            let documentID = try #require(DocumentID(id))
            let stored = try await server.store.document(documentID, readableBy: User.local.id)
            #expect(stored.contentHash == sha256([UInt8](content)))
        }
    }

    @Test("may carry several files and its collection before or after them; the same content again adds nothing")
    func several() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let first = try await server.upload(
                [("a.txt", "one"), ("b.txt", "two")], collection: "Work", cookie: cookie)
            #expect(first.list("documents").map { $0["name"] as? String } == ["a.txt", "b.txt"])
            var form = TestForm()
            form.add("collection", "work")
            form.add(file: "a.txt", Data("one".utf8))
            let again = try await server.request(
                "POST", "/api/documents", cookie: cookie, headers: TestForm.type, body: form.data)
            #expect(again.list("documents").map { $0["addition"] as? String } == ["unchanged"])
            let changed = try await server.upload([("a.txt", "three")], collection: "Work", cookie: cookie)
            #expect(changed.list("documents").map { $0["addition"] as? String } == ["replaced"])
            let collections = try await server.request("GET", "/api/collections", cookie: cookie)
            #expect(collections.list("collections").map { $0["documentCount"] as? Int } == [2])
            let list = try await server.request("GET", "/api/documents?collection=WORK&limit=1", cookie: cookie)
            #expect(list.list("documents").count == 1)
            let next = try #require(list.json["next"] as? String)
            let rest = try await server.request(
                "GET", "/api/documents?collection=Work&limit=1&before=\(next)", cookie: cookie)
            #expect(rest.list("documents").count == 1)
            #expect(rest.json["next"] is NSNull)
        }
    }

    @Test("with something wrong is a 4xx that names the field, and leaves nothing")
    func wrong() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            func form(_ build: (inout TestForm) -> Void) -> Data {
                var form = TestForm()
                build(&form)
                return form.data
            }
            let file = Data("x".utf8)
            let cases: [(Data, Int, String?)] = [
                (form { $0.add("collection", "a") }, 422, "file"), (form { _ in }, 422, "file"),
                (form { $0.add(file: "", file) }, 422, "file"), (form { $0.add("file", "text") }, 422, "file"),
                (
                    form {
                        $0.add(file: "a", file); $0.add("colour", "red")
                    }, 422, "colour"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", "")
                    }, 422, "collection"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", "a"); $0.add("collection", "b")
                    }, 422, "collection"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", String(repeating: "x", count: 101))
                    }, 422, "collection"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", String(repeating: "x", count: 1000))
                    }, 422, "collection"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", "a\u{0}b")
                    }, 422, "collection"
                ),
                (
                    form {
                        $0.add(file: "a", file); $0.add("collection", CollectionID.generate().description)
                    }, 404, "collection"
                ),
                (form { form in for _ in 0..<40 { form.add(file: "a", file) } }, 413, nil),
                (Data("nonsense".utf8), 400, nil), (Data(), 400, nil),
                (form { $0.add(file: "a", file) }.dropLast(9), 400, nil),
            ]
            for (body, status, field) in cases {
                let reply = try await server.request(
                    "POST", "/api/documents", cookie: cookie, headers: TestForm.type, body: body)
                let what = "\(String(decoding: body.suffix(140), as: UTF8.self)) \(reply.text)"
                #expect(reply.status == status, "\(what)")
                #expect(reply.list("errors").first?["field"] as? String == field, "\(what)")
            }
            for type in ["text/plain", "multipart/form-data", "multipart/mixed; boundary=x"] {
                let reply = try await server.request(
                    "POST", "/api/documents", cookie: cookie, headers: ["Content-Type": type], body: file)
                #expect([400, 415].contains(reply.status), "\(type) \(reply.status)")
            }
            #expect(try await server.request("GET", "/api/documents", cookie: cookie).list("documents").isEmpty)
            #expect(server.spooled.isEmpty)
        }
    }

    @Test("of another web site's form is refused before it is read")
    func foreign() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            for headers in [
                ["Origin": "https://evil.example"], ["Origin": "null"], ["Sec-Fetch-Site": "cross-site"],
                ["Sec-Fetch-Site": "same-site"],
            ] {
                let reply = try await server.upload([("a.txt", "x")], cookie: cookie, headers: headers)
                #expect(reply.status == 403, "\(headers)")
            }
            #expect(try await server.upload([("a.txt", "x")], cookie: "").status == 401)
            #expect(try await server.request("GET", "/api/documents", cookie: cookie).list("documents").isEmpty)
            let own = try await server.upload([("a.txt", "x")], cookie: cookie, headers: ["Origin": server.origin])
            #expect(own.status == 202)
        }
    }

    @Test("that announces more than the limit is refused at once")
    func announced() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let head =
                "POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nCookie: \(cookie)\r\n"
                + "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000000\r\n\r\n--x\r\n"
            let reply = try await RawExchange.send(head, port: server.port)
            #expect(reply.hasPrefix("HTTP/1.1 413"), "\(reply.prefix(100))")
        }
    }

    @Test("whose client goes away in the middle leaves nothing, and room for the next")
    func brokenOff() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            for _ in 0..<20 {
                let head =
                    "POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nCookie: \(cookie)\r\n"
                    + "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\n"

                    + "Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
                    + String(repeating: "a", count: 2000)
                try await RawExchange.breakOff(head, port: server.port)
            }
            // The server learns of the end a moment later; until then the user's places may be taken.
            var status = 429
            while status == 429 {
                status = try await server.upload([("a.txt", "x")], cookie: cookie).status
            }
            #expect(status == 202)
            #expect(try await server.request("GET", "/api/documents", cookie: cookie).list("documents").count == 1)
            #expect(server.spooled.isEmpty)
        }
    }

    @Test("waits for nobody: the fifth of one user at once is told to come later")
    func crowded() async throws {
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let head =
                "POST /api/documents HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nCookie: \(cookie)\r\n"
                + "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\n"
            // More than four, for one that comes while the upload below is under way is refused itself.
            try await RawExchange.whileOpen(Array(repeating: head, count: 12), port: server.port) {
                // An upload before four of them have begun is let in.
                var reply = try await server.upload([("a.txt", "x")], cookie: cookie)
                while reply.status == 202 { reply = try await server.upload([("a.txt", "x")], cookie: cookie) }
                #expect(reply.status == 429)
                #expect(reply.header("Retry-After") != nil)
            }
        }
    }

    @Test("on a full disk is a 507, and no document comes of it")
    func full() async throws {
        let store = FullStore()
        try await TestServer.run(documents: store) { server in
            let cookie = try await server.openSession()
            let reply = try await server.upload([("a.txt", "x")], cookie: cookie)
            #expect(reply.status == 507, "\(reply.text)")
            #expect(reply.header("Content-Type") == "application/problem+json")
            #expect(server.spooled.isEmpty)
        }
    }

    @Test("of a link stores what was fetched under the link's name; what must not be fetched is said")
    func link() async throws {
        try await TestServer.run(fetcher: OnePageFetcher()) { server in
            let cookie = try await server.openSession()
            let good = try await server.request(
                "POST", "/api/documents", cookie: cookie,
                json: ["url": "https://example.org/page#part", "collection": "Web"])
            #expect(good.status == 202, "\(good.text)")
            let document = try #require(good.json["document"] as? [String: Any])
            #expect(document["name"] as? String == "https://example.org/page")
            #expect(document["byteCount"] as? Int == 7)
            let id = try #require(document["id"] as? String)
            let download = try await server.request("GET", "/api/documents/\(id)/content", cookie: cookie)
            #expect(download.header("Content-Disposition")?.contains("filename=\"page\"") == true)
            for body in [["url": "http://127.0.0.1/"], ["url": ""], ["url": "http://10.0.0.1/\n"]] {
                let reply = try await server.request("POST", "/api/documents", cookie: cookie, json: body)
                #expect(reply.status == 422)
                #expect(reply.list("errors").first?["field"] as? String == "url")
            }
            #expect(try await server.request("POST", "/api/documents", cookie: cookie, json: [:]).status == 422)
            #expect(server.spooled.isEmpty)
        }
        try await TestServer.run { server in
            let cookie = try await server.openSession()
            let reply = try await server.request(
                "POST", "/api/documents", cookie: cookie, json: ["url": "https://example.org/page"])
            #expect(reply.status == 422)
        }
    }
}
