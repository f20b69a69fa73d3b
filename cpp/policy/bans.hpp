// Which hosts we do not talk to, until when and why. Keyed by IP, so a new port or peer id is no way out.
//
// Invariants: 1. at most max_bans that are not a user's: beyond, the one that ends soonest gives way; 2. at most
// max_user_bans of a user: beyond, none is taken; 3. an expired ban does not count. Decides nothing itself: who is
// guilty says blame.hpp or the user.
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
inline constexpr std::size_t max_user_bans = 65'536;

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
    /// No duration: for good. A longer ban replaces a shorter one. False: there is no room for it.
    bool ban(const IpAddress& host, BanReason reason, Time now, std::optional<Duration> duration);
    /// The same for one that began earlier, in a session before this one.
    bool restore(const BanEntry& entry, Time now);
    /// True when it was banned.
    bool unban(const IpAddress& host);
    bool is_banned(const IpAddress& host, Time now) const noexcept;
    std::optional<BanEntry> find(const IpAddress& host, Time now) const noexcept;
    /// Those in force, by host.
    std::vector<BanEntry> list(Time now) const;
    std::size_t size() const noexcept { return bans_.size(); }

  private:
    bool has_room(BanReason reason) const noexcept;
    void make_room(BanReason reason, Time now);

    std::map<IpAddress, BanEntry> bans_;
    std::size_t of_users_ = 0;
};

}  // namespace jst::policy
