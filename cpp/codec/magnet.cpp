#include "codec/magnet.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.hpp"
#include "codec/percent.hpp"
#include "codec/url_check.hpp"
#include "codec/utf8.hpp"

namespace jst::codec {
namespace {

constexpr std::string_view scheme = "magnet:?";
constexpr std::string_view v1_urn = "urn:btih:";
constexpr std::string_view v2_urn = "urn:btmh:";
constexpr std::string_view sha256_multihash = "1220";  // BEP 52: function 0x12, 0x20 bytes

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

// RFC 4648 6, without padding: 32 letters are 20 bytes.
std::optional<Sha1Digest> from_base32(std::string_view text) {
    Sha1Digest digest;
    std::uint32_t bits = 0;
    std::size_t held = 0;
    std::size_t at = 0;
    for (const char raw : text) {
        const char c = lower(raw);
        const bool letter = c >= 'a' && c <= 'z';
        if (!letter && !(c >= '2' && c <= '7')) return std::nullopt;
        bits = (bits << 5 | static_cast<std::uint32_t>(letter ? c - 'a' : c - '2' + 26)) & 0xFFFF;
        held += 5;
        if (held < 8) continue;
        held -= 8;
        digest.bytes[at++] = static_cast<Byte>(bits >> held);
    }
    return digest;
}

std::optional<Sha1Digest> read_v1(std::string_view text) {
    if (text.size() == 32) return from_base32(text);
    if (text.size() != 40) return std::nullopt;
    const auto bytes = from_hex(text);
    if (!bytes) return std::nullopt;
    return Sha1Digest::from(*bytes);
}

std::optional<Sha256Digest> read_v2(std::string_view text) {
    if (text.size() != sha256_multihash.size() + 64 || !text.starts_with(sha256_multihash)) return std::nullopt;
    const auto bytes = from_hex(text.substr(sha256_multihash.size()));
    if (!bytes) return std::nullopt;
    return Sha256Digest::from(*bytes);
}

// BEP 53: "0,2,4,6-8". The first malformed part makes the whole list void: better all files than the wrong ones.
std::vector<FileRange> read_ranges(std::string_view text, std::uint32_t most) {
    std::vector<FileRange> ranges;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    while (at != end) {
        FileRange range;
        auto parsed = std::from_chars(at, end, range.first);
        if (parsed.ec != std::errc{}) return {};
        range.last = range.first;
        if (parsed.ptr != end && *parsed.ptr == '-') {
            parsed = std::from_chars(parsed.ptr + 1, end, range.last);
            if (parsed.ec != std::errc{}) return {};
        }
        if (range.last < range.first || range.last > most) return {};
        ranges.push_back(range);
        at = parsed.ptr;
        if (at == end) break;
        if (*at != ',' || at + 1 == end) return {};
        ++at;
    }
    std::sort(ranges.begin(), ranges.end());
    std::vector<FileRange> joined;
    for (const FileRange& range : ranges) {
        if (!joined.empty() && range.first <= joined.back().last + 1)
            joined.back().last = std::max(joined.back().last, range.last);
        else
            joined.push_back(range);
    }
    return joined;
}

std::string cut_utf8(std::string text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
    text.resize(most);
    return text;
}

template <class T>
void add_once(std::vector<T>& list, T value, std::uint32_t most) {
    if (list.size() < most && std::find(list.begin(), list.end(), value) == list.end())
        list.push_back(std::move(value));
}

class LinkReader {
  public:
    explicit LinkReader(const MagnetLimits& limits) noexcept : limits_(limits) {}

    Result<Magnet> read(std::string_view link) {
        if (link.size() > limits_.max_size) return fail(Errc::too_large, link.size());
        if (lowered(link.substr(0, scheme.size())) != scheme) return fail(Errc::bad_magnet, 0);
        for (std::size_t at = scheme.size(); at < link.size();) {
            const auto end = std::min(link.find('&', at), link.size());
            JST_TRY_VOID(parameter(link.substr(at, end - at), at));
            at = end + 1;
        }
        if (out_.hashes.empty()) return fail(Errc::bad_magnet, link.size());
        return std::move(out_);
    }

  private:
    Result<void> parameter(std::string_view text, std::size_t offset) {
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) return {};
        std::string key = lowered(text.substr(0, equals));
        if (key.starts_with("amp;")) key.erase(0, 4);  // links copied out of HTML source
        const auto raw = text.substr(equals + 1);
        if (key == "x.pe") {
            if (auto peer = HostPort::parse(percent_decode(raw))) add_once(out_.peers, *peer, limits_.max_peers);
            return {};
        }
        key.resize(std::min(key.find('.'), key.size()));  // xt.1=, tr.2=
        const std::string value = percent_decode(raw, key == "dn");
        if (key == "xt") return topic(value, offset);
        if (key == "dn" && out_.name.empty()) out_.name = cut_utf8(repair_utf8(value), limits_.max_name_size);
        if (key == "tr" && is_tracker_url(value, limits_.max_url_size))
            add_once(out_.trackers, value, limits_.max_trackers);
        if (key == "ws" && is_web_seed_url(value, limits_.max_url_size))
            add_once(out_.web_seeds, value, limits_.max_web_seeds);
        if (key == "so" && out_.select_only.empty()) out_.select_only = read_ranges(value, limits_.max_file_index);
        return {};
    }

    Result<void> topic(const std::string& value, std::size_t offset) {
        const std::string urn = lowered(value.substr(0, v1_urn.size()));
        if (urn == v1_urn) {
            const auto hash = read_v1(std::string_view(value).substr(v1_urn.size()));
            if (!hash || (out_.hashes.v1 && out_.hashes.v1 != hash)) return fail(Errc::bad_magnet, offset);
            out_.hashes.v1 = hash;
        } else if (urn == v2_urn) {
            const auto hash = read_v2(std::string_view(value).substr(v2_urn.size()));
            if (!hash || (out_.hashes.v2 && out_.hashes.v2 != hash)) return fail(Errc::bad_magnet, offset);
            out_.hashes.v2 = hash;
        }
        return {};
    }

    const MagnetLimits& limits_;
    Magnet out_;
};

}  // namespace

Result<Magnet> Magnet::parse(std::string_view link, const MagnetLimits& limits) {
    return LinkReader(limits).read(link);
}

std::string Magnet::to_string() const {
    std::string out(scheme);
    const auto add = [&](std::string_view key, std::string_view value) {
        if (out.size() > scheme.size()) out += '&';
        out.append(key).append("=").append(value);
    };
    if (hashes.v1) add("xt", std::string(v1_urn) + to_hex(hashes.v1->view()));
    if (hashes.v2) add("xt", std::string(v2_urn) + std::string(sha256_multihash) + to_hex(hashes.v2->view()));
    if (!name.empty()) add("dn", percent_encode(name));
    for (const auto& url : trackers) add("tr", percent_encode(url));
    for (const auto& url : web_seeds) add("ws", percent_encode(url));
    for (const auto& peer : peers) add("x.pe", peer.to_string());
    std::string ranges;
    for (const auto& range : select_only) {
        if (!ranges.empty()) ranges += ',';
        ranges += std::to_string(range.first);
        if (range.last != range.first) ranges += "-" + std::to_string(range.last);
    }
    if (!ranges.empty()) add("so", ranges);
    return out;
}

}  // namespace jst::codec
