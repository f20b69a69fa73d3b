#include "policy/replacement.hpp"

#include <algorithm>
#include <tuple>

namespace jst::policy {

std::optional<PeerKey> Replacement::choose(std::span<const LinkFacts> peers, std::size_t candidates_waiting,
                                           bool self_throttled, Time now) {
    if (candidates_waiting == 0 || self_throttled) {
        // Slowness that is our doing, or cannot be helped, is not counted.
        slow_.clear();
        return std::nullopt;
    }
    const auto is_judged = [now](const LinkFacts& link) { return now - link.connected_at >= grace; };
    std::uint64_t total = 0;
    std::uint64_t judged = 0;
    for (const auto& link : peers) {
        if (!is_judged(link)) continue;
        total += link.rate;
        ++judged;
    }
    std::vector<Slow> still_slow;
    const LinkFacts* worst = nullptr;
    for (const auto& link : peers) {
        if (!is_judged(link) || judged < 2 || link.rate * slower_by * (judged - 1) >= total - link.rate) continue;
        const auto known = std::find_if(slow_.begin(), slow_.end(), [&](const Slow& s) { return s.peer == link.peer; });
        const Time since = known != slow_.end() ? known->since : now;
        still_slow.push_back({link.peer, since});
        if (now - since < patience || link.sole_source) continue;
        if (worst == nullptr || std::tie(link.rate, link.peer) < std::tie(worst->rate, worst->peer)) worst = &link;
    }
    slow_ = std::move(still_slow);
    if (worst == nullptr || now < next_) return std::nullopt;
    next_ = now + pause;
    return worst->peer;
}

std::vector<PeerKey> choose_useless(std::vector<UselessFacts> peers, std::size_t candidates_waiting, Time now) {
    std::erase_if(peers, [now](const UselessFacts& p) { return now - p.useful_until < Replacement::grace; });
    std::sort(peers.begin(), peers.end(), [](const UselessFacts& a, const UselessFacts& b) {
        return std::tie(a.useful_until, a.peer) < std::tie(b.useful_until, b.peer);
    });
    peers.resize(std::min({peers.size(), candidates_waiting, Replacement::most_useless_at_once}));
    std::vector<PeerKey> out;
    for (const auto& p : peers) out.push_back(p.peer);
    return out;
}

std::optional<PeerKey> choose_silent(std::span<const SilentFacts> peers, Time last_payload, Time now) {
    const SilentFacts* least = nullptr;
    const auto rank = [](const SilentFacts& p) { return std::tuple(p.received, p.connected_at, p.peer); };
    for (const auto& p : peers) {
        if (!p.lets_wait || now - std::max(p.connected_at, last_payload) < Replacement::silence) return std::nullopt;
        if (least == nullptr || rank(p) < rank(*least)) least = &p;
    }
    return least == nullptr ? std::nullopt : std::optional(least->peer);
}

std::vector<PeerKey> choose_deaf(std::span<const SilentFacts> peers, Time last_payload, Time now) {
    std::vector<PeerKey> out;
    for (const auto& p : peers)
        if (p.ignores && now - std::max(p.connected_at, last_payload) >= Replacement::deafness) out.push_back(p.peer);
    return out;
}

std::optional<PeerKey> choose_for_newcomer(std::span<const IdleFacts> idle, Time now) {
    const IdleFacts* chosen = nullptr;
    const auto rank = [](const IdleFacts& p) { return std::tuple(!p.is_mute, p.since, p.peer); };
    for (const auto& p : idle) {
        if (now - p.since < (p.is_mute ? Replacement::mute_grace : Replacement::grace)) continue;
        if (chosen == nullptr || rank(p) < rank(*chosen)) chosen = &p;
    }
    return chosen == nullptr ? std::nullopt : std::optional(chosen->peer);
}

std::vector<PeerKey> choose_excess(std::vector<ExcessFacts> peers, std::uint64_t excess) {
    std::sort(peers.begin(), peers.end(), [](const ExcessFacts& a, const ExcessFacts& b) {
        return std::tie(a.rate, b.connected_at, b.peer) < std::tie(b.rate, a.connected_at, a.peer);
    });
    peers.resize(std::min<std::uint64_t>(peers.size(), excess));
    std::vector<PeerKey> out;
    for (const auto& p : peers) out.push_back(p.peer);
    return out;
}

}  // namespace jst::policy
