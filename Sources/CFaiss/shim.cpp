//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "include/CFaiss.h"

#include "checksum.h"
#include "failure.h"
#include "file.h"
#include "index.h"
#include "kernels.h"

#include <atomic>
#include <cstdio>
#include <faiss/utils/utils.h>
#include <new>

using namespace vectors;

namespace {

int tell(int status, const char *what, char *error, size_t capacity) noexcept {
    if (error && capacity > 0) std::snprintf(error, capacity, "%s", what);
    return status;
}

/// Runs what may throw and says how it ended.
template <typename Work> int guarded(char *error, size_t capacity, Work work) noexcept {
    try {
        work();
        return VECTOR_INDEX_OK;
    } catch (const Failure &failure) {
        return tell(failure.status, failure.what(), error, capacity);
    } catch (const std::bad_alloc &) {
        return tell(VECTOR_INDEX_NO_MEMORY, "there is not enough memory", error, capacity);
    } catch (const std::length_error &) {
        return tell(VECTOR_INDEX_NO_MEMORY, "there is not enough memory", error, capacity);
    } catch (const std::exception &problem) {
        return tell(VECTOR_INDEX_INTERNAL, problem.what(), error, capacity);
    } catch (...) {
        return tell(VECTOR_INDEX_INTERNAL, "an unknown problem", error, capacity);
    }
}

} // namespace

const char *vector_index_instructions(void) { return kernels().name; }

void vector_index_faiss_build(char *text, size_t capacity) {
    guarded(nullptr, 0, [&] { std::snprintf(text, capacity, "%s", faiss::get_compile_options().c_str()); });
}

int vector_index_create(const vector_index_options *options, vector_index **made, char *error, size_t error_capacity) {
    *made = nullptr;
    return guarded(error, error_capacity, [&] { *made = new vector_index(Options(*options)); });
}

void vector_index_destroy(vector_index *index) { delete index; }

int vector_index_apply(
    vector_index *index, const int64_t *removals, size_t removal_count, const int64_t *ids, const int64_t *partitions,
    const float *vectors, size_t count, int64_t sequence, vector_index_changes *changes, char *error,
    size_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        *changes = index->apply(removals, removal_count, ids, partitions, vectors, count, sequence);
    });
}

int vector_index_search(
    const vector_index *index, const float *queries, size_t query_count, size_t limit, const int64_t *partitions,
    size_t partition_count, int64_t *ids, float *scores, size_t *found, char *error, size_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        index->search(queries, query_count, limit, partitions, partition_count, ids, scores, found);
    });
}

struct vector_index_cancellation {
    std::atomic<bool> cancelled{false};
};

vector_index_cancellation *vector_index_cancellation_make(void) { return new (std::nothrow) vector_index_cancellation; }

void vector_index_cancellation_cancel(vector_index_cancellation *cancellation) {
    if (cancellation) cancellation->cancelled.store(true);
}

void vector_index_cancellation_free(vector_index_cancellation *cancellation) { delete cancellation; }

int vector_index_rebuild(
    vector_index *index, int threads, const vector_index_cancellation *cancellation, char *error,
    size_t error_capacity) {
    return guarded(error, error_capacity, [&] {
        index->rebuild(threads, cancellation ? &cancellation->cancelled : nullptr);
    });
}

void vector_index_describe(const vector_index *index, vector_index_state *state) { *state = index->describe(); }

int vector_index_save(const vector_index *index, const char *path, char *error, size_t error_capacity) {
    return guarded(error, error_capacity, [&] { save(*index, path); });
}

int vector_index_load(
    const char *path, const vector_index_options *options, vector_index **made, char *error, size_t error_capacity) {
    *made = nullptr;
    return guarded(error, error_capacity, [&] { *made = load(path, Options(*options)).release(); });
}

uint64_t vector_index_checksum(const void *bytes, size_t count) { return checksum(bytes, count); }
