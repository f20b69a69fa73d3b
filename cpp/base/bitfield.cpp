#include "base/bitfield.hpp"

#include <algorithm>
#include <bit>

namespace jst {
namespace {

std::size_t bytes_for(std::uint32_t bits) noexcept { return (static_cast<std::size_t>(bits) + 7) / 8; }
Byte spare_mask(std::uint32_t bits) noexcept {
    return bits % 8 == 0 ? Byte{0} : static_cast<Byte>(0xFFu >> (bits % 8));
}

}  // namespace

Bitfield::Bitfield(std::uint32_t size, bool value) : bytes_(bytes_for(size)), size_(size) {
    if (value) fill(true);
}

Result<Bitfield> Bitfield::from_wire(Bytes bytes, std::uint32_t size) {
    if (bytes.size() != bytes_for(size)) return fail(Errc::bad_message, bytes.size());
    if (!bytes.empty() && (bytes.back() & spare_mask(size)) != 0) return fail(Errc::bad_message, bytes.size() - 1);
    Bitfield out;
    out.bytes_ = to_vector(bytes);
    out.size_ = size;
    for (const Byte b : bytes) out.count_ += static_cast<std::uint32_t>(std::popcount(b));
    return out;
}

bool Bitfield::set(PieceIndex i) noexcept {
    if (i.value >= size_ || (*this)[i]) return false;
    bytes_[i.value >> 3] = static_cast<Byte>(bytes_[i.value >> 3] | (0x80u >> (i.value & 7u)));
    ++count_;
    return true;
}

bool Bitfield::clear(PieceIndex i) noexcept {
    if (!(*this)[i]) return false;
    bytes_[i.value >> 3] = static_cast<Byte>(bytes_[i.value >> 3] & ~(0x80u >> (i.value & 7u)));
    --count_;
    return true;
}

void Bitfield::fill(bool value) noexcept {
    std::fill(bytes_.begin(), bytes_.end(), value ? Byte{0xFF} : Byte{0});
    if (value && !bytes_.empty()) bytes_.back() = static_cast<Byte>(bytes_.back() & ~spare_mask(size_));
    count_ = value ? size_ : 0;
}

PieceIndex Bitfield::next_set(PieceIndex from) const noexcept {
    for (std::uint32_t i = from.value; i < size_;) {
        const Byte rest = static_cast<Byte>(bytes_[i >> 3] << (i & 7u));
        if (rest != 0) return PieceIndex(i + static_cast<std::uint32_t>(std::countl_zero(rest)));
        i = (i | 7u) + 1;
    }
    return PieceIndex(size_);
}

}  // namespace jst
