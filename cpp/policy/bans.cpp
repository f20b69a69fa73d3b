#include "policy/bans.hpp"

#include <algorithm>
#include <tuple>

namespace jst::policy {

std::string_view word(BanReason reason) noexcept {
    switch (reason) {
        case BanReason::user:
            return "user";
        case BanReason::bad_data:
            return "bad_data";
        case BanReason::protocol_error:
            return "protocol_error";
    }
    return "";
}

void Bans::ban(const IpAddress& host, BanReason reason, Time now, std::optional<Duration> duration) {
    restore({host, reason, now, duration ? now + *duration : Time::never()}, now);
}

void Bans::restore(const BanEntry& entry, Time now) {
    if (const auto at = bans_.find(entry.host); at != bans_.end()) {
        if (at->second.until > now && at->second.until >= entry.until) return;
        bans_.erase(at);
    }
    if (bans_.size() >= max_bans) make_room(now);
    bans_.emplace(entry.host, entry);
}

void Bans::make_room(Time now) {
    std::erase_if(bans_, [now](const auto& entry) { return entry.second.until <= now; });
    if (bans_.size() < max_bans) return;
    bans_.erase(std::min_element(bans_.begin(), bans_.end(), [](const auto& a, const auto& b) {
        const auto rank = [](const BanEntry& e) { return std::tuple(e.reason == BanReason::user, e.until, e.host); };
        return rank(a.second) < rank(b.second);
    }));
}

bool Bans::unban(const IpAddress& host) { return bans_.erase(host) > 0; }

bool Bans::is_banned(const IpAddress& host, Time now) const noexcept {
    const auto at = bans_.find(host);
    return at != bans_.end() && at->second.until > now;
}

std::optional<BanEntry> Bans::find(const IpAddress& host, Time now) const noexcept {
    return is_banned(host, now) ? std::optional(bans_.find(host)->second) : std::nullopt;
}

std::vector<BanEntry> Bans::list(Time now) const {
    std::vector<BanEntry> all;
    for (const auto& [host, entry] : bans_)
        if (entry.until > now) all.push_back(entry);
    return all;
}

}  // namespace jst::policy
