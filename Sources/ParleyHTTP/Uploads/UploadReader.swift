//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import Metrics
import MultipartParser
import NIOCore
import ParleyChat
import ParleyCore

/// What a form carried.
struct Upload: Sendable {
    struct File: Sendable {
        var name: String
        var content: SpoolFile
    }

    /// The collection's id or name, as it was sent.
    var collection: String?
    var files: [File] = []
}

/// Reads a `multipart/form-data` body: the fields `file`, once or more, and `collection`, in any order.
///
/// Nothing of it is kept in memory but names; when reading fails, files that were written vanish with their references.
struct UploadReader {
    private enum Target {
        case none
        case file(SpoolFile)
        case collection([UInt8])
    }

    private let spool: UploadSpool
    private var upload = Upload()
    private var target = Target.none
    /// Written since the room on the disk was looked at.
    private var unweighedBytes = 0

    private init(spool: UploadSpool) {
        self.spool = spool
    }

    /// - Throws: `Problem`: 400 for what is no form, 408 after ``HTTPLimits/uploadTime``, 413 over a limit, 415 for
    ///   another type, 422 with the field, 507 on a full disk.
    static func read(_ request: Request, spool: UploadSpool) async throws -> Upload {
        let boundary = try MultipartBoundary(contentType: request.headers[.contentType] ?? "")
        let announced = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard announced <= HTTPLimits.uploadBytes else { throw Problem.tooLarge(limitBytes: HTTPLimits.uploadBytes) }
        try await spool.checkRoom(for: announced)
        var limits = MultipartParser.Limits()
        limits.parts = HTTPLimits.uploadParts
        limits.totalBytes = HTTPLimits.uploadBytes
        var parser = MultipartParser(boundary: boundary, limits: limits)
        var reader = UploadReader(spool: spool)
        let deadline = ContinuousClock.now + HTTPLimits.uploadTime
        var body = request.body.makeAsyncIterator()
        while let bytes = try await Self.next(of: &body) {
            // The connection sees to it that bytes keep coming, so looking here is often enough.
            guard ContinuousClock.now < deadline else { throw Problem.uploadTooSlow }
            for event in try parser.consume(bytes) {
                try await reader.take(event)
            }
        }
        try parser.finish()
        guard !reader.upload.files.isEmpty else {
            throw Problem.invalid("file", "is required: a form field with a file's name and content")
        }
        return reader.upload
    }

    /// A client that goes away is no failure of ours.
    private static func next(of body: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do {
            return try await body.next()
        } catch {
            throw Problem.malformed("The upload broke off.")
        }
    }

    private mutating func take(_ event: MultipartParser.Event) async throws {
        switch event {
        case .partBegan(let part): try await self.begin(part)
        case .partData(let bytes): try await self.append(bytes)
        case .partEnded: try self.end()
        case .ended: break
        }
    }

    private mutating func begin(_ part: MultipartPart) async throws {
        switch part.name {
        case "file":
            let name = try DocumentName.checked(part.filename ?? "", field: "file")
            let content = try await self.spool.makeFile()
            self.upload.files.append(.init(name: name, content: content))
            self.target = .file(content)
        case "collection":
            guard self.upload.collection == nil else { throw Problem.invalid("collection", "must occur once") }
            self.target = .collection([])
        default:
            throw Problem.invalid(part.name, "is not known; send `file`, once or more, and `collection`")
        }
    }

    private mutating func append(_ bytes: ByteBuffer) async throws {
        switch self.target {
        case .file(let content):
            guard content.byteCount + bytes.readableBytes <= CoreLimits.documentBytes else {
                var problem = Problem.tooLarge(limitBytes: CoreLimits.documentBytes)
                problem.fields = [.init("file", "must be at most \(CoreLimits.documentBytes) bytes")]
                throw problem
            }
            try await content.append(bytes)
            self.unweighedBytes += bytes.readableBytes
            if self.unweighedBytes > HTTPLimits.uploadWeighBytes {
                // Who announces nothing must not fill the disk either: the database is on it.
                self.unweighedBytes = 0
                try await self.spool.checkRoom(for: 0)
            }
            Counter(label: "parley_upload_bytes").increment(by: bytes.readableBytes)
        case .collection(var text):
            guard text.count + bytes.readableBytes <= HTTPLimits.collectionWordBytes else {
                throw Problem.invalid("collection", "is too long")
            }
            text.append(contentsOf: bytes.readableBytesView)
            self.target = .collection(text)
        case .none: break
        }
    }

    private mutating func end() throws {
        if case .collection(let bytes) = self.target {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Problem.invalid("collection", "must be UTF-8")
            }
            self.upload.collection = text
        }
        self.target = .none
    }
}
