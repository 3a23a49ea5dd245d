//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How bytes stand for text.
enum TextEncoding: Hashable {
    case utf8
    case utf16LittleEndian
    case utf16BigEndian
    case windows1252

    /// Told from a byte order mark, the places of zeros, or whether the bytes are UTF-8.
    ///
    /// - Parameter isWhole: whether the bytes are the whole file; otherwise a character may be cut at their end.
    /// - Throws: `unsupported` when they are no text; `empty` when there is nothing but zeros.
    init(_ head: [UInt8], isWhole: Bool) throws(DocumentError) {
        if head.starts(with: [0xEF, 0xBB, 0xBF]) {
            self = .utf8
        } else if head.starts(with: [0xFF, 0xFE]) {
            self = .utf16LittleEndian
        } else if head.starts(with: [0xFE, 0xFF]) {
            self = .utf16BigEndian
        } else if let byZeros = try Self.byZeros(head) {
            self = byZeros
            return
        } else {
            self = Self.isUTF8(head, isWhole: isWhole) ? .utf8 : .windows1252
        }
        guard self == .utf8 || self == .windows1252 else { return }
        let controls = head.count { $0 < 0x20 && !(0x08...0x0D).contains($0) && $0 != 0x1B }
        guard controls * 50 <= head.count else { throw Self.binary }
    }

    static let binary = DocumentError(.unsupported, "It is no text and no kind of document that can be read.")

    /// Text in UTF-16 without a mark has zeros in every other place, mostly.
    private static func byZeros(_ head: [UInt8]) throws(DocumentError) -> TextEncoding? {
        let zeros = head.count { $0 == 0 }
        guard zeros > 0 else { return nil }
        guard zeros < head.count else { throw DocumentError(.empty, "The file holds nothing but zero bytes.") }
        var odd = 0
        for index in stride(from: 1, to: head.count, by: 2) where head[index] == 0 { odd += 1 }
        let places = head.count / 2
        let even = zeros - odd
        if odd * 10 >= places * 4, even * 50 <= places { return .utf16LittleEndian }
        if even * 10 >= places * 4, odd * 50 <= places { return .utf16BigEndian }
        // A stray zero happens in text; more of them do not.
        guard zeros * 200 <= head.count else { throw self.binary }
        return nil
    }

    private static func isUTF8(_ head: [UInt8], isWhole: Bool) -> Bool {
        var head = head[...]
        if !isWhole {
            // A character that the end cuts.
            while head.count > 0, let last = head.last, last >= 0x80 { head.removeLast() }
        }
        return String(validating: head, as: UTF8.self) != nil
    }
}
