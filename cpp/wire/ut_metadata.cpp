#include "wire/ut_metadata.hpp"

#include <algorithm>

#include "codec/bencode.hpp"

namespace jst::wire {
namespace {

using codec::BencodeDocument;
using codec::BencodeMode;
using codec::BencodeNode;
using codec::BencodeWriter;

constexpr std::int64_t type_request = 0;
constexpr std::int64_t type_data = 1;
constexpr std::int64_t type_reject = 2;
// The dictionary has three numbers; what stands behind it is data and not looked at.
constexpr codec::BencodeLimits message_limits{std::uint64_t{1} << 20, 8, 100};

Result<std::int64_t> integer(const BencodeNode& dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node) return fail(Errc::bad_message);
    const auto value = node->integer();
    if (!value) return fail(Errc::bad_message);
    return *value;
}

Result<std::uint32_t> bounded(const BencodeNode& dict, std::string_view key, std::int64_t low, std::int64_t high) {
    JST_TRY(value, integer(dict, key));
    if (value < low || value > high) return fail(Errc::bad_message);
    return static_cast<std::uint32_t>(value);
}

ByteVector write(std::int64_t type, std::uint32_t piece, std::optional<std::uint32_t> total_size, Bytes data) {
    ByteVector out;
    BencodeWriter writer(out);
    writer.begin_dict().key("msg_type").integer(type).key("piece").integer(piece);
    if (total_size) writer.key("total_size").integer(*total_size);
    writer.end();
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

struct Writer {
    ByteVector operator()(const MetadataRequest& m) const { return write(type_request, m.piece, std::nullopt, {}); }
    ByteVector operator()(const MetadataData& m) const { return write(type_data, m.piece, m.total_size, m.data); }
    ByteVector operator()(const MetadataReject& m) const { return write(type_reject, m.piece, std::nullopt, {}); }
    ByteVector operator()(const MetadataUnknown& m) const { return write(m.type, 0, std::nullopt, {}); }
};

}  // namespace

std::uint32_t metadata_piece_length(std::uint32_t piece, std::uint32_t total_size) noexcept {
    const std::uint64_t begin = std::uint64_t{piece} * metadata_piece_size;
    if (begin >= total_size) return 0;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(metadata_piece_size, total_size - begin));
}

Result<MetadataMessage> parse_ut_metadata(Bytes payload) {
    JST_TRY(document, BencodeDocument::parse_prefix(payload, BencodeMode::lenient, message_limits));
    const BencodeNode root = document.root();
    if (!root.is_dict()) return fail(Errc::wrong_type, 0);
    JST_TRY(type, integer(root, "msg_type"));
    if (type != type_request && type != type_data && type != type_reject) return MetadataMessage{MetadataUnknown{type}};
    JST_TRY(piece, bounded(root, "piece", 0, max_metadata_pieces - 1));
    if (type == type_request) return MetadataMessage{MetadataRequest{piece}};
    if (type == type_reject) return MetadataMessage{MetadataReject{piece}};
    JST_TRY(total_size, bounded(root, "total_size", 1, max_advertised_metadata));
    const Bytes data = payload.subspan(document.size());
    const std::uint32_t length = metadata_piece_length(piece, total_size);
    if (length == 0 || data.size() != length) return fail(Errc::bad_message, document.size());
    return MetadataMessage{MetadataData{piece, total_size, data}};
}

ByteVector write_ut_metadata(const MetadataMessage& message) { return std::visit(Writer{}, message); }

}  // namespace jst::wire
