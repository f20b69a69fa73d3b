// What is said between us and the peers of one torrent: handshakes, messages, the loop that reads, and time-outs.
//
// Turns completions of links into facts for Download, Upload and Swarm, and each message into exactly one call; it
// decides nothing but what is a breach of the protocol (BEP 3, 6, 10).
// Invariants: 1. a turn reads at most turn_budget bytes from one peer; 2. after close() of a peer nothing more of it is
// handled; 3. a bitfield counts only before any other message of BEP 3 and 6.
#pragma once

#include "engine/have_teller.hpp"
#include "engine/peer.hpp"

namespace jst::engine {

class Torrent;

/// Bytes that one peer may bring in one turn, so that others get theirs.
inline constexpr std::uint64_t turn_budget = 1u << 20;

class Conversation final : public PeerOwner {
  public:
    Conversation(Core& core, Torrent& torrent) : core_(core), torrent_(torrent) {}

    void on_connected(Peer& peer, Errc error, Time now) override;
    void on_readable(Peer& peer, Time now) override;
    void on_written(Peer& peer, Errc error, std::uint64_t wire, std::uint64_t payload, Time now) override;
    void on_peer_timer(Peer& peer, Time now) override;
    void on_flush(Peer& peer, Time now) override;

    /// An incoming peer whose handshake the listener has read: answers it and goes on.
    void greet(Peer& peer, const wire::Handshake& theirs, Time now);
    /// Memory came free: peers that waited for it are read again.
    void read_on();
    /// A rate limit changed: nobody waits for what the old one would have granted.
    void on_rates();
    void announce_have(PieceIndex piece, Time now);
    /// Everybody is told that we have it.
    void on_metadata_known();
    /// What peers claimed before is judged, and they join the download.
    void on_pieces_known(Time now);
    void forget_early(Peer& peer) noexcept;
    /// The earliest moment at which the peer's timer has something to do.
    Time deadline(const Peer& peer, Time now) const;

  private:
    bool drain(Peer& peer, Time now);
    bool read_nothing(Peer& peer, Time now);
    bool read_some(Peer& peer, std::uint64_t& budget, Time now);
    void on_event(Peer& peer, const wire::PeerWire::Event& event, Time now);
    void on_handshake(Peer& peer, const wire::Handshake& theirs, Time now);
    void say_hello(Peer& peer);
    void say_claims(Peer& peer);
    void say_extended(Peer& peer);
    void on_message(Peer& peer, const wire::Message& message, Time now);
    void on_bitfield(Peer& peer, Bytes bits, Time now);
    void on_claim(Peer& peer, bool all, Time now);
    void on_have(Peer& peer, PieceIndex piece, Time now);
    void on_choke(Peer& peer, bool on, Time now);
    void on_interest(Peer& peer, bool on, Time now);
    void on_request(Peer& peer, const Block& block, Time now);
    void on_reject(Peer& peer, const Block& block, Time now);
    void on_extended(Peer& peer, const wire::Extended& message, Time now);
    void on_metadata(Peer& peer, Bytes payload, Time now);
    void on_metadata_request(Peer& peer, std::uint32_t piece, Time now);
    bool hear_early(Peer& peer, const wire::Message& message, Time now);
    void drop_early(Peer& peer, const wire::BlockArrived& arrived, Time now);
    void judge_early(Peer& peer, Time now);
    Peer& greediest(Peer& speaker) const;
    void breach(Peer& peer, Time now);
    void wait_for_rate(Peer& peer, Time now);
    void go_on_reading(Peer& peer, Time now);
    Time read_again_at(Time now);
    Time alive_until(const Peer& peer) const;

    Core& core_;
    Torrent& torrent_;
    std::unique_ptr<HaveTeller> teller_;  // since the first piece was finished
    std::size_t early_memory_ = 0;        // of all peers
};

/// aria2 says in one late bitfield what would be many HAVEs; from everybody else that is a breach.
bool may_say_again(const Peer& peer, bool repeats_all) noexcept;

}  // namespace jst::engine
