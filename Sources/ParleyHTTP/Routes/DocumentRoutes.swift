//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore

/// `/api/documents`: upload, list, read, delete, read again, download.
struct DocumentRoutes {
    private struct Link: Decodable {
        var url: String
        var collection: String?
    }

    private struct One: Encodable {
        var document: DocumentRecord
    }

    private struct Uploaded: Encodable {
        /// The first of ``documents``.
        var document: DocumentRecord
        var documents: [DocumentRecord]
    }

    let documents: any DocumentStore
    let intake: DocumentIntake
    let spool: UploadSpool
    let fetcher: (any LinkFetcher)?
    let gate = UploadGate()

    private var names: CollectionNames { CollectionNames(documents: self.documents) }

    func add(to table: inout RouteTable) {
        table.get("/api/documents") { try await self.list($0, $1) }
        table.on(.post, "/api/documents") { request, context in
            let user = try context.user()
            return try await self.gate.pass(user.id) { try await self.post(request, user: user.id) }
        }
        table.get("/api/documents/{id}") { _, context in
            let document = try await self.documents.document(context.id(), readableBy: context.user().id)
            return try Reply.json(One(document: DocumentRecord(document: document)))
        }
        table.on(.delete, "/api/documents/{id}") { _, context in
            let id: DocumentID = try context.id()
            try await self.documents.delete(id, owner: context.user().id)
            return Reply.noContent
        }
        table.on(.post, "/api/documents/{id}/retry") { _, context in
            let document = try await self.documents.retry(context.id(), owner: context.user().id)
            self.intake.jobsAdded()
            return try Reply.json(One(document: DocumentRecord(document: document)), status: .accepted)
        }
        table.get("/api/documents/{id}/content") { try await self.content($0, $1) }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let limit = try request.limit()
        var collection: CollectionID?
        if let word = request.query("collection") {
            collection = try await self.names.readable([word], user: user.id, field: "collection").first
        }
        let page = try await self.documents.documents(
            in: collection, readableBy: user.id, before: request.query("before"), limit: limit)
        let records = page.elements.map { DocumentRecord(document: $0) }
        return try Reply.json(ListReply(name: "documents", elements: records, next: page.next))
    }

    // MARK: Adding

    private func post(_ request: Request, user: UserID) async throws -> Response {
        let contentType = request.headers[.contentType]?.lowercased() ?? ""
        let upload =
            contentType.hasPrefix("application/json")
            ? try await self.fetch(request) : try await UploadReader.read(request, spool: self.spool)
        let collection = try await self.names.writable(upload.collection, user: user)
        var records: [DocumentRecord] = []
        for file in upload.files {
            let (document, addition) = try await self.intake.add(
                file.content, named: file.name, to: collection, owner: user)
            records.append(DocumentRecord(document: document, addition: addition))
        }
        // There is at least one file, or reading would have failed.
        guard let first = records.first else { throw Problem.internalError }
        return try Reply.json(
            Uploaded(document: first, documents: records), status: .accepted,
            headers: [.location: "/api/documents/\(first.document.id)"])
    }

    private func fetch(_ request: Request) async throws -> Upload {
        let link: Link = try await request.json()
        guard let fetcher else {
            throw Problem.invalid("url", "cannot be fetched: this server takes files only")
        }
        let url = try DocumentName.checked(link.url, field: "url")
        let content = try await self.spool.makeFile()
        let name = try await fetcher.fetch(url, limitBytes: CoreLimits.documentBytes) { try await content.append($0) }
        let file = Upload.File(name: try DocumentName.checked(name, field: "url"), content: content)
        return Upload(collection: link.collection, files: [file])
    }

    // MARK: Download

    private func content(_ request: Request, _ context: AppContext) async throws -> Response {
        let document = try await self.documents.document(context.id(), readableBy: context.user().id)
        // What a browser could run is never given under its own type.
        let type =
            switch document.mediaType {
            case "text/plain": "text/plain; charset=utf-8"
            case "application/pdf": "application/pdf"
            default: "application/octet-stream"
            }
        let headers: HTTPFields = [
            .contentType: type, .cacheControl: "private, no-store",
            .contentDisposition: DocumentName.attachment(document.name),
        ]
        let documents = self.documents
        let body = ResponseBody(contentLength: document.byteCount) { writer in
            var written = 0
            var index = 0
            while written < document.byteCount {
                guard let part = try await documents.contentPart(document.contentHash, part: index), !part.isEmpty
                else { throw StoreError(.notFound, "The content was deleted while it was read.") }
                try await writer.write(ByteBuffer(bytes: part))
                written += part.count
                index += 1
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}
