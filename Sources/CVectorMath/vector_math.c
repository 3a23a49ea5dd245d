//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "vector_math.h"

enum { lanes = 16 };

/// Sums in independent lanes, which a compiler may keep in vector registers without reordering any sum.
static float inner_product(const float *a, const float *b, size_t dimension) {
    float sums[lanes] = {0};
    size_t i = 0;
    for (; i + lanes <= dimension; i += lanes) {
        for (size_t lane = 0; lane < lanes; ++lane) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    float sum = 0;
    for (; i < dimension; ++i) {
        sum += a[i] * b[i];
    }
    for (size_t lane = 0; lane < lanes; ++lane) {
        sum += sums[lane];
    }
    return sum;
}

void parley_inner_products(const float *a, size_t a_rows, const float *b, size_t b_rows, size_t dimension, float *out) {
    for (size_t i = 0; i < a_rows; ++i) {
        for (size_t j = 0; j < b_rows; ++j) {
            out[i * b_rows + j] = inner_product(a + i * dimension, b + j * dimension, dimension);
        }
    }
}
