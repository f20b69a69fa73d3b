// The addresses known for one torrent, and which of them to dial when.
//
// Every dial and every link that gave nothing doubles the wait before the next dial (with seeded jitter, capped); a
// link that lived and gave payload resets it. Stopping and starting a torrent resets nothing. Addresses that were never
// dialled wait in a line for each source, those that were in one more, and the lines take turns: who floods one source
// with addresses delays what others told, and those we know, by one dial each. States: idle -> dialling -> connected ->
// idle. Invariants: 1. size() <= capacity; 2. never our own address, never port 0, never an address twice; 3. at most
// one dial or link per address; 4. two dials of one address are at least reconnect_interval x 3/4 apart; 5. an idle
// address is in one line, and every address in a line is idle; 6. strangers, also those who come to us, tell us of at
// most most_per_host addresses of one host, or we would be the ones who knock at thousands of its ports; 7. friends
// (who gave payload, or whom the user named) give way to others last, and not at all while they are half of the list or
// less. Does not know bans or limits: next_to_dial() takes a predicate.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/prng.hpp"
#include "base/time.hpp"

namespace jst::policy {

enum class PeerSource : std::uint8_t { user, tracker, dht, pex, lsd, incoming, resume };
std::string_view word(PeerSource source) noexcept;

enum class AddressState : std::uint8_t { idle, dialling, connected };

enum class Added : std::uint8_t { added, known, own, no_port, not_global, full, host_full };

/// How a link ended, for the back-off.
enum class LinkEnd : std::uint8_t {
    theirs,    // closed by the peer, the network or for its fault
    replaced,  // too slow: try others first
    useless,   // both seeds, ourselves done with it: no reason to come back soon
    ours,      // stop, pause, shutdown, limits: not the address's fault
};

/// What a link did; added up over all links of an address.
struct LinkTotals {
    std::uint64_t received = 0;  // payload
    std::uint64_t sent = 0;
    Duration unchoked;  // for how long the peer did not choke us
    std::uint64_t received_unchoked = 0;
    std::uint64_t unchoked_rate() const noexcept;  // bytes per second; 0 when never unchoked
};

struct KnownAddress {
    PeerSource source = PeerSource::user;
    AddressState state = AddressState::idle;
    std::uint32_t failures = 0;  // in a row
    Time next_dial{0};
    Time connected_at{0};
    bool eager = false;  // dialled at least every eager_wait
    LinkTotals totals;
    std::uint64_t serial = 0;  // order of arrival
    bool tried = false;        // dialled or linked once
};

class PeerList {
  public:
    static constexpr Duration longest_wait = seconds(3600);
    /// A link that ended sooner does not prove that the address is good.
    static constexpr Duration quick_link = seconds(10);
    static constexpr std::size_t max_own = 16;
    /// Of an IPv4 address, and of an IPv6 network of 64 bits: many people may share one.
    static constexpr std::size_t most_per_host = 32;
    /// While nothing comes from anybody.
    static constexpr Duration eager_wait = seconds(12);
    static constexpr std::size_t most_eager = 16;

    PeerList(std::size_t capacity, Duration reconnect_interval, Prng prng) noexcept;
    void configure(std::size_t capacity, Duration reconnect_interval);

    /// `from_global`: told by a source beyond this network, whose word on private addresses is not taken.
    Added add(const Endpoint& address, PeerSource source, bool from_global, Time now);
    /// Turned out to be ourselves: forgotten and never added again.
    void on_own(const Endpoint& address);
    void on_dialling(const Endpoint& address);
    void on_dial_failed(const Endpoint& address, Time now);
    /// Also for a link that the peer opened, when its listening address is known.
    void on_connected(const Endpoint& address, Time now);
    void on_disconnected(const Endpoint& address, const LinkTotals& link, LinkEnd end, Time now);
    /// Nothing comes from anybody: those that once gave the most are dialled often, whatever has failed since, so that
    /// a network that heals is noticed soon. Until false.
    void set_starved(bool starved, Time now);
    /// Forgets the idle addresses of a host (it was banned).
    void forget_host(const IpAddress& host);

    /// Of the line whose turn it is, the address that may be dialled first, if `allowed(address)`. Pass it to
    /// on_dialling() next.
    template <class Allowed>
    std::optional<Endpoint> next_to_dial(Time now, Allowed&& allowed) const {
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            for (const auto& due : lines_[(turn_ + i) % lines_.size()]) {
                if (due.at > now) break;
                if (allowed(due.address)) return due.address;
            }
        }
        return std::nullopt;
    }
    /// When the next idle address may be dialled; never when there is none.
    Time deadline() const noexcept;
    /// How many could be dialled now, of those that are `allowed(address)`, counted up to `at_most`.
    template <class Allowed>
    std::size_t candidates_waiting(Time now, std::size_t at_most, Allowed&& allowed) const {
        std::size_t n = 0;
        for (const auto& line : lines_)
            for (auto due = line.begin(); due != line.end() && n < at_most && due->at <= now; ++due)
                if (allowed(due->address)) ++n;
        return n;
    }

    std::size_t size() const noexcept { return known_.size(); }
    const KnownAddress* find(const Endpoint& address) const noexcept;
    /// All, by address.
    const std::map<Endpoint, KnownAddress>& all() const noexcept { return known_; }
    /// The ones to remember when not all can be: linked, then who gave payload, then who was named
    /// by the user, then who failed least.
    std::vector<Endpoint> best(std::size_t at_most) const;

  private:
    struct Due {
        Time at;
        std::uint64_t serial;
        Endpoint address;
        friend auto operator<=>(const Due&, const Due&) noexcept = default;
    };

    /// An idle address that failed: the first to give way to a new one.
    struct Worst {
        bool is_friend;
        std::uint32_t working;  // ~failures, so that the most failures come first
        std::uint64_t serial;
        Endpoint address;
        friend auto operator<=>(const Worst&, const Worst&) noexcept = default;
    };

    static constexpr std::size_t sources = static_cast<std::size_t>(PeerSource::resume) + 1;
    static std::size_t line_of(const KnownAddress& known) noexcept;
    /// It gave payload, or the user named it.
    static bool is_friend(const KnownAddress& known) noexcept;
    static Worst rank(const Endpoint& address, const KnownAddress& known) noexcept;
    void befriend(std::map<Endpoint, KnownAddress>::iterator at);
    /// Whose turn is last, in these lines.
    std::optional<Endpoint> last_of(std::size_t first_line, std::size_t end) const;
    bool make_room();
    bool make_room_for_wish();
    bool has_room_for(const IpAddress& address);
    void enter_idle(const Endpoint& address, KnownAddress& known, Time next_dial);
    void leave_idle(const Endpoint& address, const KnownAddress& known);
    void forget(std::map<Endpoint, KnownAddress>::iterator at);
    Duration wait_after(const KnownAddress& known) noexcept;

    std::size_t capacity_;
    Duration reconnect_interval_;
    Prng prng_;
    std::map<Endpoint, KnownAddress> known_;
    std::array<std::set<Due>, sources + 1> lines_;  // the idle ones: by source until they were tried, then in the last
    std::size_t turn_ = 0;
    std::set<Worst> worst_;  // those of them that failed
    std::size_t idle_friends_ = 0;
    std::vector<Endpoint> own_;
    bool starved_ = false;
    std::uint64_t next_serial_ = 0;
};

}  // namespace jst::policy
