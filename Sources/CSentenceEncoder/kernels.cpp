//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "kernels.h"

#include <cmath>
#include <cstring>

// One source, compiled for each kind of processor with vectors of its length.
#if defined(__x86_64__)
#define PSE_LANES 8
#define PSE_ROWS 6
#define PSE_NAME "avx2"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace parley::avx2 {
#include "kernels.inc"
}
#pragma clang attribute pop
#undef PSE_LANES
#undef PSE_ROWS
#undef PSE_NAME
#endif

#define PSE_LANES 4
#if defined(__aarch64__)
#define PSE_ROWS 6
#else
// Sixteen registers of four lanes: more rows would spill.
#define PSE_ROWS 2
#endif
#define PSE_NAME "portable"
namespace parley::portable {
#include "kernels.inc"
}

namespace parley {

const Kernels &kernels(bool portable) {
#if defined(__x86_64__)
    if (!portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kKernels;
#endif
    return portable::kKernels;
}

}  // namespace parley
