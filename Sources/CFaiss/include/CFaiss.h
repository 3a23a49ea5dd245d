//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// FAISS behind a plain C interface: an index of vectors that many threads search while one changes it.
//
// No C++ exception crosses this interface. A function that can fail returns a status and, when it is not
// VECTOR_INDEX_OK, writes a sentence into `error` (zero-terminated, cut to `error_capacity` bytes).
// All functions may be called from any thread at any time, except that nothing may follow `vector_index_destroy`.
#ifndef CFAISS_H
#define CFAISS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The longest name of a model, in bytes; the header of a file has room for so much.
#define VECTOR_INDEX_MODEL_BYTES 256
#define VECTOR_INDEX_DIMENSION 4096
/// Entries of one index.
#define VECTOR_INDEX_ENTRIES 16000000
/// Results of one query.
#define VECTOR_INDEX_RESULTS 1000
/// Queries of one search.
#define VECTOR_INDEX_QUERIES 1024
/// Partitions that one filter names.
#define VECTOR_INDEX_FILTER_PARTITIONS 100000
/// So many matches of a filter are compared one by one even where there are lists.
#define VECTOR_INDEX_EXACT_MATCHES 5000
/// A base is built again when more than this share of its rows is dead and more than so many rows are...
#define VECTOR_INDEX_DEAD_SHARE 0.2
#define VECTOR_INDEX_DEAD_ROWS 1000
/// ...or when more than this share of its rows was added since and more than so many rows were.
#define VECTOR_INDEX_DELTA_SHARE 0.1
#define VECTOR_INDEX_DELTA_ROWS 10000

typedef enum vector_index_status {
    VECTOR_INDEX_OK = 0,
    /// An argument is out of its range: a dimension, a limit, a name.
    VECTOR_INDEX_INVALID = 1,
    /// A vector with a value that is not finite, or of length zero.
    VECTOR_INDEX_BAD_VECTOR = 2,
    /// The bound on entries or memory would be passed.
    VECTOR_INDEX_FULL = 3,
    /// A change sequence below the one that is already covered.
    VECTOR_INDEX_STALE = 4,
    /// Another rebuild is running.
    VECTOR_INDEX_BUSY = 5,
    /// The rebuild was told to end.
    VECTOR_INDEX_CANCELLED = 6,
    /// There is no file at that path.
    VECTOR_INDEX_NO_FILE = 7,
    /// The file is of this format but its bytes are not those that were written.
    VECTOR_INDEX_DAMAGED = 8,
    /// The file is of another version of this format.
    VECTOR_INDEX_OTHER_VERSION = 9,
    /// The file is not of this format.
    VECTOR_INDEX_FOREIGN = 10,
    /// The file holds another generation: model, dimension, metric or number differ.
    VECTOR_INDEX_OTHER_GENERATION = 11,
    /// The operating system refused to read or write.
    VECTOR_INDEX_IO = 12,
    VECTOR_INDEX_NO_MEMORY = 13,
    VECTOR_INDEX_INTERNAL = 14,
} vector_index_status;

/// How rows are kept once they are part of the base.
typedef enum vector_index_storage {
    /// Four bytes for each component: results are exact.
    VECTOR_INDEX_FLOAT32 = 0,
    /// One byte for each component (FAISS's 8-bit scalar quantizer): a quarter of the memory, scores off by about
    /// 0.001.
    VECTOR_INDEX_INT8 = 1,
} vector_index_storage;

/// What an index is for, and its bounds.
typedef struct vector_index_options {
    /// The embedding model's name, UTF-8, not zero-terminated.
    const char *model;
    size_t model_bytes;
    uint32_t dimension;
    /// A `vector_index_storage`.
    uint32_t storage;
    /// The owner's number for this model and dimension.
    int64_t generation;
    /// Up to so many entries every search compares all; above, a rebuild makes inverted lists.
    uint64_t exact_entries;
    uint64_t maximum_entries;
    /// For vectors and their bookkeeping; a rebuild needs up to as much again while it runs.
    uint64_t maximum_bytes;
    /// Share of the true ten nearest that a search of the inverted lists shall find, 0 to 1.
    double recall;
} vector_index_options;

typedef struct vector_index_state {
    /// Entries that a search can return.
    uint64_t entries;
    /// Rows of the base, dead ones included.
    uint64_t base_rows;
    uint64_t base_dead;
    /// Rows added since the base was built, dead ones included.
    uint64_t delta_rows;
    uint64_t delta_dead;
    /// Bytes allocated for vectors and bookkeeping.
    uint64_t bytes;
    int64_t sequence;
    int64_t generation;
    uint64_t rebuilds;
    /// Inverted lists of the base; 0 where every search compares all.
    uint32_t lists;
    /// Lists that an unfiltered search looks into.
    uint32_t probes;
    /// A `vector_index_storage`: that of the base.
    uint32_t storage;
    bool rebuilding;
    /// Whether more than a fifth is dead or so much was added that a rebuild pays.
    bool needs_rebuild;
} vector_index_state;

typedef struct vector_index_changes {
    uint64_t added;
    uint64_t replaced;
    uint64_t removed;
} vector_index_changes;

typedef struct vector_index vector_index;
/// Ends a rebuild early; may be used before the rebuild begins and after it ended.
typedef struct vector_index_cancellation vector_index_cancellation;

vector_index_cancellation *vector_index_cancellation_make(void);
void vector_index_cancellation_cancel(vector_index_cancellation *cancellation);
void vector_index_cancellation_free(vector_index_cancellation *cancellation);

/// The processor instructions that the distance kernels use here: "avx2" or "baseline".
const char *vector_index_instructions(void);
/// How FAISS was compiled, as it says itself.
void vector_index_faiss_build(char *text, size_t capacity);

int vector_index_create(
    const vector_index_options *options, vector_index **made, char *error, size_t error_capacity);
void vector_index_destroy(vector_index *index);

/// Removes, then adds or replaces, in one step: a search sees all of it or nothing. Unknown removals are passed over;
/// of several entries with one id the last counts. `vectors` is row after row. Afterwards the index covers `sequence`.
int vector_index_apply(
    vector_index *index, const int64_t *removals, size_t removal_count, const int64_t *ids, const int64_t *partitions,
    const float *vectors, size_t count, int64_t sequence, vector_index_changes *changes, char *error,
    size_t error_capacity);

/// The `limit` best entries for each of `query_count` queries, best first. `ids` and `scores` have room for
/// query_count * limit; `found` receives the count for each query. Without `partitions` (NULL) every entry can match.
int vector_index_search(
    const vector_index *index, const float *queries, size_t query_count, size_t limit, const int64_t *partitions,
    size_t partition_count, int64_t *ids, float *scores, size_t *found, char *error, size_t error_capacity);

/// Builds a new base of everything and swaps it in; changes that come meanwhile are kept. Takes `threads` threads.
/// Ends soon with VECTOR_INDEX_CANCELLED when `cancellation` (may be NULL) says so.
int vector_index_rebuild(
    vector_index *index, int threads, const vector_index_cancellation *cancellation, char *error,
    size_t error_capacity);

void vector_index_describe(const vector_index *index, vector_index_state *state);

/// Writes the index to a new file beside `path`, makes it durable, and puts it in the place of `path`.
int vector_index_save(const vector_index *index, const char *path, char *error, size_t error_capacity);
int vector_index_load(
    const char *path, const vector_index_options *options, vector_index **made, char *error, size_t error_capacity);

/// XXH64 with seed 0, as the file format uses it.
uint64_t vector_index_checksum(const void *bytes, size_t count);

#ifdef __cplusplus
}
#endif

#endif
