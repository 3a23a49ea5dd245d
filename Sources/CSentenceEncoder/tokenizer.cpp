//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// BERT's uncased tokenizer: "BERT: Pre-training of Deep Bidirectional Transformers" (Devlin et al. 2018), with the
// longest-match-first WordPiece of "Google's Neural Machine Translation System" (Wu et al. 2016), section 4.1.
//
// Text goes through scalar by scalar: each is removed, separates words, stands alone, or adds normalised scalars to
// the present word. A word that ends is matched against the vocabulary in a trie of its pieces' bytes.
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "include/sentence_encoder.h"
#include "unicode.h"

namespace parley {
namespace {

/// Words with more scalars are unknown.
constexpr size_t kWordScalars = 100;
constexpr size_t kPieceBytes = 256;
constexpr size_t kPieces = 1 << 22;

/// A set of byte strings with a number each, for longest-prefix look-up. Transitions sit in one open-addressed table.
class Trie {
  public:
    bool reserve(size_t bytes) {
        size_t size = 1024;
        while (size < bytes * 2) size *= 2;
        slots_.assign(size, Slot{});
        mask_ = size - 1;
        values_.assign(1, -1);
        values_.reserve(bytes + 2);
        return true;
    }

    uint32_t add_root() {
        values_.push_back(-1);
        return static_cast<uint32_t>(values_.size() - 1);
    }

    void insert(uint32_t root, std::string_view piece, int32_t value) {
        uint32_t node = root;
        for (unsigned char byte : piece) {
            uint64_t key = key_of(node, byte);
            size_t slot = find(key);
            if (!slots_[slot].key) {
                values_.push_back(-1);
                slots_[slot] = {key, static_cast<uint32_t>(values_.size() - 1)};
            }
            node = slots_[slot].child;
        }
        values_[node] = value;
    }

    /// 0 when there is none.
    uint32_t child(uint32_t node, unsigned char byte) const {
        const Slot &slot = slots_[find(key_of(node, byte))];
        return slot.key ? slot.child : 0;
    }

    int32_t value(uint32_t node) const { return values_[node]; }

  private:
    struct Slot {
        uint64_t key = 0;
        uint32_t child = 0;
    };

    static uint64_t key_of(uint32_t node, unsigned char byte) { return (static_cast<uint64_t>(node) << 8 | byte) + 1; }

    /// Where the key is, or the free place for it.
    size_t find(uint64_t key) const {
        size_t slot = (key * 0x9E3779B97F4A7C15ull) >> 20 & mask_;
        while (slots_[slot].key && slots_[slot].key != key) slot = (slot + 1) & mask_;
        return slot;
    }

