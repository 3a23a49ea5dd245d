//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension Array {
    /// The array cut at random places; empty pieces happen.
    func cut<Generator: RandomNumberGenerator>(using random: inout Generator, longest: Int) -> [[Element]] {
        var pieces: [[Element]] = []
        var index = 0
        while index < self.count {
            let end = Swift.min(self.count, index + Int.random(in: 0...longest, using: &random))
            pieces.append(Array(self[index..<end]))
            index = end
        }
        return pieces
    }
}
