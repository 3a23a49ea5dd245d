//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "build.h"

#include "failure.h"
#include "kernels.h"
#include "limits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <faiss/Clustering.h>
#include <faiss/impl/ScalarQuantizer.h>
#include <mutex>
#include <numeric>
#include <random>
#include <thread>

extern "C" void omp_set_num_threads(int);

namespace vectors {
namespace {

constexpr uint32_t seed = 20'260'101;

void check(const std::atomic<bool> *cancelled) {
    if (cancelled && cancelled->load(std::memory_order_relaxed))
        throw Failure(VECTOR_INDEX_CANCELLED, "the rebuild was told to end");
}

/// For each row its nearest centroid by inner product, in blocks that stay in the processor's caches.
void nearest(
    const float *const *rows, size_t count, const float *centroids, size_t centroid_count, size_t width,
    int64_t *places, float *scores) {
    constexpr size_t block = 64;
    std::fill(scores, scores + count, -HUGE_VALF);
    std::fill(places, places + count, 0);
    for (size_t first = 0; first < centroid_count; first += block) {
        size_t last = std::min(centroid_count, first + block);
        for (size_t row = 0; row < count; row += 3) {
            const float *three[3] = {rows[row], rows[std::min(row + 1, count - 1)], rows[std::min(row + 2, count - 1)]};
            for (size_t centroid = first; centroid < last; centroid += 4) {
                const float *four[4];
                for (size_t i = 0; i < 4; i++) four[i] = centroids + std::min(centroid + i, last - 1) * width;
                float got[12];
                kernels().dot3x4(three, four, width, got);
                for (size_t q = 0; q < 3 && row + q < count; q++)
                    for (size_t c = 0; c < 4 && centroid + c < last; c++)
                        if (got[q * 4 + c] > scores[row + q]) {
                            scores[row + q] = got[q * 4 + c];
                            places[row + q] = int64_t(centroid + c);
                        }
            }
        }
    }
}

/// What FAISS's k-means asks for the nearest centroids.
struct Assigner final : faiss::Index {
    const Plan &plan;
    std::vector<float> centroids;

