//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Divides tokens among the sections of a prompt. Pure and deterministic.
public struct ContextBudget: Hashable, Sendable {
    /// A part of the prompt that competes for tokens.
    public enum Section: Int, Hashable, Sendable, CaseIterable {
        case memories
        case summary
        case recalled
        case passages
        case recent
    }

    /// The percentage that each section may count on.
    public static let shares: [Section: Int] = [
        .memories: 8, .summary: 14, .recalled: 8, .passages: 35, .recent: 35,
    ]

    /// Who gets what others leave, first to last.
    public static let order: [Section] = [.recent, .passages, .summary, .memories, .recalled]

    /// The tokens for each section: never more than it asks for, at least its share of the whole if it asks for that
    /// much, and nothing is left while a section still wants some.
    public static func divide(_ tokens: Int, demands: [Section: Int]) -> [Section: Int] {
        let whole = max(0, tokens)
        var grants: [Section: Int] = [:]
        var left = whole
        for section in Section.allCases {
            let share = whole * (self.shares[section] ?? 0) / 100
            let grant = min(max(0, demands[section] ?? 0), share)
            grants[section] = grant
            left -= grant
        }
        for section in self.order where left > 0 {
            let more = min(left, max(0, demands[section] ?? 0) - (grants[section] ?? 0))
            grants[section, default: 0] += more
            left -= more
        }
        return grants
    }
}
