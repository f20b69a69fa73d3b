#include "tracker/http_announce.hpp"

#include <algorithm>

#include "codec/bencode.hpp"
#include "codec/percent.hpp"

namespace jst::tracker {
namespace {

using codec::BencodeDocument;
using codec::BencodeNode;

Result<BencodeDocument> read_dict(Bytes body) {
    codec::BencodeLimits limits;
    limits.max_depth = max_reply_depth;
    limits.max_tokens = max_reply_tokens;
    // Trackers in use put blanks behind their reply, and sort keys as they like.
    JST_TRY(document, BencodeDocument::parse_prefix(body, codec::BencodeMode::lenient, limits));
    if (!document.root().is_dict()) return fail(Errc::wrong_type);
    return document;
}

std::optional<std::int64_t> integer_of(const BencodeNode& dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node || !node->is_integer()) return std::nullopt;
    const auto value = node->integer();
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<Bytes> string_of(const BencodeNode& dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node || !node->is_string()) return std::nullopt;
    return *node->string();
}

std::optional<std::uint32_t> count_of(const BencodeNode& dict, std::string_view key) {
    const auto value = integer_of(dict, key);
    return value ? clean_count(*value) : std::nullopt;
}

std::optional<Refusal> refusal_in(const BencodeNode& dict) {
    const auto reason = string_of(dict, "failure reason");
    if (!reason) return std::nullopt;
    Refusal refusal{clean_message(*reason), std::nullopt, false};
    constexpr std::int64_t most_minutes = most_interval.ns / seconds(60).ns;
    if (const auto minutes = integer_of(dict, "retry in"); minutes && *minutes >= 0)
        refusal.retry_in = std::max(least_retry, seconds(60) * std::min(*minutes, most_minutes));
    else if (const auto text = string_of(dict, "retry in"))
        refusal.never = as_text(*text) == "never";
    return refusal;
}

// BEP 3. A peer that gives a name instead of an address is left out: nothing is resolved for strangers.
void read_peer_dicts(const BencodeNode& list, std::vector<Endpoint>& out) {
    for (const BencodeNode peer : list) {
        if (out.size() >= max_reply_peers) return;
        const auto text = string_of(peer, "ip");
        const auto port = integer_of(peer, "port");
        if (!text || !port || *port < 0 || *port > 0xFFFF) continue;
        if (const auto host = IpAddress::parse(as_text(*text)))
            out.push_back({*host, static_cast<std::uint16_t>(*port)});
    }
}

Result<void> read_peers(const BencodeNode& root, std::vector<Endpoint>& out) {
    if (const auto peers = root.find("peers")) {
        if (peers->is_list())
            read_peer_dicts(*peers, out);
        else if (!peers->is_string())
            return fail(Errc::wrong_type, peers->offset());
        else if (peers->string()->size() % 6 != 0)
            return fail(Errc::bad_value, peers->offset());
        else
            read_compact(*peers->string(), false, out);
    }
    if (const auto peers = root.find("peers6")) {
        if (!peers->is_string()) return fail(Errc::wrong_type, peers->offset());
        if (peers->string()->size() % 18 != 0) return fail(Errc::bad_value, peers->offset());
        read_compact(*peers->string(), true, out);
    }
    return {};
}

std::optional<IpAddress> address_in(const BencodeNode& root) {
    const auto bytes = string_of(root, "external ip");
    if (bytes && bytes->size() == 4) return IpAddress::v4(load_be<std::uint32_t>(bytes->data()));
    if (bytes && bytes->size() == 16) return IpAddress::v6(*bytes);
    return std::nullopt;
}

void add(std::string& target, std::string_view name, std::string_view value) {
    target.append(1, target.find('?') == std::string::npos ? '?' : '&').append(name).append(1, '=').append(value);
}

}  // namespace

std::string announce_target(std::string_view target, const Announce& a) {
    std::string out(target);
    add(out, "info_hash", codec::percent_encode(as_text(a.info_hash.view())));
    add(out, "peer_id", codec::percent_encode(as_text(a.peer_id.view())));
    add(out, "port", std::to_string(a.port));
    add(out, "uploaded", std::to_string(a.uploaded));
    add(out, "downloaded", std::to_string(a.downloaded));
    add(out, "left", std::to_string(a.left));
    add(out, "key",
        to_hex(Bytes(std::array<Byte, 4>{static_cast<Byte>(a.key >> 24), static_cast<Byte>(a.key >> 16),
                                         static_cast<Byte>(a.key >> 8), static_cast<Byte>(a.key)})));
    if (a.event != AnnounceEvent::none) add(out, "event", word(a.event));
    add(out, "numwant", std::to_string(a.event == AnnounceEvent::stopped ? 0 : a.num_want));
    add(out, "compact", "1");
    add(out, "no_peer_id", "1");
    if (a.ipv6) add(out, "ipv6", codec::percent_encode(a.ipv6->to_string()));
    if (!a.tracker_id.empty()) add(out, "trackerid", codec::percent_encode(a.tracker_id));
    return out;
}

Result<AnnounceAnswer> parse_announce_reply(Bytes body) {
    JST_TRY(document, read_dict(body));
    const BencodeNode root = document.root();
    if (auto refusal = refusal_in(root)) return AnnounceAnswer(std::move(*refusal));
    AnnounceReply reply;
    JST_TRY_VOID(read_peers(root, reply.peers));
    if (const auto value = integer_of(root, "interval")) reply.interval = clamp_interval(*value);
    if (const auto value = integer_of(root, "min interval"))
        reply.min_interval = std::min(clamp_interval(*value), reply.interval);
    reply.counts = {count_of(root, "complete"), count_of(root, "incomplete")};
    if (const auto text = string_of(root, "warning message")) reply.warning = clean_message(*text);
    if (const auto id = string_of(root, "tracker id"); id && id->size() <= max_tracker_id)
        reply.tracker_id = std::string(as_text(*id));
    reply.external_ip = address_in(root);
    return AnnounceAnswer(std::move(reply));
}

std::optional<std::string> scrape_target(std::string_view target, const Sha1Digest& info_hash) {
    constexpr std::string_view announce = "announce";
    const auto path = target.substr(0, target.find('?'));
    const auto last = path.rfind('/') + 1;
    if (!path.substr(last).starts_with(announce)) return std::nullopt;
    std::string out(target);
    out.replace(last, announce.size(), "scrape");
    add(out, "info_hash", codec::percent_encode(as_text(info_hash.view())));
    return out;
}

Result<ScrapeAnswer> parse_scrape_reply(Bytes body, const Sha1Digest& info_hash) {
    JST_TRY(document, read_dict(body));
    const BencodeNode root = document.root();
    if (auto refusal = refusal_in(root)) return ScrapeAnswer(std::move(*refusal));
    const auto files = root.find("files");
    if (!files || !files->is_dict()) return fail(Errc::missing_field);
    const auto ours = files->find(as_text(info_hash.view()));
    if (!ours) return ScrapeAnswer(Counts{});
    return ScrapeAnswer(Counts{count_of(*ours, "complete"), count_of(*ours, "incomplete")});
}

}  // namespace jst::tracker
