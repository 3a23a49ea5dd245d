//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "unicode.h"

#include <cstring>

#include "unicode_mappings.inc"
#include "unicode_ranges.inc"

namespace parley {

UnicodeTable::UnicodeTable() {
    for (auto &page : pages_) page = &empty_;
    for (auto &range : kRemoved) mark(range[0], range[1], kRemove);
    for (auto &range : kSpaces) mark(range[0], range[1], kSpace);
    for (auto &range : kPadded) mark(range[0], range[1], kPad);
    for (auto &range : kPunctuation) mark(range[0], range[1], kPunct);
    mark(' ', ' ', kSpace);
    for (auto &run : kShifts)
        for (uint32_t scalar = run[0]; scalar <= run[1]; scalar++) {
            Page *page = own(scalar);
            page->flags[scalar & 255] |= kMapped;
            page->target[scalar & 255] = run[2] + (scalar - run[0]);
        }
    for (auto &pair : kMappings) {
        Page *page = own(pair[0]);
        page->flags[pair[0] & 255] |= kMapped;
        page->target[pair[0] & 255] = pair[1];
    }
    uint32_t number = 0;
    for (auto &sequence : kSequences) {
        Page *page = own(sequence[0]);
        page->flags[sequence[0] & 255] |= kSequence;
        page->target[sequence[0] & 255] = number++;
    }
}

UnicodeTable::Page *UnicodeTable::own(uint32_t scalar) {
    auto &page = owned_[scalar >> 8];
    if (!page) {
        page.reset(new Page(*pages_[scalar >> 8]));
        pages_[scalar >> 8] = page.get();
    }
    return page.get();
}

void UnicodeTable::mark(uint32_t first, uint32_t last, uint8_t flag) {
    for (uint32_t scalar = first; scalar <= last;) {
        // Most pages of unassigned scalars are alike and share their memory.
        Page *page = pages_[scalar >> 8];
        if ((scalar & 255) == 0 && last - scalar >= 255 && !owned_[scalar >> 8] && page == &empty_) {
            auto &shared = uniform_[flag];
            if (!shared) {
                shared.reset(new Page());
                std::memset(shared->flags, flag, sizeof shared->flags);
            }
            pages_[scalar >> 8] = shared.get();
            scalar += 256;
            continue;
        }
        own(scalar)->flags[scalar & 255] |= flag;
        scalar++;
    }
}

Normalised UnicodeTable::normalised(uint32_t scalar) const {
    // Hangul syllables decompose by arithmetic: The Unicode Standard, section 3.12.
    if (scalar >= 0xAC00 && scalar <= 0xD7A3) {
        uint32_t index = scalar - 0xAC00, last = index % 28;
        return {{0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + last}, last ? 3u : 2u};
    }
    const Page *page = pages_[scalar >> 8];
    uint8_t flags = page->flags[scalar & 255];
    if (flags & kRemove) return {{0, 0, 0}, 0};
    if (flags & kMapped) return {{page->target[scalar & 255], 0, 0}, 1};
    if (flags & kSequence) {
        const uint32_t *sequence = kSequences[page->target[scalar & 255]];
        return {{sequence[1], sequence[2], sequence[3]}, sequence[3] ? 3u : 2u};
    }
    return {{scalar, 0, 0}, 1};
}

}  // namespace parley
