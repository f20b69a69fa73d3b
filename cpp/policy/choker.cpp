#include "policy/choker.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/planted.hpp"

namespace jst::policy {
namespace {

template <class Value>
bool contains(std::span<const Value> all, const Value& one) noexcept {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<std::size_t> interested_of(std::span<const ChokeFacts> peers) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < peers.size(); ++i)
        if (peers[i].interested) all.push_back(i);
    return all;
}

}  // namespace

void Choker::configure(const ChokerSettings& settings) noexcept {
    settings_ = settings;
    next_judgement_ = Time{0};
    idle_ = false;
}

Time Choker::deadline() const noexcept { return idle_ ? Time::never() : std::min(next_judgement_, next_rotation_); }

bool Choker::is_optimistic(PeerKey peer) const noexcept { return contains<PeerKey>(optimistic_, peer); }

ChokeDecision Choker::decide(std::span<const ChokeFacts> peers, Time now, Prng& prng) {
    const bool judging = now >= next_judgement_;
    const bool rotating = now >= next_rotation_;
    if (judging) next_judgement_ = now + settings_.choke_interval;
    if (rotating) next_rotation_ = now + settings_.optimistic_interval;

    Places chosen;
    if (!settings_.slots) {
        optimistic_.clear();
        chosen = interested_of(peers);
    } else if (*settings_.slots == 0) {
        optimistic_.clear();
    } else if (settings_.rule == ChokeRule::round_robin) {
        optimistic_.clear();
        chosen = round_robin(peers, judging, now);
    } else {
        chosen = tit_for_tat(peers, judging, rotating, now, prng);
    }

    ChokeDecision decision;
    idle_ = true;
    for (std::size_t i = 0; i < peers.size(); ++i) {
        idle_ = idle_ && !peers[i].interested;
        const bool unchoke = contains<std::size_t>(chosen, i);
        if (unchoke == peers[i].unchoked) continue;
        (unchoke ? decision.unchoke : decision.choke).push_back(peers[i].peer);
    }
    return decision;
}

Choker::Places Choker::tit_for_tat(std::span<const ChokeFacts> peers, bool judging, bool rotating, Time now,
                                   Prng& prng) {
    std::erase_if(optimistic_, [&](PeerKey key) {
        return std::none_of(peers.begin(), peers.end(),
                            [&](const ChokeFacts& f) { return f.peer == key && f.interested; });
    });
    const std::vector<PeerKey> previous = rotating ? optimistic_ : std::vector<PeerKey>{};
    if (rotating) optimistic_.clear();

    // Between two judgements who has a regular slot keeps it; at one, an optimistic peer may earn it.
    Places chosen = interested_of(peers);
    std::erase_if(chosen,
                  [&](std::size_t i) { return peers[i].snubbed || (!judging && is_optimistic(peers[i].peer)); });
    std::sort(chosen.begin(), chosen.end(), [&](std::size_t x, std::size_t y) {
        const auto& a = peers[x];
        const auto& b = peers[y];
        if (!judging && a.unchoked != b.unchoked) return a.unchoked;
        if (a.rate_from != b.rate_from) return a.rate_from > b.rate_from;
        if (a.unchoked != b.unchoked) return a.unchoked;
        return std::tie(a.changed_at, a.peer) < std::tie(b.changed_at, b.peer);
    });
    if (!planted<Plant::slots_missing>() && chosen.size() > *settings_.slots) chosen.resize(*settings_.slots);
    std::erase_if(optimistic_, [&](PeerKey key) {
        return std::any_of(chosen.begin(), chosen.end(), [&](std::size_t i) { return peers[i].peer == key; });
    });
    if (optimistic_.size() > settings_.optimistic_slots) optimistic_.resize(settings_.optimistic_slots);
    add_optimistic(peers, chosen, previous, now, prng);
    return chosen;
}

// Fills the optimistic places, by lot among those left, and adds all who hold one to `chosen`.
void Choker::add_optimistic(std::span<const ChokeFacts> peers, Places& chosen, std::span<const PeerKey> previous,
                            Time now, Prng& prng) {
    Places waiting = interested_of(peers);
    std::erase_if(waiting,
                  [&](std::size_t i) { return contains<std::size_t>(chosen, i) || is_optimistic(peers[i].peer); });
    const auto had_its_turn = [&](std::size_t i) { return contains(previous, peers[i].peer); };
    while (optimistic_.size() < settings_.optimistic_slots && !waiting.empty()) {
        // Who just had the place gets it again only when nobody else waits.
        const bool others = !std::all_of(waiting.begin(), waiting.end(), had_its_turn);
        const auto weight = [&](std::size_t i) -> std::uint64_t {
            if (others && had_its_turn(i)) return 0;
            return now - peers[i].connected_at < new_for ? new_weight : 1;
        };
        const auto total = std::accumulate(waiting.begin(), waiting.end(), std::uint64_t{0},
                                           [&](std::uint64_t sum, std::size_t i) { return sum + weight(i); });
        std::uint64_t lot = prng.below(total);
        auto winner = waiting.begin();
        for (; lot >= weight(*winner); ++winner) lot -= weight(*winner);
        optimistic_.push_back(peers[*winner].peer);
        waiting.erase(winner);
    }
    for (std::size_t i = 0; i < peers.size(); ++i)
        if (is_optimistic(peers[i].peer)) chosen.push_back(i);
}

Choker::Places Choker::round_robin(std::span<const ChokeFacts> peers, bool judging, Time now) const {
    Places chosen = interested_of(peers);
    // 0: its turn goes on; 1: waits; 2: its turn is over.
    const auto turn = [&](const ChokeFacts& f) {
        if (!f.unchoked) return 1;
        return judging && now - f.changed_at >= settings_.optimistic_interval ? 2 : 0;
    };
    std::sort(chosen.begin(), chosen.end(), [&](std::size_t x, std::size_t y) {
        const auto& a = peers[x];
        const auto& b = peers[y];
        return std::tuple(turn(a), a.changed_at, a.peer) < std::tuple(turn(b), b.changed_at, b.peer);
    });
    const std::size_t places = std::size_t{*settings_.slots} + settings_.optimistic_slots;
    if (chosen.size() > places) chosen.resize(places);
    return chosen;
}

}  // namespace jst::policy
