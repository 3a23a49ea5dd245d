//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The file that keeps an index between two runs of a program. It is a copy of what is kept elsewhere and may be
// deleted at any moment; what it must never do is to give wrong vectors.
//
// All numbers are little-endian. A header of 512 bytes is followed by the body; every section of the body begins at a
// multiple of 64 bytes, with zeros between, and the file ends with the last section.
//
//     offset  bytes  header
//          0      8  magic: 89 56 49 58 0D 0A 1A 0A ("\x89VIX\r\n\x1a\n": damage by a transfer as text shows)
//          8      4  version of the format: 1
//         12      4  bytes of the header: 512
//         16      8  bytes of the file
//         24      8  XXH64, seed 0, of the body
//         32      8  generation, the owner's number for model and dimension (signed)
//         40      8  change sequence that the index covers (signed)
//         48      8  B, rows of the base
//         56      8  D, rows of the delta
//         64      4  dimension
//         68      4  W, components in a row: the dimension and zeros up to a multiple of 32
//         72      4  metric: 1, inner product over vectors of length one
//         76      4  storage of the base: 0 float32, 1 int8 (FAISS's 8-bit scalar quantizer)
//         80      4  L, inverted lists of the base; 0 for a base that is searched whole
//         84      4  lists that an unfiltered search looks into
//         88      8  rebuilds since the index was made
//         96      8  rows that the lists were trained for
//        104      4  M, bytes of the embedding model's name, 1 to 256
//        108      4  zero
//        112    256  the name, UTF-8, zeros behind it
//        368    136  zeros
//        504      8  XXH64, seed 0, of bytes 0 to 503 of the header
//
//     section           elements
//     list starts       L + 1 uint64, if L > 0: list l is rows starts[l] ..< starts[l + 1]
//     centroids         L * W float32
//     ranges            2 * W float32, if storage is int8: smallest values, then extents; a code c of component i is
//                       smallest[i] + (c + 0.5) / 255 * extent[i]
//     base ids          B int64
//     base partitions   B int64
//     base rows         B * W float32 or uint8
//     delta ids         D int64
//     delta partitions  D int64
//     delta rows        D * W float32
//
// Only living rows are written. A new file is written beside the old one, under its name with ".partial" behind it,
// with a header of zeros that is replaced when the body is complete; it is fsynced, renamed, and the folder is fsynced:
// at every moment the name leads to a whole file or to none.
#pragma once

#include "index.h"

namespace vectors {

void save(const vector_index &index, const std::string &path);
std::unique_ptr<vector_index> load(const std::string &path, const Options &options);

} // namespace vectors
