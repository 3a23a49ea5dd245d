//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Answers without a language model: it quotes the passages that answer the question, with citations, and says plainly
/// what it is.
///
/// The passages are those of the user's documents that the request brings. The manual is asked only when the question
/// names Parley, and then goes first, or when the documents gave nothing: it is there for everybody and would else
/// drown them. The numbers of an answer are its own, told before its first word.
///
/// Deterministic: the same passages give the same answer, so it can continue one whose beginning exists.
public struct LocalModel: ChatModel {
    /// The name by which it is chosen.
    public static let name = "local"

    /// The manual.
    private let search: any PassageSearch
    private let pace: Duration

    /// - Parameters:
    ///   - search: the manual.
    ///   - pace: the time between two groups of words; zero sends them without a pause.
    public init(search: any PassageSearch, pace: Duration = .milliseconds(8)) {
        self.search = search
        self.pace = pace
    }

    public func models() async -> [ModelInfo] {
        [ModelInfo(name: Self.name, continuesAnswers: true)]
    }

    public func answer(
        _ request: ChatRequest, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        let questions = request.messages.filter { $0.role == .user }.map(\.content)
        let question = LocalQuestion(request.question ?? questions.last ?? "")
        let passages = try await self.passages(for: question, before: questions.dropLast().last, request)
        try await receive(.started(model: Self.name))
        if !passages.isEmpty { try await receive(.sources(passages)) }
        let text = LocalAnswer.text(to: question, passages: passages, unready: request.unready)
        return try await self.send(Self.rest(of: text, after: request.continuing), request.maximumTokens, receive)
    }

    /// The passages, numbered as the text will cite them.
    private func passages(
        for question: LocalQuestion, before earlier: String?, _ request: ChatRequest
    ) async throws -> [Citation] {
        guard question.kind == .question else { return [] }
        let documents = Array(request.passages.prefix(ModelsLimits.localPassages))
        // An answer that goes on after a break brings what its beginning quoted, the manual included.
        if documents.contains(where: { DocumentID($0.documentID) == nil }) { return documents }
        guard documents.isEmpty || question.isAboutParley else { return Self.numbered(documents) }
        let manual = try await self.manual(for: question, before: earlier)
        let room = documents.isEmpty ? ModelsLimits.localPassages : ModelsLimits.localManualPassages
        return Self.numbered(manual.prefix(room) + documents)
    }

    private static func numbered(_ passages: [Citation]) -> [Citation] {
        passages.prefix(ModelsLimits.localPassages).enumerated().map { index, passage in
            var numbered = passage
            numbered.n = index + 1
            return numbered
        }
    }

    /// Passages of the manual. A short follow-up that finds nothing by itself is asked again together with the question
    /// before it.
    private func manual(for question: LocalQuestion, before earlier: String?) async throws -> [Citation] {
        let found = try await self.search.passages(
            answering: question.query, limit: ModelsLimits.localPassages)
        guard found.isEmpty, let earlier, question.isShort else { return found }
        let both = LocalQuestion(earlier + " " + question.query)
        return try await self.search.passages(answering: both.query, limit: ModelsLimits.localPassages)
    }

    private func send(
        _ text: Substring, _ maximumTokens: Int?, _ receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        var sent = 0
        for group in WordGroups(text) {
            if let maximumTokens, sent >= maximumTokens { return ModelCompletion(finishReason: .length) }
            if sent > 0, self.pace > .zero { try await Task.sleep(for: self.pace) }
            try Task.checkCancellation()
            try await receive(.delta(String(group)))
            sent += WordGroups.words
        }
        return ModelCompletion(finishReason: .stop)
    }

    /// What is still to be said. A beginning that is not ours any more, because the passages changed, is left to
    /// stand and the answer follows it whole.
    static func rest(of text: String, after beginning: String?) -> Substring {
        guard let beginning, !beginning.isEmpty else { return text[...] }
        let scalars = text.unicodeScalars
        guard scalars.starts(with: beginning.unicodeScalars) else { return "\n\n" + text[...] }
        return Substring(scalars.dropFirst(beginning.unicodeScalars.count))
    }
}

/// Cuts text into groups of a few words, white space included; joined they are the text.
struct WordGroups: Sequence, IteratorProtocol {
    /// Words in one group.
    static let words = 3

    private var rest: Substring

    init(_ text: Substring) {
        self.rest = text
    }

    mutating func next() -> Substring? {
        guard !self.rest.isEmpty else { return nil }
        var end = self.rest.startIndex
        for _ in 0..<Self.words {
            end = self.rest[end...].firstIndex { !$0.isWhitespace } ?? self.rest.endIndex
            end = self.rest[end...].firstIndex(where: \.isWhitespace) ?? self.rest.endIndex
        }
        defer { self.rest = self.rest[end...] }
        return self.rest[..<end]
    }
}
