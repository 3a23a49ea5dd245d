//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// FAISS's inverted lists over the rows of a base: FAISS walks the lists, the kernels compare.
#pragma once

#include "base.h"

namespace vectors {

/// The rows of a base as FAISS's read-only inverted lists. There are no ids: a row's place is its label.
class RowLists final : public faiss::InvertedLists {
public:
    explicit RowLists(const Base &base);
    size_t list_size(size_t list) const override;
    const uint8_t *get_codes(size_t list) const override;
    const idx_t *get_ids(size_t list) const override;
    size_t add_entries(size_t, size_t, const idx_t *, const uint8_t *) override;
    void update_entries(size_t, size_t, size_t, const idx_t *, const uint8_t *) override;
    void resize(size_t, size_t) override;

private:
    const Base &base;
};

/// FAISS wants a quantizer when an IndexIVF is made; this one is empty, because the kernels choose the lists.
struct NoQuantizer {
    faiss::IndexFlatIP none;
};

class Lists final : NoQuantizer, public faiss::IndexIVF {
public:
    explicit Lists(const Base &base);

    /// Looks into the `first` nearest lists, then into more until `wanted` results are found or no list is left.
    void probe(const Query &query, const Visible &visible, size_t first, size_t wanted, Best &best) const;
    faiss::InvertedListScanner *get_InvertedListScanner(
        bool store_pairs, const faiss::IDSelector *selector) const override;
    void encode_vectors(idx_t, const float *, const idx_t *, uint8_t *, bool) const override;

private:
    const Base &base;
    RowLists row_lists;
};

} // namespace vectors
