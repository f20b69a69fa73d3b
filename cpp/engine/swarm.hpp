// The peers of one torrent: whom to dial, whom to let in, whom to choke, whom to replace, and how a link ends.
//
// Joins the peer list, choker, replacement and limits with links; what peers say to each other is Conversation's.
// Invariants: 1. each limit holds at any moment, in and out; 2. close() is the only end of a peer here; 3. an idle
// swarm (nobody linked, nothing to dial) has no timer; 4. one that never knew anybody has none of what it takes to have
// company.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/peer.hpp"
#include "policy/choker.hpp"
#include "policy/peer_list.hpp"
#include "policy/replacement.hpp"

namespace jst::engine {

class Torrent;

class Swarm {
  public:
    Swarm(Core& core, Torrent& torrent);

    /// Dialling goes on (again).
    void start(Time now);
    /// Closes all links.
    void stop(CloseReason reason, Time now);
    void configure();

    /// Told by the user: dialled at once, whatever was before.
    void connect(const Endpoint& address, Time now);
    policy::Added add(const Endpoint& address, policy::PeerSource source, bool from_global, Time now);
    /// Nothing comes any more: old friends are dialled often.
    void set_starved(bool starved, Time now);
    void dial_more(Time now);
    /// The session may have room again.
    void on_room(Time now);
    /// Somebody asked for is still not dialled.
    bool wants_dial(Time) const noexcept { return running_ && company_ && !company_->requested.empty(); }
    /// A peer that came to us and said our info-hash.
    void admit(Peer& peer, Time now);
    /// The handshake is done: may it stay? Closes it when not.
    bool complete(Peer& peer, Time now);
    /// A peer that came to us said where it listens.
    void on_listen_address(Peer& peer, const Endpoint& address, Time now);
    void on_dial_done(Peer& peer, Errc error, Time now);
    void close(Peer& peer, CloseReason reason, Time now);
    void close_host(const IpAddress& host, CloseReason reason, Time now);
    /// We are complete: other seeds have nothing for us.
    void close_seeds(Time now);

    /// Somebody came or left, or time is over.
    void rechoke(Time now);
    /// A peer's interest changed: judged when the round ends, however often it did.
    void on_interest();
    void judge_interest(Time now) {
        if (std::exchange(interest_changed_, false)) rechoke(now);
    }
    void choke(Peer& peer, bool on, Time now);

    const std::vector<PeerKey>& links() const noexcept { return links_; }
    /// What its address did over links that ended belongs to the peer, too.
    void add_earlier_links(const Peer& peer, PeerStatus& out, Time now) const;
    std::uint32_t connected() const noexcept { return connected_; }
    std::uint32_t dialling() const noexcept { return dialling_; }
    const policy::PeerList& list() const noexcept;

  private:
    /// From the first address or peer on.
    struct Company {
        explicit Company(Swarm& swarm);
        policy::PeerList list;
        std::map<Endpoint, Counters> earlier;  // of links that ended, by listed address; at most as many as list holds
        policy::Choker choker;
        policy::Replacement replacement;
        Prng prng;
        std::vector<Endpoint> requested;  // by the user, not dialled yet
        Time dials_from;                  // there were no sockets for more before
        Timer dial_timer;
        Timer choke_timer;
        Timer replace_timer;
    };
    Company& company();
    bool may_dial(const Endpoint& address, Time now) const;
    bool is_linked(const Endpoint& address) const;
    bool has_room() const;
    bool is_full() const;
    bool may_stay(const Peer& peer) const;
    /// A newcomer takes the place of somebody with whom nothing ever happened.
    void make_room(Time now);
    std::optional<Time> idle_since(const Peer& peer) const;
    void wait_for_room();
    void dial(const Endpoint& address, policy::PeerSource source, Time now);
    Peer* duplicate_of(const Peer& peer) const;
    void on_choke_timer(Time now);
    void on_replace_timer(Time now);
    void schedule_dial(Time now);
    void look_for_useless(Time now);
    policy::LinkTotals totals(const Peer& peer, Time now) const;
    void keep_totals(const Peer& peer);

    Core& core_;
    Torrent& torrent_;
    std::unique_ptr<Company> company_;
    std::vector<PeerKey> links_;  // all, in the order of coming
    std::uint32_t connected_ = 0;
    std::uint32_t dialling_ = 0;
    bool running_ = false;
    bool waits_for_room_ = false;  // in Core::waiting_for_room
    bool starved_ = false;
    bool interest_changed_ = false;
};

}  // namespace jst::engine
