//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// What passages and older messages are looked for with: the user's newest words, and for a follow-up that leans on the
/// question before it, both. Pure; no model is asked.
public struct RetrievalQuery: Hashable, Sendable {
    /// Looked for first; `nil` when there is no word in the message.
    public var text: String?
    /// Looked for when ``text`` finds nothing: a short question together with the one before it.
    public var widened: String?

    /// - Parameter branch: the messages up to and including the user's newest, oldest first.
    public init(branch: [Message]) {
        let questions = branch.filter { $0.role == .user }.map(\.content)
        let newest = (questions.last ?? "").cut(toBytes: CoreLimits.queryBytes)
        let words = newest.lowercased().split { !$0.isLetter && !$0.isNumber }
        guard !words.isEmpty else { return }
        self.text = newest
        guard words.count <= ChatLimits.followUpWords, let earlier = questions.dropLast().last else { return }
        let room = CoreLimits.queryBytes - newest.utf8.count - 1
        let both = earlier.cut(toBytes: max(0, room)) + "\n" + newest
        if words.count <= 2 || words.contains(where: { Self.leaning.contains($0) }) {
            self.text = both
        } else {
            self.widened = both
        }
    }

    /// Words that point back.
    private static let leaning: Set<Substring> = [
        "it", "its", "they", "them", "their", "this", "that", "these", "those", "he", "she", "his", "her", "there",
        "and", "also", "else", "instead", "then", "ihm", "ihnen", "dies", "diese", "dieser", "dieses", "dort", "davon",
        "dazu", "damit", "und", "auch", "ils", "elles", "ça", "cela", "eso", "esto", "ellos", "también",
    ]
}
