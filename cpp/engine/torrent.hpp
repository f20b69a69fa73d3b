// One torrent: its state machine, and the switchboard between its parts. It decides nothing about pieces or peers.
//
//   what holds                                          state
//   removed, and drained                                removed
//   error                                               error
//   the user stopped it                                 stopped
//   no place in the queue, or an older one drains       queued
//   the metadata is not known                           fetching_metadata
//   files not known to be good                          checking
//   the user paused it                                  paused
//   every wanted piece is there                         seeding
//   nobody to ask, or no payload for snub_timeout       stalled
//   else                                                downloading
// derive_state() says so, in one place; each change is an event. evaluate() brings the parts in line with the facts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rare.hpp"
#include "engine/announcer.hpp"
#include "engine/books.hpp"
#include "engine/conversation.hpp"
#include "engine/download.hpp"
#include "engine/file_moves.hpp"
#include "engine/file_work.hpp"
#include "engine/magnet_origin.hpp"
#include "engine/swarm.hpp"
#include "engine/torrent_setup.hpp"
#include "engine/trouble.hpp"
#include "engine/upload.hpp"
#include "policy/queue.hpp"
#include "storage/file_wishes.hpp"

namespace jst::engine {

class Torrent final : public Download::Client, public Upload::Client {
  public:
    Torrent(Core& core, HandleCache& handles, TorrentSetup setup, std::uint32_t number);
    ~Torrent() override;
    void on_added(TorrentKey key, Time now);
    // -- commands
    void set_wanted(storage::WantedState wanted, Time now);  // also out of error
    void recheck(Time now);
    void remove(bool delete_files, Time now);
    void connect(const Endpoint& address, Time now) { swarm_.connect(address, now); }
    void set_file_priorities(std::span<const storage::FilePriority> priorities, Time now);
    void set_piece_priority(PieceIndex piece, std::uint8_t priority, Time now);
    void set_sequential(bool on);
    void set_limits(const TorrentLimits& limits, Time now);
    /// Links close while files move; then it goes on where it was.
    void move(std::string save_path, Time now);
    Result<void> rename_file(FileIndex file, std::string_view name, Time now);
    void set_trackers(std::vector<std::vector<std::string>> tiers, Time now);
    void set_web_seeds(std::vector<std::string> urls);
    /// The metadata of a magnet link, from peers or from the user: taken once.
    void take_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now);
    void on_settings(Time now);
    /// The queue gives it a place, for this, or takes it back: nothing.
    void set_place(policy::Wish place, Time now);
    policy::Wish place() const noexcept { return place_; }
    policy::Wish wish() const noexcept;
    void fail(Errc error, const std::string& where, Time now);
    void on_sync_failed(Errc error, const std::string& where, Time now);
    void shut_down(Time now);
    // -- for its parts
    Core& core() noexcept { return core_; }
    TorrentKey key() const noexcept { return key_; }
    std::uint32_t number() const noexcept { return number_; }
    runtime::Tag tag() const noexcept;
    const codec::InfoHashes& hashes() const noexcept;
    std::string name() const { return metainfo_ ? metainfo_->name() : origin_->name(); }
    std::string magnet() const;
    bool has_metadata() const noexcept { return metainfo_ != nullptr; }
    const codec::Metainfo& metainfo() const noexcept { return *metainfo_; }
    /// The info dictionary as peers may have it: empty when it is not known, or private.
    Bytes shared_info() const noexcept;
    /// Bitfields can be judged, and requests made.
    bool knows_pieces() const noexcept { return phase_ == Phase::ready; }
    MetadataFetch* fetch() noexcept { return origin_ ? origin_->fetch() : nullptr; }
    std::shared_ptr<const codec::Metainfo> shared_metainfo() const noexcept { return metainfo_; }
    const TorrentLimits& limits() const noexcept { return *limits_; }
    Download& download() noexcept { return download_; }
    const Download& download() const noexcept { return download_; }
    Upload& upload();
    Swarm& swarm() noexcept { return swarm_; }
    const Swarm& swarm() const noexcept { return swarm_; }
    Announcer& announcer() noexcept { return announcer_; }
    const Announcer& announcer() const noexcept { return announcer_; }
    FileStore& files() noexcept { return files_; }
    Throttle& throttle() { return throttle_.own(); }
    const Bitfield& have() const noexcept { return download_.have(); }
    bool is_complete() const noexcept { return complete_; }
    bool has_all() const noexcept { return knows_pieces() && have().all(); }
    bool wants_peers() const noexcept { return networking_ && !complete_; }
    bool uploads_allowed() const noexcept;
    bool downloads_allowed() const noexcept { return uploads_allowed() && !complete_; }
    bool is_throttled(Time now);
    /// A download limit of 0: nothing is asked for.
    bool is_download_barred() const noexcept { return core_.throttle.down.bars() || throttle_->down.bars(); }
    bool takes_peers() const noexcept { return networking_; }
    void own(Peer& peer);
    void on_leave(Peer& peer, Time now);
    Conversation& conversation() noexcept { return conversation_; }
    RateMeter& down_rate() { return rates_.own().down; }
    RateMeter& up_rate() { return rates_.own().up; }
    Counters& counters() noexcept { return counters_; }
    void on_round_end(Time now);
    bool touched = false;
    // -- life
    State state() const noexcept { return state_; }
    bool is_removed() const noexcept { return removed_; }
    /// Removed, and nothing of it is out in the world any more.
    bool is_drained() const noexcept;
    bool needs_save() const noexcept { return dirty_ || counters_.payload_sent != books_.sent; }
    RunningTime times(Time now) const noexcept { return times_.until(state_, now); }
    /// A command or the end of a download: not only progress.
    bool needs_save_now() const noexcept { return urgent_; }
    /// Its record could not be written.
    void not_saved() noexcept { dirty_ = true; }
    bool is_quiet() const noexcept;
    void continue_removal(Time now);
    /// It is drained: from now on its state is `removed`.
    void finish_removal(Time now);
    const std::string& save_path() const noexcept { return files_.save_path(); }
    storage::TorrentRecord record(const Bitfield& durable, const StatSweep* stamps) const;
    void saved() noexcept;  // its record is being made
    void on_recorded(std::uint64_t wish, Time now);
    void continue_move();
    const PendingMoves& moves() const noexcept { return *moves_; }
    Books& books() noexcept { return books_; }
    void open_journal(std::string path);  // the state_dir is ours
    // -- questions
    TorrentStatus status(Time now) const;
    ByteVector piece_states() const;
    std::vector<FileStatus> file_status() const;
    std::vector<PeerStatus> peer_status(bool all, Time now) const;

