//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What of a passage is embedded: the same whether ingestion or the backfill does it.
enum PassageText {
    /// The headings say what a passage is about where its own words do not.
    static func embedded(title: String, text: String) -> String {
        title.isEmpty ? text : "\(title)\n\n\(text)"
    }
}