    Assigner(size_t width, const Plan &plan)
        : Index(idx_t(width), faiss::METRIC_INNER_PRODUCT), plan(plan) {}
    void add(idx_t count, const float *values) override {
        centroids.assign(values, values + count * d);
        ntotal = count;
    }
    void reset() override { ntotal = 0; }
    void search(
        idx_t count, const float *values, idx_t, float *scores, idx_t *places,
        const faiss::SearchParameters *) const override {
        size_t width = size_t(d), all = size_t(count);
        in_steps((all + limits::step_rows - 1) / limits::step_rows, plan.threads, plan.cancelled, [&](size_t step) {
            size_t begin = step * limits::step_rows, size = std::min(all - begin, limits::step_rows);
            std::vector<const float *> rows(size);
            for (size_t i = 0; i < size; i++) rows[i] = values + (begin + i) * width;
            nearest(
                rows.data(), size, centroids.data(), size_t(ntotal), width, places + begin, scores + begin);
        });
    }
};

/// `size` different rows, spread evenly, the same for the same count.
std::vector<size_t> sample(size_t count, size_t size) {
    size = std::min(count, size);
    std::mt19937_64 random(seed);
    std::vector<size_t> chosen(size);
    for (size_t i = 0; i < size; i++) {
        size_t begin = i * count / size, end = (i + 1) * count / size;
        chosen[i] = begin + random() % (end - begin);
    }
    return chosen;
}

std::vector<float> gather(const Rows &rows, const std::vector<size_t> &chosen, size_t width) {
    std::vector<float> values(chosen.size() * width);
    for (size_t i = 0; i < chosen.size(); i++) {
        float *to = values.data() + i * width;
        const float *from = rows.values(chosen[i], to);
        if (from != to) std::memcpy(to, from, width * sizeof(float));
    }
    return values;
}

size_t lists_for(size_t count) {
    return std::min(count, size_t(std::lround(limits::lists_per_root * std::sqrt(double(count)))));
}

void train_lists(Base &base, const Rows &rows, const Plan &plan) {
    base.list_count = lists_for(rows.count());
    base.trained_count = rows.count();
    auto values = gather(rows, sample(rows.count(), base.list_count * limits::sample_rows_per_list), base.width);
    faiss::ClusteringParameters parameters;
    parameters.niter = limits::training_rounds;
    parameters.spherical = true;
    parameters.min_points_per_centroid = 1;
    parameters.max_points_per_centroid = int(limits::sample_rows_per_list) * 2;
    parameters.seed = int(seed);
    faiss::Clustering clustering(int(base.width), int(base.list_count), parameters);
    Assigner assigner(base.width, plan);
    omp_set_num_threads(plan.threads);
    clustering.train(int64_t(values.size() / base.width), values.data(), assigner);
    omp_set_num_threads(1);
    base.centroids = Memory(clustering.centroids.size() * sizeof(float));
    std::memcpy(base.centroids.as<float>(), clustering.centroids.data(), base.centroids.bytes());
}

void keep_lists(Base &base, const Base &older) {
    base.list_count = older.list_count;
    base.trained_count = older.trained_count;
    base.probes = older.probes;
    base.centroids = Memory(older.centroids.bytes());
    std::memcpy(base.centroids.as<float>(), older.centroids.as<float>(), older.centroids.bytes());
}

/// The list of each row; rows of an older base keep theirs when its lists were kept.
std::vector<uint32_t> assign(const Base &base, const Rows &rows, bool kept, const Plan &plan) {
    std::vector<uint32_t> list_of(rows.count());
    size_t steps = (rows.count() + limits::step_rows - 1) / limits::step_rows;
    in_steps(steps, plan.threads, plan.cancelled, [&](size_t step) {
        size_t begin = step * limits::step_rows, end = std::min(rows.count(), begin + limits::step_rows);
        std::vector<float> buffer(limits::step_rows * base.width);
        std::vector<const float *> values;
        std::vector<size_t> asked;
        for (size_t row = begin; row < end; row++) {
            if (kept && !rows.rows[row].values) {
                const auto &starts = rows.older->list_start;
                auto after = std::upper_bound(starts.begin(), starts.end(), uint64_t(rows.rows[row].of_base));
                list_of[row] = uint32_t(after - starts.begin() - 1);
            } else {
                values.push_back(rows.values(row, buffer.data() + asked.size() * base.width));
                asked.push_back(row);
            }
        }
        if (asked.empty()) return;
        std::vector<int64_t> places(asked.size());
        std::vector<float> scores(asked.size());
        nearest(
            values.data(), asked.size(), base.centroids.as<float>(), base.list_count, base.width, places.data(),
            scores.data());
        for (size_t i = 0; i < asked.size(); i++) list_of[asked[i]] = uint32_t(places[i]);
    });
    return list_of;
}

void train_ranges(Base &base, const Rows &rows) {
    if (rows.older && rows.older->storage == VECTOR_INDEX_INT8) {
        // Codes are copied as they are: rows that were encoded once never lose anything again.
        base.ranges = rows.older->ranges;
        return;
    }
    auto values = gather(rows, sample(rows.count(), limits::range_rows), base.width);
    faiss::ScalarQuantizer quantizer(base.width, faiss::ScalarQuantizer::QT_8bit);
    quantizer.train(values.size() / base.width, values.data());
    base.ranges = quantizer.trained;
}

/// Copies the rows to their places.
void fill(Base &base, const Rows &rows, const std::vector<size_t> &order, const Plan &plan) {
    faiss::ScalarQuantizer quantizer(base.width, faiss::ScalarQuantizer::QT_8bit);
    quantizer.trained = base.ranges;
    size_t steps = (rows.count() + limits::step_rows - 1) / limits::step_rows;
    in_steps(steps, plan.threads, plan.cancelled, [&](size_t step) {
        omp_set_num_threads(1);
        size_t begin = step * limits::step_rows, end = std::min(rows.count(), begin + limits::step_rows);
        std::vector<float> buffer(base.width);
        for (size_t place = begin; place < end; place++) {
            size_t row = order[place];
            base.ids[place] = rows.ids[row];
            if (base.storage == VECTOR_INDEX_FLOAT32) {
                std::memcpy(
                    base.rows.as<float>() + place * base.width, rows.values(row, buffer.data()), base.row_bytes());
            } else if (!rows.rows[row].values && rows.older->storage == VECTOR_INDEX_INT8) {
                std::memcpy(
                    base.rows.as<uint8_t>() + place * base.width, rows.older->codes(rows.rows[row].of_base),
                    base.row_bytes());
            } else {
                quantizer.compute_codes(
                    rows.values(row, buffer.data()), base.rows.as<uint8_t>() + place * base.width, 1);
            }
        }
    });
}

/// Measures on rows of the base how many lists hold their true neighbours.
void choose_probes(Base &base, const Plan &plan) {
    auto chosen = sample(base.count, limits::calibration_rows);
    std::vector<std::vector<size_t>> ranks(chosen.size());
    in_steps(chosen.size(), plan.threads, plan.cancelled, [&](size_t step) {
        std::vector<float> values(base.width), nearness(base.list_count);
        base.decode(chosen[step], values.data());
        Best best(limits::calibration_neighbours + 1);
        base.scan(base.prepare(values.data()), 0, base.count, nullptr, best);
        products(values.data(), base.centroids.as<float>(), base.list_count, base.width, nearness.data());
        for (int64_t label : best.labels) {
            if (label < 0 || size_t(label) == chosen[step]) continue;
            auto after = std::upper_bound(base.list_start.begin(), base.list_start.end(), uint64_t(label));
            float own = nearness[size_t(after - base.list_start.begin() - 1)];
            ranks[step].push_back(size_t(
                std::count_if(nearness.begin(), nearness.end(), [own](float other) { return other > own; })));
        }
    });
    std::vector<size_t> all;
    for (const auto &those : ranks) all.insert(all.end(), those.begin(), those.end());
    if (all.empty()) all.push_back(0);
    std::sort(all.begin(), all.end());
    size_t place = std::min(all.size() - 1, size_t(std::ceil(double(all.size()) * plan.recall)));
    base.probes = std::min(base.list_count, std::max(limits::fewest_probes, all[place] + 1));
}

} // namespace

const float *Rows::values(size_t row, float *buffer) const {
    if (rows[row].values) return rows[row].values;
    if (older->storage == VECTOR_INDEX_FLOAT32) return older->floats(rows[row].of_base);
    older->decode(rows[row].of_base, buffer);
    return buffer;
}

void in_steps(size_t steps, int threads, const std::atomic<bool> *cancelled, const std::function<void(size_t)> &step) {
    std::atomic<size_t> next{0};
    std::exception_ptr problem;
    std::mutex problem_lock;
    auto work = [&] {
        try {
            for (size_t mine; (mine = next.fetch_add(1)) < steps;) {
                check(cancelled);
                step(mine);
            }
        } catch (...) {
            next.store(steps);
            std::lock_guard<std::mutex> guard(problem_lock);
            if (!problem) problem = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads && size_t(i) < steps; i++) {
        try {
            others.emplace_back(work);
        } catch (const std::system_error &) {
            break; // fewer threads do it as well
        }
    }
    work();
    for (auto &other : others) other.join();
    if (problem) std::rethrow_exception(problem);
}

std::unique_ptr<Base> build(const Rows &rows, const Plan &plan) {
    size_t count = rows.count();
    bool lists = count > plan.exact_entries;
    bool codes = count > 0 && ((rows.older && rows.older->storage == VECTOR_INDEX_INT8) ||
                               (plan.storage == VECTOR_INDEX_INT8 && lists));
    auto base = std::make_unique<Base>(plan.dimension, count, codes ? VECTOR_INDEX_INT8 : VECTOR_INDEX_FLOAT32);
    if (codes) train_ranges(*base, rows);
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t(0));
    bool kept = false;
    if (lists) {
        const Base *older = rows.older;
        kept = older && older->list_count > 0 && count <= older->trained_count * 2 && count >= older->trained_count / 2;
        if (kept) {
            keep_lists(*base, *older);
        } else {
            train_lists(*base, rows, plan);
        }
        auto list_of = assign(*base, rows, kept, plan);
        base->list_start.assign(base->list_count + 1, 0);
        for (uint32_t list : list_of) base->list_start[list + 1]++;
        std::partial_sum(base->list_start.begin(), base->list_start.end(), base->list_start.begin());
        std::vector<uint64_t> next(base->list_start.begin(), base->list_start.end() - 1);
        for (size_t row = 0; row < count; row++) order[next[list_of[row]]++] = row;
    }
    fill(*base, rows, order, plan);
    std::vector<int64_t> partitions(count);
    for (size_t place = 0; place < count; place++) partitions[place] = rows.partitions[order[place]];
    if (!base->finish(partitions)) throw Failure(VECTOR_INDEX_INTERNAL, "an id occurs twice among the rows");
    if (lists && !kept) choose_probes(*base, plan);
    return base;
}

} // namespace vectors
