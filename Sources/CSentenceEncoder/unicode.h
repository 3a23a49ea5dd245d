//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// What BERT's uncased normaliser and word splitter make of each Unicode scalar.
#pragma once

#include <cstdint>
#include <memory>

namespace parley {

/// Up to three scalars that stand for one.
struct Normalised {
    uint32_t scalars[3];
    uint32_t count;
};

/// Looks scalars up in two steps: the page, then the entry.
class UnicodeTable {
  public:
    UnicodeTable();

    /// Scalars that stand alone between words.
    bool is_space(uint32_t scalar) const { return flags(scalar) & kSpace; }
    bool is_removed(uint32_t scalar) const { return flags(scalar) & kRemove; }
    /// An ideograph: a word of its own.
    bool is_padded(uint32_t scalar) const { return flags(scalar) & kPad; }
    /// Asked of a normalised scalar.
    bool is_punctuation(uint32_t scalar) const { return flags(scalar) & kPunct; }

    Normalised normalised(uint32_t scalar) const;

  private:
    enum : uint16_t { kSpace = 1, kRemove = 2, kPad = 4, kPunct = 8, kMapped = 16, kSequence = 32 };
    static constexpr uint32_t kPages = 0x110000 / 256;
    struct Page {
        uint8_t flags[256];
        /// What the scalar becomes, or the number of its sequence.
        uint32_t target[256];
    };

    uint8_t flags(uint32_t scalar) const { return pages_[scalar >> 8]->flags[scalar & 255]; }
    Page *own(uint32_t scalar);
    void mark(uint32_t first, uint32_t last, uint8_t flag);

    Page empty_ = {};
    Page *pages_[kPages];
    std::unique_ptr<Page> owned_[kPages];
    /// Pages whose scalars all have one set of flags.
    std::unique_ptr<Page> uniform_[64];
};

}  // namespace parley
