//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#pragma once

#include <cstddef>
#include <cstdint>

namespace vectors {

/// XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), in steps.
class Checksum {
public:
    /// Every call but the last takes a multiple of 32 bytes.
    void add(const void *bytes, size_t count);
    uint64_t value() const;

private:
    static constexpr uint64_t p1 = 0x9E3779B185EBCA87, p2 = 0xC2B2AE3D27D4EB4F;
    uint64_t lanes[4] = {p1 + p2, p2, 0, 0 - p1};
    uint64_t total = 0;
    uint8_t tail[32];
    size_t tail_count = 0;
};

inline uint64_t checksum(const void *bytes, size_t count) {
    Checksum sum;
    sum.add(bytes, count);
    return sum.value();
}

} // namespace vectors
