//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A secret that never prints itself.
public struct APIKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let secret: String

    /// What can stand in a header field and is the same in JSON: visible ASCII without quotes and backslashes.
    private static func isFit(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x20 && scalar.value < 0x7F && scalar != "\"" && scalar != "\\"
    }

    /// Takes a key as it stands in an environment variable or a file, white space around it removed; `nil` when it is
    /// empty or cannot be a header field's value.
    public init?(_ text: String) {
        let secret = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        guard !secret.isEmpty, secret.allSatisfy({ $0.unicodeScalars.allSatisfy(Self.isFit) }) else { return nil }
        self.secret = String(secret)
    }

    /// The value of the header field `Authorization`.
    var authorization: String { "Bearer \(self.secret)" }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether `text` has the key in it.
    func occurs(in text: String) -> Bool { text.contains(self.secret) }

    /// The text with the key taken out.
    func removed(from text: String) -> String {
        text.split(separator: self.secret, omittingEmptySubsequences: false).joined(separator: self.description)
    }
}
