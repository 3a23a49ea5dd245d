//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Takes spooled files into the store: content first, then the document with its job.
struct DocumentIntake: Sendable {
    let documents: any DocumentStore
    /// Tells the workers that there is work.
    let jobsAdded: @Sendable () -> Void

    /// - Throws: `StoreError`, an error of the disk.
    func add(
        _ content: SpoolFile, named name: String, to collection: CollectionID, owner: UserID
    ) async throws -> (Document, DocumentAddition) {
        let hash = content.contentHash()
        let now = Timestamp.now()
        let document = NewDocument(
            id: .generate(at: now), collectionID: collection, name: name, byteCount: content.byteCount,
            contentHash: hash, at: now)
        if try await !self.documents.hasContent(hash) {
            try await self.write(content, hash: hash)
        }
        let added: (Document, DocumentAddition)
        do throws(StoreError) {
            added = try await self.documents.add(document, owner: owner)
        } catch {
            guard error.code == .notFound else { throw error }
            // The content was there but nobody's, and was swept away meanwhile.
            try await self.write(content, hash: hash)
            added = try await self.documents.add(document, owner: owner)
        }
        self.jobsAdded()
        return added
    }

    private func write(_ content: SpoolFile, hash: [UInt8]) async throws {
        let parts = (content.byteCount + CoreLimits.contentPartBytes - 1) / CoreLimits.contentPartBytes
        for index in 0..<parts {
            try await self.documents.writeContent(hash, part: index, bytes: content.part(index))
        }
        try await self.documents.completeContent(hash, byteCount: content.byteCount)
    }
}
