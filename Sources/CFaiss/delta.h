//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The rows that were added since the base was built, compared one by one. Rows are only appended; a search reads those
// that were published when it began.
#pragma once

#include "base.h"
#include "limits.h"

#include <array>
#include <unordered_map>

namespace vectors {

struct Chunk {
    Memory rows;
    std::array<int64_t, limits::chunk_rows> ids;
    std::array<int64_t, limits::chunk_rows> partitions;
    std::array<Deaths, limits::chunk_rows> deaths{};

    explicit Chunk(size_t width) : rows(limits::chunk_rows * width * sizeof(float)) {}
};

class Delta {
public:
    Delta(size_t width, size_t maximum_rows);

    size_t dead() const { return dead_rows.load(std::memory_order_relaxed); }
    /// What so many rows take.
    size_t bytes(size_t of_rows) const;

    // For the one writer.
    size_t count() const { return rows; }
    bool has_room(size_t more) const { return rows + more <= maximum_rows; }
    void reserve(size_t more);
    /// Appends a row of `width` values; `reserve` made the room.
    void append(int64_t id, int64_t partition, const float *values);
    /// The living row with this id, or -1.
    int64_t find(int64_t id) const;
    void kill(size_t row, Version version);

    // For readers, of rows that are published.
    const float *values(size_t row) const { return chunk(row).rows.as<float>() + row % limits::chunk_rows * width; }
    int64_t id(size_t row) const { return chunk(row).ids[row % limits::chunk_rows]; }
    int64_t partition(size_t row) const { return chunk(row).partitions[row % limits::chunk_rows]; }
    const Deaths &death(size_t row) const { return chunk(row).deaths[row % limits::chunk_rows]; }
    /// Adds to `best` what is alive among the first `published` rows; labels begin at `first_label`.
    /// `only_partitions` is ascending; null allows every partition.
    void search(
        const float *query, Version version, size_t published, const int64_t *only_partitions, size_t only_count,
        int64_t first_label, Best &best) const;

private:
    size_t width;
    size_t maximum_rows;
    size_t rows = 0;
    std::atomic<size_t> dead_rows{0};
    /// Has its final capacity from the start, so that readers never see it move.
    std::vector<std::unique_ptr<Chunk>> chunks;
    std::unordered_map<int64_t, size_t> living;

    Chunk &chunk(size_t row) const { return *chunks.data()[row / limits::chunk_rows]; }
};

} // namespace vectors
