//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What the headers of a part say.
public struct MultipartPart: Hashable, Sendable {
    /// A header line as it came, its value without surrounding blanks, repaired where it is not UTF-8.
    public struct Field: Hashable, Sendable {
        public var name: String
        public var value: String
    }

    /// The name of the form's field.
    public private(set) var name: String
    /// The file's name: its last path component without control characters; empty when no such name was sent, as when
    /// a form is sent without a file. Nil when the part is no file.
    public private(set) var filename: String?
    /// The type that the client claims, such as `text/plain; charset=utf-8`.
    public private(set) var contentType: String?
    /// All header lines.
    public private(set) var headers: [Field]

    init(lines: [[UInt8]]) throws(MultipartError) {
        self.headers = []
        var fields: [String: [UInt8]] = [:]
        for line in lines {
            let (name, value) = try Self.field(line)
            self.headers.append(Field(name: name, value: String(decoding: value, as: UTF8.self)))
            guard fields.updateValue(value, forKey: name.lowercased()) == nil else {
                throw .malformed("a part has the same header twice")
            }
        }
        if let encoding = fields["content-transfer-encoding"] {
            // Deprecated by RFC 7578, 4.7; these mean that nothing is encoded.
            let name = String(decoding: encoding, as: UTF8.self).lowercased()
            guard ["7bit", "8bit", "binary"].contains(name) else {
                throw .malformed("a part is sent in a transfer encoding; send its bytes as they are")
            }
        }
        guard let disposition = fields["content-disposition"].flatMap(HeaderValue.init),
            disposition.value == "form-data", let name = disposition["name"]
        else { throw .malformed("a part needs 'Content-Disposition: form-data' with a name") }
        self.name = String(decoding: Self.unescaped(name), as: UTF8.self).withoutControls
        guard self.name.utf8.count <= MultipartParserLimits.nameBytes else {
            throw .tooLarge("the name of a field is too long")
        }
        if let extended = disposition["filename*"].flatMap(Self.extendedValue) {
            self.filename = Self.filename(extended)
        } else if let plain = disposition["filename"] {
            self.filename = Self.filename(String(decoding: Self.unescaped(plain), as: UTF8.self))
        }
        self.contentType = fields["content-type"].map { String(decoding: $0, as: UTF8.self) }
    }

    /// A line without its end. Folded lines and control characters are refused, as HTTP does (RFC 9112, 5).
    private static func field(_ line: [UInt8]) throws(MultipartError) -> (name: String, value: [UInt8]) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy({ $0.isToken })
        else { throw .malformed("a header line of a part has no name") }
        let value = line[(colon + 1)...].trimmingBlanks
        guard value.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            throw .malformed("a header of a part holds control characters")
        }
        return (String(decoding: line[..<colon], as: UTF8.self), Array(value))
    }

    /// Undoes what browsers escape in names (https://html.spec.whatwg.org/#multipart-form-data): `%22`, `%0D`, `%0A`.
    /// Any other percent sign stands for itself.
    private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = self.hexPair(rest.prefix(2)), [0x22, 0x0D, 0x0A].contains(code) {
                result.append(code)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func hexPair(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.count == 2, let high = digits.first?.hexValue, let low = digits.last?.hexValue else { return nil }
        return high << 4 | low
    }

    /// `UTF-8'en'%e2%82%ac.txt` (RFC 8187, 3.2). RFC 7578, 4.2 forbids clients to send it; some do. Nil when it is in
    /// another charset or cannot be read.
    private static func extendedValue(_ bytes: [UInt8]) -> String? {
        let parts = bytes.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var decoded: [UInt8] = []
        var rest = parts[2]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let code = self.hexPair(rest.prefix(2)) else { return nil }
            decoded.append(code)
            rest = rest.dropFirst(2)
        }
        switch String(decoding: parts[0], as: UTF8.self).lowercased() {
        case "utf-8": return String(validating: decoded, as: UTF8.self)
        case "iso-8859-1": return String(String.UnicodeScalarView(decoded.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }

    /// A name that leads nowhere and shows what it is.
    private static func filename(_ sent: String) -> String {
        let last = sent.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last ?? ""
        let name = String(last).withoutControls.trimmingBlanks
        guard name.contains(where: { $0 != "." }) else { return "" }
        return name.shortened(toBytes: MultipartParserLimits.filenameBytes)
    }
}

extension String {
    /// Without control characters, line and paragraph separators, and the marks that turn the direction of writing
    /// around, which make `exe.txt` of `txt.exe`.
    fileprivate var withoutControls: String {
        String(
            UnicodeScalarView(
                self.unicodeScalars.filter { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .lineSeparator, .paragraphSeparator: false
                    default: !(0x202A...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
                    }
                }))
    }

    fileprivate var trimmingBlanks: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Cut before its ending (`.txt`), if it is too long.
    fileprivate func shortened(toBytes count: Int) -> String {
        guard self.utf8.count > count else { return self }
        let dot = self.lastIndex(of: ".") ?? self.endIndex
        let ending = self[dot...].utf8.count <= 16 ? self[dot...] : ""
        var stem = self[..<(ending.isEmpty ? self.endIndex : dot)].unicodeScalars
        var bytes = self.utf8.count - (ending.isEmpty ? 0 : ending.utf8.count)
        while bytes + ending.utf8.count > count, let scalar = stem.popLast() {
            bytes -= scalar.utf8.count
        }
        return String(stem) + ending
    }
}
