#include "codec/metainfo_writer.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "codec/bencode.hpp"

namespace jst::codec {
namespace {

bool fits(const NewTorrent& torrent) {
    const MetainfoLimits limits;
    std::uint64_t size = 0;
    for (const auto& file : torrent.files) {
        if (file.path.empty() || file.size > limits.max_total_size - size) return false;
        for (const auto& component : file.path)
            if (component.empty() || component.size() > limits.max_component_size) return false;
        size += file.size;
    }
    if (size == 0 || torrent.name.empty() || torrent.name.size() > limits.max_component_size) return false;
    if (torrent.piece_length == 0 || torrent.piece_length > limits.max_piece_length) return false;
    if (torrent.single_file && torrent.files.size() != 1) return false;
    const std::uint64_t pieces = (size + torrent.piece_length - 1) / torrent.piece_length;
    return pieces <= limits.max_pieces && torrent.files.size() <= limits.max_files &&
           torrent.piece_hashes.size() == pieces * Sha1Digest::size;
}

void write_files(BencodeWriter& out, const std::vector<NewFile>& files) {
    out.key("files").begin_list();
    for (const auto& file : files) {
        out.begin_dict().key("length").integer(static_cast<std::int64_t>(file.size)).key("path").begin_list();
        for (const auto& component : file.path) out.string(component);
        out.end().end();
    }
    out.end();
}

// Sorted by key, as bencode wants them, whatever the order they are put in.
using Fields = std::map<std::string, ByteVector, std::less<>>;

BencodeWriter field(Fields& fields, std::string_view key) {
    auto& value = fields[std::string(key)];
    value.clear();
    return BencodeWriter(value);
}

void put_trackers(Fields& fields, const TrackerTiers& tiers) {
    std::size_t count = 0;
    for (const auto& tier : tiers) count += tier.size();
    if (count == 0) return;
    const auto first = std::find_if(tiers.begin(), tiers.end(), [](const auto& tier) { return !tier.empty(); });
    field(fields, "announce").string(first->front());
    if (count == 1) return;
    auto out = field(fields, "announce-list");
    out.begin_list();
    for (const auto& tier : tiers) {
        if (tier.empty()) continue;
        out.begin_list();
        for (const auto& url : tier) out.string(url);
        out.end();
    }
    out.end();
}

void put_nodes(Fields& fields, const std::vector<HostPort>& nodes) {
    if (nodes.empty()) return;
    auto out = field(fields, "nodes");
    out.begin_list();
    for (const auto& node : nodes) out.begin_list().string(node.host).integer(node.port).end();
    out.end();
}

void put_web_seeds(Fields& fields, const std::vector<std::string>& urls) {
    if (urls.empty()) return;
    auto out = field(fields, "url-list");
    if (urls.size() == 1) {
        out.string(urls.front());
        return;
    }
    out.begin_list();
    for (const auto& url : urls) out.string(url);
    out.end();
}

void put_layers(Fields& fields, const Metainfo& torrent) {
    if (torrent.version() == MetainfoVersion::v1) return;
    std::map<Sha256Digest, ByteVector> layers;  // two equal files have one layer
    for (const auto& file : torrent.files()) {
        if (!*file.pieces_root || file.size <= torrent.piece_length()) continue;
        const auto [first, last] = torrent.pieces_of(file);
        if (torrent.piece_root(first) == nullptr) continue;
        ByteVector& hashes = layers[**file.pieces_root];
        hashes.clear();
        for (PieceIndex i = first; i < last; ++i) {
            const Bytes root = torrent.piece_root(i)->view();
            hashes.insert(hashes.end(), root.begin(), root.end());
        }
    }
    auto out = field(fields, "piece layers");
    out.begin_dict();
    for (const auto& [root, hashes] : layers) out.key(root.view()).string(Bytes(hashes));
    out.end();
}

Fields envelope_fields(Bytes info, const Envelope& envelope) {
    Fields fields;
    for (const auto& [key, value] : envelope.extra) fields[key] = value;
    put_trackers(fields, envelope.trackers);
    put_nodes(fields, envelope.nodes);
    put_web_seeds(fields, envelope.web_seeds);
    if (envelope.comment) field(fields, "comment").string(*envelope.comment);
    if (envelope.created_by) field(fields, "created by").string(*envelope.created_by);
    if (envelope.created_at) field(fields, "creation date").integer(*envelope.created_at);
    field(fields, "info").raw(info);
    return fields;
}

ByteVector encoded(const Fields& fields) {
    ByteVector bytes;
    BencodeWriter out(bytes);
    out.begin_dict();
    for (const auto& [key, value] : fields) out.key(key).raw(value);
    out.end();
    return bytes;
}

}  // namespace

Result<ByteVector> write_info(const NewTorrent& torrent) {
    if (torrent.version != MetainfoVersion::v1) return fail(Errc::not_supported);
    if (!fits(torrent)) return fail(Errc::invalid_argument);
    ByteVector bytes;
    BencodeWriter out(bytes);
    out.begin_dict();
    if (torrent.single_file) {
        out.key("length").integer(static_cast<std::int64_t>(torrent.files.front().size));
    } else {
        write_files(out, torrent.files);
    }
    out.key("name").string(torrent.name);
    out.key("piece length").integer(torrent.piece_length);
    out.key("pieces").string(Bytes(torrent.piece_hashes));
    if (torrent.is_private) out.key("private").integer(1);
    if (torrent.source) out.key("source").string(*torrent.source);
    out.end();
    return bytes;
}

ByteVector write_torrent(Bytes info, const Envelope& envelope) { return encoded(envelope_fields(info, envelope)); }

ByteVector write_torrent(const Metainfo& torrent) {
    Fields fields = envelope_fields(torrent.info_bytes(), torrent.envelope());
    put_layers(fields, torrent);
    return encoded(fields);
}

std::uint32_t default_piece_length(std::uint64_t total_size) noexcept {
    constexpr std::uint64_t most_pieces = 2048;
    constexpr std::uint32_t longest = 16u << 20;
    std::uint32_t length = block_size;
    while (length < longest && length * most_pieces < total_size) length *= 2;
    return length;
}

}  // namespace jst::codec
