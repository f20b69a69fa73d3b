// The door: accepts links, learns which torrent they mean from the first 48 bytes, and hands them over.
//
// One deadline for the whole handshake; identifications go on side by side and end in any order. Caps on all that wait, on
// those of one host, and on links without a handshake hold at accept. When descriptors run out only accepting pauses.
// Invariants: 1. every accepted link ends in a torrent or is closed; 2. pending() is exact; 3. close() waits for nobody.
#pragma once

#include <memory>
#include <vector>

#include "engine/peer.hpp"

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

    /// Binds all addresses of the settings, or none. `failed` names the one that could not be had.
    Result<void> open(std::string& failed);
    void close();
    std::uint32_t pending() const noexcept { return static_cast<std::uint32_t>(pending_.size()); }
    bool is_idle() const noexcept;

    void on_connected(Peer&, Errc, Time) override {}
    void on_readable(Peer& peer, Time now) override;
    void on_written(Peer& peer, Errc error, std::uint64_t wire, std::uint64_t payload, Time now) override;
    void on_peer_timer(Peer& peer, Time now) override;
    void on_flush(Peer& peer, Time now) override;

  private:
    struct Door;
    Result<void> bind_all(std::uint16_t port, std::string& failed);
    void on_accepted(Door& door, Time now);
    void welcome(std::unique_ptr<runtime::Stream> stream, Time now);
    void turn_away(Peer& peer);
    void identify(Peer& peer, Time now);

    Core& core_;
    Registry& registry_;
    std::vector<std::unique_ptr<Door>> doors_;
    std::vector<std::unique_ptr<Door>> closed_;  // with an accept still out
    std::vector<PeerKey> pending_;
};

}  // namespace jst::engine
