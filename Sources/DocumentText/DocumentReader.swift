//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Reads the text of documents: of text formats itself, of PDF by poppler, of docx, odt, epub and rtf by pandoc.
///
///     let document = try await DocumentReader().open(path: "report.pdf", name: "report.pdf")
///     while let blocks = try await document.next() { … }
public struct DocumentReader: Sendable {
    /// How much is read before a document is refused.
    public struct Limits: Hashable, Sendable {
        public var nativeBytes = DocumentTextLimits.nativeBytes
        public var textScalars = DocumentTextLimits.textScalars
        public var convertedBytes = DocumentTextLimits.convertedBytes
        public var outputBytes = DocumentTextLimits.outputBytes
        public var unpackedBytes = DocumentTextLimits.unpackedBytes
        public var toolMemoryBytes = DocumentTextLimits.toolMemoryBytes
        public var toolProcessorTime = DocumentTextLimits.toolProcessorTime
        public var toolTime = DocumentTextLimits.toolTime

        public init() {}
    }

    public let limits: Limits
    public let tools: DocumentTools

    public init(limits: Limits = Limits(), tools: DocumentTools = .installed()) {
        self.limits = limits
        self.tools = tools
    }

    /// Opens a file and finds out what it is. A PDF or packed document is converted with the first call of
    /// ``OpenDocument/next()``.
    ///
    /// - Parameters:
    ///   - path: where the file is.
    ///   - name: what its owner calls it. It only chooses between kinds of text: what is a PDF is told by its content.
    /// - Throws: ``DocumentError`` when no text can be read of it.
    public func open(path: String, name: String) async throws(DocumentError) -> OpenDocument {
        let document = OpenDocument(limits: self.limits, tools: self.tools)
        try await document.open(path: path, name: name)
        return document
    }
}