    std::vector<Slot> slots_;
    std::vector<int32_t> values_;
    size_t mask_ = 0;
};

const UnicodeTable &unicode() {
    static const UnicodeTable table;
    return table;
}

/// The scalar at `position`, which moves behind it. What is not UTF-8 is U+FFFD, byte by byte.
uint32_t next_scalar(const uint8_t *text, size_t count, size_t &position) {
    uint8_t first = text[position++];
    if (first < 0x80) return first;
    size_t more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xC2 && first < 0xE0;
    if (!more || position + more > count) return 0xFFFD;
    uint32_t scalar = first & (0x3F >> more);
    for (size_t index = 0; index < more; index++) {
        uint8_t byte = text[position + index];
        if ((byte & 0xC0) != 0x80) return 0xFFFD;
        scalar = scalar << 6 | (byte & 0x3F);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (scalar < least[more] || scalar > 0x10FFFF || (scalar >= 0xD800 && scalar < 0xE000)) return 0xFFFD;
    position += more;
    return scalar;
}

size_t put_utf8(uint32_t scalar, uint8_t *out) {
    if (scalar < 0x80) return out[0] = static_cast<uint8_t>(scalar), 1;
    if (scalar < 0x800) {
        out[0] = static_cast<uint8_t>(0xC0 | scalar >> 6);
        out[1] = static_cast<uint8_t>(0x80 | (scalar & 0x3F));
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = static_cast<uint8_t>(0xE0 | scalar >> 12);
        out[1] = static_cast<uint8_t>(0x80 | (scalar >> 6 & 0x3F));
        out[2] = static_cast<uint8_t>(0x80 | (scalar & 0x3F));
        return 3;
    }
    out[0] = static_cast<uint8_t>(0xF0 | scalar >> 18);
    out[1] = static_cast<uint8_t>(0x80 | (scalar >> 12 & 0x3F));
    out[2] = static_cast<uint8_t>(0x80 | (scalar >> 6 & 0x3F));
    out[3] = static_cast<uint8_t>(0x80 | (scalar & 0x3F));
    return 4;
}

/// A word as far as it has come: normalised bytes, and for each where its scalar came from.
struct Word {
    uint8_t bytes[kWordScalars * 4];
    size_t starts[kWordScalars * 4];
    size_t ends[kWordScalars * 4];
    size_t count = 0;
    size_t scalars = 0;
    size_t start = 0;
    size_t end = 0;

    void add(uint32_t scalar, size_t from, size_t to) {
        if (!scalars) start = from;
        end = to;
        if (++scalars > kWordScalars) return;
        size_t length = put_utf8(scalar, bytes + count);
        for (size_t index = 0; index < length; index++) {
            starts[count + index] = from;
            ends[count + index] = to;
        }
        count += length;
    }

    void clear() { count = scalars = 0; }
};

}  // namespace
}  // namespace parley

using namespace parley;

struct pse_tokenizer {
    Trie trie;
    uint32_t words = 0;
    uint32_t continuations = 0;
    size_t pieces = 0;
    int32_t unknown = -1, first = -1, last = -1, pad = -1, mask = -1;

    /// Tokens that are recognised in the text as they stand.
    int32_t special(const uint8_t *text, size_t count, size_t position, size_t &length) const {
        std::string_view rest(reinterpret_cast<const char *>(text + position), count - position);
        const std::pair<std::string_view, int32_t> known[] = {
            {"[CLS]", first}, {"[SEP]", last}, {"[UNK]", unknown}, {"[PAD]", pad}, {"[MASK]", mask}};
        for (auto &[name, id] : known)
            if (id >= 0 && rest.substr(0, name.size()) == name) return length = name.size(), id;
        return -1;
    }

    /// Gives the tokens of a word to `emit(id, start, end)`.
    template <typename Emit>
    void match(const Word &word, Emit emit) const {
        if (word.scalars > kWordScalars) return emit(unknown, word.start, word.end);
        struct Piece {
            int32_t id;
            size_t start, end;
        };
        Piece found[kWordScalars * 4];
        size_t pieces = 0, position = 0;
        while (position < word.count) {
            uint32_t node = position ? continuations : words;
            size_t best = 0;
            int32_t id = -1;
            for (size_t index = position; index < word.count; index++) {
                node = trie.child(node, word.bytes[index]);
                if (!node) break;
                if (trie.value(node) >= 0) id = trie.value(node), best = index + 1;
            }
            if (id < 0) return emit(unknown, word.start, word.end);
            found[pieces++] = {id, word.starts[position], word.ends[best - 1]};
            position = best;
        }
        for (size_t index = 0; index < pieces; index++) emit(found[index].id, found[index].start, found[index].end);
    }

