//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "index.h"

#include "build.h"
#include "failure.h"
#include "kernels.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <sys/resource.h>
#include <thread>

using namespace vectors;

namespace vectors {

Options::Options(const vector_index_options &given)
    : model(given.model, given.model_bytes), dimension(given.dimension),
      storage(vector_index_storage(given.storage)), generation(given.generation), exact_entries(given.exact_entries),
      maximum_entries(given.maximum_entries), maximum_bytes(given.maximum_bytes), recall(given.recall) {
    auto require = [](bool fine, const std::string &otherwise) {
        if (!fine) throw Failure(VECTOR_INDEX_INVALID, otherwise);
    };
    require(
        !model.empty() && model.size() <= VECTOR_INDEX_MODEL_BYTES,
        "the name of a model has 1 to " + std::to_string(VECTOR_INDEX_MODEL_BYTES) + " bytes");
    require(
        dimension >= 1 && dimension <= VECTOR_INDEX_DIMENSION,
        "a vector has 1 to " + std::to_string(VECTOR_INDEX_DIMENSION) + " components, not " +
            std::to_string(dimension));
    require(storage == VECTOR_INDEX_FLOAT32 || storage == VECTOR_INDEX_INT8, "there is no such storage");
    require(
        maximum_entries >= 1 && maximum_entries <= VECTOR_INDEX_ENTRIES,
        "an index has at most " + std::to_string(VECTOR_INDEX_ENTRIES) + " entries");
    require(recall > 0 && recall <= 1, "the recall is a share: above 0 and at most 1");
}

void normalise(const float *values, size_t dimension, float *to, const char *what, size_t number) {
    double squares = 0;
    for (size_t i = 0; i < dimension; i++) squares += double(values[i]) * double(values[i]);
    // Squares of floats fit into a double, so the sum is finite exactly when every component is.
    if (!std::isfinite(squares))
        throw Failure(
            VECTOR_INDEX_BAD_VECTOR,
            std::string(what) + " " + std::to_string(number) + " has a value that is not finite");
    if (squares == 0)
        throw Failure(
            VECTOR_INDEX_BAD_VECTOR, std::string(what) + " " + std::to_string(number) + " has the length zero");
    double factor = 1 / std::sqrt(squares);
    for (size_t i = 0; i < dimension; i++) to[i] = float(double(values[i]) * factor);
    std::fill(to + dimension, to + padded(dimension), 0.0f);
}

} // namespace vectors

namespace {

std::shared_ptr<Delta> empty_delta(const Options &options) {
    // As many rows may wait for a rebuild as an index may have entries.
    return std::make_shared<Delta>(padded(options.dimension), options.maximum_entries);
}

std::unique_ptr<Base> empty_base(const Options &options) {
    auto base = std::make_unique<Base>(options.dimension, 0, VECTOR_INDEX_FLOAT32);
    base->finish({});
    return base;
}

} // namespace

vector_index::vector_index(const Options &options)
    : vector_index(options, empty_base(options), empty_delta(options), 0, 0) {}

vector_index::vector_index(
    const Options &options, std::unique_ptr<Base> base, std::shared_ptr<Delta> delta, int64_t sequence,
    uint64_t rebuilds)
    : options(options) {
    current.base = std::move(base);
    current.delta = std::move(delta);
    current.delta_rows = current.delta->count();
    current.sequence = sequence;
    current.rebuilds = rebuilds;
}

Snapshot vector_index::snapshot() const {
    std::lock_guard<std::mutex> guard(publishing);
    return current;
}

bool vector_index::kill(int64_t id, Version version) {
    if (int64_t row = current.delta->find(id); row >= 0) {
        current.delta->kill(size_t(row), version);
        return true;
    }
    int64_t row = current.base->find(id);
    if (row < 0) return false;
    current.base->kill(size_t(row), version);
    return true;
}

bool vector_index::knows(int64_t id) const { return current.delta->find(id) >= 0 || current.base->find(id) >= 0; }

/// How many entries there would be. An id that is added twice in one step counts twice.
size_t vector_index::entries_after(
    const int64_t *removals, size_t removal_count, const int64_t *ids, size_t count) const {
    std::vector<int64_t> removed(removals, removals + removal_count);
    std::sort(removed.begin(), removed.end());
    removed.erase(std::unique(removed.begin(), removed.end()), removed.end());
    const Base &base = *current.base;
    size_t sum = base.count - base.dead() + current.delta->count() - current.delta->dead();
    for (int64_t id : removed) sum -= knows(id);
    for (size_t i = 0; i < count; i++)
        sum += !knows(ids[i]) || std::binary_search(removed.begin(), removed.end(), ids[i]);
    return sum;
}

