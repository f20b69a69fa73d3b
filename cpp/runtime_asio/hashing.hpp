// Hash operations done here and now, as many side by side as the machine has lanes for. Knows no rounds and no threads.
#pragma once

#include <optional>

#include "codec/sha.hpp"
#include "codec/sha_lanes.hpp"
#include "runtime_asio/reactor.hpp"

namespace jst::runtime_asio {

/// So many messages are handed to the lanes at once.
inline constexpr std::size_t most_lanes = 16;

/// A SHA-1 under way: in our lanes, or in OpenSSL's hands where the machine has none.
struct HashProgress final : runtime::HashState {
    HashProgress();
    codec::LaneState lane;
    std::optional<codec::Sha1State> plain;
    bool busy = false;  // an operation on it is in a group or on a worker
};

inline HashProgress& progress_of(runtime::HashMoreOp& op) { return static_cast<HashProgress&>(*op.state); }

/// All of `ops`, which are HashOps.
void hash_all(OpList& ops) noexcept;
/// All of `ops`, which are HashMoreOps, no two on one state.
void hash_more_all(OpList& ops) noexcept;

}  // namespace jst::runtime_asio
