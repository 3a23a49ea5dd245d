//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Checks UTF-8 that comes in pieces (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
/// A piece may end anywhere in a sequence.
struct UTF8Validator {
    /// Continuation bytes still to come in the sequence under way.
    private var pending = 0
    /// What the next continuation byte may be; narrower than 80…BF after E0, ED, F0 and F4.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether the text may end here.
    var isComplete: Bool { self.pending == 0 }

    /// Takes the next piece. False as soon as no continuation could make it valid; the validator is then used up.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if self.pending == 0 {
                // Eight ASCII bytes at a time.
                while index + 8 <= bytes.count,
                    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                }
                guard index < bytes.count else { break }
                guard self.lead(bytes[index]) else { return false }
            } else {
                guard self.allowed.contains(bytes[index]) else { return false }
                self.pending -= 1
                self.allowed = 0x80...0xBF
            }
            index += 1
        }
        return true
    }

    private mutating func lead(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: self.pending = 1
        case 0xE0: (self.pending, self.allowed) = (2, 0xA0...0xBF)
        case 0xED: (self.pending, self.allowed) = (2, 0x80...0x9F)
        case 0xE1...0xEF: self.pending = 2
        case 0xF0: (self.pending, self.allowed) = (3, 0x90...0xBF)
        case 0xF1...0xF3: self.pending = 3
        case 0xF4: (self.pending, self.allowed) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }
}
