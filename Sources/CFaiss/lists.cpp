//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "lists.h"

#include <algorithm>
#include <faiss/impl/FaissException.h>
#include <utility>

namespace vectors {
namespace {

[[noreturn]] void refuse() { throw faiss::FaissException("the lists of a base do not change"); }

/// What a search asks of the scanner; FAISS hands it through as the selector of the search.
struct Request final : faiss::IDSelector {
    const Query &query;
    const Visible &visible;

    Request(const Query &query, const Visible &visible) : query(query), visible(visible) {}
    bool is_member(idx_t row) const final { return visible.is_member(row); }
};

/// Compares the rows of one list after another with the query.
struct Scanner final : faiss::InvertedListScanner {
    const Base &base;
    const Request &request;

    Scanner(const Base &base, const Request &request)
        : InvertedListScanner(false, &request), base(base), request(request) {}
    void set_query(const float *) override {}
    void set_list(idx_t list, float) override { list_no = list; }
    float distance_to_code(const uint8_t *) const override { refuse(); }
    size_t scan_codes(
        size_t size, const uint8_t *, const idx_t *, float *scores, idx_t *labels, size_t limit) const override {
        size_t begin = base.list_start[size_t(list_no)];
        base.scan(request.query, begin, begin + size, &request.visible, scores, labels, limit);
        return 0;
    }
};

} // namespace

RowLists::RowLists(const Base &base) : InvertedLists(base.list_count, base.row_bytes()), base(base) {}

size_t RowLists::list_size(size_t list) const { return base.list_start[list + 1] - base.list_start[list]; }

const uint8_t *RowLists::get_codes(size_t list) const {
    return base.rows.as<uint8_t>() + base.list_start[list] * base.row_bytes();
}

const RowLists::idx_t *RowLists::get_ids(size_t) const { return nullptr; }

size_t RowLists::add_entries(size_t, size_t, const idx_t *, const uint8_t *) { refuse(); }

void RowLists::update_entries(size_t, size_t, size_t, const idx_t *, const uint8_t *) { refuse(); }

void RowLists::resize(size_t, size_t) { refuse(); }

Lists::Lists(const Base &base)
    : NoQuantizer{faiss::IndexFlatIP(faiss::IndexFlatIP::idx_t(base.width))},
      IndexIVF(&none, base.width, base.list_count, base.row_bytes(), faiss::METRIC_INNER_PRODUCT), base(base),
      row_lists(base) {
    replace_invlists(&row_lists, false);
    // One heap goes through several calls and the rows outside the lists.
    parallel_mode = PARALLEL_MODE_NO_HEAP_INIT;
    is_trained = true;
    ntotal = idx_t(base.count);
}

faiss::InvertedListScanner *Lists::get_InvertedListScanner(bool, const faiss::IDSelector *selector) const {
    const auto *request = dynamic_cast<const Request *>(selector);
    if (!request) refuse();
    return new Scanner(base, *request);
}

void Lists::encode_vectors(idx_t, const float *, const idx_t *, uint8_t *, bool) const { refuse(); }

void Lists::probe(const Query &query, const Visible &visible, size_t first, size_t wanted, Best &best) const {
    std::vector<float> nearness(nlist);
    products(query.values, base.centroids.as<float>(), nlist, base.width, nearness.data());
    std::vector<std::pair<float, uint32_t>> order(nlist);
    for (size_t list = 0; list < nlist; list++) order[list] = {-nearness[list], uint32_t(list)};
    std::vector<idx_t> keys;
    Request request(query, visible);
    faiss::IVFSearchParameters parameters;
    parameters.sel = const_cast<Request *>(&request);
    faiss::IndexIVFStats stats;
    for (size_t done = 0; done < nlist;) {
        size_t upTo = std::min(nlist, std::max(first, done * 2));
        auto begin = order.begin() + ptrdiff_t(done), end = order.begin() + ptrdiff_t(upTo);
        if (upTo < nlist) std::nth_element(begin, end, order.end());
        // The nearest first, so that the worst of the best rises early.
        std::sort(begin, end);
        keys.clear();
        for (auto list = begin; list < end; list++) keys.push_back(idx_t(list->second));
        parameters.nprobe = keys.size();
        search_preassigned(
            1, query.values, idx_t(best.scores.size()), keys.data(), nearness.data(), best.scores.data(),
            best.labels.data(), false, &parameters, &stats);
        done = upTo;
        if (best.found() >= wanted) return;
    }
}

} // namespace vectors
