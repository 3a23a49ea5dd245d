//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// What a document may be called.
enum DocumentName {
    /// The name in Unicode's composed form, so that a file from a Mac and the same from elsewhere are one.
    ///
    /// - Throws: a 422 `Problem` for an empty or too long name, or one with control characters.
    static func checked(_ name: String, field: String) throws -> String {
        let name = name.precomposedStringWithCanonicalMapping
        guard name.contains(where: { !$0.isWhitespace }) else {
            throw Problem.invalid(field, "must have a file's name")
        }
        guard name.utf8.count <= CoreLimits.documentNameBytes else {
            throw Problem.invalid(field, "must have a name of at most \(CoreLimits.documentNameBytes) bytes")
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Problem.invalid(field, "must have a name without control characters")
        }
        return name
    }

    /// The value of `Content-Disposition` that saves a document under its name (RFC 6266, RFC 8187): plain ASCII for
    /// old clients, all of it for the others, and nothing of a path.
    static func attachment(_ name: String) -> String {
        let last = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? "document"
        let plain = String(
            last.unicodeScalars.prefix(150).map { scalar in
                let isPlain =
                    scalar.isASCII
                    && (scalar.properties.isAlphabetic || "0123456789.-_".unicodeScalars.contains(scalar))
                return isPlain ? Character(scalar) : "_"
            })
        var full = ""
        for byte in last.utf8 {
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
            full += isPlain ? String(UnicodeScalar(byte)) : String(format: "%%%02X", byte)
        }
        let safe = plain.allSatisfy({ $0 == "." }) ? "document" : plain
        return "attachment; filename=\"\(safe)\"; filename*=UTF-8''\(full)"
    }
}
