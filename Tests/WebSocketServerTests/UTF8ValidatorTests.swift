//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import WebSocketServer

@Suite struct UTF8ValidatorTests {
    private func isValid(_ pieces: [[UInt8]]) -> Bool {
        var validator = UTF8Validator()
        for piece in pieces where !piece.withUnsafeBytes({ validator.append($0) }) { return false }
        return validator.isComplete
    }

    @Test("every scalar at the edge of a range is valid, wherever it is split")
    func edges() {
        let scalars: [UInt32] = [
            0x00, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xCFFF, 0xD000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF,
            0x40000, 0xFFFFF, 0x100000, 0x10FFFF,
        ]
        for scalar in scalars.compactMap(Unicode.Scalar.init) {
            let bytes = Array("ASCII text before".utf8) + Array(String(scalar).utf8) + Array("and after it".utf8)
            for split in 0...bytes.count {
                #expect(self.isValid([Array(bytes[..<split]), Array(bytes[split...])]), "\(scalar) at \(split)")
            }
        }
    }

    @Test(
        "what is no UTF-8 is refused, wherever it is split",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func invalid(bytes: [UInt8]) {
        let bytes = Array("eight ok".utf8) + bytes
        for split in 0...bytes.count {
            #expect(!self.isValid([Array(bytes[..<split]), Array(bytes[split...])]))
        }
    }

    @Test("random bytes are judged as the standard library judges them")
    func random() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...6)).map { _ in
                [UInt8.random(in: 0...255), .random(in: 0x80...0xBF), 0x41, 0xE2, 0xF0].randomElement(using: &generator)
                    ?? 0
            }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            #expect(self.isValid(bytes.map { [$0] }) == expected, "\(bytes)")
        }
    }
}