vector_index_changes vector_index::apply(
    const int64_t *removals, size_t removal_count, const int64_t *ids, const int64_t *partitions, const float *values,
    size_t count, int64_t sequence) {
    // Everything that can be refused is refused before anything changes.
    size_t width = padded(options.dimension);
    std::vector<float> normalised(count * width);
    for (size_t i = 0; i < count; i++)
        normalise(values + i * options.dimension, options.dimension, normalised.data() + i * width, "vector", i);

    std::lock_guard<std::mutex> writer(writing);
    // Only the holder of `writing` changes `current`, so reading it needs no other lock.
    Delta &delta = *current.delta;
    if (sequence < current.sequence)
        throw Failure(
            VECTOR_INDEX_STALE, "the index covers change " + std::to_string(current.sequence) +
                                    " already; these changes end at " + std::to_string(sequence));
    if (count > 0 && (entries_after(removals, removal_count, ids, count) > options.maximum_entries ||
                      !delta.has_room(count)))
        throw Failure(
            VECTOR_INDEX_FULL, "the index is full: at most " + std::to_string(options.maximum_entries) + " entries");
    if (count > 0 && current.base->bytes() + delta.bytes(delta.count() + count) > options.maximum_bytes)
        throw Failure(
            VECTOR_INDEX_FULL, "the index is full: at most " + std::to_string(options.maximum_bytes) + " bytes");
    delta.reserve(count);

    Version version = current.version + 1;
    vector_index_changes changes = {0, 0, 0};
    for (size_t i = 0; i < removal_count; i++) changes.removed += kill(removals[i], version);
    for (size_t i = 0; i < count; i++) {
        kill(ids[i], version) ? changes.replaced++ : changes.added++;
        delta.append(ids[i], partitions[i], normalised.data() + i * width);
    }
    std::lock_guard<std::mutex> guard(publishing);
    current.version = version;
    current.delta_rows = delta.count();
    current.sequence = sequence;
    return changes;
}

void vector_index::search_one(
    const Snapshot &at, const float *query, size_t limit, const int64_t *partitions, size_t partition_count,
    int64_t *ids, float *scores, size_t *found) const {
    const Base &base = *at.base;
    Best best(limit);
    base.search(base.prepare(query), at.version, partitions, partition_count, best);
    at.delta->search(query, at.version, at.delta_rows, partitions, partition_count, int64_t(base.count), best);
    std::vector<std::pair<float, int64_t>> order;
    for (size_t i = 0; i < limit; i++) {
        int64_t label = best.labels[i];
        if (label < 0) continue;
        size_t row = size_t(label);
        order.emplace_back(best.scores[i], row < base.count ? base.ids[row] : at.delta->id(row - base.count));
    }
    std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (size_t i = 0; i < order.size(); i++) {
        scores[i] = order[i].first;
        ids[i] = order[i].second;
    }
    *found = order.size();
}

void vector_index::search(
    const float *queries, size_t query_count, size_t limit, const int64_t *partitions, size_t partition_count,
    int64_t *ids, float *scores, size_t *found) const {
    if (limit > VECTOR_INDEX_RESULTS)
        throw Failure(
            VECTOR_INDEX_INVALID, "a search gives at most " + std::to_string(VECTOR_INDEX_RESULTS) + " results");
    if (query_count > VECTOR_INDEX_QUERIES)
        throw Failure(
            VECTOR_INDEX_INVALID,
            "a search takes at most " + std::to_string(VECTOR_INDEX_QUERIES) + " queries at once");
    if (partitions && partition_count > VECTOR_INDEX_FILTER_PARTITIONS)
        throw Failure(
            VECTOR_INDEX_INVALID,
            "a filter names at most " + std::to_string(VECTOR_INDEX_FILTER_PARTITIONS) + " partitions");
    size_t width = padded(options.dimension);
    std::vector<float> normalised(query_count * width);
    for (size_t i = 0; i < query_count; i++)
        normalise(queries + i * options.dimension, options.dimension, normalised.data() + i * width, "query", i);
    std::vector<int64_t> ascending;
    if (partitions) ascending.assign(partitions, partitions + partition_count);
    std::sort(ascending.begin(), ascending.end());
    static const int64_t none = 0;
    const int64_t *only = !partitions ? nullptr : ascending.empty() ? &none : ascending.data();
    Snapshot at = snapshot();
    for (size_t i = 0; i < query_count; i++) {
        found[i] = 0;
        if (limit == 0) continue;
        search_one(
            at, normalised.data() + i * width, limit, only, ascending.size(), ids + i * limit, scores + i * limit,
            found + i);
    }
}

