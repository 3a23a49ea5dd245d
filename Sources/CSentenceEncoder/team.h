//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace parley {

/// Threads that share out the pieces of one piece of work after another.
///
/// The caller works too and waits only for pieces that somebody has begun, so a helper that sleeps or is not given a
/// processor holds up nothing. Helpers look for work for some microseconds, which is longer than the time between
/// two pieces of work in a batch, then sleep.
class Team {
  public:
    explicit Team(int threads);
    ~Team();
    Team(const Team &) = delete;
    Team &operator=(const Team &) = delete;

    /// The caller's thread among them.
    int threads() const { return static_cast<int>(helpers_.size()) + 1; }

    /// Calls `work(piece, thread)` for each piece below `pieces`; returns when all are done. One caller at a time.
    template <typename Work>
    void run(uint32_t pieces, const Work &work) {
        if (helpers_.empty() || pieces < 2) {
            for (uint32_t piece = 0; piece < pieces; piece++) work(piece, 0);
            return;
        }
        run(pieces, [](const void *context, uint32_t piece, int thread) {
            (*static_cast<const Work *>(context))(piece, thread);
        }, &work);
    }

  private:
    using Function = void (*)(const void *context, uint32_t piece, int thread);

    void run(uint32_t pieces, Function function, const void *context);
    bool work(int thread);
    void help(int thread);

    /// The number of the work in the upper half, the pieces not yet begun in the lower: one exchange takes a piece of
    /// just that work.
    alignas(64) std::atomic<uint64_t> state_{0};
    alignas(64) std::atomic<uint32_t> done_{0};
    std::atomic<Function> function_{nullptr};
    std::atomic<const void *> context_{nullptr};
    alignas(64) std::atomic<int> sleeping_{0};
    std::atomic<bool> ends_{false};
    std::mutex mutex_;
    std::condition_variable woken_;
    std::vector<std::thread> helpers_;
};

}  // namespace parley
