//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "base.h"

#include "kernels.h"
#include "lists.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace vectors {

size_t Best::found() const {
    return size_t(std::count_if(labels.begin(), labels.end(), [](int64_t label) { return label >= 0; }));
}

Visible::Visible(const Base &base, Version version, const uint64_t *allowed)
    : base(base), version(version), allowed(allowed), everything(!allowed && base.dead() == 0) {}

Base::Base(size_t dimension, size_t count, vector_index_storage storage)
    : dimension(dimension), width(padded(dimension)), count(count), storage(storage), rows(count * row_bytes()),
      ids(count), deaths(count * sizeof(Deaths)) {}

Base::~Base() = default;

void Base::decode(size_t row, float *values) const {
    if (storage == VECTOR_INDEX_FLOAT32) {
        std::memcpy(values, floats(row), width * sizeof(float));
        return;
    }
    const uint8_t *from = codes(row);
    for (size_t i = 0; i < width; i++)
        values[i] = ranges[i] + (float(from[i]) + 0.5f) / 255.0f * ranges[width + i];
}

size_t Base::bytes() const {
    return rows.bytes() + deaths.bytes() + centroids.bytes() + ids.size() * 8 + slots.size() * 4 + by_id.size() * 4 +
           members.size() * 4 + (partitions.size() + member_start.size() + list_start.size()) * 8 + ranges.size() * 4;
}

bool Base::finish(const std::vector<int64_t> &partition_of_row) {
    partitions = partition_of_row;
    std::sort(partitions.begin(), partitions.end());
    partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
    partitions.shrink_to_fit();
    slots.resize(count);
    member_start.assign(partitions.size() + 1, 0);
    for (size_t row = 0; row < count; row++) {
        auto place = std::lower_bound(partitions.begin(), partitions.end(), partition_of_row[row]);
        slots[row] = uint32_t(place - partitions.begin());
        member_start[slots[row] + 1]++;
    }
    std::partial_sum(member_start.begin(), member_start.end(), member_start.begin());
    members.resize(count);
    std::vector<uint64_t> next(member_start.begin(), member_start.end() - 1);
    for (size_t row = 0; row < count; row++) members[next[slots[row]]++] = uint32_t(row);
    by_id.resize(count);
    std::iota(by_id.begin(), by_id.end(), 0u);
    std::sort(by_id.begin(), by_id.end(), [this](uint32_t a, uint32_t b) { return ids[a] < ids[b]; });
    for (size_t i = 1; i < count; i++)
        if (ids[by_id[i - 1]] == ids[by_id[i]]) return false;
    if (list_count > 0) lists = std::make_unique<Lists>(*this);
    return true;
}

int64_t Base::find(int64_t id) const {
    auto place = std::lower_bound(
        by_id.begin(), by_id.end(), id, [this](uint32_t row, int64_t wanted) { return ids[row] < wanted; });
    if (place == by_id.end() || ids[*place] != id) return -1;
    return death(*place).load(std::memory_order_relaxed) == 0 ? int64_t(*place) : -1;
}

void Base::kill(size_t row, Version version) const {
    death(row).store(version, std::memory_order_relaxed);
    dead_count.fetch_add(1, std::memory_order_relaxed);
}

/// The sum of value * range over 8-bit codes becomes an integer sum: weights of 16 bits, such that even codes that are
/// all 255 do not pass 32 bits in one of the kernel's eight lanes, nor in their sum.
Query Base::prepare(const float *values) const {
    Query query{values, {}};
    if (storage == VECTOR_INDEX_FLOAT32) return query;
    query.weights.resize(width);
    double bias = 0, largest = 0, sum = 0;
    std::vector<double> weights(width);
    for (size_t i = 0; i < width; i++) {
        weights[i] = double(values[i]) * ranges[width + i] / 255.0;
        bias += double(values[i]) * ranges[i] + 0.5 * weights[i];
        largest = std::max(largest, std::fabs(weights[i]));
        sum += std::fabs(weights[i]);
    }
    query.bias = float(bias);
    if (largest == 0) return query;
    double scale = std::min(32767.0 / largest, (2147483647.0 / 255.0 - double(width)) / sum);
    for (size_t i = 0; i < width; i++) query.weights[i] = int16_t(std::lrint(weights[i] * scale));
    query.scale = float(1 / scale);
    return query;
}

namespace {

/// Compares rows one by one and keeps the best.
template <typename Element>
struct Comparison {
    const Query &query;
    const Element *rows;
    size_t width;
    float *scores;
    int64_t *labels;
    size_t limit;
    const Kernels &those = kernels();

