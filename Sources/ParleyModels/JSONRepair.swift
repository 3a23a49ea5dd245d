//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Makes JSON readable that a careless server wrote: splits characters over chunks, or cuts text by UTF-16 units.
enum JSONRepair {
    /// The text with every byte that is not UTF-8 and every escaped half of a surrogate pair replaced by U+FFFD.
    static func repaired(_ bytes: Span<UInt8>) -> [UInt8] {
        let text = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        let source = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            guard source[index] == UInt8(ascii: "\\"), index + 1 < source.count else {
                result.append(source[index])
                index += 1
                continue
            }
            guard let unit = Self.unit(in: source, at: index), (0xD800...0xDFFF).contains(unit) else {
                result.append(contentsOf: source[index...(index + 1)])
                index += 2
                continue
            }
            if unit < 0xDC00, let low = Self.unit(in: source, at: index + 6), (0xDC00...0xDFFF).contains(low) {
                result.append(contentsOf: source[index..<(index + 12)])
                index += 12
            } else {
                result.append(contentsOf: [0xEF, 0xBF, 0xBD])
                index += 6
            }
        }
        return result
    }

    /// The UTF-16 unit of the escape `\uXXXX` at `index`, if there is one.
    private static func unit(in bytes: [UInt8], at index: Int) -> UInt16? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        return UInt16(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
    }
}
