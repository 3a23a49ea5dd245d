//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The immutable part of an index: rows in inverted lists (or in one list that every search reads), with all that a
// search needs to know of them. Only the marks of the dead change after it is built.
#pragma once

#include "include/CFaiss.h"
#include "memory.h"

#include <atomic>
#include <cstdint>
#include <faiss/IndexFlat.h>
#include <faiss/IndexIVF.h>
#include <faiss/utils/Heap.h>
#include <memory>
#include <vector>

namespace vectors {

using Version = uint64_t;
/// FAISS's heap of which the worst result is on top.
using Order = faiss::CMin<float, int64_t>;

/// The best results so far; an unused place has the label -1.
struct Best {
    std::vector<float> scores;
    std::vector<int64_t> labels;

    explicit Best(size_t limit) : scores(limit), labels(limit) {
        faiss::heap_heapify<Order>(limit, scores.data(), labels.data());
    }
    size_t found() const;
};

/// A query as the kernels want it: padded, and weights for 8-bit codes where they are needed.
struct Query {
    const float *values;
    std::vector<int16_t> weights;
    float scale = 0;
    float bias = 0;
};

/// Marks of rows that died: 0 while alive, otherwise the version that removed it.
using Deaths = std::atomic<Version>;

inline bool alive(const Deaths &death, Version version) {
    Version died = death.load(std::memory_order_relaxed);
    return died == 0 || died > version;
}

struct Base;

/// Which rows of a base a search may return: those alive at its version and of an allowed partition.
struct Visible final : faiss::IDSelector {
    const Base &base;
    Version version;
    /// A bit for each partition of the base; null when all are allowed.
    const uint64_t *allowed;
    /// Whether there is anything to check.
    bool everything;

    Visible(const Base &base, Version version, const uint64_t *allowed);
    bool is_member(idx_t row) const final { return includes(size_t(row)); }
    inline bool includes(size_t row) const;
};

class Lists;

struct Base {
    size_t dimension = 0;
    /// Components in a row with its padding.
    size_t width = 0;
    size_t count = 0;
    vector_index_storage storage = VECTOR_INDEX_FLOAT32;
    /// count * width floats or codes, list after list.
    Memory rows;
    std::vector<int64_t> ids;
    /// The place in `partitions` of each row's partition.
    std::vector<uint32_t> slots;
    /// The partitions that occur, ascending.
    std::vector<int64_t> partitions;
    /// Rows by partition: those of slot s are members[member_start[s] ..< member_start[s + 1]].
    std::vector<uint32_t> members;
    std::vector<uint64_t> member_start;
    /// Rows in the order of their ids.
    std::vector<uint32_t> by_id;
    /// For 8-bit codes: the smallest value of each component, then the extent of each, as FAISS trains them.
    std::vector<float> ranges;
    /// Inverted lists; none in a base that is searched whole.
    size_t list_count = 0;
    size_t probes = 0;
    /// Rows that there were when the lists were trained; the lists are kept until that doubles or halves.
    size_t trained_count = 0;
    std::vector<uint64_t> list_start;
    Memory centroids;

    Base(size_t dimension, size_t count, vector_index_storage storage);
    ~Base();
    Base(const Base &) = delete;
    Base &operator=(const Base &) = delete;

    size_t row_bytes() const { return width * (storage == VECTOR_INDEX_INT8 ? 1 : sizeof(float)); }
    const float *floats(size_t row) const { return rows.as<float>() + row * width; }
    const uint8_t *codes(size_t row) const { return rows.as<uint8_t>() + row * width; }
    /// Writes the row's `width` values.
    void decode(size_t row, float *values) const;
    size_t bytes() const;

    /// Takes the partition of each row and derives everything that is derived. False when an id occurs twice.
    bool finish(const std::vector<int64_t> &partition_of_row);

    Deaths &death(size_t row) const { return deaths.as<Deaths>()[row]; }
    /// The living row with this id, or -1. For the one writer.
    int64_t find(int64_t id) const;
    void kill(size_t row, Version version) const;
    size_t dead() const { return dead_count.load(std::memory_order_relaxed); }

    Query prepare(const float *padded) const;
    /// Adds to `best` what a search finds here; labels are rows.
    void search(
        const Query &query, Version version, const int64_t *only_partitions, size_t only_count, Best &best) const;
    /// Compares the rows begin ..< end.
    void scan(const Query &query, size_t begin, size_t end, const Visible *visible, Best &best) const {
        scan(query, begin, end, visible, best.scores.data(), best.labels.data(), best.scores.size());
    }
    void scan(
        const Query &query, size_t begin, size_t end, const Visible *visible, float *scores, int64_t *labels,
        size_t limit) const;

private:
    Memory deaths;
    mutable std::atomic<size_t> dead_count{0};
    std::unique_ptr<Lists> lists;

    void scan_members(const Query &query, const std::vector<uint32_t> &slots_in, const Visible &visible, Best &best)
        const;
    void search_lists(const Query &query, const Visible &visible, size_t matches, Best &best) const;
};

bool Visible::includes(size_t row) const {
    if (allowed) {
        uint32_t slot = base.slots[row];
        if (!(allowed[slot >> 6] >> (slot & 63) & 1)) return false;
    }
    return alive(base.death(row), version);
}

/// Inner products with `count` rows of floats that follow each other.
void products(const float *query, const float *rows, size_t count, size_t width, float *out);

} // namespace vectors
