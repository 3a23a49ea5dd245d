//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import ParleyChat
import ParleyCore

/// Finds the collections that a request names by id or by name.
struct CollectionNames: Sendable {
    let documents: any DocumentStore

    /// The collections that the user may read; an own one goes before another's of the same name.
    ///
    /// - Throws: a 404 `Problem` with the field for one that is not there, 422 for too many or too long words.
    func readable(_ words: [String], user: UserID, field: String) async throws -> [CollectionID] {
        guard words.count <= HTTPLimits.namedCollections else {
            throw Problem.invalid(field, "must name at most \(HTTPLimits.namedCollections) collections")
        }
        for word in words {
            guard (1...HTTPLimits.collectionWordBytes).contains(word.utf8.count), !word.utf8.contains(0) else {
                throw Problem.invalid(field, "must hold ids or names of collections")
            }
        }
        guard !words.isEmpty else { return [] }
        let collections = try await self.documents.collections(readableBy: user).map(\.collection)
        var ids: [CollectionID] = []
        for word in words {
            let found: KnowledgeCollection?
            if let id = CollectionID(word) {
                found = collections.first { $0.id == id }
            } else {
                let named = collections.filter { $0.name.lowercased() == word.lowercased() }
                found = named.first { $0.ownerID == user } ?? named.first
            }
            guard let found else { throw Problem.noCollection(field: field) }
            if !ids.contains(found.id) { ids.append(found.id) }
        }
        return ids
    }

    /// The collections that a message names: `nil`, for all, when it names none.
    ///
    /// - Throws: as above, with the field `collections`.
    func readable(_ words: [String]?, user: UserID) async throws -> [CollectionID]? {
        guard let words else { return nil }
        return try await self.readable(words, user: user, field: "collections")
    }

    /// The user's own collection that documents are added to; one that is named and not there is made.
    ///
    /// - Throws: a 404 `Problem` for an id that is not the user's, 422 for a name that cannot be one.
    func writable(_ word: String?, user: UserID) async throws -> CollectionID {
        let word = word ?? KnowledgeCollection.defaultName
        if let id = CollectionID(word) {
            let collections = try await self.documents.collections(readableBy: user).map(\.collection)
            guard collections.contains(where: { $0.id == id && $0.ownerID == user }) else {
                throw Problem.noCollection(field: "collection")
            }
            return id
        }
        let name = try Self.checked(word, field: "collection")
        return try await self.documents.collection(named: name, owner: user, at: .now()).collection.id
    }

    /// A name without space around it.
    ///
    /// - Throws: a 422 `Problem` for an empty or too long name, one with control characters, or one like an id.
    static func checked(_ name: String, field: String) throws -> String {
        let name = name.precomposedStringWithCanonicalMapping.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...CoreLimits.collectionNameScalars).contains(name.unicodeScalars.count) else {
            throw Problem.invalid(field, "must have 1 to \(CoreLimits.collectionNameScalars) characters")
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Problem.invalid(field, "must not contain control characters")
        }
        guard CollectionID(name) == nil else { throw Problem.invalid(field, "must not look like an id") }
        return name
    }
}

extension Problem {
    fileprivate static func noCollection(field: String) -> Problem {
        Problem(
            .notFound, "not-found", title: "No such collection",
            detail: "A collection that the request names is not there, or it is not yours.",
            fields: [.init(field, "names no collection that is yours to use here")])
    }
}
