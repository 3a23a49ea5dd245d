//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import OpenSSLCrypto
import ParleyCore
import ParleyKnowledge

/// Why a file was not taken.
struct IngestFailure: Error, Sendable {
    /// For people, after the file's name.
    var reason: String
    /// Of a file that was found in a folder: it is no document, which is said as a number only.
    var isForeign = false
}

/// Takes one file into the store: its content, then the document with its job.
struct FileAddition: Sendable {
    let documents: any DocumentStore
    let collection: CollectionID
    let owner: UserID
    /// Where a copy is made while the content is stored.
    let folder: String

    /// - Throws: `IngestFailure` about this file, `StoreError` about the store, `CancellationError`.
    func add(_ file: FoundFile) async throws -> (document: Document, addition: DocumentAddition) {
        guard file.name.utf8.count <= CoreLimits.documentNameBytes else {
            throw IngestFailure(reason: "its path is too long")
        }
        guard !file.name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw IngestFailure(reason: "its name has control characters")
        }
        guard file.mark.byteCount <= CoreLimits.documentBytes else {
            throw IngestFailure(reason: "it is larger than \(CoreLimits.documentBytes >> 20) MB")
        }
        if let refusal = await DocumentIngestion.refusal(path: file.path, name: file.name) {
            throw IngestFailure(reason: refusal.reason, isForeign: refusal.isForeign && !file.isNamed)
        }
        for _ in 0..<KnowledgeLimits.readAttempts {
            if let added = try await self.attempt(file) { return added }
        }
        throw IngestFailure(reason: "it changes while it is read")
    }

    /// Takes content that was fetched, under a name of its own.
    func add(copy: FileCopy, named name: String) async throws -> (document: Document, addition: DocumentAddition) {
        try await self.store(copy)
        return try await self.document(name, hash: copy.hash, byteCount: copy.byteCount)
    }

    /// `nil` when the file changed meanwhile.
    private func attempt(_ file: FoundFile) async throws -> (document: Document, addition: DocumentAddition)? {
        let source = try SourceFile(file.path)
        let hash = try await source.hash()
        guard try source.isUnchanged() else { return nil }
        if try await self.documents.hasContent(hash) {
            do {
                return try await self.document(file.name, hash: hash, byteCount: source.byteCount)
            } catch let error as StoreError where error.code == .notFound {
                // It was nobody's and was swept away meanwhile.
            }
        }
        // What is stored under a hash must have it, whatever happens to the file: the copy cannot change.
        let copy = try FileCopy(folder: self.folder)
        try await source.pieces { try copy.append($0) }
        copy.finish()
        guard try source.isUnchanged() else { return nil }
        return try await self.add(copy: copy, named: file.name)
    }

    private func store(_ copy: FileCopy) async throws {
        guard try await !self.documents.hasContent(copy.hash) else { return }
        let size = CoreLimits.contentPartBytes
        for part in 0..<(copy.byteCount + size - 1) / size {
            try Task.checkCancellation()
            try await self.documents.writeContent(copy.hash, part: part, bytes: copy.part(part))
        }
        try await self.documents.completeContent(copy.hash, byteCount: copy.byteCount)
    }

    private func document(
        _ name: String, hash: [UInt8], byteCount: Int
    ) async throws -> (document: Document, addition: DocumentAddition) {
        let now = Timestamp.now()
        return try await self.documents.add(
            NewDocument(
                id: .generate(at: now), collectionID: self.collection, name: name, byteCount: byteCount,
                contentHash: hash, at: now),
            owner: self.owner)
    }
}
