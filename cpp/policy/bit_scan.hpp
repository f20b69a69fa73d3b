// Questions about two piece sets at once, eight bytes at a time: what the picker asks of a peer's bitfield.
#pragma once

#include <cstdint>

#include "base/bitfield.hpp"

namespace jst::policy {

/// The first piece at or after `from` that is in both sets; the smaller size when there is none.
PieceIndex next_common(const Bitfield& a, const Bitfield& b, PieceIndex from) noexcept;
bool any_common(const Bitfield& a, const Bitfield& b) noexcept;
std::uint32_t count_common(const Bitfield& a, const Bitfield& b) noexcept;
/// The first piece at or after `from` that is not in the set; size() when there is none.
PieceIndex next_clear(const Bitfield& a, PieceIndex from) noexcept;
/// The first piece at or after `from` that is in `a` and not in `b`, which is as large; size() when there is none.
PieceIndex next_beyond(const Bitfield& a, const Bitfield& b, PieceIndex from) noexcept;

}  // namespace jst::policy
