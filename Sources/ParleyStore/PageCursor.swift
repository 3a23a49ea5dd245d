//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The place where the next page of a list begins, as text that a client hands back as it is.
///
/// It names a key, not an offset, so that the last page costs what the first costs, and rows that come or go
/// meanwhile shift nothing.
enum PageCursor: Equatable {
    /// The last conversation on the page before: pinned or not, its `updated` and its row.
    case conversation(pinned: Bool, updated: Int64, row: Int64)
    /// The position of the last message on the page before; the next page has earlier ones.
    case message(Int64)
    /// The position of the first message on the next page, on a way from a leaf to its root.
    case branch(Int64)
    /// The row of the last document on the page before; the next page has earlier ones.
    case document(Int64)
    /// The row of the last job on the page before; the next page has earlier ones.
    case job(Int64)

    var text: String {
        switch self {
        case .conversation(let pinned, let updated, let row): "c.\(pinned ? 1 : 0).\(updated).\(row)"
        case .message(let position): "m.\(position)"
        case .branch(let position): "b.\(position)"
        case .document(let row): "d.\(row)"
        case .job(let row): "j.\(row)"
        }
    }

    init(_ text: String) throws(StoreError) {
        let invalid = StoreError(.invalid, "The cursor is malformed.")
        guard text.utf8.count <= 64 else { throw invalid }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.dropFirst().map { Self.number($0) }
        switch (parts.first, numbers.count) {
        case ("c", 3):
            guard let pinned = numbers[0], pinned == 0 || pinned == 1, let updated = numbers[1], let row = numbers[2]
            else { throw invalid }
            self = .conversation(pinned: pinned == 1, updated: updated, row: row)
        case ("m", 1):
            guard let position = numbers[0] else { throw invalid }
            self = .message(position)
        case ("b", 1):
            guard let position = numbers[0] else { throw invalid }
            self = .branch(position)
        case ("d", 1):
            guard let row = numbers[0] else { throw invalid }
            self = .document(row)
        case ("j", 1):
            guard let row = numbers[0] else { throw invalid }
            self = .job(row)
        default:
            throw invalid
        }
    }

    private static func number(_ text: Substring) -> Int64? {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : text
        guard (1...19).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}
