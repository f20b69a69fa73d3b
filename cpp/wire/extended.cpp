#include "wire/extended.hpp"

#include <algorithm>

#include "codec/bencode.hpp"

namespace jst::wire {
namespace {

using codec::BencodeDocument;
using codec::BencodeMode;
using codec::BencodeNode;
using codec::BencodeWriter;

constexpr std::array<std::string_view, extension_count> extension_names{"ut_metadata", "ut_pex", "upload_only",
                                                                        "lt_donthave"};
// Real handshakes have some twenty values in three levels.
constexpr codec::BencodeLimits handshake_limits{std::uint64_t{1} << 20, 8, 2000};

std::optional<std::int64_t> integer(const BencodeNode& dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node) return std::nullopt;
    const auto value = node->integer();
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> integer_within(const BencodeNode& dict, std::string_view key, std::int64_t low,
                                           std::int64_t high) {
    const auto value = integer(dict, key);
    return value && *value >= low && *value <= high ? value : std::nullopt;
}

std::optional<Bytes> string(const BencodeNode& dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node) return std::nullopt;
    const auto value = node->string();
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<IpAddress> address(const BencodeNode& dict, std::string_view key, bool v4, bool v6) {
    const auto raw = string(dict, key);
    if (!raw) return std::nullopt;
    if (v4 && raw->size() == 4) return IpAddress::v4(load_be<std::uint32_t>(raw->data()));
    if (v6 && raw->size() == 16) return IpAddress::v6(*raw);
    return std::nullopt;
}

/// The length of the UTF-8 sequence at the front, 0 when it is malformed or no character to show.
std::size_t printable_sequence(Bytes text) noexcept {
    const Byte lead = text[0];
    if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
    std::uint32_t code = lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    const bool c1 = code < 0xa0;
    // Marks that turn the direction of text around would let a name forge the line that it is shown in.
    const bool direction = (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                           (code >= 0x2066 && code <= 0x2069) || code == 0x61c;
    if (code < smallest[size] || code > 0x10ffff || surrogate || c1 || direction) return 0;
    return size;
}

/// What of a client's name can be shown; everything else becomes '?'.
std::string clean_name(Bytes raw) {
    std::string name;
    while (!raw.empty()) {
        const std::size_t size = printable_sequence(raw);
        if (name.size() + std::max<std::size_t>(size, 1) > max_client_name) break;
        if (size == 0) {
            name.push_back('?');
        } else {
            name.append(as_text(raw.first(size)));
        }
        raw = raw.subspan(std::max<std::size_t>(size, 1));
    }
    return name;
}

void parse_ids(const BencodeNode& root, ExtendedHandshake& out) {
    const auto m = root.find("m");
    if (!m || !m->is_dict()) return;
    for (std::size_t i = 0; i < extension_count; ++i)
        if (const auto id = integer_within(*m, extension_names[i], 0, 255)) out.ids[i] = static_cast<Byte>(*id);
}

template <class T>
void replace(std::optional<T>& known, const std::optional<T>& later) {
    if (later) known = later;
}

void write_address(BencodeWriter& writer, std::string_view key, const std::optional<IpAddress>& address) {
    if (!address) return;
    std::array<Byte, 4> v4;
    if (address->is_v4()) store_be(v4.data(), address->v4_value());
    writer.key(key).string(address->is_v4() ? Bytes(v4) : Bytes(address->bytes));
}

}  // namespace

std::string_view name_of(Extension extension) noexcept { return extension_names[static_cast<std::size_t>(extension)]; }

std::optional<Extension> extension_of(Byte id) noexcept {
    if (id == extended_handshake_id || id > extension_count) return std::nullopt;
    return static_cast<Extension>(id - 1);
}

void ExtendedHandshake::merge(const ExtendedHandshake& later) {
    for (std::size_t i = 0; i < extension_count; ++i) replace(ids[i], later.ids[i]);
    if (!later.client.empty()) client = later.client;
    replace(reqq, later.reqq);
    replace(metadata_size, later.metadata_size);
    replace(listen_port, later.listen_port);
    replace(your_ip, later.your_ip);
    replace(ipv4, later.ipv4);
    replace(ipv6, later.ipv6);
    replace(upload_only, later.upload_only);
}

Result<ExtendedHandshake> parse_extended_handshake(Bytes payload) {
    JST_TRY(document, BencodeDocument::parse_prefix(payload, BencodeMode::lenient, handshake_limits));
    const BencodeNode root = document.root();
    if (!root.is_dict()) return fail(Errc::wrong_type, 0);
    ExtendedHandshake out;
    parse_ids(root, out);
    if (const auto raw = string(root, "v")) out.client = clean_name(*raw);
    if (const auto reqq = integer(root, "reqq"))
        out.reqq = static_cast<std::uint32_t>(std::clamp<std::int64_t>(*reqq, 1, max_reqq));
    if (const auto size = integer_within(root, "metadata_size", 1, max_advertised_metadata))
        out.metadata_size = static_cast<std::uint32_t>(*size);
    if (const auto port = integer_within(root, "p", 1, 65535)) out.listen_port = static_cast<std::uint16_t>(*port);
    if (const auto upload_only = integer(root, "upload_only")) out.upload_only = *upload_only != 0;
    out.your_ip = address(root, "yourip", true, true);
    out.ipv4 = address(root, "ipv4", true, false);
    out.ipv6 = address(root, "ipv6", false, true);
    return out;
}

ByteVector write_extended_handshake(const ExtendedHandshake& handshake) {
    ByteVector out;
    BencodeWriter writer(out);
    writer.begin_dict();
    write_address(writer, "ipv4", handshake.ipv4);
    write_address(writer, "ipv6", handshake.ipv6);
    writer.key("m").begin_dict();
    std::array<std::size_t, extension_count> order{};
    for (std::size_t i = 0; i < extension_count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [](std::size_t a, std::size_t b) { return extension_names[a] < extension_names[b]; });
    for (const std::size_t i : order)
        if (handshake.ids[i]) writer.key(extension_names[i]).integer(*handshake.ids[i]);
    writer.end();
    if (handshake.metadata_size) writer.key("metadata_size").integer(*handshake.metadata_size);
    if (handshake.listen_port) writer.key("p").integer(*handshake.listen_port);
    if (handshake.reqq) writer.key("reqq").integer(*handshake.reqq);
    if (handshake.upload_only) writer.key("upload_only").integer(*handshake.upload_only ? 1 : 0);
    if (!handshake.client.empty()) writer.key("v").string(handshake.client);
    write_address(writer, "yourip", handshake.your_ip);
    writer.end();
    return out;
}

}  // namespace jst::wire
