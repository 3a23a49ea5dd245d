//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// Inner products, the only arithmetic that a search does. Debian builds FAISS for the oldest processors, so the loops
// that matter are here, compiled for AVX2 as well and chosen when the program runs: one binary is fast wherever it is
// started and crashes nowhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vectors {

/// Rows are padded with zeros to a multiple of so many components, so that no kernel has a remainder.
constexpr size_t padding = 32;

constexpr size_t padded(size_t dimension) { return (dimension + padding - 1) / padding * padding; }

struct Kernels {
    const char *name;
    /// The inner product of a query with a row. Rows are read one after the other, because memory gives one stream
    /// faster than four: 13 GB/s to 9 on the machine where this was measured.
    float (*dot)(const float *query, const float *row, size_t count);
    /// Inner products of three queries with four rows, query after query: for rows that wait in the caches.
    void (*dot3x4)(const float *const queries[3], const float *const rows[4], size_t count, float out[12]);
    /// The sum of weight * code of a row of 8-bit codes. The weights are such that no sum passes 32 bits.
    int32_t (*codes)(const int16_t *weights, const uint8_t *row, size_t count);
};

/// Those for the processor that this runs on.
const Kernels &kernels();

} // namespace vectors
