//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Markdown that is in memory already.
public enum MarkdownText {
    /// The blocks of a whole text, as ``DocumentReader`` finds them in a file; none when it holds no text.
    public static func blocks(of text: String) -> [TextBlock] {
        var decoder = TextDecoder(.utf8)
        var reader = LineFormat(MarkdownLines())
        var sink = BlockSink()
        do throws(DocumentError) {
            try reader.take(try decoder.decode(Array(text.utf8)[...]), into: &sink)
            try reader.take(try decoder.finish(), into: &sink)
            try reader.finish(into: &sink)
        } catch {
            // Only bytes that are no text throw: a string of control characters.
            return []
        }
        return sink.take()
    }
}
