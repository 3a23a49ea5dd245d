//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The whole index: an immutable base, a delta of what was added since, and marks of what died. One writer at a time
// changes it; every search reads the state of one version and waits for nobody.
#pragma once

#include "base.h"
#include "delta.h"

#include <memory>
#include <mutex>
#include <string>

namespace vectors {

struct Options {
    std::string model;
    size_t dimension;
    vector_index_storage storage;
    int64_t generation;
    size_t exact_entries;
    size_t maximum_entries;
    size_t maximum_bytes;
    double recall;

    /// Throws Failure where something is out of its range.
    explicit Options(const vector_index_options &given);
};

/// What a search or a save reads: everything of one version.
struct Snapshot {
    std::shared_ptr<const Base> base;
    std::shared_ptr<Delta> delta;
    /// Rows of the delta that belong to this version.
    size_t delta_rows = 0;
    Version version = 1;
    int64_t sequence = 0;
    uint64_t rebuilds = 0;
};

} // namespace vectors

struct vector_index {
    const vectors::Options options;

    explicit vector_index(const vectors::Options &options);
    /// As it was read from a file.
    vector_index(
        const vectors::Options &options, std::unique_ptr<vectors::Base> base, std::shared_ptr<vectors::Delta> delta,
        int64_t sequence, uint64_t rebuilds);

    vectors::Snapshot snapshot() const;
    vector_index_changes apply(
        const int64_t *removals, size_t removal_count, const int64_t *ids, const int64_t *partitions,
        const float *values, size_t count, int64_t sequence);
    void search(
        const float *queries, size_t query_count, size_t limit, const int64_t *partitions, size_t partition_count,
        int64_t *ids, float *scores, size_t *found) const;
    void rebuild(int threads, const std::atomic<bool> *cancelled);
    vector_index_state describe() const;

    /// Saves of one index come one after the other.
    mutable std::mutex saving;

private:
    /// Held by whoever changes rows.
    std::mutex writing;
    /// Guards `current`, for as long as a copy takes.
    mutable std::mutex publishing;
    vectors::Snapshot current;
    std::atomic<bool> rebuilding{false};

    // For the holder of `writing`.
    bool knows(int64_t id) const;
    size_t entries_after(const int64_t *removals, size_t removal_count, const int64_t *ids, size_t count) const;
    bool kill(int64_t id, vectors::Version version);
    void swap_in(std::shared_ptr<const vectors::Base> base, const vectors::Snapshot &built_of);

    void search_one(
        const vectors::Snapshot &at, const float *query, size_t limit, const int64_t *partitions,
        size_t partition_count, int64_t *ids, float *scores, size_t *found) const;
};

namespace vectors {

/// Writes `width` values of length one; throws Failure, which names `what`, for a vector that has no direction.
void normalise(const float *values, size_t dimension, float *to, const char *what, size_t number);

} // namespace vectors
