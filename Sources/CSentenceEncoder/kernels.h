//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The inner loops, once for each kind of processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace parley {

/// Columns of a packed panel.
constexpr size_t kPanel = 16;
/// Rows that a kernel works on at a time, at most.
constexpr size_t kStrip = 6;

/// `C = A × B + bias`, and then what `finish` says. B is packed: for every 16 columns a panel of `inner` rows.
struct Product {
    enum Finish { kPlain, kGELU, kResidual };

    const float *a;
    size_t a_stride;
    size_t rows;
    size_t inner;
    const float *b;
    const float *bias;
    float *c;
    size_t c_stride;
    Finish finish;
    /// Added at the end (`kResidual`), with the stride of C.
    const float *residual;
};

/// One head over one text.
struct Head {
    /// Queries, keys and values of the text's first token; rows are `stride` apart.
    const float *query, *key, *value;
    size_t stride;
    size_t tokens;
    size_t width;
    float *out;
    size_t out_stride;
    /// `scratch_floats(tokens, width)`, aligned to 64 bytes.
    float *scratch;

    static size_t padded(size_t tokens) { return (tokens + kPanel - 1) / kPanel * kPanel; }
    static size_t scratch_floats(size_t tokens, size_t width) {
        return padded(tokens) * width + tokens * width + kStrip * padded(tokens);
    }
};

struct Kernels {
    const char *name;
    /// The columns of panels `first` to `last`.
    void (*product)(const Product &, size_t first, size_t last);
    void (*attention)(const Head &);
    /// Rows of `width`: (x - mean) / √(variance + epsilon) × weight + bias.
    void (*normalise)(
        const float *in, float *out, size_t rows, size_t width, const float *weight, const float *bias,
        float epsilon);
    /// `out = a + b + c`
    void (*add)(const float *a, const float *b, const float *c, float *out, size_t width);
    /// The mean of the rows, of length one.
    void (*pool)(const float *in, size_t rows, size_t width, float *out);
};

/// The best for this processor.
const Kernels &kernels(bool portable);

}  // namespace parley
