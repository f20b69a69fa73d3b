// Who may wait at the door: links that came in and have not shown a whole handshake.
//
// While there are places everybody gets one. When there are none, a newcomer takes the place of the one that deserves
// it least: of a host in doubt (an earlier place of it lapsed), else of the host with most places, the longest wait
// first. A host in doubt takes nobody's place, and one without doubt loses none within `patience`: then the newcomer
// waits, and nobody behind it is let in. So those who only hold places lose them all at the first sight of somebody
// new, and nobody who speaks is sent away. Hosts are IPv4 addresses and IPv6 networks of 64 bits. Knows no streams.
// Invariants: 1. judge() says come_in only below both caps, not counting whom it names; 2. at most max_doubted hosts
// are remembered; 3. of equals the first to come is named.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/endpoint.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"

namespace jst::policy {

/// The places at the door now. `most` also depends on the dials that are half open.
struct DoorCaps {
    std::optional<std::uint64_t> most;
    std::optional<std::uint64_t> per_host;
};

class Doorkeeper {
  public:
    /// An honest handshake comes within a round trip of the accept, or is there already.
    static constexpr Duration patience = milliseconds(500);
    static constexpr Duration doubt = seconds(60);
    static constexpr std::size_t max_doubted = 4096;

    enum class Verdict : std::uint8_t { come_in, wait, turn_away };
    struct Answer {
        Verdict verdict = Verdict::turn_away;
        std::optional<PeerKey> instead_of;  // whose place it is: let that one lapse first
        Time again = Time::never();         // wait: ask again then, if nobody left before
    };

    Answer judge(const IpAddress& host, const DoorCaps& caps, Time now) const;
    /// One too many, after a cap was lowered.
    std::optional<PeerKey> excess(const DoorCaps& caps, Time now) const;

    void on_let_in(PeerKey key, const IpAddress& host, Time now);
    /// It showed its handshake: its host is in doubt no more.
    void on_identified(PeerKey key);
    /// Its time was over, or it lost its place.
    void on_lapsed(PeerKey key, Time now);
    /// It left by itself, or said what nobody wants to hear.
    void on_left(PeerKey key);

    std::size_t size() const noexcept { return waiting_.size(); }
    std::size_t size_of(const IpAddress& host) const;
    bool is_doubted(const IpAddress& host, Time now) const;
    std::size_t num_doubted() const noexcept { return doubted_.size(); }
    std::vector<PeerKey> keys() const;

  private:
    struct Waiting {
        PeerKey key;
        IpAddress host;  // the network of an IPv6 one
        Time since;
    };
    template <class May>
    const Waiting* least_deserving(const IpAddress& newcomer, Time now, May&& may_lose) const;
    Time patience_ends() const;
    IpAddress take_out(PeerKey key);
    void put_in_doubt(const IpAddress& host, Time now);

    std::vector<Waiting> waiting_;  // in order of coming
    std::map<IpAddress, std::uint32_t> by_host_;
    std::map<IpAddress, Time> doubted_;  // until then
};

}  // namespace jst::policy
