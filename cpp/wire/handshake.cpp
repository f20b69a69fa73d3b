#include "wire/handshake.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace jst::wire {
namespace {

constexpr std::size_t reserved_at = 1 + protocol_name.size();
constexpr std::size_t info_hash_at = reserved_at + 8;
static_assert(info_hash_at + Sha1Digest::size == preamble_size);
static_assert(preamble_size + PeerId::size == handshake_size);

constexpr Byte expected_byte(std::size_t at) noexcept {
    return static_cast<Byte>(at == 0 ? protocol_name.size() : static_cast<std::size_t>(protocol_name[at - 1]));
}

}  // namespace

std::array<Byte, handshake_size> Handshake::encode() const noexcept {
    std::array<Byte, handshake_size> out{};
    for (std::size_t i = 0; i < reserved_at; ++i) out[i] = expected_byte(i);
    std::copy(reserved.bytes.begin(), reserved.bytes.end(), out.begin() + reserved_at);
    std::copy(info_hash.bytes.begin(), info_hash.bytes.end(), out.begin() + info_hash_at);
    std::copy(peer_id.bytes.begin(), peer_id.bytes.end(), out.begin() + preamble_size);
    return out;
}

Result<std::size_t> HandshakeParser::take(Bytes in) noexcept {
    if (failed_) return fail(Errc::bad_handshake, size_);
    std::size_t taken = 0;
    for (; taken < in.size() && size_ < handshake_size; ++taken, ++size_) {
        if (size_ < reserved_at && in[taken] != expected_byte(size_)) {
            failed_ = true;
            return fail(Errc::bad_handshake, size_);
        }
        bytes_[size_] = in[taken];
    }
    return taken;
}

HandshakePreamble HandshakeParser::preamble() const {
    JST_CHECK(has_preamble(), "the preamble is read before it is there");
    HandshakePreamble out;
    std::copy_n(bytes_.begin() + reserved_at, out.reserved.bytes.size(), out.reserved.bytes.begin());
    out.info_hash = Sha1Digest::from(Bytes(bytes_).subspan(info_hash_at));
    return out;
}

Handshake HandshakeParser::handshake() const {
    JST_CHECK(complete(), "the handshake is read before it is there");
    const HandshakePreamble first = preamble();
    return {first.reserved, first.info_hash, PeerId::from(Bytes(bytes_).subspan(preamble_size))};
}

}  // namespace jst::wire
