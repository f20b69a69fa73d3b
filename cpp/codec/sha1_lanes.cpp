#include "codec/sha1_lanes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "codec/sha1_kernels.hpp"

namespace jst::codec {
namespace {

constexpr std::size_t unit = 64;

// One message on its way through a lane, cut into runs of whole 64-byte units.
class Lane {
  public:
    void begin(Message message, Sha1Digest* out) noexcept {
        state_ = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
        parts_ = message;
        rest_ = {};
        length_ = 0;
        padded_ = false;
        out_ = out;
        refill();
    }
    std::uint32_t* state() noexcept { return state_.data(); }
    const Byte* data() const noexcept { return run_.data(); }
    std::size_t units() const noexcept { return run_.size() / unit; }

    /// False when the message is done; its digest is written then.
    bool advance(std::size_t units_done) noexcept {
        run_ = run_.subspan(units_done * unit);
        if (!run_.empty() || refill()) return true;
        for (std::size_t i = 0; i < state_.size(); ++i) store_be(out_->bytes.data() + 4 * i, state_[i]);
        return false;
    }

  private:
    bool refill() noexcept {
        if (padded_) return false;
        next_part();
        if (rest_.size() >= unit) {
            run_ = take(rest_.size() - rest_.size() % unit);
            return true;
        }
        std::size_t held = 0;
        for (; held < unit && next_part();) {
            const Bytes piece = take(std::min(rest_.size(), unit - held));
            std::memcpy(tail_.data() + held, piece.data(), piece.size());
            held += piece.size();
        }
        run_ = held == unit ? Bytes(tail_).first(unit) : pad(held);
        return true;
    }

    bool next_part() noexcept {
        while (rest_.empty() && !parts_.empty()) {
            rest_ = parts_.front();
            parts_ = parts_.subspan(1);
        }
        return !rest_.empty();
    }

    Bytes take(std::size_t n) noexcept {
        const Bytes taken = rest_.first(n);
        rest_ = rest_.subspan(n);
        length_ += n;
        return taken;
    }

    Bytes pad(std::size_t held) noexcept {
        padded_ = true;
        const std::size_t end = held + 9 <= unit ? unit : 2 * unit;
        std::memset(tail_.data() + held, 0, end - held);
        tail_[held] = 0x80;
        store_be(tail_.data() + end - 8, length_ * 8);
        return Bytes(tail_).first(end);
    }

    std::array<std::uint32_t, 5> state_{};
    Message parts_;
    Bytes rest_;  // of the part under way
    Bytes run_;
    std::uint64_t length_ = 0;
    bool padded_ = false;
    Sha1Digest* out_ = nullptr;
    std::array<Byte, 2 * unit> tail_;
};

}  // namespace

bool sha1_lanes(std::span<const Message> messages, std::span<Sha1Digest> out) {
    if (!sha1_kernels_usable()) return false;
    std::array<Lane, max_sha1_lanes> lanes;
    std::array<std::size_t, max_sha1_lanes> open;  // which of them are at work
    std::size_t count = 0;
    std::size_t next = 0;
    for (; count < max_sha1_lanes && next < messages.size(); ++count, ++next) {
        lanes[count].begin(messages[next], &out[next]);
        open[count] = count;
    }
    while (count > 0) {
        std::array<std::uint32_t*, max_sha1_lanes> states;
        std::array<const Byte*, max_sha1_lanes> data;
        std::size_t units = lanes[open[0]].units();
        for (std::size_t i = 0; i < count; ++i) {
            states[i] = lanes[open[i]].state();
            data[i] = lanes[open[i]].data();
            units = std::min(units, lanes[open[i]].units());
        }
        sha1_compress(count, states.data(), data.data(), units);
        for (std::size_t i = 0; i < count;) {
            Lane& lane = lanes[open[i]];
            if (lane.advance(units)) {
                ++i;
            } else if (next < messages.size()) {
                lane.begin(messages[next], &out[next]);
                ++next;
                ++i;
            } else {
                open[i] = open[--count];
            }
        }
    }
    return true;
}

}  // namespace jst::codec
