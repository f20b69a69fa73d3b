#include "runtime_asio/compute.hpp"

#include <array>
#include <new>

#include "codec/sha.hpp"

namespace jst::runtime_asio {
namespace {

using runtime::HashMoreOp;
using runtime::HashOp;

struct State final : runtime::HashState {
    codec::Sha1State sha1;
};

template <class Digest>
using HashMany = void (*)(std::span<const codec::Message>, std::span<Digest>);

// One algorithm over those of `ops` that want it.
template <class Digest>
void hash_those(std::span<HashOp* const> ops, bool HashOp::*wanted, Digest HashOp::*digest, HashMany<Digest> many) {
    std::array<codec::Message, AsioCompute::most_lanes> messages;
    std::array<Digest, AsioCompute::most_lanes> digests;
    std::array<HashOp*, AsioCompute::most_lanes> asked;
    std::size_t n = 0;
    for (auto* op : ops) {
        if (!(op->*wanted)) continue;
        asked[n] = op;
        messages[n++] = op->spans;
    }
    if (n == 0) return;
    many(std::span(messages).first(n), std::span(digests).first(n));
    for (std::size_t i = 0; i < n; ++i) asked[i]->*digest = digests[i];
}

void hash_group(std::span<HashOp* const> ops) noexcept {
    try {
        hash_those<Sha1Digest>(ops, &HashOp::want_sha1, &HashOp::sha1, codec::sha1_many);
        hash_those<Sha256Digest>(ops, &HashOp::want_sha256, &HashOp::sha256, codec::sha256_many);
        for (auto* op : ops)
            if (!op->leaves.empty()) codec::sha256_many(op->spans, op->leaves);
    } catch (const std::bad_alloc&) {
        for (auto* op : ops) op->error = Errc::out_of_memory;
    }
}

// Up to most_lanes from the front; `done` gets them.
void hash_front(OpList& from, OpList& done) noexcept {
    std::array<HashOp*, AsioCompute::most_lanes> group;
    std::size_t n = 0;
    while (n < group.size() && !from.empty()) {
        group[n] = static_cast<HashOp*>(from.pop());
        done.push(*group[n++]);
    }
    hash_group(std::span(group).first(n));
}

void feed(HashMoreOp& op) {
    auto& state = static_cast<State&>(*op.state).sha1;
    for (const auto span : op.spans) state.update(span);
    if (op.last) op.sha1 = state.finish();
}

}  // namespace

void AsioCompute::HashLane::work(OpList& batch) noexcept {
    OpList done;
    while (!batch.empty()) hash_front(batch, done);
    batch.append(done);
}

AsioCompute::AsioCompute(Reactor& reactor, Crew& crew) : reactor_(reactor), crew_(crew) { crew.add(lane_); }

void AsioCompute::hash(HashOp& op) {
    JST_CHECK(op.leaves.empty() || op.leaves.size() == op.spans.size(), "a leaf for each span, or none");
    Reactor::begin(op);
    ++pending_;
    (op.bulk ? bulk_ : waiting_).push(op);
}

std::unique_ptr<runtime::HashState> AsioCompute::new_state() { return std::make_unique<State>(); }

void AsioCompute::hash_more(HashMoreOp& op) {
    JST_CHECK(op.state != nullptr, "hash_more without a state");
    Reactor::begin(op);
    ++pending_;
    more_.push(op);
}

void AsioCompute::flush(Time until) {
    crew_.submit(lane_, bulk_);
    OpList done;
    while (!waiting_.empty() && reactor_.refresh() <= until) hash_front(waiting_, done);
    while (!more_.empty() && reactor_.refresh() <= until) {
        auto& op = *more_.pop();
        feed(static_cast<HashMoreOp&>(op));
        done.push(op);
    }
    pending_ -= done.size();
    reactor_.finish(done);
}

void AsioCompute::collect() {
    OpList done = crew_.take_ended(lane_);
    pending_ -= done.size();
    reactor_.finish(done);
}

void AsioCompute::abandon() noexcept {
    waiting_.clear();
    more_.clear();
    bulk_.clear();
    pending_ = 0;
}

}  // namespace jst::runtime_asio
