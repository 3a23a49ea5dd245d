//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A header's value with parameters (RFC 9110, 5.6.6): `form-data; name="file"; filename=a.txt`.
struct HeaderValue {
    /// What stands before the parameters, in lower case.
    private(set) var value: String
    /// The parameters, names in lower case, in their order; no name occurs twice.
    private(set) var parameters: [(name: String, bytes: [UInt8])] = []

    private var rest: ArraySlice<UInt8>

    /// Nil when the value breaks the grammar or a parameter occurs twice.
    init?(_ bytes: [UInt8]) {
        self.rest = bytes[...]
        let end = self.rest.firstIndex(of: UInt8(ascii: ";")) ?? self.rest.endIndex
        let value = self.rest[..<end].trimmingBlanks
        guard !value.isEmpty, value.allSatisfy({ $0.isToken || $0 == UInt8(ascii: "/") }) else { return nil }
        self.value = String(decoding: value, as: UTF8.self).lowercased()
        self.rest = self.rest[end...]
        while self.rest.popFirst() == UInt8(ascii: ";") {
            guard self.takeParameter() else { return nil }
        }
        guard self.rest.isEmpty else { return nil }
    }

    /// The parameter with this name.
    subscript(_ name: String) -> [UInt8]? {
        self.parameters.first { $0.name == name }?.bytes
    }

    private mutating func skipBlanks() {
        self.rest = self.rest.drop { $0.isBlank }
    }

    private mutating func takeParameter() -> Bool {
        self.skipBlanks()
        // An empty parameter, as after a closing semicolon.
        guard let first = self.rest.first, first != UInt8(ascii: ";") else { return true }
        let name = self.takeToken()
        guard !name.isEmpty, self.rest.popFirst() == UInt8(ascii: "=") else { return false }
        let bytes: [UInt8]
        if self.rest.first == UInt8(ascii: "\"") {
            guard let quoted = self.takeQuoted() else { return false }
            bytes = quoted
        } else {
            bytes = Array(self.takeToken())
            guard !bytes.isEmpty else { return false }
        }
        self.skipBlanks()
        let lowercased = String(decoding: name, as: UTF8.self).lowercased()
        guard self[lowercased] == nil else { return false }
        self.parameters.append((lowercased, bytes))
        return self.rest.isEmpty || self.rest.first == UInt8(ascii: ";")
    }

    private mutating func takeToken() -> ArraySlice<UInt8> {
        let token = self.rest.prefix { $0.isToken }
        self.rest = self.rest[token.endIndex...]
        return token
    }

    /// What stands between quotes. A backslash escapes a quote and a backslash and stands for itself before any other
    /// byte: browsers of Windows once sent whole paths, and escape nothing.
    private mutating func takeQuoted() -> [UInt8]? {
        var bytes: [UInt8] = []
        self.rest = self.rest.dropFirst()
        while let byte = self.rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return bytes
            case UInt8(ascii: "\\"):
                let next = self.rest.first
                if next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") {
                    self.rest = self.rest.dropFirst()
                    bytes.append(next ?? byte)
                } else {
                    bytes.append(byte)
                }
            default: bytes.append(byte)
            }
        }
        return nil
    }
}

extension UInt8 {
    /// A space or a tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// RFC 9110, 5.6.2.
    var isToken: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }

    var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    var trimmingBlanks: ArraySlice<UInt8> {
        var bytes = self.drop { $0.isBlank }
        while bytes.last?.isBlank == true { bytes.removeLast() }
        return bytes
    }
}
