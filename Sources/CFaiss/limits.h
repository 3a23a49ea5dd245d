//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// Numbers that only the inside of the index knows; those that its users meet are in CFaiss.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vectors::limits {

/// Rows of one chunk of a delta.
constexpr size_t chunk_rows = 256;
/// Lists for each unit of the square root of the number of rows.
constexpr double lists_per_root = 4;
/// An unfiltered search looks into no fewer lists.
constexpr size_t fewest_probes = 4;
/// Rows of the sample from which the ranges of 8-bit codes are taken.
constexpr size_t range_rows = 100'000;
/// Rows of the sample for each list that k-means is trained on.
constexpr size_t sample_rows_per_list = 40;
constexpr int training_rounds = 8;
/// Rows on which the number of probes is measured.
constexpr size_t calibration_rows = 128;
/// Neighbours of each of them that the probes shall find.
constexpr size_t calibration_neighbours = 10;
/// Rows that one step of a rebuild takes between two looks at whether it shall end.
constexpr size_t step_rows = 1024;
/// How much a rebuild stands back behind searches, as `nice` counts.
constexpr int rebuild_niceness = 10;
/// Bytes that one call reads or writes.
constexpr size_t transfer_bytes = size_t(8) << 20;

} // namespace vectors::limits
