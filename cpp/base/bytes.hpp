// Views of bytes, and bounds-checked big-endian cursors over them.
//
// Every read from outside goes through ByteReader: it never reads past its end and reports where it stopped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace jst {

using Byte = std::uint8_t;
using Bytes = std::span<const Byte>;
using MutableBytes = std::span<Byte>;
using ByteVector = std::vector<Byte>;

inline Bytes as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteVector to_vector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

template <class Int>
constexpr Int load_be(const Byte* at) noexcept {
    Int value = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i)
        value = static_cast<Int>((value << (sizeof(Int) > 1 ? 8 : 0)) | at[i]);
    return value;
}
template <class Int>
constexpr void store_be(Byte* at, Int value) noexcept {
    for (std::size_t i = 0; i < sizeof(Int); ++i) at[i] = static_cast<Byte>(value >> (8 * (sizeof(Int) - 1 - i)));
}

/// A fixed-size digest or id: 20 or 32 bytes that compare, sort and print.
template <std::size_t N>
struct Digest {
    std::array<Byte, N> bytes{};

    static constexpr std::size_t size = N;
    static Digest from(Bytes source) noexcept {
        Digest d;
        std::memcpy(d.bytes.data(), source.data(), source.size() < N ? source.size() : N);
        return d;
    }
    Bytes view() const noexcept { return bytes; }
    friend auto operator<=>(const Digest&, const Digest&) noexcept = default;
};
using Sha1Digest = Digest<20>;
using Sha256Digest = Digest<32>;
using PeerId = Digest<20>;

std::string to_hex(Bytes bytes);
/// Exactly the digits of `text`, or Errc::bad_value with the offset of the first that is none.
Result<ByteVector> from_hex(std::string_view text);

class ByteReader {
  public:
    explicit ByteReader(Bytes bytes) noexcept : bytes_(bytes) {}

    std::size_t offset() const noexcept { return at_; }
    std::size_t remaining() const noexcept { return bytes_.size() - at_; }
    bool empty() const noexcept { return remaining() == 0; }

    Result<Bytes> take(std::size_t n) noexcept {
        if (n > remaining()) return fail(Errc::truncated, at_);
        const Bytes view = bytes_.subspan(at_, n);
        at_ += n;
        return view;
    }
    template <class Int>
    Result<Int> number() noexcept {
        if (sizeof(Int) > remaining()) return fail(Errc::truncated, at_);
        const Int value = load_be<Int>(bytes_.data() + at_);
        at_ += sizeof(Int);
        return value;
    }
    Result<Byte> u8() noexcept { return number<Byte>(); }
    Result<std::uint16_t> u16() noexcept { return number<std::uint16_t>(); }
    Result<std::uint32_t> u32() noexcept { return number<std::uint32_t>(); }
    Result<std::uint64_t> u64() noexcept { return number<std::uint64_t>(); }
    Bytes rest() noexcept {
        const Bytes view = bytes_.subspan(at_);
        at_ = bytes_.size();
        return view;
    }

  private:
    Bytes bytes_;
    std::size_t at_ = 0;
};

/// Appends to a vector that the caller owns.
class ByteWriter {
  public:
    explicit ByteWriter(ByteVector& out) noexcept : out_(out) {}

    ByteWriter& bytes(Bytes view) {
        out_.insert(out_.end(), view.begin(), view.end());
        return *this;
    }
    ByteWriter& text(std::string_view view) { return bytes(as_bytes(view)); }
    template <class Int>
    ByteWriter& number(Int value) {
        std::array<Byte, sizeof(Int)> raw;
        store_be(raw.data(), value);
        return bytes(raw);
    }
    ByteWriter& u8(Byte value) { return number(value); }
    ByteWriter& u16(std::uint16_t value) { return number(value); }
    ByteWriter& u32(std::uint32_t value) { return number(value); }
    ByteWriter& u64(std::uint64_t value) { return number(value); }

  private:
    ByteVector& out_;
};

}  // namespace jst
