//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// A prompt in the making.
struct ContextDraft {
    private let material: ContextMaterial
    private let budget: Int
    private let estimate: TokenEstimate
    private let quote: QuotedText
    private let newest: Message?
    /// Before the newest, newest first; without empty and pending ones.
    private let earlier: [Message]
    private let prompt: String
    private let cutsPrompt: Bool

    init(material: ContextMaterial, budget: Int, estimate: TokenEstimate, quote: QuotedText) {
        self.material = material
        self.budget = max(0, budget)
        self.estimate = estimate
        self.quote = quote
        self.newest = material.branch.last
        self.earlier = material.branch.dropLast().reversed()
            .filter { $0.state != .pending && !$0.content.isEmpty }
        let whole = material.systemPrompt ?? ""
        let room = estimate.bytes(in: self.budget / 2 - ChatLimits.tokensPerMessage)
        self.prompt = whole.cut(toBytes: room)
        self.cutsPrompt = self.prompt.utf8.count < whole.utf8.count
    }

    func plan() -> ContextPlan {
        let blocks = ContextBlocks(self.material, quote: self.quote, estimate: self.estimate)
        let question = self.newest?.content ?? ""
        let fixed =
            self.estimate.tokens(inMessage: question)
            + (self.prompt.isEmpty ? 0 : self.estimate.tokens(inMessage: self.prompt))
        let overhead = blocks.isEmpty ? 0 : self.estimate.tokens(inMessage: ContextBlocks.rules + ContextBlocks.joints)
        let left = self.budget - fixed
        // With no room for the rules nothing that needs them goes in.
        let carries = !blocks.isEmpty && left > overhead * 2
        var demands: [ContextBudget.Section: Int] = carries ? blocks.demands : [:]
        demands[.recent] = self.earlier.reduce(0) { $0 + self.estimate.tokens(inMessage: $1.content) }
        let room = carries ? left - overhead : left
        var grants = ContextBudget.divide(room, demands: demands)
        if self.fits(demands, grants), demands[.summary] != nil {
            // The whole branch is there: its summary would only say it twice.
            demands[.summary] = 0
            grants = ContextBudget.divide(room, demands: demands)
        }
        let recent = self.recent(within: grants[.recent] ?? 0)
        let chosen = carries ? blocks.chosen(grants) : ContextBlocks.Chosen()
        return self.assembled(recent: recent, chosen: chosen, question: question)
    }

    private func fits(
        _ demands: [ContextBudget.Section: Int], _ grants: [ContextBudget.Section: Int]
    ) -> Bool {
        self.reachesRoot && demands[.recent] == grants[.recent]
    }

    private var reachesRoot: Bool { self.material.branch.first?.parentID == nil }

    /// The newest messages that fit, oldest first.
    private func recent(within tokens: Int) -> [Message] {
        var left = tokens
        var chosen: [Message] = []
        for message in self.earlier {
            let cost = self.estimate.tokens(inMessage: message.content)
            guard cost <= left else { break }
            left -= cost
            chosen.append(message)
        }
        return chosen.reversed()
    }

    private func assembled(recent: [Message], chosen: ContextBlocks.Chosen, question: String) -> ContextPlan {
        var plan = ContextPlan()
        let system = [self.prompt, chosen.text.isEmpty ? "" : ContextBlocks.rules].filter { !$0.isEmpty }
        if !system.isEmpty {
            plan.messages.append(.init(role: .system, content: system.joined(separator: "\n\n")))
        }
        plan.messages += recent.map { .init(role: $0.role, content: $0.content) }
        if let newest {
            let content = chosen.text.isEmpty ? question : chosen.text + ContextBlocks.joint + question
            plan.messages.append(.init(role: newest.role, content: content))
        }
        plan.question = question
        plan.passages = chosen.passages
        plan.unready = self.material.unready
        plan.tokens = plan.messages.reduce(0) { $0 + self.estimate.tokens(inMessage: $1.content) }
        plan.plainTokens = plan.messages.reduce(0) { $0 + TokenEstimate().tokens(inMessage: $1.content) }
        plan.recentMessages = recent.count
        plan.needsSummary = self.needsSummary(recent: recent.count)
        plan.cutsSystemPrompt = self.cutsPrompt
        return plan
    }

    /// Whether a message that was left out is after the summary's last.
    private func needsSummary(recent: Int) -> Bool {
        let omitted = self.earlier.dropFirst(recent)
        guard let summary = self.material.summary else { return !omitted.isEmpty || !self.reachesRoot }
        return omitted.first.map { $0.id != summary.messageID && self.isAfter(summary.messageID, $0) } ?? false
    }

    /// Whether the message is below the summary's last. One that is above the looked-at part is above all in it.
    private func isAfter(_ summarised: MessageID, _ message: Message) -> Bool {
        let branch = self.material.branch
        guard let end = branch.firstIndex(where: { $0.id == summarised }),
            let place = branch.firstIndex(where: { $0.id == message.id })
        else { return true }
        return place > end
    }
}
