// Strong index types: a piece can not be passed where a file is meant.
//
// `Index<Tag>` is a plain 32-bit number with a name. `.value` is the number; ranges() iterates.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace jst {

template <class Tag>
struct Index {
    std::uint32_t value = 0;

    constexpr Index() noexcept = default;
    constexpr explicit Index(std::uint32_t v) noexcept : value(v) {}
    constexpr Index& operator++() noexcept {
        ++value;
        return *this;
    }
    friend constexpr auto operator<=>(Index, Index) noexcept = default;
};

using PieceIndex = Index<struct PieceTag>;
using FileIndex = Index<struct FileTag>;

/// BEP 3: what is asked for at once. Only the last block of a torrent (v1) or file (v2) may be shorter.
inline constexpr std::uint32_t block_size = 16384;

/// One block, named as the wire names it.
struct Block {
    PieceIndex piece;
    std::uint32_t begin = 0;
    std::uint32_t length = 0;

    friend constexpr auto operator<=>(const Block&, const Block&) noexcept = default;
};

}  // namespace jst
