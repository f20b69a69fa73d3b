// How much of a file one system call writes: all that is at hand, or 32 KiB. The page cache takes memory in runs as
// long as a write, and only runs of up to eight pages lie ready for each CPU: longer ones are half the price where
// memory is there, and ten times it where a virtual machine must have it back from its host. So long ones are tried now
// and then, the more rarely the more often they were the dearer ones, and given up with the first that is much too
// dear.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace jst::runtime_asio {

class WriteRuns {
  public:
    static constexpr std::uint64_t tells_from = 256u
                                                << 10;  // bytes; what shorter writes cost tells nothing about long ones
    static constexpr std::uint64_t first_try = 16u << 20;  // bytes in short runs before long ones are tried,
    static constexpr std::uint64_t last_try = 4ull << 30;  // and when they were dearer every time
    static constexpr int tries = 4;                        // writes in long runs that are judged together

    /// How the next write is to be done.
    bool are_long() const noexcept { return long_; }

    /// So much CPU the last write took; one of tells_from bytes or more.
    void on_write(std::uint64_t bytes, Duration cpu) noexcept {
        if (!long_) {
            if (short_.bytes >= first_try) short_ = {short_.bytes / 2, short_.ns / 2};  // older ones count less
            short_.add(bytes, cpu);
            since_ += bytes;
            if (since_ >= wait_) begin_long();
            return;
        }
        long_run_.add(bytes, cpu);
        since_ += bytes;
        ++writes_;
        // One write that is dearer than all that are judged together should be needs no others.
        const bool hopeless = long_run_.ns > short_.of(bytes) * tries;
        if (writes_ < tries && !hopeless) return;
        if (hopeless || long_run_.ns > short_.of(long_run_.bytes)) return give_up();
        if (since_ >= wait_) wait_ = first_try;
        long_run_ = {};
        writes_ = 0;
    }

  private:
    struct Price {
        std::uint64_t bytes = 0;
        std::uint64_t ns = 0;

        void add(std::uint64_t more, Duration cpu) noexcept {
            bytes += more;
            ns += static_cast<std::uint64_t>(std::max<std::int64_t>(cpu.ns, 0));
        }
        /// In nanoseconds, for so many bytes.
        std::uint64_t of(std::uint64_t some) const noexcept {
            return ns / std::max<std::uint64_t>(bytes >> 10, 1) * (some >> 10);
        }
    };

    void begin_long() noexcept {
        long_ = true;
        long_run_ = {};
        writes_ = 0;
        since_ = 0;
    }
    void give_up() noexcept {
        long_ = false;
        since_ = 0;
        wait_ = std::min(wait_ * 2, last_try);
    }

    bool long_ = false;
    Price short_;
    Price long_run_;  // of those that are not judged yet
    int writes_ = 0;
    std::uint64_t since_ = 0;  // bytes, since long runs began or ended
    std::uint64_t wait_ = first_try;
};

}  // namespace jst::runtime_asio
