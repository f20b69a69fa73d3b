#include "storage/record_frame.hpp"

#include <algorithm>
#include <array>

#include "codec/sha.hpp"

namespace jst::storage {
namespace {

std::array<Byte, 8> magic_of(char kind) noexcept {
    return {'j', 's', 't', static_cast<Byte>(kind), 'r', 'e', 'c', '\n'};
}

}  // namespace

ByteVector frame_record(char kind, std::uint32_t version, Bytes body) {
    ByteVector out;
    out.reserve(body.size() + frame_overhead);
    ByteWriter writer(out);
    writer.bytes(magic_of(kind)).u32(version).bytes(body);
    const Sha1Digest digest = codec::sha1(out);
    writer.bytes(digest.view());
    return out;
}

Result<Bytes> unframe_record(char kind, std::uint32_t known, std::size_t max_bytes, Bytes bytes) {
    if (bytes.size() < frame_overhead || bytes.size() > max_bytes) return fail(Errc::bad_record);
    const std::size_t covered = bytes.size() - Sha1Digest::size;
    const auto magic = magic_of(kind);
    if (!std::equal(magic.begin(), magic.end(), bytes.begin())) return fail(Errc::bad_record);
    if (codec::sha1(bytes.first(covered)) != Sha1Digest::from(bytes.subspan(covered))) return fail(Errc::bad_record);
    const auto version = load_be<std::uint32_t>(bytes.data() + magic.size());
    if (version > known) return fail(Errc::not_supported, version);
    if (version == 0) return fail(Errc::bad_record);
    return bytes.subspan(frame_header_bytes, covered - frame_header_bytes);
}

}  // namespace jst::storage
