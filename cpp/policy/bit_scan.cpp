#include "policy/bit_scan.hpp"

#include <algorithm>
#include <bit>

#include "base/effort.hpp"

namespace jst::policy {
namespace {

// Eight bytes from a byte offset on, the first piece in the highest bit; missing bytes are zero.
std::uint64_t word_at(Bytes bytes, std::size_t offset) noexcept {
    if (offset + 8 <= bytes.size()) return load_be<std::uint64_t>(bytes.data() + offset);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word = word << 8 | (offset + i < bytes.size() ? bytes[offset + i] : 0u);
    return word;
}

// The first set bit of word_of(offset) at or after `from`, below `size`.
template <class WordOf>
PieceIndex first_bit(std::uint32_t size, PieceIndex from, WordOf&& word_of) noexcept {
    if (from.value >= size) return PieceIndex{size};
    const std::size_t bytes = (std::size_t{size} + 7) / 8;
    std::size_t offset = from.value / 8 / 8 * 8;
    std::uint64_t word = word_of(offset) & (~std::uint64_t{0} >> (from.value - offset * 8));
    effort();
    while (word == 0) {
        effort();
        offset += 8;
        if (offset >= bytes) return PieceIndex{size};
        word = word_of(offset);
    }
    const auto found = offset * 8 + static_cast<std::size_t>(std::countl_zero(word));
    return PieceIndex{static_cast<std::uint32_t>(std::min<std::size_t>(found, size))};
}

}  // namespace

PieceIndex next_common(const Bitfield& a, const Bitfield& b, PieceIndex from) noexcept {
    const Bytes x = a.wire();
    const Bytes y = b.wire();
    return first_bit(std::min(a.size(), b.size()), from,
                     [&](std::size_t at) { return word_at(x, at) & word_at(y, at); });
}

bool any_common(const Bitfield& a, const Bitfield& b) noexcept {
    if (a.none() || b.none()) return false;
    return next_common(a, b, PieceIndex{0}).value < std::min(a.size(), b.size());
}

std::uint32_t count_common(const Bitfield& a, const Bitfield& b) noexcept {
    if (a.none() || b.none()) return 0;
    const Bytes x = a.wire();
    const Bytes y = b.wire();
    std::uint32_t count = 0;
    effort(std::min(x.size(), y.size()) / 8);
    for (std::size_t at = 0; at < std::min(x.size(), y.size()); at += 8)
        count += static_cast<std::uint32_t>(std::popcount(word_at(x, at) & word_at(y, at)));
    return count;
}

PieceIndex next_clear(const Bitfield& a, PieceIndex from) noexcept {
    const Bytes x = a.wire();
    return first_bit(a.size(), from, [&](std::size_t at) { return ~word_at(x, at); });
}

PieceIndex next_beyond(const Bitfield& a, const Bitfield& b, PieceIndex from) noexcept {
    const Bytes x = a.wire();
    const Bytes y = b.wire();
    return first_bit(a.size(), from, [&](std::size_t at) { return word_at(x, at) & ~word_at(y, at); });
}

}  // namespace jst::policy
