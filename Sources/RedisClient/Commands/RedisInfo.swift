//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What INFO answers: lines of `name:value` under headings.
public struct RedisInfo: Sendable {
    private var fields: [String: String] = [:]

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            self.fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
    }

    /// The value of a field such as `redis_version`.
    public subscript(_ name: String) -> String? { self.fields[name] }
}
