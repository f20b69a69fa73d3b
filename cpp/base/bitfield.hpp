// A set of pieces, laid out as BEP 3 sends it: piece 0 is the high bit of byte 0.
//
// Invariants: 1. spare bits of the last byte are zero; 2. count() is exact and O(1).
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace jst {

class Bitfield {
  public:
    Bitfield() = default;
    explicit Bitfield(std::uint32_t size, bool value = false);

    /// From the wire: the length must fit exactly and spare bits must be zero, else Errc::bad_message.
    static Result<Bitfield> from_wire(Bytes bytes, std::uint32_t size);

    std::uint32_t size() const noexcept { return size_; }
    std::uint32_t count() const noexcept { return count_; }
    bool all() const noexcept { return count_ == size_; }
    bool none() const noexcept { return count_ == 0; }
    bool operator[](PieceIndex i) const noexcept {
        return i.value < size_ && (bytes_[i.value >> 3] & (0x80u >> (i.value & 7u))) != 0;
    }
    /// True when the bit changed. Out of range changes nothing.
    bool set(PieceIndex i) noexcept;
    bool clear(PieceIndex i) noexcept;
    void fill(bool value) noexcept;
    Bytes wire() const noexcept { return bytes_; }
    /// The first set piece at or after `from`; size() when there is none.
    PieceIndex next_set(PieceIndex from) const noexcept;

    friend bool operator==(const Bitfield&, const Bitfield&) = default;

  private:
    ByteVector bytes_;
    std::uint32_t size_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace jst
