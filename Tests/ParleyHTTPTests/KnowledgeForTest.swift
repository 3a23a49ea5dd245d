//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOCore
import ParleyCore
import ParleyHTTP
import ParleyStore
import Synchronization
import Testing

/// A form as a browser sends it.
struct TestForm {
    static let boundary = "----parleyTestBoundary7MA4YWxk"
    private(set) var body = Data()

    static var type: [String: String] { ["Content-Type": "multipart/form-data; boundary=\(Self.boundary)"] }

    mutating func add(_ name: String, _ value: String) {
        self.open("form-data; name=\"\(name)\"")
        self.body.append(Data("\r\n\(value)\r\n".utf8))
    }

    mutating func add(file: String, _ content: Data, name: String = "file") {
        self.open("form-data; name=\"\(name)\"; filename=\"\(file)\"")
        self.body.append(Data("Content-Type: text/html\r\n\r\n".utf8) + content + Data("\r\n".utf8))
    }

    /// The form with its end.
    var data: Data { self.body + Data("--\(Self.boundary)--\r\n".utf8) }

    private mutating func open(_ disposition: String) {
        self.body.append(Data("--\(Self.boundary)\r\nContent-Disposition: \(disposition)\r\n".utf8))
    }

    static func files(_ files: [(String, String)], collection: String? = nil) -> Data {
        var form = TestForm()
        for (name, content) in files { form.add(file: name, Data(content.utf8)) }
        if let collection { form.add("collection", collection) }
        return form.data
    }
}

extension TestServer {
    func upload(
        _ files: [(String, String)], collection: String? = nil, cookie: String, headers: [String: String] = [:]
    ) async throws -> TestReply {
        try await self.request(
            "POST", "/api/documents", cookie: cookie, headers: TestForm.type.merging(headers) { $1 },
            body: TestForm.files(files, collection: collection))
    }

    /// What lies in the folder of uploads.
    var spooled: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: self.spoolFolder)) ?? []
    }

    /// A second user, with a session.
    func stranger() async throws -> (user: User, cookie: String) {
        let user = User(id: .generate(), name: "Eve", email: "eve@x.org", role: .member, createdAt: .now())
        try await self.store.create(user, passwordHash: nil, onlyIfFirst: false)
        return (user, try await SessionForTest.open(for: user.id, in: self.store))
    }

    func firstAccount() async throws -> String {
        let account = ["name": "Ada", "email": "ada@example.org", "password": "correct horse"]
        return try #require(try await self.request("POST", "/api/accounts", json: account).cookie)
    }
}

/// Finds one passage whatever is asked, and keeps what was asked.
final class WordSearch: KnowledgeSearch {
    private let asked = Mutex<[KnowledgeQuery]>([])

    var queries: [KnowledgeQuery] { self.asked.withLock { $0 } }

    func search(_ query: KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult {
        self.asked.withLock { $0.append(query) }
        if query.text == "away" { throw KnowledgeError(.unavailable, "The index is away.") }
        let passage = StoredPassage(
            number: 1, documentID: .generate(), collectionID: query.collections?.first ?? .generate(),
            documentTitle: "Handbook", ordinal: 0, headings: ["Leave"], page: 3, range: 10..<40,
            text: "Thirty days of leave.")
        return KnowledgeResult(hits: [.init(passage: passage, score: 0.75)], usedVectors: false)
    }
}

/// Vectors that tell the length of a text.
struct LengthEmbedder: Embedder {
    var model: EmbeddingModel {
        get async throws(EmbedderError) { EmbeddingModel(name: "length", dimension: 2, maximumTokens: 8) }
    }

    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        if texts == ["refused"] { throw EmbedderError(.refused, "Too long.") }
        if texts == ["busy"] { throw EmbedderError(.overloaded, "Busy.", retryAfter: .seconds(3)) }
        return texts.map { [Float($0.utf8.count), 0.1] }
    }

    func tokens(in text: String) -> Int { text.split(separator: " ").count }
}

/// Knows one page.
struct OnePageFetcher: LinkFetcher {
    func fetch(
        _ link: String, limitBytes: Int, receive: (ByteBuffer) async throws -> Void
    ) async throws -> String {
        guard link == "https://example.org/page#part" else { throw LinkError("leads to a private network") }
        try await receive(ByteBuffer(string: "A page."))
        return "https://example.org/page"
    }
}
