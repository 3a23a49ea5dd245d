//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What a file is, told by its content; its name only chooses between kinds of text.
public enum DocumentKind: Hashable, Sendable {
    case pdf
    case docx
    case odt
    case epub
    case rtf
    case html
    case xml
    case markdown
    /// With the byte between its columns.
    case table(separator: UInt8)
    /// One value, or one on each line.
    case json
    case sourceCode
    case plainText

    /// The IANA media type, as a client would be told.
    public var mediaType: String {
        switch self {
        case .pdf: "application/pdf"
        case .docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        case .odt: "application/vnd.oasis.opendocument.text"
        case .epub: "application/epub+zip"
        case .rtf: "application/rtf"
        case .html: "text/html"
        case .xml: "application/xml"
        case .markdown: "text/markdown"
        case .table(let separator): separator == 0x09 ? "text/tab-separated-values" : "text/csv"
        case .json: "application/json"
        case .sourceCode, .plainText: "text/plain"
        }
    }

    var isConverted: Bool {
        switch self {
        case .pdf, .docx, .odt, .epub, .rtf: true
        default: false
        }
    }
}
