// What a turn of a node was for: the kinds of completions, as the fingerprint and the gates know them.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/ids.hpp"
#include "runtime/disk.hpp"

namespace jst::runtime_sim {

/// A node of the world, in order of creation.
using NodeId = Index<struct NodeTag>;

enum class OpKind : std::uint8_t {
    wake,
    command,
    readable,
    write,
    accept,
    connect,
    resolve,
    datagram_readable,
    hash,
    hash_more,
    disk,          // disk + DiskAction: what follows
    secure = 255,  // behind all of them
};

constexpr OpKind disk_kind(runtime::DiskAction action) noexcept {
    return static_cast<OpKind>(static_cast<std::uint8_t>(OpKind::disk) + static_cast<std::uint8_t>(action));
}
/// Waiting for somebody else may last for ever: such an operation does not keep a world from being idle.
constexpr bool is_waiting(OpKind kind) noexcept {
    return kind == OpKind::readable || kind == OpKind::accept || kind == OpKind::datagram_readable ||
           kind == OpKind::wake;
}

}  // namespace jst::runtime_sim
