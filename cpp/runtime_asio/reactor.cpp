#include "runtime_asio/reactor.hpp"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace jst::runtime_asio {
namespace {

std::int64_t read_clock(clockid_t id) noexcept {
    timespec t{};
    ::clock_gettime(id, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

void Slot::begin(runtime::Op& op) {
    JST_CHECK(op_ == nullptr, "one operation of a kind is outstanding already");
    Reactor::begin(op);
    op_ = &op;
}

void Slot::unlink() noexcept {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
}

void OpList::push(runtime::Op& op) noexcept {
    op.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &op;
    last_ = &op;
    ++size_;
}

runtime::Op* OpList::pop() noexcept {
    auto* op = first_;
    if (op == nullptr) return nullptr;
    first_ = op->next;
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return op;
}

void OpList::append(OpList& other) noexcept {
    if (other.empty()) return;
    (last_ == nullptr ? first_ : last_->next) = other.first_;
    last_ = other.last_;
    size_ += other.size_;
    other.clear();
}

Bell::Bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Bell::~Bell() { ::close(fd_); }

void Bell::ring() noexcept {
    if (rung_.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(fd_, &one, sizeof one);
}

void Bell::answer() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n = ::read(fd_, &count, sizeof count);
    rung_.store(false);
}

Reactor::Ends::Ends() noexcept { prev_ = next_ = this; }

bool Reactor::ready_empty() const noexcept { return ready_.next_ == &ready_; }

WallTime Reactor::wall_now() const noexcept { return {read_clock(CLOCK_REALTIME)}; }

Time Reactor::refresh() noexcept {
    now_ = {read_clock(CLOCK_MONOTONIC)};
    return now_;
}

Duration Reactor::poll(Duration longest) {
    constexpr Duration most = seconds(3600);
    Duration wait = std::min(longest, most);
    if (anything_ready()) wait = {};
    if (!wake_.is_never()) wait = std::min(wait, wake_ - refresh());
    const Time before = wait.ns > 0 ? refresh() : now_;
    if (wait.ns > 0) context_.run_one_for(std::chrono::nanoseconds(wait.ns));
    const Duration slept = wait.ns > 0 ? refresh() - before : Duration{};
    context_.poll();
    return slept;
}

void Reactor::begin(runtime::Op& op) {
    JST_CHECK(!op.pending, "an operation was submitted twice");
    JST_CHECK(op.on_done != nullptr, "an operation has no handler");
    op.pending = true;
    op.error = Errc::ok;
    op.next = nullptr;
    op.runtime = nullptr;
    op.extra = 0;
}

void Reactor::push(Slot& slot) noexcept {
    slot.prev_ = ready_.prev_;
    slot.next_ = &ready_;
    ready_.prev_->next_ = &slot;
    ready_.prev_ = &slot;
}

void Reactor::finish(Slot& slot, Errc error) noexcept {
    if (slot.op_ == nullptr || slot.queued()) return;
    slot.op_->error = error;
    push(slot);
}

void Reactor::cancel(Slot& slot) noexcept {
    if (slot.op_ == nullptr) return;
    slot.op_->error = Errc::canceled;
    if (!slot.queued()) push(slot);
}

void Reactor::forget(Slot& slot) noexcept {
    slot.unlink();
    slot.op_ = nullptr;
}

void Reactor::finish(runtime::Op& op, Errc error) noexcept {
    op.error = error;
    done_.push(op);
}

bool Reactor::run_slot(runtime::Host& host) {
    if (ready_empty()) return false;
    Slot& slot = *ready_.next_;
    slot.unlink();
    auto& op = *std::exchange(slot.op_, nullptr);
    next_turn();
    slot.hand_over(op);
    runtime::complete(host, op, now_);
    return true;
}

bool Reactor::run_done(runtime::Host& host) {
    auto* op = done_.pop();
    if (op == nullptr) return false;
    next_turn();
    runtime::complete(host, *op, now_);
    return true;
}

int Reactor::run_turns(runtime::Host& host, Duration longest) {
    const Time start = refresh();
    int turns = 0;
    if (wake_ <= start) {
        wake_ = Time::never();
        next_turn();
        runtime::run_turn(host, runtime::Tag{}, [&] { host.on_wake(start); });
        ++turns;
    }
    // Only what is ready now is counted: what ends during these turns comes later.
    std::size_t slots = 0;
    for (Slot* at = ready_.next_; at != &ready_ && slots < runtime::max_turns_per_round; at = at->next_) ++slots;
    std::size_t others = done_.size();
    bool slot_next = true;
    while (turns < runtime::max_turns_per_round && (slots > 0 || others > 0)) {
        if (turns > 0 && refresh() - start > longest) break;
        const bool is_slot = slots > 0 && (slot_next || others == 0);
        slot_next = !is_slot;
        --(is_slot ? slots : others);
        if (is_slot ? run_slot(host) : run_done(host)) ++turns;
    }
    return turns;
}

void Reactor::drop_everything() noexcept {
    while (!ready_empty()) ready_.next_->unlink();
    done_.clear();
    wake_ = Time::never();
}

}  // namespace jst::runtime_asio
