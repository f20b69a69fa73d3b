// Which hosts we do not talk to, until when and why. Keyed by IP, so a new port or peer id is no way out.
//
// Invariants: 1. at most max_bans: beyond, the one that ends soonest gives way, a user's ban last; 2. an expired ban
// does not count. Decides nothing itself: who is guilty says blame.hpp or the user.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace jst::policy {

inline constexpr std::size_t max_bans = 4096;

enum class BanReason : std::uint8_t { user, bad_data, protocol_error };
std::string_view word(BanReason reason) noexcept;

struct BanEntry {
    IpAddress host;
    BanReason reason = BanReason::user;
    Time since;
    Time until;  // never: for good
};

class Bans {
  public:
    /// No duration: for good. A longer ban replaces a shorter one.
    void ban(const IpAddress& host, BanReason reason, Time now, std::optional<Duration> duration);
    /// The same for one that began earlier, in a session before this one.
    void restore(const BanEntry& entry, Time now);
    /// True when it was banned.
    bool unban(const IpAddress& host);
    bool is_banned(const IpAddress& host, Time now) const noexcept;
    std::optional<BanEntry> find(const IpAddress& host, Time now) const noexcept;
    /// Those in force, by host.
    std::vector<BanEntry> list(Time now) const;
    std::size_t size() const noexcept { return bans_.size(); }

  private:
    void make_room(Time now);

    std::map<IpAddress, BanEntry> bans_;
};

}  // namespace jst::policy
