//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// Making a base of rows: training of the lists, assignment of the rows, choice of the probes.
#pragma once

#include "base.h"

#include <atomic>
#include <functional>

namespace vectors {

/// The rows that a base is made of; they belong to an older base, a delta or a file and outlive the build.
struct Rows {
    struct Row {
        /// Null where the row is row `of_base` of the older base.
        const float *values;
        size_t of_base;
    };
    std::vector<Row> rows;
    std::vector<int64_t> ids;
    std::vector<int64_t> partitions;
    const Base *older = nullptr;

    size_t count() const { return rows.size(); }
    /// The row's values; decoded into `buffer` where they are codes.
    const float *values(size_t row, float *buffer) const;
};

struct Plan {
    size_t dimension;
    vector_index_storage storage;
    size_t exact_entries;
    double recall;
    int threads;
    const std::atomic<bool> *cancelled;
};

std::unique_ptr<Base> build(const Rows &rows, const Plan &plan);

/// Calls `step` with 0 ..< steps on so many threads; an exception of one ends all and is thrown here.
void in_steps(size_t steps, int threads, const std::atomic<bool> *cancelled, const std::function<void(size_t)> &step);

} // namespace vectors
