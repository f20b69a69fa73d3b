// The sending half of a torrent: what peers ask for, read in runs and handed to their links.
//
// Decides which requests are answered, refused (BEP 6) or ignored; who may ask is the choker's decision. Requests of
// one round that lie together become one read. Invariants: 1. at most max_queued_requests wait for one peer, and at
// most max_send_buffer bytes are read ahead of its socket; 2. a cancelled or refused block is never sent; 3. nothing is
// read that was not verified.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "engine/file_store.hpp"
#include "engine/peer.hpp"
#include "policy/geometry.hpp"

namespace jst::engine {

/// Blocks that one read fetches: 256 KiB.
inline constexpr std::size_t max_run = 16;
/// A request this long is nonsense and closes the peer; between a block and this it is refused.
inline constexpr std::uint32_t longest_request = 128 * 1024;

class Upload {
  public:
    struct Client {
        virtual ~Client() = default;
        /// A read of verified data failed: the piece is in doubt.
        virtual void on_upload_error(PieceIndex piece, PeerKey asker, Errc error, const std::string& where,
                                     Time now) = 0;
    };

    Upload(Core& core, FileStore& files, const policy::Geometry& geometry, const Throttle& throttle, Client& client,
           std::uint32_t number);
    ~Upload();

    /// False: nonsense for which the peer should be closed.
    bool on_request(Peer& peer, const Block& block, const Bitfield& have);
    /// False: one too many of which it does not read the answers.
    bool on_cancel(Peer& peer, const Block& block);
    /// We choke the peer, or are paused: what is queued is refused or forgotten.
    void drop(Peer& peer);
    void on_leave(Peer& peer);
    /// Reads for this peer as long as there is room ahead of its socket.
    void pump(Peer& peer);
    /// An upload limit of 0: nothing is sent until it changes, what was asked for is kept.
    bool is_barred() const noexcept { return core_.throttle.up.bars() || throttle_.up.bars(); }
    /// What was read for the peer goes back to what it asked for, but for a block that has begun.
    void hold(Peer& peer);
    /// Memory is short, and it is the peer's turn: reads up to its share.
    void take_turn(Peer& peer);
    /// Memory is short, and the peer holds more than its share.
    void give_back(Peer& peer);
    bool is_idle() const noexcept;
    /// We said that we have it, and have it no more: who asks is refused, and not blamed.
    void take_back(PieceIndex piece) { taken_back_.insert(piece); }

  private:
    struct Run;
    friend struct Run;
    Run* free_run();
    bool start_run(Peer& peer, std::size_t most);
    std::uint64_t most_ahead() const noexcept;
    static std::uint64_t ahead_of(const Peer& peer) noexcept;
    void finish(Run& run, Time now);
    static bool refuse(Peer& peer, const Block& block);

    Core& core_;
    FileStore& files_;
    const policy::Geometry& geometry_;
    const Throttle& throttle_;
    Client& client_;
    runtime::Tag tag_;
    std::vector<std::unique_ptr<Run>> runs_;
    std::set<PieceIndex> taken_back_;
};

}  // namespace jst::engine
