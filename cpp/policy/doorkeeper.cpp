#include "policy/doorkeeper.hpp"

#include <algorithm>
#include <tuple>

#include "base/check.hpp"
#include "base/network.hpp"

namespace jst::policy {
namespace {

bool is_below(const std::optional<std::uint64_t>& cap, std::size_t count) noexcept { return !cap || count < *cap; }
bool is_above(const std::optional<std::uint64_t>& cap, std::size_t count) noexcept { return cap && count > *cap; }

}  // namespace

// ---- questions ----

Doorkeeper::Answer Doorkeeper::judge(const IpAddress& address, const DoorCaps& caps, Time now) const {
    const IpAddress host = one_host(address);
    const bool host_is_full = !is_below(caps.per_host, size_of(host));
    if (!host_is_full && is_below(caps.most, size())) return {Verdict::come_in, {}, Time::never()};
    if (is_doubted(host, now)) return {Verdict::turn_away, {}, Time::never()};
    const bool may_change_places = !is_above(caps.per_host, size_of(host)) && !is_above(caps.most, size());
    const auto* const least = least_deserving(host, now, [&](const Waiting& w, bool in_doubt) {
        return may_change_places && (!host_is_full || w.host == host) && (in_doubt || now - w.since >= patience);
    });
    if (least != nullptr) return {Verdict::come_in, least->key, Time::never()};
    // A crowd of one host is not waited for: others may stand behind it.
    if (host_is_full) return {Verdict::turn_away, {}, Time::never()};
    return {Verdict::wait, {}, may_change_places ? patience_ends() : Time::never()};
}

std::optional<PeerKey> Doorkeeper::excess(const DoorCaps& caps, Time now) const {
    const bool too_many = is_above(caps.most, size());
    const auto* const least = least_deserving(IpAddress{}, now, [&](const Waiting& w, bool) {
        return too_many || is_above(caps.per_host, by_host_.at(w.host));
    });
    return least == nullptr ? std::nullopt : std::optional(least->key);
}

template <class May>
const Doorkeeper::Waiting* Doorkeeper::least_deserving(const IpAddress& newcomer, Time now, May&& may_lose) const {
    const Waiting* least = nullptr;
    std::tuple<bool, std::uint32_t> worst;
    for (const auto& w : waiting_) {  // in order of coming: of equals the first stays chosen
        const bool in_doubt = is_doubted(w.host, now);
        const std::tuple rank{in_doubt, by_host_.at(w.host) + (w.host == newcomer ? 1u : 0u)};
        if (!may_lose(w, in_doubt) || (least != nullptr && rank <= worst)) continue;
        least = &w;
        worst = rank;
    }
    return least;
}

Time Doorkeeper::patience_ends() const { return waiting_.empty() ? Time::never() : waiting_.front().since + patience; }

std::size_t Doorkeeper::size_of(const IpAddress& host) const {
    const auto found = by_host_.find(one_host(host));
    return found == by_host_.end() ? 0 : found->second;
}

bool Doorkeeper::is_doubted(const IpAddress& host, Time now) const {
    const auto found = doubted_.find(one_host(host));
    return found != doubted_.end() && now < found->second;
}

std::vector<PeerKey> Doorkeeper::keys() const {
    std::vector<PeerKey> out;
    for (const auto& w : waiting_) out.push_back(w.key);
    return out;
}

// ---- facts ----

void Doorkeeper::on_let_in(PeerKey key, const IpAddress& host, Time now) {
    auto& of_host = by_host_[one_host(host)];  // what may throw comes first
    waiting_.push_back({key, one_host(host), now});
    ++of_host;
}

void Doorkeeper::on_identified(PeerKey key) { doubted_.erase(take_out(key)); }

void Doorkeeper::on_lapsed(PeerKey key, Time now) { put_in_doubt(take_out(key), now); }

void Doorkeeper::on_left(PeerKey key) { take_out(key); }

IpAddress Doorkeeper::take_out(PeerKey key) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) { return w.key == key; });
    JST_CHECK(found != waiting_.end(), "who leaves the door was let in");
    const IpAddress host = found->host;
    waiting_.erase(found);
    if (--by_host_.at(host) == 0) by_host_.erase(host);
    return host;
}

void Doorkeeper::put_in_doubt(const IpAddress& host, Time now) {
    doubted_[host] = now + doubt;
    if (doubted_.size() <= max_doubted) return;
    doubted_.erase(std::min_element(doubted_.begin(), doubted_.end(), [](const auto& a, const auto& b) {
        return std::tie(a.second, a.first) < std::tie(b.second, b.first);
    }));
}

}  // namespace jst::policy
