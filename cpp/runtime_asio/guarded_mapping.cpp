#include "runtime_asio/guarded_mapping.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <utility>

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

namespace jst::runtime_asio {
namespace {

constexpr std::uintptr_t page_bytes = 4096;
constexpr std::size_t none = SIZE_MAX;

// Read by the handler: whoever takes a slot sets `begin` last and clears it first.
struct Slot {
    std::atomic<bool> taken{false};
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> broken{false};
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::array<Slot, GuardedMapping::most_at_once> slots;
struct sigaction before_us;

Slot* slot_of(std::uintptr_t at) noexcept {
    for (auto& slot : slots) {
        const auto begin = slot.begin.load();
        if (begin != 0 && at >= begin && at < slot.end.load()) return &slot;
    }
    return nullptr;
}

void hand_on(int number, siginfo_t* info, void* context) noexcept {
    if ((before_us.sa_flags & SA_SIGINFO) != 0) return before_us.sa_sigaction(number, info, context);
    if (before_us.sa_handler != SIG_DFL && before_us.sa_handler != SIG_IGN) return before_us.sa_handler(number);
    ::sigaction(number, &before_us, nullptr);  // it comes again when we return
}

// Zeros from the page that is gone to the end. What `errno` is to the code that was interrupted it stays.
void on_sigbus(int number, siginfo_t* info, void* context) noexcept {
    const int kept = errno;
    const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
    Slot* const slot = info->si_code > 0 ? slot_of(at) : nullptr;
    bool mended = false;
    if (slot != nullptr) {
        slot->broken.store(true);
        const auto from = at / page_bytes * page_bytes;
        mended = ::mmap(reinterpret_cast<void*>(from), slot->end.load() - from, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    }
    if (!mended) hand_on(number, info, context);
    errno = kept;
}

void install() noexcept {
    struct sigaction ours{};
    ours.sa_sigaction = on_sigbus;
    ours.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    ::sigaction(SIGBUS, &ours, &before_us);
}

// A thread that blocks the signal is killed by it, whoever handles it.
bool is_guarded() noexcept {
    static std::once_flag once;
    std::call_once(once, install);
    struct sigaction now{};
    sigset_t blocked;
    if (::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0 || sigismember(&blocked, SIGBUS) != 0) return false;
    return ::sigaction(SIGBUS, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_sigbus;
}

bool is_cached(int fd, std::uint64_t offset, std::size_t length) noexcept {
    struct Range {
        std::uint64_t offset, length;
    } range{offset, length};
    struct {
        std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } found{};
    if (::syscall(SYS_cachestat, fd, &range, &found, 0u) != 0) return false;
    return found.cached * page_bytes >= length;
}

bool reaches(int fd, std::uint64_t end) noexcept {
    struct stat status;
    return ::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= end;
}

std::size_t take_slot() noexcept {
    for (std::size_t i = 0; i < slots.size(); ++i)
        if (!slots[i].taken.exchange(true)) return i;
    return none;
}

}  // namespace

std::optional<GuardedMapping> GuardedMapping::of(int fd, std::uint64_t offset, std::size_t length) noexcept {
    const std::uint64_t first = offset / page_bytes * page_bytes;
    const std::size_t size = length + static_cast<std::size_t>(offset - first);
    if (length < least_bytes || !is_guarded() || !reaches(fd, offset + length) || !is_cached(fd, first, size))
        return {};
    const std::size_t number = take_slot();
    if (number == none) return {};
    Slot& slot = slots[number];
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(first));
    if (at == MAP_FAILED) {
        slot.taken.store(false);
        return {};
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    slot.broken.store(false);
    slot.end.store(begin + (size + page_bytes - 1) / page_bytes * page_bytes);
    slot.begin.store(begin);
    return GuardedMapping(fd, offset + length, number, Bytes(static_cast<const Byte*>(at) + (offset - first), length));
}

GuardedMapping::GuardedMapping(GuardedMapping&& other) noexcept
    : fd_(other.fd_), end_(other.end_), slot_(std::exchange(other.slot_, none)), bytes_(other.bytes_) {}

GuardedMapping::~GuardedMapping() {
    if (slot_ == none) return;
    Slot& slot = slots[slot_];
    const auto begin = slot.begin.exchange(0);
    ::munmap(reinterpret_cast<void*>(begin), slot.end.load() - begin);
    slot.taken.store(false);
}

// Of a page that the file ends in the rest reads as zeros, without a signal.
bool GuardedMapping::is_whole() const noexcept { return !slots[slot_].broken.load() && reaches(fd_, end_); }

}  // namespace jst::runtime_asio
