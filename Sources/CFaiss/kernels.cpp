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

/// Two accumulators for each row hide the latency of a multiply-add.
INLINED void dot4_any(const float *query, const float *const rows[4], size_t count, float *out) {
    const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    float8 even[4] = {}, odd[4] = {};
    for (size_t i = 0; i < count; i += 16) {
        float8 q, p, x;
        load(q, query + i);
        load(p, query + i + 8);
        load(x, r0 + i), even[0] += q * x;
        load(x, r1 + i), even[1] += q * x;
        load(x, r2 + i), even[2] += q * x;
        load(x, r3 + i), even[3] += q * x;
        load(x, r0 + i + 8), odd[0] += p * x;
        load(x, r1 + i + 8), odd[1] += p * x;
        load(x, r2 + i + 8), odd[2] += p * x;
        load(x, r3 + i + 8), odd[3] += p * x;
    }
    for (int i = 0; i < 4; i++) even[i] += odd[i];
    sum4(even, out);
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

void dot4_baseline(const float *query, const float *const rows[4], size_t count, float out[4]) {
    dot4_any(query, rows, count, out);
}

void dot3x4_baseline(const float *const queries[3], const float *const rows[4], size_t count, float out[12]) {
    dot3x4_any(queries, rows, count, out);
}

void codes4_baseline(const int16_t *weights, const uint8_t *const rows[4], size_t count, int32_t out[4]) {
    for (int row = 0; row < 4; row++) {
        const uint8_t *codes = rows[row];
        int32_t sum = 0;
        for (size_t i = 0; i < count; i++) sum += int32_t(weights[i]) * int32_t(codes[i]);
        out[row] = sum;
    }
}

constexpr Kernels baseline = {"baseline", dot4_baseline, dot3x4_baseline, codes4_baseline};

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,fma")))

AVX2 void dot4_avx2(const float *query, const float *const rows[4], size_t count, float out[4]) {
    dot4_any(query, rows, count, out);
}

AVX2 void dot3x4_avx2(const float *const queries[3], const float *const rows[4], size_t count, float out[12]) {
    dot3x4_any(queries, rows, count, out);
}

AVX2 INLINED int32_t sum(__m256i eight) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

AVX2 INLINED __m256i widened(const uint8_t *codes) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(codes)));
}

AVX2 void codes4_avx2(const int16_t *weights, const uint8_t *const rows[4], size_t count, int32_t out[4]) {
    const uint8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (size_t i = 0; i < count; i += 16) {
        __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(weights + i));
        a = _mm256_add_epi32(a, _mm256_madd_epi16(widened(r0 + i), w));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(widened(r1 + i), w));
        c = _mm256_add_epi32(c, _mm256_madd_epi16(widened(r2 + i), w));
        d = _mm256_add_epi32(d, _mm256_madd_epi16(widened(r3 + i), w));
    }
    out[0] = sum(a), out[1] = sum(b), out[2] = sum(c), out[3] = sum(d);
}

constexpr Kernels avx2 = {"avx2", dot4_avx2, dot3x4_avx2, codes4_avx2};

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
