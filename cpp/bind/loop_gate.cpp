#include "bind/loop_gate.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace jst::bind {

LoopGate::LoopGate() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

LoopGate::~LoopGate() { ::close(descriptor_); }

void LoopGate::say(std::uint64_t token) {
    const std::lock_guard lock(mutex_);
    said_.push_back(token);
    // One write wakes the loop for all tokens until it takes them; a full counter is already awake.
    if (said_.size() == 1) ::eventfd_write(descriptor_, 1);
}

std::vector<std::uint64_t> LoopGate::take() {
    const std::lock_guard lock(mutex_);
    ::eventfd_t ignored = 0;
    ::eventfd_read(descriptor_, &ignored);
    return std::exchange(said_, {});
}

}  // namespace jst::bind
