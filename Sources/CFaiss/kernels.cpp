//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "kernels.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vectors {
namespace {

// The compiler lowers these to whatever registers the function around them may use.
typedef float float8 __attribute__((vector_size(32)));
typedef float float4 __attribute__((vector_size(16)));

#define INLINED inline __attribute__((always_inline))

INLINED void load(float8 &to, const float *from) { std::memcpy(&to, from, sizeof to); }

/// The sums of four vectors of eight.
INLINED void sum4(const float8 a[4], float *out) {
    float4 h[4];
    for (int i = 0; i < 4; i++)
        h[i] = __builtin_shufflevector(a[i], a[i], 0, 1, 2, 3) + __builtin_shufflevector(a[i], a[i], 4, 5, 6, 7);
    float4 x = __builtin_shufflevector(h[0], h[1], 0, 4, 1, 5) + __builtin_shufflevector(h[0], h[1], 2, 6, 3, 7);
    float4 y = __builtin_shufflevector(h[2], h[3], 0, 4, 1, 5) + __builtin_shufflevector(h[2], h[3], 2, 6, 3, 7);
    float4 sums = __builtin_shufflevector(x, y, 0, 1, 4, 5) + __builtin_shufflevector(x, y, 2, 3, 6, 7);
    std::memcpy(out, &sums, sizeof sums);
}

/// Four accumulators hide the latency of a multiply-add.
INLINED float dot_any(const float *query, const float *row, size_t count) {
    float8 sums[4] = {};
    for (size_t i = 0; i < count; i += 32) {
        for (size_t part = 0; part < 4; part++) {
            float8 q, r;
            load(q, query + i + part * 8);
            load(r, row + i + part * 8);
            sums[part] += q * r;
        }
    }
    float8 sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float4 four = __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
    return (four[0] + four[1]) + (four[2] + four[3]);
}

INLINED void dot3x4_any(const float *const queries[3], const float *const rows[4], size_t count, float *out) {
    const float *q0 = queries[0], *q1 = queries[1], *q2 = queries[2];
    const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    float8 a[4] = {}, b[4] = {}, c[4] = {};
    for (size_t i = 0; i < count; i += 8) {
        float8 x, y, z, row;
        load(x, q0 + i);
        load(y, q1 + i);
        load(z, q2 + i);
        load(row, r0 + i), a[0] += x * row, b[0] += y * row, c[0] += z * row;
        load(row, r1 + i), a[1] += x * row, b[1] += y * row, c[1] += z * row;
        load(row, r2 + i), a[2] += x * row, b[2] += y * row, c[2] += z * row;
        load(row, r3 + i), a[3] += x * row, b[3] += y * row, c[3] += z * row;
    }
    sum4(a, out);
    sum4(b, out + 4);
    sum4(c, out + 8);
}

float dot_baseline(const float *query, const float *row, size_t count) { return dot_any(query, row, count); }

void dot3x4_baseline(const float *const queries[3], const float *const rows[4], size_t count, float out[12]) {
    dot3x4_any(queries, rows, count, out);
}

int32_t codes_baseline(const int16_t *weights, const uint8_t *row, size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += int32_t(weights[i]) * int32_t(row[i]);
    return sum;
}

constexpr Kernels baseline = {"baseline", dot_baseline, dot3x4_baseline, codes_baseline};

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,fma")))

AVX2 float dot_avx2(const float *query, const float *row, size_t count) { return dot_any(query, row, count); }

AVX2 void dot3x4_avx2(const float *const queries[3], const float *const rows[4], size_t count, float out[12]) {
    dot3x4_any(queries, rows, count, out);
}

AVX2 INLINED int32_t sum(__m256i eight) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

AVX2 INLINED __m256i products(const int16_t *weights, const uint8_t *codes) {
    __m256i wide = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(codes)));
    return _mm256_madd_epi16(wide, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(weights)));
}

AVX2 int32_t codes_avx2(const int16_t *weights, const uint8_t *row, size_t count) {
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (size_t i = 0; i < count; i += 32) {
        even = _mm256_add_epi32(even, products(weights + i, row + i));
        odd = _mm256_add_epi32(odd, products(weights + i + 16, row + i + 16));
    }
    return sum(_mm256_add_epi32(even, odd));
}

constexpr Kernels avx2 = {"avx2", dot_avx2, dot3x4_avx2, codes_avx2};

#endif

const Kernels &chosen() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
#endif
    return baseline;
}

} // namespace

const Kernels &kernels() {
    static const Kernels &those = chosen();
    return those;
}

} // namespace vectors