void vector_index::rebuild(int threads, const std::atomic<bool> *cancelled) {
    if (rebuilding.exchange(true)) throw Failure(VECTOR_INDEX_BUSY, "a rebuild is running already");
    struct Ending {
        std::atomic<bool> &running;
        ~Ending() { running.store(false); }
    } ending{rebuilding};
    Snapshot at = snapshot();
    Rows rows;
    rows.older = at.base.get();
    auto take = [&](Rows::Row row, int64_t id, int64_t partition) {
        rows.rows.push_back(row);
        rows.ids.push_back(id);
        rows.partitions.push_back(partition);
    };
    for (size_t row = 0; row < at.base->count; row++)
        if (alive(at.base->death(row), at.version))
            take({nullptr, row}, at.base->ids[row], at.base->partitions[at.base->slots[row]]);
    for (size_t row = 0; row < at.delta_rows; row++)
        if (alive(at.delta->death(row), at.version))
            take({at.delta->values(row), 0}, at.delta->id(row), at.delta->partition(row));
    Plan plan{options.dimension, options.storage, options.exact_entries, options.recall, std::max(1, threads),
              cancelled};
    std::unique_ptr<Base> base;
    std::exception_ptr problem;
    // A thread of its own, because its low priority stays with it; the threads that it starts have the same.
    std::thread builder([&] {
        setpriority(PRIO_PROCESS, 0, limits::rebuild_niceness);
        try {
            base = build(rows, plan);
        } catch (...) {
            problem = std::current_exception();
        }
    });
    builder.join();
    if (problem) std::rethrow_exception(problem);
    swap_in(std::move(base), at);
}

/// Brings a base that was built of an older version up to date and puts it in the place of the current one. Readers
/// go on with what they have; writers wait.
void vector_index::swap_in(std::shared_ptr<const Base> base, const Snapshot &built_of) {
    auto fresh = empty_delta(options);
    std::lock_guard<std::mutex> writer(writing);
    Version now = current.version;
    const Delta &old = *current.delta;
    auto bury = [&](int64_t id) {
        if (int64_t row = base->find(id); row >= 0) base->kill(size_t(row), now);
    };
    for (size_t row = 0; row < built_of.base->count; row++)
        if (built_of.base->death(row).load(std::memory_order_relaxed) > built_of.version)
            bury(built_of.base->ids[row]);
    for (size_t row = 0; row < built_of.delta_rows; row++)
        if (old.death(row).load(std::memory_order_relaxed) > built_of.version) bury(old.id(row));
    for (size_t row = built_of.delta_rows; row < old.count(); row++) {
        if (old.death(row).load(std::memory_order_relaxed) != 0) continue;
        fresh->reserve(1);
        fresh->append(old.id(row), old.partition(row), old.values(row));
    }
    std::lock_guard<std::mutex> guard(publishing);
    current.base = std::move(base);
    current.delta = std::move(fresh);
    current.delta_rows = current.delta->count();
    current.rebuilds++;
}

vector_index_state vector_index::describe() const {
    Snapshot at = snapshot();
    vector_index_state state = {};
    state.base_rows = at.base->count;
    state.base_dead = at.base->dead();
    state.delta_rows = at.delta_rows;
    state.delta_dead = std::min(at.delta->dead(), at.delta_rows);
    state.entries = state.base_rows - state.base_dead + state.delta_rows - state.delta_dead;
    state.bytes = at.base->bytes() + at.delta->bytes(at.delta_rows);
    state.sequence = at.sequence;
    state.generation = options.generation;
    state.rebuilds = at.rebuilds;
    state.lists = uint32_t(at.base->list_count);
    state.probes = uint32_t(at.base->probes);
    state.storage = at.base->storage;
    state.rebuilding = rebuilding.load();
    auto past = [](size_t part, double share, size_t whole, size_t least) {
        return part > least && double(part) > share * double(whole);
    };
    state.needs_rebuild = past(state.base_dead, VECTOR_INDEX_DEAD_SHARE, state.base_rows, VECTOR_INDEX_DEAD_ROWS) ||
                          past(state.delta_rows, VECTOR_INDEX_DELTA_SHARE, state.base_rows, VECTOR_INDEX_DELTA_ROWS);
    return state;
}
