#include "codec/sha_lanes.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "codec/sha_kernels.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace jst::codec {
namespace {

constexpr std::size_t block = 64;
constexpr std::size_t most_lanes = 16;

using Message = std::span<const Bytes>;

// One message on its way: a run of whole blocks that lie together, then the next.
class Lane {
  public:
    /// False when nothing is to be done.
    bool start(const LaneState& state, const Message& parts, bool last, std::size_t index) noexcept {
        words_ = state.words;
        size_ = state.size;
        filled_ = state.filled;
        std::copy_n(state.tail.data(), filled_, tail_.data());
        parts_ = parts;
        rest_ = {};
        last_ = last;
        index_ = index;
        padded_ = false;
        return next_run();
    }
    void save(LaneState& state) const noexcept {
        state.words = words_;
        state.size = size_;
        state.filled = filled_;
        std::copy_n(tail_.data(), filled_, state.tail.data());
    }
    std::uint32_t* words() noexcept { return words_.data(); }
    const Byte* data() const noexcept { return run_; }
    std::size_t blocks() const noexcept { return blocks_; }
    std::size_t index() const noexcept { return index_; }
    /// False when the message has ended.
    bool advance(std::size_t blocks) noexcept {
        run_ += blocks * block;
        blocks_ -= blocks;
        return blocks_ > 0 || next_run();
    }

  private:
    bool next_run() noexcept {
        if (padded_) return false;
        while (true) {
            if (filled_ > 0 && !rest_.empty()) {
                fill();
                if (filled_ == block) {
                    filled_ = 0;
                    return set_run(tail_.data(), 1);
                }
            }
            if (filled_ == 0 && rest_.size() >= block) {
                const auto whole = rest_.size() / block;
                const auto* at = rest_.data();
                rest_ = rest_.subspan(whole * block);
                return set_run(at, whole);
            }
            if (!rest_.empty()) fill();
            if (parts_.empty()) return last_ && pad();
            rest_ = parts_[0];
            size_ += rest_.size();
            parts_ = parts_.subspan(1);
        }
    }
    void fill() noexcept {
        const auto n = std::min(block - filled_, rest_.size());
        std::copy_n(rest_.data(), n, tail_.data() + filled_);
        filled_ += n;
        rest_ = rest_.subspan(n);
    }
    bool pad() noexcept {
        padded_ = true;
        const std::size_t end = filled_ + 9 <= block ? block : 2 * block;
        std::fill(tail_.begin() + static_cast<std::ptrdiff_t>(filled_), tail_.end(), Byte{0});
        tail_[filled_] = 0x80;
        filled_ = 0;
        store_be<std::uint64_t>(tail_.data() + end - 8, size_ * 8);
        return set_run(tail_.data(), end / block);
    }
    bool set_run(const Byte* at, std::size_t blocks) noexcept {
        run_ = at;
        blocks_ = blocks;
        return true;
    }

    std::array<std::uint32_t, 8> words_{};
    const Byte* run_ = nullptr;
    std::size_t blocks_ = 0;
    Message parts_;
    Bytes rest_;
    std::uint64_t size_ = 0;
    std::size_t index_ = 0;
    std::size_t filled_ = 0;  // of tail_, less than a block
    bool last_ = false;
    bool padded_ = false;
    std::array<Byte, 2 * block> tail_;
};

// Keeps the lanes filled: begin(lane, i) starts message i (false: nothing to do), end(lane) takes the result.
template <class Begin, class End>
void run_lanes(const LaneKernels& kernels, std::size_t count, Begin begin, End end) {
    JST_CHECK(kernels.any(), "lanes need kernels");
    std::array<Lane, most_lanes> lanes;
    std::array<Lane*, most_lanes> active;
    std::size_t next = 0;
    const auto refill = [&](Lane& lane) {
        while (next < count) {
            if (begin(lane, next++)) return true;
            end(lane);
        }
        return false;
    };
    std::size_t n = 0;
    while (n < most_lanes && refill(lanes[n])) {
        active[n] = &lanes[n];
        ++n;
    }
    while (n > 0) {
        std::array<std::uint32_t*, most_lanes> states;
        std::array<const Byte*, most_lanes> data;
        std::size_t blocks = active[0]->blocks();
        for (std::size_t i = 0; i < n; ++i) {
            states[i] = active[i]->words();
            data[i] = active[i]->data();
            blocks = std::min(blocks, active[i]->blocks());
        }
        kernels.run(states.data(), data.data(), n, blocks);
        for (std::size_t i = n; i-- > 0;) {
            if (active[i]->advance(blocks)) continue;
            end(*active[i]);
            if (!refill(*active[i])) active[i] = active[--n];
        }
    }
}

template <std::size_t N>
void hash_all(const LaneKernels& kernels, const LaneState& start, std::span<const Message> messages,
              std::span<Digest<N>> out) {
    JST_CHECK(messages.size() == out.size(), "one digest for each message");
    run_lanes(
        kernels, messages.size(), [&](Lane& lane, std::size_t i) { return lane.start(start, messages[i], true, i); },
        [&](Lane& lane) {
            for (std::size_t i = 0; i < N / 4; ++i) store_be(out[lane.index()].bytes.data() + 4 * i, lane.words()[i]);
        });
}

// Fills the lanes that are not used with the first one's data and a state that nobody reads.
template <std::size_t Width>
void run_padded(LaneKernels::Compress kernel, std::uint32_t* const* states, const Byte* const* data, std::size_t n,
                std::size_t blocks) {
    std::array<std::uint32_t*, Width> all_states;
    std::array<const Byte*, Width> all_data;
    std::array<std::array<std::uint32_t, 8>, Width> unused;
    for (std::size_t i = 0; i < Width; ++i) {
        unused[i] = {};
        all_states[i] = i < n ? states[i] : unused[i].data();
        all_data[i] = i < n ? data[i] : data[0];
    }
    kernel(all_states.data(), all_data.data(), blocks);
}

#if defined(__x86_64__)
bool has_sha() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 29)) != 0 && __builtin_cpu_supports("sse4.1") &&
           __builtin_cpu_supports("ssse3");
}
// Seconds for a GiB, AMD Zen 5 and Intel Sapphire Rapids. SHA-1: one lane 0.46 and 0.80, each of four 0.21 and 0.86, of
// eight 0.24 (Intel), of sixteen 0.10 and 0.20. SHA-256: one 0.49 and 0.75, each of two 0.32 and 0.65, of eight 0.53
// (Intel), of sixteen 0.18 and 0.40.
void choose(LaneKernels& kernels, bool sha1) noexcept {
    const bool amd = __builtin_cpu_is("amd") != 0;
    kernels.overlap = amd || !sha1;
    kernels.worth_eight = !sha1 ? 7 : amd ? 5 : 3;
    kernels.worth_sixteen = sha1 ? 10 : 11;
}
bool has_avx512() noexcept {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

LaneKernels find_kernels([[maybe_unused]] bool sha1) {
    LaneKernels found;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (has_sha()) {
        found.x1 = sha1 ? kernels::sha1_ni_x1 : kernels::sha256_ni_x1;
        found.x2 = sha1 ? kernels::sha1_ni_x2 : kernels::sha256_ni_x2;
        found.x4 = sha1 ? kernels::sha1_ni_x4 : nullptr;
    }
    if (has_avx512()) {
        found.x8 = sha1 ? kernels::sha1_avx512_x8 : kernels::sha256_avx512_x8;
        found.x16 = sha1 ? kernels::sha1_avx512_x16 : kernels::sha256_avx512_x16;
    }
    choose(found, sha1);
#endif
    return found;
}

}  // namespace

