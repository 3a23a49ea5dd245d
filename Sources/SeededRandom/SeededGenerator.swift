//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Random numbers for tests: the same for the same seed, on every machine and in every release.
///
/// SplitMix64, after Steele, Lea and Flood 2014 (https://prng.di.unimi.it/splitmix64.c).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: some BinaryInteger) {
        self.state = UInt64(truncatingIfNeeded: seed)
    }

    public mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
