//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The boundary between the parts of a body, read from `Content-Type`.
public struct MultipartBoundary: Hashable, Sendable {
    /// One to seventy bytes of ASCII.
    let bytes: [UInt8]

    /// Reads the value of a `Content-Type` header by the letter: two parsers that read a boundary differently see
    /// different files in one body.
    ///
    /// - Throws: `unsupportedType` for another type than `multipart/form-data`; `malformed` without one boundary
    ///   as RFC 2046, 5.1.1 has it.
    public init(contentType: String) throws(MultipartError) {
        let bytes = Array(contentType.utf8)
        guard bytes.count <= MultipartParserLimits.contentTypeBytes else {
            throw .malformed("the Content-Type is too long")
        }
        guard let header = HeaderValue(bytes) else {
            throw .malformed("the Content-Type cannot be read")
        }
        guard header.value == "multipart/form-data" else {
            throw MultipartError(
                code: .unsupportedType, message: "the Content-Type must be multipart/form-data with a boundary")
        }
        guard let boundary = header["boundary"] else {
            throw .malformed("the Content-Type names no boundary")
        }
        guard (1...MultipartParserLimits.boundaryBytes).contains(boundary.count), boundary.last != 0x20,
            boundary.allSatisfy(Self.isAllowed)
        else {
            throw .malformed(
                "the boundary must have 1 to 70 characters that RFC 2046 allows")
        }
        self.bytes = boundary
    }

    /// `bchars` of RFC 2046, 5.1.1.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "'()+_,-./:=? ".utf8.contains(byte)
        }
    }
}
