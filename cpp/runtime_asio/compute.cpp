#include "runtime_asio/compute.hpp"

#include "runtime_asio/hashing.hpp"

namespace jst::runtime_asio {

using runtime::HashMoreOp;
using runtime::HashOp;

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
    (op.bulk ? bulk_ : waiting_).push(op);
}

std::unique_ptr<runtime::HashState> AsioCompute::new_state() { return std::make_unique<HashProgress>(); }

void AsioCompute::hash_more(HashMoreOp& op) {
    JST_CHECK(op.state != nullptr, "hash_more without a state");
    Reactor::begin(op);
    ++pending_;
    more_.push(op);
}

void AsioCompute::flush(Time until) {
    crew_.submit(lane_, bulk_);
    while (!waiting_.empty() && reactor_.refresh() <= until) {
        OpList group;
        while (group.size() < most_lanes && !waiting_.empty()) group.push(*waiting_.pop());
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
    more_.clear();
    held_.clear();
    bulk_.clear();
    pending_ = 0;
}

}  // namespace jst::runtime_asio