const LaneKernels& LaneKernels::of_machine_sha1() {
    static const LaneKernels found = find_kernels(true);
    return found;
}

const LaneKernels& LaneKernels::of_machine_sha256() {
    static const LaneKernels found = find_kernels(false);
    return found;
}

LaneKernels LaneKernels::limited_to(Lanes widest) const noexcept {
    LaneKernels limited = *this;
    if (widest < Lanes::avx512_x16) limited.x16 = nullptr;
    if (widest < Lanes::avx512_x8) limited.x8 = nullptr;
    if (widest < Lanes::ni_x4) limited.x4 = nullptr;
    if (widest < Lanes::ni_x2) limited.x2 = nullptr;
    if (widest < Lanes::ni_x1) limited.x1 = nullptr;
    return limited;
}

LaneKernels LaneKernels::only(Lanes kernel) const noexcept {
    LaneKernels limited = limited_to(kernel);
    if (kernel >= Lanes::avx512_x8) limited.x1 = limited.x2 = limited.x4 = nullptr;
    if (kernel == Lanes::avx512_x16) limited.x8 = nullptr;
    limited.overlap = true;
    return limited;
}

void LaneKernels::run(std::uint32_t* const* states, const Byte* const* data, std::size_t n, std::size_t blocks) const {
    const bool narrow = x1 != nullptr;
    if (x16 != nullptr && (n >= worth_sixteen || (!narrow && x8 == nullptr)))
        return run_padded<16>(x16, states, data, n, blocks);
    std::size_t done = 0;
    for (; x8 != nullptr && n - done >= (narrow ? worth_eight : 1); done = std::min(n, done + 8))
        run_padded<8>(x8, states + done, data + done, std::min<std::size_t>(n - done, 8), blocks);
    if (!narrow) return;
    for (; overlap && x4 != nullptr && n - done > 2; done = std::min(n, done + 4))
        run_padded<4>(x4, states + done, data + done, std::min<std::size_t>(n - done, 4), blocks);
    for (; overlap && x2 != nullptr && n - done > 1; done += 2) x2(states + done, data + done, blocks);
    for (; done < n; ++done) x1(states + done, data + done, blocks);
}

LaneState LaneState::sha1() noexcept {
    LaneState state;
    state.words = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    return state;
}

LaneState LaneState::sha256() noexcept {
    LaneState state;
    state.words = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    return state;
}

void feed_in_lanes(const LaneKernels& kernels, std::span<const LaneFeed> feeds) {
    run_lanes(
        kernels, feeds.size(),
        [&](Lane& lane, std::size_t i) { return lane.start(*feeds[i].state, feeds[i].parts, feeds[i].last, i); },
        [&](Lane& lane) { lane.save(*feeds[lane.index()].state); });
}

void hash_in_lanes(const LaneKernels& kernels, std::span<const Message> messages, std::span<Digest<20>> out) {
    hash_all(kernels, LaneState::sha1(), messages, out);
}

void hash_in_lanes(const LaneKernels& kernels, std::span<const Message> messages, std::span<Digest<32>> out) {
    hash_all(kernels, LaneState::sha256(), messages, out);
}

}  // namespace jst::codec
