#include "runtime_asio/compute.hpp"

#include "runtime_asio/hashing.hpp"
#include "runtime_asio/tally.hpp"

namespace jst::runtime_asio {

using runtime::HashMoreOp;
using runtime::HashOp;
using runtime::Patience;

namespace {

std::uint64_t length_of(const HashOp& op) noexcept {
    std::uint64_t sum = 0;
    for (const auto span : op.spans) sum += span.size();
    return sum;
}

}  // namespace

AsioCompute::HashLane::HashLane() : Lane(most_lanes) {}
AsioCompute::MoreLane::MoreLane() : Lane(most_lanes) {}

void AsioCompute::HashLane::work(OpList& batch) noexcept { hash_all(batch); }
void AsioCompute::MoreLane::work(OpList& batch) noexcept { hash_more_all(batch); }

AsioCompute::AsioCompute(Reactor& reactor, Crew& crew) : reactor_(reactor), crew_(crew) {
    crew.add(lane_);
    crew.add(more_lane_);
}

void AsioCompute::hash(HashOp& op) {
    JST_CHECK(op.leaves.empty() || op.leaves.size() == op.spans.size(), "a leaf for each span, or none");
    Reactor::begin(op);
    ++pending_;
    if (op.bulk) return bulk_.push(op);
    if (waiting_.empty()) {
        waiting_since_ = reactor_.mono_now();
        least_patience_ = Patience::patient;
    }
    least_patience_ = std::min(least_patience_, op.patience);
    if (op.patience != Patience::none) ++tally().patient_hashes;
    if (op.patience == Patience::while_busy) ++tally().hurried_hashes;
    come_fast_ = reactor_.mono_now() - last_came_ < close_together;
    last_came_ = reactor_.mono_now();
    waiting_bytes_ += length_of(op);
    waiting_.push(op);
}

std::unique_ptr<runtime::HashState> AsioCompute::new_state() { return std::make_unique<HashProgress>(); }

void AsioCompute::hash_more(HashMoreOp& op) {
    JST_CHECK(op.state != nullptr, "hash_more without a state");
    Reactor::begin(op);
    ++pending_;
    more_.push(op);
}

// Those that came fast show that the next is near, until it is late.
bool AsioCompute::may_hold(bool busy) noexcept {
    const Time now = reactor_.refresh();
    const bool is_near = come_fast_ && now - last_came_ < close_together && least_patience_ == Patience::patient;
    return (busy || is_near) && least_patience_ != Patience::none && waiting_.size() < most_lanes &&
           waiting_bytes_ < most_held_bytes && now - waiting_since_ < longest_hold;
}

Duration AsioCompute::patience() noexcept {
    if (!more_.empty() || !bulk_.empty()) return {};
    if (waiting_.empty()) return seconds(3600);
    if (!is_held_ || least_patience_ == Patience::while_busy) return {};
    const Time until = std::min(waiting_since_ + longest_hold, last_came_ + close_together);
    return std::max(Duration{}, until - reactor_.refresh());
}

OpList AsioCompute::next_group() {
    OpList group;
    while (group.size() < most_lanes && !waiting_.empty()) {
        auto& op = static_cast<HashOp&>(*waiting_.pop());
        waiting_bytes_ -= length_of(op);
        group.push(op);
    }
    return group;
}

void AsioCompute::flush(Time until, bool busy) {
    crew_.submit(lane_, bulk_);
    is_held_ = may_hold(busy);
    while (!is_held_ && !waiting_.empty() && reactor_.refresh() <= until) {
        OpList group = next_group();
        hash_all(group);
        finish(group);
    }
    while (!more_.empty() && reactor_.refresh() <= until) feed();
}

// One pass over what waits: a group of states here, the bulk ones to the workers, second ones of a state held back.
void AsioCompute::feed() {
    OpList group;
    OpList for_crew;
    OpList again;
    while (group.size() < most_lanes && !more_.empty()) {
        auto& op = static_cast<HashMoreOp&>(*more_.pop());
        auto& state = progress_of(op);
        if (state.busy) {
            again.push(op);
            continue;
        }
        state.busy = true;
        (op.bulk ? for_crew : group).push(op);
    }
    again.append(more_);
    more_.append(again);
    hash_more_all(group);
    free_states(group);
    const bool stuck = group.empty() && for_crew.empty();
    crew_.submit(more_lane_, for_crew);
    finish(group);
    if (stuck) held_.append(more_);
}

void AsioCompute::free_states(OpList& ended) noexcept {
    for (auto* op = ended.first(); op != nullptr; op = op->next)
        progress_of(static_cast<HashMoreOp&>(*op)).busy = false;
}

void AsioCompute::collect() {
    OpList done = crew_.take_ended(lane_);
    finish(done);
    OpList more = crew_.take_ended(more_lane_);
    free_states(more);
    finish(more);
    held_.append(more_);
    more_.append(held_);
}

void AsioCompute::finish(OpList& ended) noexcept {
    pending_ -= ended.size();
    reactor_.finish(ended);
}

void AsioCompute::abandon() noexcept {
    waiting_.clear();
    waiting_bytes_ = 0;
    more_.clear();
    held_.clear();
    bulk_.clear();
    pending_ = 0;
}

}  // namespace jst::runtime_asio
