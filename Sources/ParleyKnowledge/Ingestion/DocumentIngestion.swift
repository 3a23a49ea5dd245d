//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Foundation
public import Logging
public import ParleyCore

/// Reads one version of a document: content, text, passages, vectors, and then, all at once, what can be found.
///
/// It runs in memory that does not grow with the document, and goes on after a crash: the same content is always split
/// the same way, so passages that were staged before are passed over without embedding them again. Without an embedder,
/// or when it fails, the document can be found by its words, and the backfill adds the vectors.
public struct DocumentIngestion: JobHandler {
    public let kind = JobKind.readDocument
    public let concurrency: Int
    public let patience = KnowledgeLimits.documentPatience

    private let contents: any DocumentStore
    private let passages: any PassageStore
    private let embedder: (any Embedder)?
    private let reader: DocumentReader
    private let folder: String
    private let published: @Sendable (_ hasVectors: Bool) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - folder: where temporary files are made; nobody else's.
    ///   - concurrency: documents that one node reads at once.
    ///   - published: is told of each document that can be found now, and whether all its passages have vectors.
    public init(
        contents: any DocumentStore, passages: any PassageStore, embedder: (any Embedder)?, folder: String,
        concurrency: Int = KnowledgeLimits.concurrentDocuments,
        published: @escaping @Sendable (_ hasVectors: Bool) -> Void = { _ in }, logger: Logger
    ) {
        self.contents = contents
        self.passages = passages
        self.embedder = embedder
        self.folder = folder
        self.reader = DocumentReader(tools: .installed(temporaryFolder: folder))
        self.concurrency = concurrency
        self.published = published
        self.logger = logger
    }

    public func run(_ job: Job, progress: JobProgress) async throws(JobError) {
        guard let version = try? JSONDecoder().decode(DocumentVersion.self, from: Data(job.payload.utf8)) else {
            throw JobError("The job names no document.", isRetryable: false)
        }
        do {
            try await self.read(version, progress: progress)
        } catch let error as IngestionError {
            try await self.settle(error, version)
        } catch let error as JobError {
            throw error
        } catch let error as StoreError {
            switch error.code {
            // Deleted or replaced meanwhile: there is nothing left to do.
            case .notFound: return
            case .invalid, .conflict, .internal: throw JobError("\(error)", isRetryable: false)
            case .unavailable, .full, .unusable: throw JobError("\(error)", isRetryable: true)
            }
        } catch {
            throw JobError("The reading was stopped: \(error)", isRetryable: true)
        }
    }

    private func read(_ version: DocumentVersion, progress: JobProgress) async throws {
        let document = try await self.passages.document(version)
        guard document.state != .ready else { return }
        let spool = try await self.spool(document)
        let open: OpenDocument
        do {
            open = try await self.reader.open(path: spool.path, name: document.name)
        } catch {
            throw IngestionError(error)
        }
        var staging = try await PassageStaging(
            version: version, title: Self.title(document.title, document), store: self.passages,
            embedder: self.embedder, logger: self.logger)
        var pace = ProgressPace()
        var splitter = PassageSplitter(countTokens: self.countTokens)
        while let blocks = try await Self.next(of: open) {
            try Task.checkCancellation()
            for block in blocks {
                for passage in splitter.take(block) { try await staging.add(passage) }
            }
            let done = await open.progress
            progress.report(done)
            if pace.isDue() { try await self.passages.setProgress(version, to: done) }
        }
        for passage in splitter.finish() { try await staging.add(passage) }
        let count = try await staging.finish()
        try Task.checkCancellation()
        guard count > 0 else { throw IngestionError("There is no text in the file.") }
        try await self.passages.publish(
            version, title: Self.title(await open.title, document), mediaType: await open.kind.mediaType,
            passageCount: count, at: .now())
        self.published(staging.hasVectors)
    }

    /// As the embedder counts; never fewer than so many letters must have, since a model takes a long word for one.
    private var countTokens: @Sendable (String) -> Int {
        guard let embedder = self.embedder else { return TokenEstimate.tokens }
        return { max(embedder.tokens(in: $0), $0.utf8.count / TokenEstimate.mostBytesPerToken) }
    }

    private static func next(of document: OpenDocument) async throws -> [TextBlock]? {
        do {
            return try await document.next()
        } catch {
            throw IngestionError(error)
        }
    }

    /// Whether a file would be refused at first sight.
    ///
    /// - Returns: for people, what is wrong; foreign is a kind of file that is no document at all.
    public static func refusal(path: String, name: String) async -> (reason: String, isForeign: Bool)? {
        do {
            _ = try await DocumentReader().open(path: path, name: name)
            return nil
        } catch {
            return (error.reason, error.code == .unsupported || error.code == .empty)
        }
    }

    /// Copies the content to a private file.
    private func spool(_ document: Document) async throws -> ContentSpool {
        let spool = try ContentSpool(folder: self.folder)
        var part = 0
        var count = 0
        while let bytes = try await self.contents.contentPart(document.contentHash, part: part) {
            try Task.checkCancellation()
            try spool.append(bytes)
            count += bytes.count
            part += 1
        }
        guard count == document.byteCount else {
            throw IngestionError("Its content is not complete. Add the file again.")
        }
        return spool
    }

    /// The document's failure is its own affair: the job is done with it. What another try may change is the job's.
    private func settle(_ error: IngestionError, _ version: DocumentVersion) async throws(JobError) {
        guard !error.isRetryable else {
            throw JobError(error.detail.map { "\(error.reason) (\($0))" } ?? error.reason, isRetryable: true)
        }
        self.logger.info(
            "a document cannot be read",
            metadata: [
                "document": "\(version.documentID)", "reason": "\(error.reason)", "detail": "\(error.detail ?? "")",
            ])
        do {
            try await self.passages.setFailure(version, reason: error.reason, at: .now())
        } catch {
            guard error.code != .notFound else { return }
            throw JobError("\(error)", isRetryable: true)
        }
    }

    /// One line of at most ``KnowledgeLimits/titleScalars``: what the document calls itself, or its file's name.
    static func title(_ own: String?, _ document: Document) -> String {
        func line(_ text: String) -> String {
            let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
            return String(String.UnicodeScalarView(scalars)).split(separator: " ").joined(separator: " ")
        }
        let title = line(own ?? "")
        let name = line(document.name.split(separator: "/").last.map(String.init) ?? document.name)
        let chosen = title.isEmpty ? (name.isEmpty ? "Document" : name) : title
        return String(String.UnicodeScalarView(chosen.unicodeScalars.prefix(KnowledgeLimits.titleScalars)))
    }
}
