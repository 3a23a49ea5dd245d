//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#ifndef PARLEY_VECTOR_MATH_H
#define PARLEY_VECTOR_MATH_H

#include <stddef.h>

/// Inner products of every row of `a` with every row of `b`. In C because a debug build of the same loop in Swift is
/// some fifty times slower.
///
/// Rows lie one after the other, `dimension` numbers each. `out` takes `a_rows` x `b_rows` numbers, `a`'s rows outside.
void parley_inner_products(const float *a, size_t a_rows, const float *b, size_t b_rows, size_t dimension, float *out);

#endif
