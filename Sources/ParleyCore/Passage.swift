//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A piece of a document that is found as one: long enough to answer a question, short enough to quote.
public struct Passage: Hashable, Sendable {
    /// The document and the place in it, such as `guide/models#several-servers`.
    public var documentID: String
    /// The titles that lead to it: `Models › Several servers`.
    public var title: String
    /// Markdown.
    public var text: String

    public init(documentID: String, title: String, text: String) {
        self.documentID = documentID
        self.title = title
        self.text = text
    }
}
