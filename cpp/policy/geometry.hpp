// How a torrent is cut: pieces (BEP 3) and the blocks of 16 KiB that are asked for.
//
// Invariants: 1. every piece but the last has piece_length bytes; 2. every block of a piece but its last has block_size
// bytes; 3. block_number() accepts exactly the blocks that block() names. Knows nothing of files or hashes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ids.hpp"

namespace jst::policy {

struct Geometry {
    std::uint32_t num_pieces = 0;
    std::uint32_t piece_length = 0;
    std::uint64_t total_size = 0;

    /// The numbers fit each other: total_size needs exactly num_pieces pieces.
    constexpr bool is_consistent() const noexcept {
        if (piece_length == 0 || total_size == 0) return num_pieces == 0 && total_size == 0;
        return (total_size - 1) / piece_length + 1 == num_pieces;
    }
    constexpr bool contains(PieceIndex piece) const noexcept { return piece.value < num_pieces; }
    constexpr std::uint32_t piece_size(PieceIndex piece) const noexcept {
        if (!contains(piece)) return 0;
        if (piece.value + 1 < num_pieces) return piece_length;
        return static_cast<std::uint32_t>(total_size - std::uint64_t{piece_length} * (num_pieces - 1));
    }
    constexpr std::uint32_t blocks_in(PieceIndex piece) const noexcept {
        const std::uint32_t size = piece_size(piece);
        return size / block_size + (size % block_size != 0 ? 1 : 0);
    }
    constexpr Block block(PieceIndex piece, std::uint32_t number) const noexcept {
        const std::uint32_t begin = number * block_size;
        const std::uint32_t rest = piece_size(piece) - begin;
        return {piece, begin, rest < block_size ? rest : block_size};
    }
    /// Which block of its piece this is; empty for a wrong index, offset or length.
    constexpr std::optional<std::uint32_t> block_number(const Block& b) const noexcept {
        if (!contains(b.piece) || b.begin % block_size != 0 || b.begin >= piece_size(b.piece)) return std::nullopt;
        const std::uint32_t number = b.begin / block_size;
        if (block(b.piece, number).length != b.length) return std::nullopt;
        return number;
    }

    friend constexpr bool operator==(const Geometry&, const Geometry&) = default;
};

}  // namespace jst::policy
