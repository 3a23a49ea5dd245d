//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Makes a model server's own words fit to be shown and logged.
struct ServerWords: Sendable {
    let key: APIKey?

    /// The text without the key, without anything that looks like one, without control characters, and not longer
    /// than ``ModelsLimits/errorMessageScalars``.
    func clean(_ text: String) -> String {
        let bare = self.key?.removed(from: text) ?? text
        var words: [String] = []
        for word in bare.split(whereSeparator: { $0.isWhitespace || $0.unicodeScalars.allSatisfy(Self.isControl) }) {
            words.append(
                Self.looksLikeKey(word)
                    ? "<redacted>"
                    : String(
                        String.UnicodeScalarView(
                            word.unicodeScalars.filter { !Self.isControl($0) })))
        }
        let line = words.joined(separator: " ").unicodeScalars
        guard line.count > ModelsLimits.errorMessageScalars else { return String(line) }
        return String(String.UnicodeScalarView(line.prefix(ModelsLimits.errorMessageScalars))) + "…"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Servers repeat keys in part (`sk-ab*****yz`), which the exact comparison does not find.
    private static func looksLikeKey(_ word: Substring) -> Bool {
        let bare = word.drop { !$0.isLetter && !$0.isNumber }
        return bare.hasPrefix("sk-") && bare.utf8.count > 6
    }
}
