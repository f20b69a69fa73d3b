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

bool Bans::ban(const IpAddress& host, BanReason reason, Time now, std::optional<Duration> duration) {
    return restore({host, reason, now, duration ? now + *duration : Time::never()}, now);
}

bool Bans::restore(const BanEntry& entry, Time now) {
    const auto at = bans_.find(entry.host);
    const bool is_known = at != bans_.end();
    if (is_known && at->second.until > now && at->second.until >= entry.until) return true;
    if (!is_known || (at->second.reason == BanReason::user) != (entry.reason == BanReason::user)) {
        if (!has_room(entry.reason)) make_room(entry.reason, now);
        if (!has_room(entry.reason)) return false;
    }
    unban(entry.host);
    bans_.emplace(entry.host, entry);
    of_users_ += entry.reason == BanReason::user ? 1 : 0;
    return true;
}

bool Bans::has_room(BanReason reason) const noexcept {
    return reason == BanReason::user ? of_users_ < max_user_bans : bans_.size() - of_users_ < max_bans;
}

void Bans::make_room(BanReason reason, Time now) {
    std::erase_if(bans_, [now](const auto& entry) { return entry.second.until <= now; });
    const auto is_users = [](const auto& entry) { return entry.second.reason == BanReason::user; };
    of_users_ = static_cast<std::size_t>(std::count_if(bans_.begin(), bans_.end(), is_users));
    if (reason == BanReason::user || has_room(reason)) return;
    bans_.erase(std::min_element(bans_.begin(), bans_.end(), [&](const auto& a, const auto& b) {
        const auto rank = [&](const auto& e) { return std::tuple(is_users(e), e.second.until, e.first); };
        return rank(a) < rank(b);
    }));
}

bool Bans::unban(const IpAddress& host) {
    const auto at = bans_.find(host);
    if (at == bans_.end()) return false;
    of_users_ -= at->second.reason == BanReason::user ? 1 : 0;
    bans_.erase(at);
    return true;
}

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
