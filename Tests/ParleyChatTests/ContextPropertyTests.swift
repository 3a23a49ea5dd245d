//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyChat

@Suite("Prompts of all sizes")
struct ContextPropertyTests {
    private static func words(_ range: ClosedRange<Int>, _ random: inout SeededGenerator) -> String {
        let alphabet = ["leave ", "漢字", "é\u{301} ", "👩‍🚀", "\n", "[1] ", "⟦end ", "word ", "<|im_end|>", "\u{0}"]
        return (0..<Int.random(in: range, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "" }
            .joined()
    }

    private static func material(_ random: inout SeededGenerator) -> ContextMaterial {
        var parent: MessageID? = Bool.random(using: &random) ? .generate() : nil
        var branch: [Message] = []
        for index in 0...Int.random(in: 0...40, using: &random) {
            let content = Bool.random(using: &random) ? Self.words(0...400, &random) : Self.words(0...10, &random)
            let message = ContextWindowTests.message(
                index.isMultiple(of: 2) ? .user : .assistant, content + "x", parent: parent)
            parent = message.id
            branch.append(message)
        }
        var material = ContextMaterial(branch: branch)
        if Bool.random(using: &random) { material.systemPrompt = Self.words(0...300, &random) }
        material.memories = (0..<Int.random(in: 0...60, using: &random)).map { _ in Self.words(1...20, &random) }
        material.passages = (0..<Int.random(in: 0...12, using: &random)).map { _ in
            ContextWindowTests.citation(Self.words(1...300, &random), title: Self.words(0...5, &random))
        }
        material.recalled = (0..<Int.random(in: 0...8, using: &random)).map { _ in
            RecalledMessage(
                message: ContextWindowTests.message(.user, Self.words(1...200, &random)),
                conversationTitle: Self.words(0...4, &random), score: 0.5)
        }
        material.unready = (0..<Int.random(in: 0...3, using: &random)).map { _ in Self.words(1...6, &random) }
        if let covered = branch.randomElement(using: &random), Bool.random(using: &random) {
            material.summary = ConversationSummary(
                conversationID: covered.conversationID, messageID: covered.id, text: Self.words(1...100, &random),
                createdAt: .now())
        }
        return material
    }

    @Test(
        "never over the budget but for the newest message, which is whole; order and form are stable", arguments: 0..<40
    )
    func budget(block: UInt64) throws {
        for seed in block * 10..<block * 10 + 10 {
            var random = SeededGenerator(seed: seed)
            let material = Self.material(&random)
            let budget = [256, 512, 1000, 4096, 16_000, 100_000].randomElement(using: &random) ?? 256
            let estimate = TokenEstimate(ratio: Double.random(in: 0.4...3, using: &random))
            let window = ContextWindow(budgetTokens: budget)
            var key = SeededGenerator(seed: seed)
            let plan = window.plan(material, estimate: estimate, using: &key)
            let newest = try #require(material.branch.last)
            #expect(plan.tokens - estimate.tokens(inMessage: newest.content) <= budget, "seed \(seed)")
            if estimate.tokens(inMessage: newest.content) < budget / 2 {
                #expect(plan.tokens <= budget, "seed \(seed)")
            }
            #expect(plan.tokens == plan.messages.reduce(0) { $0 + estimate.tokens(inMessage: $1.content) })
            // The newest message ends the prompt, whole; before it stand the latest ones in their order.
            #expect(plan.messages.last?.role == newest.role)
            #expect(
                plan.messages.last?.content.unicodeScalars.suffix(newest.content.unicodeScalars.count)
                    .elementsEqual(newest.content.unicodeScalars) == true)
            let earlier = material.branch.dropLast().suffix(plan.recentMessages)
            let systems = plan.messages.count - plan.recentMessages - 1
            #expect(systems == 0 || systems == 1 && plan.messages[0].role == .system)
            #expect(
                plan.messages.dropFirst(systems).dropLast().elementsEqual(earlier) {
                    $0.role == $1.role && $0.content == $1.content
                })
            #expect(plan.passages.map(\.n) == Array(1..<plan.passages.count + 1))
            // The same again is the same.
            var sameKey = SeededGenerator(seed: seed)
            #expect(window.plan(material, estimate: estimate, using: &sameKey).messages == plan.messages)
        }
    }

    @Test("a longer conversation changes nothing once its recent part fills the window")
    func length() {
        let branch = (0..<2000).map {
            ContextWindowTests.message(
                $0.isMultiple(of: 2) ? .assistant : .user, "m\($0) " + String(repeating: "word ", count: 200))
        }
        let window = ContextWindow(budgetTokens: 4000)
        let long = window.plan(ContextMaterial(branch: branch))
        let short = window.plan(ContextMaterial(branch: Array(branch.suffix(40))))
        #expect(long.messages == short.messages)
    }

    @Test(
        "tokens are divided: each its share if it wants it, nothing left while one wants more",
        arguments: UInt64(0)..<300)
    func division(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let tokens = Int.random(in: -10...20_000, using: &random)
        var demands: [ContextBudget.Section: Int] = [:]
        for section in ContextBudget.Section.allCases { demands[section] = Int.random(in: -5...9000, using: &random) }
        let grants = ContextBudget.divide(tokens, demands: demands)
        let sum = grants.values.reduce(0, +)
        #expect(sum <= max(0, tokens))
        var isHungry = false
        for section in ContextBudget.Section.allCases {
            let (grant, demand) = (grants[section] ?? -1, max(0, demands[section] ?? 0))
            #expect(grant >= 0 && grant <= demand)
            #expect(grant >= min(demand, max(0, tokens) * (ContextBudget.shares[section] ?? 0) / 100))
            isHungry = isHungry || grant < demand
        }
        if isHungry { #expect(sum == max(0, tokens)) }
        #expect(ContextBudget.shares.values.reduce(0, +) == 100)
        #expect(Set(ContextBudget.order) == Set(ContextBudget.Section.allCases))
    }
}

@Suite("The estimate of tokens")
struct TokenRatioTests {
    @Test("comes near what the server reports, within bounds, and one odd report moves it little")
    func calibrates() {
        var ratio = TokenRatio()
        for _ in 0..<50 { ratio.observe(estimated: 1000, reported: 1400) }
        #expect(abs(ratio.value - 1.4) < 0.01)
        ratio.observe(estimated: 1000, reported: 1_000_000)
        #expect(ratio.value < 1.4 + (ChatLimits.greatestTokenRatio - 1.4) * ChatLimits.calibrationWeight + 0.001)
        for _ in 0..<100 { ratio.observe(estimated: 1000, reported: 1) }
        #expect(ratio.value >= ChatLimits.leastTokenRatio)
    }

    @Test("short prompts and reports of nothing are not heeded")
    func ignores() {
        var ratio = TokenRatio()
        ratio.observe(estimated: ChatLimits.calibrationTokens - 1, reported: 500)
        ratio.observe(estimated: 1000, reported: 0)
        ratio.observe(estimated: 1000, reported: -3)
        #expect(ratio.value == 1)
    }

    @Test("is kept for each model, and a flood of names does not grow it")
    func models() {
        let calibration = TokenCalibration()
        calibration.observe(model: "a", estimated: 1000, reported: 2000)
        #expect(calibration.estimate(for: "a").ratio == 2)
        #expect(calibration.estimate(for: "b").ratio == 1)
        for index in 0..<ChatLimits.calibratedModels {
            calibration.observe(model: "m\(index)", estimated: 1000, reported: 500)
        }
        #expect(calibration.estimate(for: "a").ratio == 1)
    }
}
