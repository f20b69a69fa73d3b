#include "runtime_asio/hashing.hpp"

#include <array>
#include <new>

#include "runtime_asio/tally.hpp"

namespace jst::runtime_asio {
namespace {

using runtime::HashMoreOp;
using runtime::HashOp;

template <class T>
using Lanes = std::array<T, most_lanes>;

template <class Digest>
using HashMany = void (*)(std::span<const codec::Message>, std::span<Digest>);

// One algorithm over those of `ops` that want it.
template <class Digest>
void hash_those(std::span<HashOp* const> ops, bool HashOp::* wanted, Digest HashOp::* digest, HashMany<Digest> many) {
    Lanes<codec::Message> messages;
    Lanes<Digest> digests;
    Lanes<HashOp*> asked;
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

// The leaves of all operations together: a short piece alone would not fill the lanes.
class Leaves {
  public:
    void add(const Bytes& leaf, Sha256Digest& out) {
        leaves_[n_] = leaf;
        out_[n_++] = &out;
        if (n_ == leaves_.size()) finish();
    }
    void finish() {
        codec::sha256_many(std::span<const Bytes>(leaves_).first(n_), std::span(digests_).first(n_));
        for (std::size_t i = 0; i < n_; ++i) *out_[i] = digests_[i];
        n_ = 0;
    }

  private:
    std::array<Bytes, 4 * most_lanes> leaves_;
    std::array<Sha256Digest, 4 * most_lanes> digests_;
    std::array<Sha256Digest*, 4 * most_lanes> out_{};
    std::size_t n_ = 0;
};

void hash_leaves(std::span<HashOp* const> ops) {
    Leaves leaves;
    for (auto* op : ops)
        for (std::size_t i = 0; i < op->leaves.size(); ++i) leaves.add(op->spans[i], op->leaves[i]);
    leaves.finish();
}

void hash_group(std::span<HashOp* const> ops) noexcept {
    try {
        hash_those<Sha1Digest>(ops, &HashOp::want_sha1, &HashOp::sha1, codec::sha1_many);
        hash_those<Sha256Digest>(ops, &HashOp::want_sha256, &HashOp::sha256, codec::sha256_many);
        hash_leaves(ops);
    } catch (const std::bad_alloc&) {
        for (auto* op : ops) op->error = Errc::out_of_memory;
    }
}

void feed_plain(HashMoreOp& op) {
    auto& state = *progress_of(op).plain;
    for (const auto span : op.spans) state.update(span);
    if (op.last) op.sha1 = state.finish();
}

void feed_group(std::span<HashMoreOp* const> ops) {
    const auto& kernels = codec::LaneKernels::of_machine_sha1();
    if (!kernels.any()) {
        for (auto* op : ops) feed_plain(*op);
        return;
    }
    Lanes<codec::LaneFeed> feeds;
    for (std::size_t i = 0; i < ops.size(); ++i) feeds[i] = {&progress_of(*ops[i]).lane, ops[i]->spans, ops[i]->last};
    codec::feed_in_lanes(kernels, std::span(feeds).first(ops.size()));
    for (auto* op : ops) {
        if (!op->last) continue;
        op->sha1 = codec::digest_of<20>(progress_of(*op).lane);
        progress_of(*op).lane = codec::LaneState::sha1();
    }
}

// Calls `group` for up to most_lanes of `ops` at a time; they stay in `ops`.
template <class OpType, class Group>
void in_groups(OpList& ops, Group group) {
    OpList done;
    while (!ops.empty()) {
        Lanes<OpType*> members;
        std::size_t n = 0;
        while (n < members.size() && !ops.empty()) {
            members[n] = static_cast<OpType*>(ops.pop());
            done.push(*members[n++]);
        }
        tally().hash_calls.fetch_add(1, std::memory_order_relaxed);
        tally().hashed_messages.fetch_add(n, std::memory_order_relaxed);
        group(std::span<OpType* const>(members).first(n));
    }
    ops.append(done);
}

}  // namespace

HashProgress::HashProgress() : lane(codec::LaneState::sha1()) {
    if (!codec::LaneKernels::of_machine_sha1().any()) plain.emplace();
}

void hash_all(OpList& ops) noexcept { in_groups<HashOp>(ops, hash_group); }

void hash_more_all(OpList& ops) noexcept { in_groups<HashMoreOp>(ops, feed_group); }

}  // namespace jst::runtime_asio
