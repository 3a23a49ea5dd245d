//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "checksum.h"

#include <cstring>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are read as they lie in memory");

namespace vectors {
namespace {

constexpr uint64_t p1 = 0x9E3779B185EBCA87, p2 = 0xC2B2AE3D27D4EB4F, p3 = 0x165667B19E3779F9, p4 = 0x85EBCA77C2B2AE63,
                   p5 = 0x27D4EB2F165667C5;

uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

uint64_t round(uint64_t lane, uint64_t input) { return rotated(lane + input * p2, 31) * p1; }

template <typename Number> Number number(const uint8_t *from) {
    Number value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

} // namespace

void Checksum::add(const void *bytes, size_t count) {
    const auto *at = static_cast<const uint8_t *>(bytes);
    total += count;
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (; count >= 32; count -= 32, at += 32) {
        a = round(a, number<uint64_t>(at));
        b = round(b, number<uint64_t>(at + 8));
        c = round(c, number<uint64_t>(at + 16));
        d = round(d, number<uint64_t>(at + 24));
    }
    lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
    if (count > 0) std::memcpy(tail, at, count);
    tail_count = count;
}

uint64_t Checksum::value() const {
    uint64_t sum = p5;
    if (total >= 32) {
        sum = rotated(lanes[0], 1) + rotated(lanes[1], 7) + rotated(lanes[2], 12) + rotated(lanes[3], 18);
        for (uint64_t lane : lanes) sum = (sum ^ round(0, lane)) * p1 + p4;
    }
    sum += total;
    const uint8_t *at = tail, *end = tail + tail_count;
    for (; end - at >= 8; at += 8) sum = rotated(sum ^ round(0, number<uint64_t>(at)), 27) * p1 + p4;
    for (; end - at >= 4; at += 4) sum = rotated(sum ^ number<uint32_t>(at) * p1, 23) * p2 + p3;
    for (; at < end; at++) sum = rotated(sum ^ *at * p5, 11) * p1;
    sum = (sum ^ sum >> 33) * p2;
    sum = (sum ^ sum >> 29) * p3;
    return sum ^ sum >> 32;
}

} // namespace vectors
