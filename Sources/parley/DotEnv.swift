//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// Reads `.env` files the way people write them: `KEY=value`, `export KEY=value`, comments, and values in single or
/// double quotes, which the library would keep as part of the value.
enum DotEnv {
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("export ") { line = String(line.dropFirst("export ".count)) }
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
            let key = line[..<equals].trimmingCharacters(in: .whitespaces)
            let value = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            guard !key.isEmpty else { continue }
            values[key] = self.unquoted(value)
        }
        return values
    }

    /// The variables of a file; none when there is no file.
    static func read(path: String) throws -> [String: String] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        return self.parse(try String(contentsOfFile: path, encoding: .utf8))
    }

    private static func unquoted(_ value: String) -> String {
        if value.hasPrefix("\""), let end = value.dropFirst().lastIndex(of: "\"") {
            let inside = value[value.index(after: value.startIndex)..<end]
            return String(inside).replacing("\\n", with: "\n").replacing("\\\"", with: "\"")
                .replacing("\\\\", with: "\\")
        }
        if value.hasPrefix("'"), let end = value.dropFirst().lastIndex(of: "'") {
            return String(value[value.index(after: value.startIndex)..<end])
        }
        // An unquoted value ends at a comment.
        if let comment = value.range(of: " #") {
            return value[..<comment.lowerBound].trimmingCharacters(in: .whitespaces)
        }
        return value
    }
}
