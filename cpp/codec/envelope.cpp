#include "codec/envelope.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "codec/url_check.hpp"
#include "codec/utf8.hpp"

namespace jst::codec {
namespace {

constexpr std::array<std::string_view, 10> known_keys{"announce",     "announce-list", "comment", "comment.utf-8",
                                                      "created by",   "creation date", "info",    "nodes",
                                                      "piece layers", "url-list"};

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<std::string> read_text(BencodeNode dict, std::string_view key) {
    const auto node = dict.find(key);
    if (!node || !node->is_string()) return std::nullopt;
    return repair_utf8(as_text(*node->string()));
}

std::vector<std::string> read_strings(BencodeNode node) {
    std::vector<std::string> out;
    if (node.is_string()) out.emplace_back(trimmed(as_text(*node.string())));
    if (!node.is_list()) return out;
    for (const BencodeNode item : node)
        if (item.is_string()) out.emplace_back(trimmed(as_text(*item.string())));
    return out;
}

// BEP 12: where a list stands, the single announce key does not count.
TrackerTiers read_trackers(BencodeNode torrent, const MetainfoLimits& limits) {
    TrackerTiers tiers;
    if (const auto list = torrent.find("announce-list"); list && list->is_list())
        for (const BencodeNode tier : *list) tiers.push_back(read_strings(tier));
    tiers = clean_trackers(tiers, limits);
    if (!tiers.empty()) return tiers;
    if (const auto one = torrent.find("announce")) tiers.push_back(read_strings(*one));
    return clean_trackers(tiers, limits);
}

// BEP 5: [[host, port], ...].
std::vector<HostPort> read_nodes(BencodeNode torrent, const MetainfoLimits& limits) {
    std::vector<HostPort> nodes;
    const auto list = torrent.find("nodes");
    if (!list || !list->is_list()) return nodes;
    for (const BencodeNode pair : *list) {
        if (nodes.size() >= limits.max_nodes) break;
        if (!pair.is_list() || pair.count() != 2) continue;
        auto at = pair.begin();
        const auto host = (*at).string();
        ++at;
        const auto port = (*at).integer();
        if (!host || !port) continue;
        const bool v6 = as_text(*host).find(':') != std::string_view::npos;
        const std::string text = (v6 ? "[" + std::string(as_text(*host)) + "]" : std::string(as_text(*host))) + ":";
        if (auto parsed = HostPort::parse(text + std::to_string(*port))) nodes.push_back(std::move(*parsed));
    }
    return nodes;
}

std::vector<std::pair<std::string, ByteVector>> read_extra(BencodeNode torrent) {
    std::vector<std::pair<std::string, ByteVector>> extra;
    for (auto at = torrent.begin(); at != torrent.end(); ++at) {
        const auto key = as_text(*(*at).string());
        ++at;
        if (std::find(known_keys.begin(), known_keys.end(), key) != known_keys.end()) continue;
        extra.emplace_back(std::string(key), to_vector((*at).raw()));
    }
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    std::stable_sort(extra.begin(), extra.end(), less);  // stable: of repeated keys the first one counts
    extra.erase(std::unique(extra.begin(), extra.end(), same), extra.end());
    return extra;
}

}  // namespace

TrackerTiers clean_trackers(const TrackerTiers& tiers, const MetainfoLimits& limits) {
    TrackerTiers out;
    std::set<std::string_view> seen;
    for (const auto& tier : tiers) {
        std::vector<std::string> kept;
        for (const auto& url : tier)
            if (is_tracker_url(url, limits.max_url_size) && seen.size() < limits.max_trackers &&
                seen.insert(url).second)
                kept.push_back(url);
        if (!kept.empty()) out.push_back(std::move(kept));
    }
    return out;
}

std::vector<std::string> clean_web_seeds(const std::vector<std::string>& urls, const MetainfoLimits& limits) {
    std::vector<std::string> out;
    std::set<std::string_view> seen;
    for (const auto& url : urls)
        if (is_web_seed_url(url, limits.max_url_size) && seen.size() < limits.max_web_seeds && seen.insert(url).second)
            out.push_back(url);
    return out;
}

Envelope read_envelope(BencodeNode torrent, const MetainfoLimits& limits) {
    Envelope out;
    out.trackers = read_trackers(torrent, limits);
    if (const auto urls = torrent.find("url-list")) out.web_seeds = clean_web_seeds(read_strings(*urls), limits);
    out.nodes = read_nodes(torrent, limits);
    out.comment = read_text(torrent, "comment.utf-8");
    if (!out.comment) out.comment = read_text(torrent, "comment");
    out.created_by = read_text(torrent, "created by");
    if (const auto date = torrent.find("creation date"))
        if (const auto seconds = date->integer(); seconds && *seconds >= 0) out.created_at = *seconds;
    out.extra = read_extra(torrent);
    return out;
}

}  // namespace jst::codec
