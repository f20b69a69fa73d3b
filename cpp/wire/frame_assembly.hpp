// The bytes of a frame that arrives in parts, until it is whole.
//
// Small ones stay inline; longer ones get a buffer that grows with what has really arrived (not with what was
// announced) and is given back with the frame. Invariant: growing moves at most a third of a byte per byte received, so
// that the cost per byte has a bound at any size.
#pragma once

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "wire/message_codec.hpp"

namespace jst::wire {

class FrameAssembly {
  public:
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    Bytes view() const noexcept { return large_.empty() ? Bytes(small_.data(), size_) : Bytes(large_); }

    /// `whole`: how long the frame will be, as far as known. It never gets longer than that.
    void append(Bytes part, std::size_t whole) {
        moved_ += part.size();
        if (size_ + part.size() <= small_.size() && large_.empty()) {
            std::copy(part.begin(), part.end(), small_.begin() + static_cast<std::ptrdiff_t>(size_));
        } else {
            if (size_ + part.size() > large_.capacity()) grow(size_ + part.size(), whole);
            large_.insert(large_.end(), part.begin(), part.end());
        }
        size_ += part.size();
    }
    void clear() noexcept {
        size_ = 0;
        if (large_.capacity() != 0) ByteVector().swap(large_);
    }
    /// Bytes moved so far, growth included.
    std::uint64_t moved() const noexcept { return moved_; }
    std::size_t memory() const noexcept { return large_.capacity(); }

  private:
    void grow(std::size_t needed, std::size_t whole) {
        // The last step goes all the way, so that it never moves more than a quarter of the frame.
        const std::size_t room = whole <= needed * most_ahead ? whole : needed * growth;
        const Bytes old = view();
        ByteVector next;
        next.reserve(std::max(needed, room));
        next.insert(next.end(), old.begin(), old.end());
        moved_ += size_;
        large_ = std::move(next);
    }

    static constexpr std::size_t growth = 4;
    static constexpr std::size_t most_ahead = growth * growth;
    static_assert(max_fixed_frame <= 64);
    std::array<Byte, 64> small_{};
    ByteVector large_;
    std::size_t size_ = 0;
    std::uint64_t moved_ = 0;
};

}  // namespace jst::wire
