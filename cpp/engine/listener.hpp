// The door: accepts links, learns which torrent they mean from the first 48 bytes, and hands them over.
//
// One deadline for the whole handshake; identifications go on side by side and end in any order. Who may wait is the
// doorkeeper's decision. A link that must wait for a place is a guest: one for each address, neither read nor counted
// as pending, and while there is one nobody is accepted there. When descriptors run out only accepting pauses, at that
// address. Any Stream may come in by offer(). Invariants: 1. every link ends in a torrent or is closed; 2. pending() is
// exact and within its caps; 3. close() waits for nobody; 4. an address that cannot be had changes nothing.
#pragma once

#include <memory>
#include <vector>

#include "engine/peer.hpp"
#include "policy/doorkeeper.hpp"

namespace jst::engine {

/// Accepting pauses for so long when no more sockets can be had.
inline constexpr Duration accept_pause = seconds(1);

class Listener final : public PeerOwner {
  public:
    /// Who serves an info-hash right now.
    struct Registry {
        virtual ~Registry() = default;
        virtual Torrent* serving(const Sha1Digest& wire_id) = 0;
    };

    Listener(Core& core, Registry& registry);
    ~Listener() override;

    /// Listens where the settings say, from now on and nowhere else; links that came in stay. On failure all is as
    /// before, and `failed` names the address that could not be had.
    Result<void> listen(const Settings& wanted, std::string& failed);
    /// The caps may have changed.
    void configure(Time now);
    void turn_away_host(const IpAddress& host);
    void close();
    /// False: it has to wait, and is to be offered again in each round, or at `again`. Else it was taken.
    bool offer(std::unique_ptr<runtime::Stream>& stream, Time& again, Time now);
    void end_round(Time now);
    std::uint32_t pending() const noexcept { return static_cast<std::uint32_t>(keeper_.size()); }
    bool is_idle() const noexcept;

    void on_connected(Peer&, Errc, Time) override {}
    void on_readable(Peer& peer, Time now) override;
    void on_written(Peer& peer, Errc error, std::uint64_t wire, std::uint64_t payload, Time now) override;
    void on_peer_timer(Peer& peer, Time now) override;
    void on_flush(Peer& peer, Time now) override;

  private:
    struct Door;
    using Doors = std::vector<std::unique_ptr<Door>>;
    Result<std::uint16_t> bind_missing(const Settings& wanted, std::uint16_t port, Doors& fresh, std::string& failed);
    Result<std::uint16_t> bind(const Settings& wanted, Doors& fresh, std::string& failed);
    Result<std::uint16_t> bind_in_place(const Settings& wanted, std::uint16_t port, Doors& fresh, std::string& failed);
    void retire_doors(const Settings& wanted, std::uint16_t port);
    void on_accepted(Door& door, Time now);
    policy::DoorCaps caps() const noexcept;
    void let_in(std::unique_ptr<runtime::Stream> stream, Time now);
    void turn_away(Peer& peer);
    void lapse(Peer& peer, Time now);
    void end(Peer& peer);
    void identify(Peer& peer, Time now);

    Core& core_;
    Registry& registry_;
    policy::Doorkeeper keeper_;
    Doors doors_;
    Doors closed_;  // with an accept still out
    Timer again_;   // of the guests
};

}  // namespace jst::engine
