// How the policies' values look in Python, for the laboratory's doors to them: a key is its packed number, a block is
// (piece, begin, length), a set of pieces is an iterable of indices, time is in seconds.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/bitfield.hpp"
#include "base/check.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "bind/py.hpp"
#include "policy/request_ledger.hpp"

namespace jst::bind {

using BlockTuple = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

inline PeerKey to_peer(std::uint64_t packed) noexcept { return PeerKey::unpack(packed); }
inline Time to_time(double s) noexcept { return std::isinf(s) ? Time::never() : Time{from_seconds(s).ns}; }
inline double to_seconds(Time t) noexcept { return t.is_never() ? HUGE_VAL : t.seconds(); }
inline Block to_block(const BlockTuple& b) noexcept {
    return {PieceIndex{std::get<0>(b)}, std::get<1>(b), std::get<2>(b)};
}
inline BlockTuple to_tuple(const Block& b) noexcept { return {b.piece.value, b.begin, b.length}; }
inline std::vector<BlockTuple> to_tuples(const std::vector<Block>& blocks) {
    std::vector<BlockTuple> out;
    for (const auto& b : blocks) out.push_back(to_tuple(b));
    return out;
}
inline std::vector<std::pair<std::uint64_t, BlockTuple>> to_tuples(const std::vector<policy::PeerBlock>& all) {
    std::vector<std::pair<std::uint64_t, BlockTuple>> out;
    for (const auto& each : all) out.emplace_back(each.peer.packed(), to_tuple(each.block));
    return out;
}
inline std::vector<std::uint64_t> to_packed(std::span<const PeerKey> keys) {
    std::vector<std::uint64_t> out;
    for (const auto key : keys) out.push_back(key.packed());
    return out;
}
inline std::vector<std::uint32_t> to_numbers(std::span<const PieceIndex> pieces) {
    std::vector<std::uint32_t> out;
    for (const auto piece : pieces) out.push_back(piece.value);
    return out;
}
inline Bitfield to_bitfield(const std::vector<std::uint32_t>& pieces, std::uint32_t size) {
    Bitfield set(size);
    for (const auto piece : pieces) set.set(PieceIndex{piece});
    return set;
}
inline IpAddress to_host(const std::string& text) { return value_or_raise(IpAddress::parse(text), text); }
inline Endpoint to_endpoint(const std::string& text) { return value_or_raise(Endpoint::parse(text), text); }

void bind_lab_policy_transfer(py::module_& lab);
void bind_lab_policy_peers(py::module_& lab);
void bind_lab_policy_metadata(py::module_& lab);
void bind_lab_policy_door(py::module_& lab);

}  // namespace jst::bind
