//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace vectors {

/// Zeroed memory straight from the system: aligned to pages, in huge pages where it is large, given back when freed.
/// Pages that nobody writes cost nothing.
class Memory {
public:
    Memory() = default;
    explicit Memory(size_t bytes) : size(bytes) {
        if (bytes == 0) return;
        void *got = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (got == MAP_FAILED) throw std::bad_alloc();
        start = got;
#ifdef MADV_HUGEPAGE
        if (bytes >= 4 << 20) madvise(got, bytes, MADV_HUGEPAGE);
#endif
    }
    ~Memory() {
        if (start) munmap(start, size);
    }
    Memory(Memory &&other) noexcept { swap(other); }
    Memory &operator=(Memory &&other) noexcept {
        swap(other);
        return *this;
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    void swap(Memory &other) noexcept {
        std::swap(start, other.start);
        std::swap(size, other.size);
    }
    template <typename T> T *as() const noexcept { return static_cast<T *>(start); }
    size_t bytes() const noexcept { return size; }

private:
    void *start = nullptr;
    size_t size = 0;
};

} // namespace vectors
