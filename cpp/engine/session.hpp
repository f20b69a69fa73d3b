// One engine: all torrents of a user, on one thread, over one Runtime. Commands in, snapshots and events out.
//
// It joins torrents, the listener, limits and persistence; it decides nothing about pieces or peers itself.
// Every member is called on the engine thread, between two turns. Commands return once they are accepted and never wait
// for peers, disk or network; queries right after see their effect. A key of a torrent that is gone gives
// Errc::removed. Life: construct, open(), ... , begin_close(), closed() becomes true, destroy. Before it is destroyed
// the runtime must be abandoned or is_drained() be true: destructors do no I/O.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bitfield.hpp"
#include "codec/info_hash.hpp"
#include "codec/magnet.hpp"
#include "codec/metainfo.hpp"
#include "engine/events.hpp"
#include "engine/settings.hpp"
#include "engine/state_problem.hpp"
#include "engine/stats.hpp"
#include "runtime/runtime.hpp"
#include "storage/file_wishes.hpp"

namespace jst::engine {

struct AddRequest {
    std::shared_ptr<const codec::Metainfo> metainfo;  // or, without:
    std::optional<codec::Magnet> magnet;
    std::vector<storage::FileWish> wishes;  // of a magnet: applied when the files are known, later ones win
    std::string save_path;                  // absolute
    bool paused = false;
    bool stopped = false;
    bool trusted = false;
    std::optional<Bitfield> trusted_pieces;  // only these are taken as complete without a first check
    bool sequential = false;
    std::vector<storage::FilePriority> file_priorities;  // later entries win
    std::vector<Endpoint> peers;
    std::vector<std::vector<std::string>> trackers;  // on top of the metainfo's
};

class SessionParts;

class Session final : public runtime::Host {
  public:
    /// `state_dir` may be empty: then nothing is saved. `peer_id_seed` fixes the peer id for a laboratory.
    Session(runtime::Runtime& runtime, Settings settings, std::string state_dir, std::optional<PeerId> peer_id = {});
    ~Session() override;

    // -- life
    /// Binds the listeners at once (an error is final) and starts to load the state.
    Result<void> open();
    /// The address concerned when open() or configure() failed to bind.
    std::string failed_address() const;
    /// Nothing until the state_dir is locked and loaded; then how that went.
    std::optional<Result<void>> opened() const;
    /// Saves, says goodbye, closes links; bounded by `timeout`. With 0 all traffic ends in this round.
    void begin_close(Duration timeout);
    bool is_closed() const noexcept;
    /// How the close went: all was saved and stopped in time.
    bool closed_cleanly() const noexcept;
    /// No operation of the runtime is pending any more.
    bool is_drained() const noexcept;
    bool is_healthy() const noexcept;

    // -- commands
    /// The key, and whether it was new. A torrent that is there already is given back with peers and trackers merged.
    Result<std::pair<TorrentKey, bool>> add(AddRequest request);
    Result<void> remove(TorrentKey torrent, bool delete_files);
    Result<void> pause(TorrentKey torrent);
    Result<void> resume(TorrentKey torrent);
    Result<void> stop(TorrentKey torrent);
    Result<void> start(TorrentKey torrent);
    Result<void> recheck(TorrentKey torrent);
    Result<void> announce(TorrentKey torrent);
    Result<void> connect(TorrentKey torrent, const Endpoint& address);
    /// All at once, or none: what one of them costs grows with the torrent.
    Result<void> set_file_priorities(TorrentKey torrent, std::span<const storage::FilePriority> priorities);
    Result<void> set_piece_priority(TorrentKey torrent, PieceIndex piece, std::uint8_t priority);
    Result<void> set_sequential(TorrentKey torrent, bool on);
    Result<void> set_trackers(TorrentKey torrent, std::vector<std::vector<std::string>> tiers);
    Result<void> set_web_seeds(TorrentKey torrent, std::vector<std::string> urls);
    Result<void> set_queue_position(TorrentKey torrent, std::uint32_t position);  // clamped to the end
    Result<void> step_in_queue(TorrentKey torrent, bool up);
    Result<void> move(TorrentKey torrent, std::string save_path);
    Result<void> rename_file(TorrentKey torrent, FileIndex file, std::string path);
    Result<void> configure(TorrentKey torrent, const TorrentLimits& limits);
    /// Checked before by check(); listen and listen_port rebind.
    /// `named`: those that the user spoke of. What an earlier session remembers of them counts no more, also while that
    /// is still being read.
    Result<void> configure(const Settings& settings, const std::vector<std::string>& named = {});
    Result<void> ban(const IpAddress& host, std::optional<Duration> duration);
    void unban(const IpAddress& host);
    /// Writes all records; saves_done() reaches the number given back when that is durable, save_error() says how it
    /// went.
    std::uint64_t begin_save();
    std::uint64_t saves_done() const noexcept;
    /// Grows while a save gets on; `state_dir` is where to.
    std::uint64_t save_progress() const noexcept;
    std::string state_dir() const;
    std::optional<std::pair<Error, std::string>> save_error() const;

    // -- queries
    const Settings& settings() const noexcept;
    std::optional<std::uint16_t> listen_port() const noexcept;
    std::vector<TorrentKey> torrents() const;               // in queue order
    std::optional<TorrentKey> find(Bytes info_hash) const;  // 20 or 32 bytes
    SessionStatus status() const;
    std::vector<BanStatus> bans() const;
    /// Records of the state_dir that could not be used.
    std::vector<StateProblem> problems() const;
    /// Everything below also answers for removed torrents, as they stood last.
    Result<TorrentStatus> status(TorrentKey torrent) const;
    Result<State> state(TorrentKey torrent) const;
    std::shared_ptr<const codec::Metainfo> metainfo(TorrentKey torrent) const;
    Result<PieceStatus> piece(TorrentKey torrent, PieceIndex piece) const;
    Result<ByteVector> pieces(TorrentKey torrent) const;  // a PieceState per piece
    Result<std::vector<std::uint32_t>> availability(TorrentKey torrent) const;
    Result<std::vector<FileStatus>> files(TorrentKey torrent) const;
    Result<std::vector<PeerStatus>> peers(TorrentKey torrent, bool all) const;
    Result<std::vector<TrackerStatus>> trackers(TorrentKey torrent) const;
    Result<TorrentLimits> limits(TorrentKey torrent) const;

    EventLog& events() noexcept;
    /// The binding holds no handle of this removed torrent any more: what was kept of it may go.
    void forget(TorrentKey torrent);

    // -- runtime::Host
    void on_wake(Time now) override;
    void on_round_end(Time now) override;
    void on_broken_rule(const runtime::Tag& tag, const char* what) noexcept override;

  private:
    bool knows(TorrentKey torrent) const;
    std::unique_ptr<SessionParts> parts_;
};

}  // namespace jst::engine
