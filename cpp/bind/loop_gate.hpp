// The way into one asyncio loop: an eventfd that the loop reads, and the tokens said since it last looked.
//
// Said on an engine thread (or any other), taken in the loop's thread. Awaiting costs no thread and no polling.
// Several engines may use one gate: its mutex is its own and always the inner one.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace jst::bind {

class LoopGate {
  public:
    /// Throws std::system_error when the kernel gives no eventfd.
    LoopGate();
    LoopGate(const LoopGate&) = delete;
    LoopGate& operator=(const LoopGate&) = delete;
    ~LoopGate();

    int descriptor() const noexcept { return descriptor_; }
    void say(std::uint64_t token);
    std::vector<std::uint64_t> take();

  private:
    std::mutex mutex_;
    std::vector<std::uint64_t> said_;
    int descriptor_;
};

}  // namespace jst::bind