    /// Gives the tokens of the text from `position` on to `emit`, until `goes_on` says no after a word.
    template <typename Emit, typename GoesOn>
    void run(const uint8_t *text, size_t count, size_t &position, Emit emit, GoesOn goes_on) const {
        const UnicodeTable &table = unicode();
        Word word;
        auto flush = [&] {
            if (word.scalars) match(word, emit);
            word.clear();
        };
        while (position < count) {
            size_t from = position, length = 0;
            int32_t id = text[from] == '[' ? special(text, count, from, length) : -1;
            if (id >= 0) {
                flush();
                if (!goes_on()) return;
                emit(id, from, from + length);
                position += length;
                if (!goes_on()) return;
                continue;
            }
            size_t next = position;
            uint32_t scalar = next_scalar(text, count, next);
            bool separates = table.is_space(scalar), alone = table.is_padded(scalar);
            Normalised normal = separates ? Normalised{} : table.normalised(scalar);
            if (normal.count == 1 && table.is_punctuation(normal.scalars[0])) alone = true;
            if (separates || alone) {
                if (word.scalars) {
                    flush();
                    // The caller may stop here and begin again with this scalar.
                    if (!goes_on()) return;
                }
                position = next;
                if (separates) continue;
                word.add(normal.scalars[0], from, next);
                flush();
                if (!goes_on()) return;
                continue;
            }
            position = next;
            for (uint32_t index = 0; index < normal.count; index++) {
                if (table.is_punctuation(normal.scalars[index])) {
                    flush();
                    word.add(normal.scalars[index], from, next);
                    flush();
                } else if (!table.is_space(normal.scalars[index])) {
                    word.add(normal.scalars[index], from, next);
                }
            }
        }
        flush();
    }
};

pse_tokenizer *pse_tokenizer_create(const uint8_t *vocabulary, size_t count) try {
    if (!vocabulary || !count) return nullptr;
    auto tokenizer = std::make_unique<pse_tokenizer>();
    tokenizer->trie.reserve(count);
    tokenizer->words = tokenizer->trie.add_root();
    tokenizer->continuations = tokenizer->trie.add_root();
    std::string_view rest(reinterpret_cast<const char *>(vocabulary), count);
    while (!rest.empty()) {
        size_t end = rest.find('\n');
        std::string_view piece = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (!piece.empty() && piece.back() == '\r') piece.remove_suffix(1);
        if (piece.size() > kPieceBytes || tokenizer->pieces >= kPieces) return nullptr;
        int32_t id = static_cast<int32_t>(tokenizer->pieces++);
        if (piece.empty()) continue;
        if (piece == "[UNK]") tokenizer->unknown = id;
        if (piece == "[CLS]") tokenizer->first = id;
        if (piece == "[SEP]") tokenizer->last = id;
        if (piece == "[PAD]") tokenizer->pad = id;
        if (piece == "[MASK]") tokenizer->mask = id;
        tokenizer->trie.insert(tokenizer->words, piece, id);
        if (piece.size() > 2 && piece.substr(0, 2) == "##")
            tokenizer->trie.insert(tokenizer->continuations, piece.substr(2), id);
    }
    if (tokenizer->unknown < 0 || tokenizer->first < 0 || tokenizer->last < 0) return nullptr;
    return tokenizer.release();
} catch (...) {
    return nullptr;
}

void pse_tokenizer_destroy(pse_tokenizer *tokenizer) { delete tokenizer; }

size_t pse_tokenizer_pieces(const pse_tokenizer *tokenizer) { return tokenizer->pieces; }
int32_t pse_tokenizer_first(const pse_tokenizer *tokenizer) { return tokenizer->first; }
int32_t pse_tokenizer_last(const pse_tokenizer *tokenizer) { return tokenizer->last; }

size_t pse_tokenize(
    const pse_tokenizer *tokenizer, const uint8_t *text, size_t count, size_t *position, pse_token *tokens,
    size_t capacity) {
    // A word has at most one token for each of its scalars, so one more fits while so many places are left.
    size_t written = 0;
    tokenizer->run(
        text, count, *position,
        [&](int32_t id, size_t start, size_t end) {
            if (written < capacity) tokens[written++] = {id, start, end};
        },
        [&] { return capacity - written >= kWordScalars + 3; });
    return written;
}

size_t pse_tokenize_ids(
    const pse_tokenizer *tokenizer, const uint8_t *text, size_t count, int32_t *ids, size_t capacity) {
    size_t written = 0, position = 0;
    tokenizer->run(
        text, count, position,
        [&](int32_t id, size_t, size_t) {
            if (written < capacity) ids[written++] = id;
        },
        [&] { return written < capacity; });
    return written;
}

size_t pse_count(const pse_tokenizer *tokenizer, const uint8_t *text, size_t count) {
    size_t total = 0, position = 0;
    tokenizer->run(text, count, position, [&](int32_t, size_t, size_t) { total++; }, [] { return true; });
    return total;
}
