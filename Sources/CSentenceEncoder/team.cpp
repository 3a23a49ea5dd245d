//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
#include "team.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <pthread.h>
#include <signal.h>

namespace parley {
namespace {

/// How often a helper looks for work before it sleeps: about 50 microseconds.
constexpr int kLooks = 2000;

inline void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

constexpr uint64_t pieces_of(uint64_t state) { return state & 0xFFFFFFFF; }

}  // namespace

Team::Team(int threads) {
    // Signals are for the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        for (int thread = 1; thread < threads; thread++) helpers_.emplace_back([this, thread] { help(thread); });
    } catch (...) {
        // Fewer threads do the same work.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Team::~Team() {
    {
        std::lock_guard lock(mutex_);
        ends_ = true;
    }
    woken_.notify_all();
    for (auto &helper : helpers_) helper.join();
}

void Team::run(uint32_t pieces, Function function, const void *context) {
    done_.store(0, std::memory_order_relaxed);
    function_.store(function, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    uint64_t number = (state_.load(std::memory_order_relaxed) >> 32) + 1;
    // Sequentially consistent, as are the sleepers' steps: either this sees the sleeper or the sleeper sees the work.
    state_.store(number << 32 | pieces);
    if (sleeping_.load() > 0) {
        { std::lock_guard lock(mutex_); }
        woken_.notify_all();
    }
    while (work(0)) {}
    for (int looks = 0; done_.load(std::memory_order_acquire) < pieces; looks++) {
        if (looks < kLooks) pause();
        else std::this_thread::yield();
    }
}

/// Does one piece; false when none is left.
bool Team::work(int thread) {
    uint64_t state = state_.load(std::memory_order_acquire);
    while (pieces_of(state)) {
        // Both belong to the work of `state`: they change only when no piece of it is left, and then the exchange
        // fails.
        Function function = function_.load(std::memory_order_relaxed);
        const void *context = context_.load(std::memory_order_relaxed);
        if (state_.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
            function(context, static_cast<uint32_t>(pieces_of(state) - 1), thread);
            done_.fetch_add(1, std::memory_order_release);
            return true;
        }
    }
    return false;
}

void Team::help(int thread) {
    while (!ends_.load(std::memory_order_relaxed)) {
        int looks = 0;
        while (looks < kLooks && !ends_.load(std::memory_order_relaxed)) {
            if (work(thread)) {
                looks = 0;
            } else {
                looks++;
                pause();
            }
        }
        std::unique_lock lock(mutex_);
        sleeping_.fetch_add(1);
        woken_.wait(lock, [&] { return ends_.load() || pieces_of(state_.load()) > 0; });
        sleeping_.fetch_sub(1);
    }
}

}  // namespace parley