    void add(size_t row) const {
        float score;
        if constexpr (std::is_same_v<Element, float>) {
            score = those.dot(query.values, rows + row * width, width);
        } else {
            int32_t sum = those.codes(query.weights.data(), rows + row * width, width);
            score = query.bias + query.scale * float(sum);
        }
        if (score > scores[0]) faiss::heap_replace_top<Order>(limit, scores, labels, score, int64_t(row));
    }
};

template <typename Element, typename Each>
void compare(
    const Base &base, const Query &query, float *scores, int64_t *labels, size_t limit, const Visible *visible,
    Each each) {
    const Comparison<Element> comparison{query, base.rows.as<Element>(), base.width, scores, labels, limit};
    if (visible && !visible->everything) {
        each([&](size_t row) {
            if (visible->includes(row)) comparison.add(row);
        });
    } else {
        each([&](size_t row) { comparison.add(row); });
    }
}

} // namespace

void Base::scan(
    const Query &query, size_t begin, size_t end, const Visible *visible, float *scores, int64_t *labels,
    size_t limit) const {
    auto each = [=](auto take) {
        for (size_t row = begin; row < end; row++) take(row);
    };
    if (storage == VECTOR_INDEX_FLOAT32) {
        compare<float>(*this, query, scores, labels, limit, visible, each);
    } else {
        compare<uint8_t>(*this, query, scores, labels, limit, visible, each);
    }
}

void Base::scan_members(
    const Query &query, const std::vector<uint32_t> &slots_in, const Visible &visible, Best &best) const {
    auto each = [&](auto take) {
        for (uint32_t slot : slots_in)
            for (uint64_t i = member_start[slot], end = member_start[slot + 1]; i < end; i++) {
                // The rows lie apart: the beginning of the next one is called while this one is compared.
                if (i + 1 < end)
                    for (size_t line = 0; line < 4; line++)
                        __builtin_prefetch(rows.as<uint8_t>() + members[i + 1] * row_bytes() + line * 64);
                take(members[i]);
            }
    };
    float *scores = best.scores.data();
    int64_t *labels = best.labels.data();
    if (storage == VECTOR_INDEX_FLOAT32) {
        compare<float>(*this, query, scores, labels, best.scores.size(), &visible, each);
    } else {
        compare<uint8_t>(*this, query, scores, labels, best.scores.size(), &visible, each);
    }
}

/// The plan of a search: few matches are compared one by one; a base without lists is read from end to end; otherwise
/// the lists are probed, more of them the fewer rows match.
void Base::search(
    const Query &query, Version version, const int64_t *only_partitions, size_t only_count, Best &best) const {
    if (count == 0) return;
    if (!only_partitions) {
        Visible visible(*this, version, nullptr);
        if (list_count == 0) return scan(query, 0, count, &visible, best);
        return search_lists(query, visible, count, best);
    }
    std::vector<uint32_t> slots_in;
    std::vector<uint64_t> allowed((partitions.size() + 63) / 64);
    size_t matches = 0;
    for (size_t i = 0; i < only_count; i++) {
        auto place = std::lower_bound(partitions.begin(), partitions.end(), only_partitions[i]);
        if (place == partitions.end() || *place != only_partitions[i]) continue;
        uint32_t slot = uint32_t(place - partitions.begin());
        uint64_t bit = uint64_t(1) << (slot & 63);
        if (allowed[slot >> 6] & bit) continue;
        allowed[slot >> 6] |= bit;
        slots_in.push_back(slot);
        matches += member_start[slot + 1] - member_start[slot];
    }
    if (matches == 0) return;
    Visible visible(*this, version, allowed.data());
    if (list_count == 0 || matches <= VECTOR_INDEX_EXACT_MATCHES) {
        // Reading everything in order is faster than picking out most of it.
        if (list_count == 0 && matches > count / 2) return scan(query, 0, count, &visible, best);
        return scan_members(query, slots_in, visible, best);
    }
    search_lists(query, visible, matches, best);
}

void Base::search_lists(const Query &query, const Visible &visible, size_t matches, Best &best) const {
    // The fewer rows match, the farther away are the nearest of them; and the fewer of a list are compared.
    size_t first = size_t(double(probes) * std::sqrt(double(count) / double(std::max<size_t>(1, matches))));
    first = std::min(list_count, first);
    size_t wanted = std::min(best.scores.size(), matches);
    lists->probe(query, visible, first, wanted, best);
}

void products(const float *query, const float *rows, size_t count, size_t width, float *out) {
    const Kernels &those = kernels();
    for (size_t row = 0; row < count; row++) out[row] = those.dot(query, rows + row * width, width);
}

} // namespace vectors
