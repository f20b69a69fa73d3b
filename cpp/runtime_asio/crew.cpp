#include "runtime_asio/crew.hpp"

#include <algorithm>
#include <system_error>

namespace jst::runtime_asio {

void Crew::start() {
    try {
        while (threads_.size() < static_cast<std::size_t>(wanted_)) threads_.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
        // With the threads that there are, or with none.
    }
}

void Crew::submit(Lane& lane, OpList& jobs) {
    if (jobs.empty()) return;
    if (threads_.empty() && !stopped_) start();
    if (threads_.empty()) {
        lane.work(jobs);
        lane.ended_.append(jobs);
        bell_->ring();
        return;
    }
    std::size_t wakes = (jobs.size() + lane.most_at_once_ - 1) / lane.most_at_once_;
    {
        const std::lock_guard lock(mutex_);
        lane.waiting_.append(jobs);
        wakes = std::min(wakes, idle_);
    }
    for (; wakes > 0; --wakes) work_.notify_one();
}

OpList Crew::take_ended(Lane& lane) {
    const std::lock_guard lock(mutex_);
    OpList ended;
    ended.append(lane.ended_);
    return ended;
}

Crew::Lane* Crew::next_lane() noexcept {
    for (auto* lane : lanes_)
        if (!lane->waiting_.empty()) return lane;
    return nullptr;
}

void Crew::run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        auto* lane = next_lane();
        if (lane == nullptr) {
            ++idle_;
            work_.wait(lock);
            --idle_;
            continue;
        }
        OpList batch;
        while (batch.size() < lane->most_at_once_ && !lane->waiting_.empty()) batch.push(*lane->waiting_.pop());
        lock.unlock();
        lane->work(batch);
        lock.lock();
        if (stopped_) break;
        lane->ended_.append(batch);
        if (lane->waiting_.empty() || lane->ended_.size() >= lane->told_at_) bell_->ring();
    }
}

void Crew::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (auto* lane : lanes_) lane->waiting_.clear();
    }
    work_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    for (auto* lane : lanes_) lane->ended_.clear();
}

}  // namespace jst::runtime_asio