  private:
    enum class Phase : std::uint8_t { unchecked, looking, checking, ready };
    void on_piece_verified(PieceIndex piece, Time now) override;
    void on_piece_failed(PieceIndex piece, std::vector<Endpoint> from, Time now) override;
    void on_download_error(Errc error, const std::string& where, Time now) override;
    void on_guilty(const IpAddress& host, Time now) override;
    void on_download_idle(Time now) override;
    const policy::RateLimit& download_limit() const noexcept override { return throttle_->down; }
    void on_upload_error(PieceIndex piece, PeerKey asker, Errc error, const std::string& where, Time now) override;

    void evaluate(Time now);
    bool may_run() const noexcept;
    bool has_place() const noexcept { return place_ != policy::Wish::nothing; }
    bool may_look() const noexcept;
    CloseReason stop_reason() const noexcept;
    void steer_announcer(bool network, Time now);
    void stop_traffic(bool keep, Time now);
    void start_traffic(Time now);
    std::vector<bool> files_to_make() const;
    void restore(const storage::TorrentRecord& record);
    void begin_look();
    bool may_glance(Time now) const noexcept;
    bool is_glancing() const noexcept { return phase_ == Phase::ready && work_.is_looking(); }
    void begin_making();
    void begin_check(Bitfield pieces, Bitfield holes);
    void pump_unparking();
    void on_looked(Time now);
    void on_glanced(Time now);
    void on_checked(PieceIndex piece, bool good, Time now);
    void on_reread_done(Time now);
    void on_check_done(Time now);
    void become_ready(const Bitfield& have, Time now);
    void adopt_partial();
    void drop_half_done(FileIndex file, Time now);
    bool may_write() const noexcept;
    void on_made(Time now);
    void on_unparked(Time now);
    void finish_files();
    void begin_removal(Time now);
    bool wants_move() const noexcept { return moves_->running || moves_->to || !moves_->renames.empty(); }
    void begin_move();
    void wish_to_move(Time now);
    void on_moved(Time now);
    void update_completion(Time now);
    void update_state(Time now);
    void set_state(State next, Time now);
    State derive_state(Time now) const;
    bool is_stalled(Time now) const;
    void count_file_pieces();
    void note_file_progress(PieceIndex piece);
    void apply_priorities();
    void account_time(Time now) noexcept { times_ = times(now); }
    void watch_goals(Time now);
    Alarms& alarms();
    Trouble& trouble();
    bool rereads() const noexcept { return trouble_ && trouble_->is_reading; }
    Time disk_begins();
    void watch_disk(Time now);
    void try_again(Time now);
    void leave_error();
    void look_anew();
    void take_back(PieceIndex piece, Time now);
    void check_doubted(Time now);
    LimitedBy limited_by(Time now) const;
    Core& core_;
    const std::uint32_t number_;
    TorrentKey key_;
    std::unique_ptr<MagnetOrigin> origin_;  // until the metadata is there
    std::shared_ptr<const codec::Metainfo> metainfo_;
    policy::Geometry geometry_;
    FileStore files_;
    Counters counters_;
    Rare<Throttle> throttle_;
    Rare<TorrentLimits> limits_;
    Download download_;
    std::unique_ptr<Upload> upload_;  // from the first peer on
    Conversation conversation_;
    Swarm swarm_;
    Announcer announcer_;
    FileWork work_;
    Rare<PendingMoves> moves_;
    Books books_;
    storage::WantedState wanted_;
    Phase phase_ = Phase::unchecked;
    State state_ = State::queued;
    policy::Wish place_ = policy::Wish::nothing;
    bool networking_ = false, complete_ = false;
    bool removed_ = false, delete_files_ = false, gone_ = false;
    bool shut_down_ = false;
    bool fetched_ = false;  // the metadata came while peers were linked: they stay until the pieces are known
    bool keeps_record_;
    bool sequential_;
    bool dirty_ = true, urgent_ = true;
    bool files_made_ = false, evaluating_ = false;
    std::optional<Error> error_;
    std::unique_ptr<Trouble> trouble_;
    std::unique_ptr<storage::TorrentRecord> record_;  // until the files were looked at
    std::vector<std::uint8_t> file_priorities_;
    Rare<std::vector<std::uint8_t>> piece_priorities_;  // what the user set for single pieces; 255: as the files say
    std::vector<std::uint32_t> file_pieces_left_;
    Rare<std::vector<std::string>> web_seeds_;
    Rare<Rates> rates_;
    double added_at_;
    std::optional<double> completed_at_;
    RunningTime times_;
    Time running_since_;
    std::unique_ptr<Alarms> alarms_;  // while one of them is set
};

}  // namespace jst::engine
