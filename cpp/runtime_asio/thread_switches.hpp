// How often this thread gave the CPU away to wait, and how often it was taken away for others.
//
// A call that took long is a slow disk only if it waited: on a busy machine any call may take long.
#pragma once

#include <sys/resource.h>

namespace jst::runtime_asio {

struct ThreadSwitches {
    long waited = 0;
    long preempted = 0;

    static ThreadSwitches now() noexcept {
        rusage usage{};
        ::getrusage(RUSAGE_THREAD, &usage);
        return {usage.ru_nvcsw, usage.ru_nivcsw};
    }
    /// Between `before` and this it was put aside for others, and waited for nothing.
    bool only_preempted_since(const ThreadSwitches& before) const noexcept {
        return waited == before.waited && preempted != before.preempted;
    }
};

}  // namespace jst::runtime_asio
