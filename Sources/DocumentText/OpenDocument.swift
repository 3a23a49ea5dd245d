//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// A document of which the text is read step by step, in memory that does not grow with it.
public actor OpenDocument {
    /// Told from another thread than the one that reads.
    private final class Cancellation: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    private let thread = ReadingThread()
    public nonisolated var unownedExecutor: UnownedSerialExecutor { self.thread.asUnownedSerialExecutor() }

    private let limits: DocumentReader.Limits
    private let tools: DocumentTools
    private let cancellation = Cancellation()
    private var file: FileBytes?
    private var reader: any FormatReader = LineFormat(PlainTextLines())
    private var decoder = TextDecoder(.utf8)
    private var sink = BlockSink()
    private var offset = 0
    private var isConverted = false
    private var failure: DocumentError?

    /// What the document is, told by its content.
    public private(set) var kind = DocumentKind.plainText

    init(limits: DocumentReader.Limits, tools: DocumentTools) {
        self.limits = limits
        self.tools = tools
    }

    /// What the document calls itself, as far as it has been read: in its metadata or its first heading of level 1.
    public var title: String? { self.sink.title }

    /// The language that the document says it is in, such as `de-AT`, as far as it has been read.
    public var language: String? { self.sink.language }

    /// How much of the document has been read, from 0 to 1.
    public var progress: Double {
        guard let file = self.file, file.count > 0, self.isConverted || !self.kind.isConverted else { return 0 }
        return Double(self.offset) / Double(file.count)
    }

    func open(path: String, name: String) throws(DocumentError) {
        let file = try FileBytes(path: path)
        let detector = try KindDetector(file, name: name)
        self.kind = detector.kind
        guard self.kind.isConverted || file.count <= self.limits.nativeBytes else {
            throw DocumentError(
                .tooLarge, "It is larger than \(self.limits.nativeBytes >> 20) MB. Split it into parts.")
        }
        self.file = file
        self.decoder = TextDecoder(detector.encoding)
        self.reader = Self.reader(of: detector.kind)
    }

    private static func reader(of kind: DocumentKind) -> any FormatReader {
        switch kind {
        case .plainText: LineFormat(PlainTextLines())
        case .sourceCode: LineFormat(PlainTextLines(as: .code))
        case .markdown: LineFormat(MarkdownLines())
        case .pdf: LineFormat(PDFTextLines())
        case .html, .docx, .odt, .epub, .rtf: HTMLFormat()
        case .xml: HTMLFormat(isXML: true)
        case .json: JSONFormat()
        case .table(let separator): TableFormat(separator: separator)
        }
    }

    /// The next blocks, some ten kilobytes of text; nil when there are no more.
    ///
    /// - Throws: ``DocumentError``, and the same again at each later call. Without any text it is `empty`. A task that
    ///   is cancelled gets `cancelled`, and a program that runs for it is ended at once.
    public func next() async throws(DocumentError) -> [TextBlock]? {
        let cancellation = self.cancellation
        let result = await withTaskCancellationHandler {
            self.step()
        } onCancel: {
            cancellation.isSet.store(true, ordering: .relaxed)
        }
        return try result.get()
    }

    private func step() -> Result<[TextBlock]?, DocumentError> {
        if let failure = self.failure { return .failure(failure) }
        do throws(DocumentError) {
            return .success(try self.read())
        } catch {
            self.failure = error
            self.file = nil
            return .failure(error)
        }
    }

    private func read() throws(DocumentError) -> [TextBlock]? {
        if self.kind.isConverted, !self.isConverted { try self.convert() }
        while let file = self.file {
            guard !self.cancellation.isSet.load(ordering: .relaxed) else {
                throw DocumentError(.cancelled, "The reading was cancelled.")
            }
            let bytes = try file.read(at: self.offset, count: DocumentTextLimits.pieceBytes)
            self.offset += bytes.count
            if bytes.isEmpty {
                try self.reader.take(try self.decoder.finish(), into: &self.sink)
                try self.reader.finish(into: &self.sink)
                self.file = nil
                guard self.sink.end > 0 else { throw self.nothingFound }
            } else {
                try self.reader.take(try self.decoder.decode(bytes[...]), into: &self.sink)
            }
            guard self.sink.end <= self.limits.textScalars else {
                throw DocumentError(.tooLarge, "It holds too much text. Split it into parts.")
            }
            let blocks = self.sink.take()
            if !blocks.isEmpty { return blocks }
        }
        return nil
    }

    private func convert() throws(DocumentError) {
        guard let file = self.file else { return }
        let cancellation = self.cancellation
        let converted = try Conversion(
            kind: self.kind, tools: self.tools, limits: self.limits,
            isCancelled: { cancellation.isSet.load(ordering: .relaxed) }
        ).run(file)
        self.file = converted.text
        self.isConverted = true
        if let title = converted.title { self.sink.setTitle(title) }
    }

    private var nothingFound: DocumentError {
        self.kind == .pdf
            ? DocumentError(
                .empty,
                "There is no text in the PDF: it may be scanned. Have its text recognised (OCR) and add it again.")
            : DocumentError(.empty, "There is no text in the file.")
    }
}
