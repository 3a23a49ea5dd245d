//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "delta.h"

#include "kernels.h"

#include <algorithm>
#include <cstring>

namespace vectors {

Delta::Delta(size_t width, size_t maximum_rows) : width(width), maximum_rows(maximum_rows) {
    chunks.reserve((maximum_rows + limits::chunk_rows - 1) / limits::chunk_rows);
}

size_t Delta::bytes(size_t of_rows) const {
    size_t full = (of_rows + limits::chunk_rows - 1) / limits::chunk_rows;
    // An id takes about 48 bytes in the table of the living.
    return full * (sizeof(Chunk) + limits::chunk_rows * width * sizeof(float)) + of_rows * 48;
}

void Delta::reserve(size_t more) {
    while (chunks.size() * limits::chunk_rows < rows + more) chunks.push_back(std::make_unique<Chunk>(width));
    living.reserve(living.size() + more);
}

void Delta::append(int64_t id, int64_t partition, const float *values) {
    living[id] = rows;
    Chunk &into = chunk(rows);
    size_t place = rows % limits::chunk_rows;
    std::memcpy(into.rows.as<float>() + place * width, values, width * sizeof(float));
    into.ids[place] = id;
    into.partitions[place] = partition;
    rows++;
}

int64_t Delta::find(int64_t id) const {
    auto found = living.find(id);
    return found == living.end() ? -1 : int64_t(found->second);
}

void Delta::kill(size_t row, Version version) {
    chunk(row).deaths[row % limits::chunk_rows].store(version, std::memory_order_relaxed);
    living.erase(id(row));
    dead_rows.fetch_add(1, std::memory_order_relaxed);
}

void Delta::search(
    const float *query, Version version, size_t published, const int64_t *only_partitions, size_t only_count,
    int64_t first_label, Best &best) const {
    float *scores = best.scores.data();
    size_t limit = best.scores.size();
    const Kernels &those = kernels();
    for (size_t row = 0; row < published; row++) {
        if (!alive(death(row), version)) continue;
        if (only_partitions && !std::binary_search(only_partitions, only_partitions + only_count, partition(row)))
            continue;
        float score = those.dot(query, values(row), width);
        if (score > scores[0])
            faiss::heap_replace_top<Order>(limit, scores, best.labels.data(), score, first_label + int64_t(row));
    }
}

} // namespace vectors
