//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Where text may be cut. All places are those of bytes in valid UTF-8.
enum TextSeams {
    /// Sentences without the white space between them: they end with a full stop, exclamation or question mark, and
    /// what closes after it, before white space, if no small letter follows; in Chinese and Japanese without white
    /// space.
    static func sentences(_ bytes: [UInt8]) -> [Range<Int>] {
        var sentences: [Range<Int>] = []
        // Blank at the start belongs to the first, as in a list.
        var start = 0
        var index = 0
        while index < bytes.count {
            guard let end = self.sentenceEnd(bytes, at: index) else {
                index += 1
                continue
            }
            sentences.append(start..<end)
            start = end
            while start < bytes.count, bytes[start] <= 0x20 { start += 1 }
            index = start
        }
        if start < bytes.count { sentences.append(start..<bytes.count) }
        return sentences
    }

    /// Behind the sentence of which the mark at the place is the last, if it is.
    private static func sentenceEnd(_ bytes: [UInt8], at index: Int) -> Int? {
        switch bytes[index] {
        case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"):
            var end = index + 1
            while let closing = self.closing(bytes, at: end) { end += closing }
            guard end < bytes.count, bytes[end] <= 0x20 else { return nil }
            let next = bytes[end...].first { $0 > 0x20 }
            guard let next, !(0x61...0x7A).contains(next) else { return nil }
            return end
        case 0xE3 where bytes[index...].starts(with: [0xE3, 0x80, 0x82]),
            0xEF
        where bytes[index...].starts(with: [0xEF, 0xBC, 0x81])
            || bytes[index...].starts(with: [0xEF, 0xBC, 0x9F]):
            var end = index + 3
            while let closing = self.closing(bytes, at: end) { end += closing }
            return end
        default: return nil
        }
    }

    private static func closing(_ bytes: [UInt8], at index: Int) -> Int? {
        guard index < bytes.count else { return nil }
        if ")]\"'*_`.!?".utf8.contains(bytes[index]) { return 1 }
        let three = bytes[index...].prefix(3)
        // ’ ” » is two bytes, 」 』 ）
        if three.elementsEqual([0xE2, 0x80, 0x99]) || three.elementsEqual([0xE2, 0x80, 0x9D])
            || three.elementsEqual([0xE3, 0x80, 0x8D]) || three.elementsEqual([0xE3, 0x80, 0x8F])
            || three.elementsEqual([0xEF, 0xBC, 0x89])
        {
            return 3
        }
        return three.prefix(2).elementsEqual([0xC2, 0xBB]) ? 2 : nil
    }

    /// Lines with what they begin with, without their ends and without blank ones.
    static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for index in 0...bytes.count where index == bytes.count || bytes[index] == 0x0A {
            if bytes[start..<index].contains(where: { $0 > 0x20 }) { lines.append(start..<index) }
            start = index + 1
        }
        return lines
    }

    /// What stands between white space.
    static func words(_ bytes: [UInt8], in range: Range<Int>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for index in range {
            if bytes[index] > 0x20 {
                if start == nil { start = index }
            } else if let first = start {
                words.append(first..<index)
                start = nil
            }
        }
        if let first = start { words.append(first..<range.upperBound) }
        return words
    }

    /// A place between two characters at or before `near`, if one is close, or else between two scalars; never `after`.
    static func seam(_ bytes: [UInt8], near: Int, after: Int, before: Int) -> Int {
        guard near < before else { return before }
        var place = near
        while place > after, bytes[place] & 0xC0 == 0x80 { place -= 1 }
        if place == after {
            place = near
            while place < before, bytes[place] & 0xC0 == 0x80 { place += 1 }
            return place
        }
        // Marks, joiners and flags hold scalars together; a character of this text's end tells.
        let window = max(after, place - 64)
        var first = window
        while first < place, bytes[first] & 0xC0 == 0x80 { first += 1 }
        var last = min(before, place + 16)
        while last < before, bytes[last] & 0xC0 == 0x80 { last += 1 }
        let text = String(decoding: bytes[first..<last], as: UTF8.self)
        let index = text.utf8.index(text.startIndex, offsetBy: place - first)
        let character = text.indices.last { $0 <= index } ?? text.startIndex
        let found = first + text.utf8.distance(from: text.startIndex, to: character)
        return found > after ? found : place
    }
}
