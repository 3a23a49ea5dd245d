//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// How many tokens a model server counts for one that ``TokenEstimate`` guesses: a moving average of what it reported,
/// within bounds. Pure.
public struct TokenRatio: Hashable, Sendable {
    public private(set) var value: Double
    private var observations = 0

    public init() {
        self.value = 1
    }

    /// Takes in one report. Short prompts say little, and reports that no tokenizer could give are brought into bounds.
    ///
    /// The first reports weigh more: the average is the plain mean until its memory of
    /// `1 / ChatLimits.calibrationWeight` reports is full, exponential from then on.
    ///
    /// - Parameters:
    ///   - estimated: tokens as estimated with a ratio of one.
    ///   - reported: `usage.promptTokens`.
    public mutating func observe(estimated: Int, reported: Int) {
        guard estimated >= ChatLimits.calibrationTokens, reported > 0 else { return }
        let seen = min(
            max(Double(reported) / Double(estimated), ChatLimits.leastTokenRatio), ChatLimits.greatestTokenRatio)
        self.observations = min(self.observations + 1, Int(1 / ChatLimits.calibrationWeight))
        let weight = max(1 / Double(self.observations), ChatLimits.calibrationWeight)
        self.value += (seen - self.value) * weight
    }
}

/// Guesses the tokens of a text from its length.
public struct TokenEstimate: Hashable, Sendable {
    /// Tokens of the model for each guessed one.
    public var ratio: Double

    public init(ratio: Double = 1) {
        self.ratio = ratio
    }

    /// The tokens of a piece of text. Of joined texts the tokens are at most the sum.
    public func tokens(in text: String) -> Int {
        Int((Double(text.utf8.count) / ChatLimits.bytesPerToken * self.ratio).rounded(.up))
    }

    /// The tokens of a whole message: its text and what a message costs beside it.
    public func tokens(inMessage text: String) -> Int {
        self.tokens(in: text) + ChatLimits.tokensPerMessage
    }

    /// The bytes of text that fit into this many tokens.
    func bytes(in tokens: Int) -> Int {
        max(0, Int((Double(tokens) * ChatLimits.bytesPerToken / self.ratio).rounded(.down)))
    }
}

/// What this node has learnt of how models count, by the name that was asked for.
public final class TokenCalibration: Sendable {
    private let ratios = Mutex<[String: TokenRatio]>([:])

    public init() {}

    /// - Parameter model: `nil` is the default model.
    public func estimate(for model: String?) -> TokenEstimate {
        TokenEstimate(ratio: self.ratios.withLock { $0[model ?? ""]?.value } ?? 1)
    }

    /// Takes in what a server reported for a prompt of this estimate with a ratio of one.
    public func observe(model: String?, estimated: Int, reported: Int) {
        self.ratios.withLock { ratios in
            let name = model ?? ""
            // Names come from users: a flood of them forgets all rather than grow.
            if ratios[name] == nil, ratios.count >= ChatLimits.calibratedModels { ratios.removeAll() }
            ratios[name, default: TokenRatio()].observe(estimated: estimated, reported: reported)
        }
    }
}
