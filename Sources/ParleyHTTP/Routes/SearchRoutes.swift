//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import ParleyCore

/// `/api/search`: passages of the user's documents.
struct SearchRoutes {
    private struct Unready: Encodable {
        var id: DocumentID
        var name: String
        var state: Document.State

        init(_ document: Document) {
            self.id = document.id
            self.name = document.name
            self.state = document.state
        }
    }

    private struct Found: Encodable {
        var passages: [PassageRecord]
        var unready: [Unready]
        var usedVectors: Bool
    }

    let search: any KnowledgeSearch
    let documents: any DocumentStore

    func add(to table: inout RouteTable) {
        table.get("/api/search") { try await self.find($0, $1) }
    }

    private func find(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        guard let text = try request.searchQuery() else { throw Problem.invalid("q", "is required") }
        let words = request.uri.queryParameters[values: "collection"].map { String($0) }
        let names = CollectionNames(documents: self.documents)
        let collections =
            words.isEmpty ? nil : try await names.readable(words, user: user.id, field: "collection")
        let query = KnowledgeQuery(
            text: text, userID: user.id, collections: collections, limit: try Self.limit(request))
        let result = try await self.search.search(query)
        return try Reply.json(
            Found(
                passages: result.hits.map(PassageRecord.init), unready: result.unready.map(Unready.init),
                usedVectors: result.usedVectors))
    }

    private static func limit(_ request: Request) throws -> Int {
        guard let text = request.query("limit") else { return HTTPLimits.defaultFoundPassages }
        guard let limit = Int(text), (1...CoreLimits.foundPassages).contains(limit) else {
            throw Problem.invalid("limit", "must be a number from 1 to \(CoreLimits.foundPassages)")
        }
        return limit
    }
}
