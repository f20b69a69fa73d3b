// What a session is made of, and the order in which it lives.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/core.hpp"
#include "engine/handle_cache.hpp"
#include "engine/listener.hpp"
#include "engine/saver.hpp"
#include "engine/session.hpp"
#include "engine/state_store.hpp"
#include "engine/torrent.hpp"
#include "policy/queue.hpp"

namespace jst::engine {

/// Removed torrents that can still be read; the oldest are forgotten first.
inline constexpr std::size_t max_remembered = 10'000;
/// Records that were not used, of one start.
inline constexpr std::size_t max_problems = 10'000;

/// A removed torrent as it stood last.
struct Remembered {
    TorrentStatus status;
    std::shared_ptr<const codec::Metainfo> metainfo;
    ByteVector pieces;
    std::vector<FileStatus> files;
    std::vector<TrackerStatus> trackers;
    TorrentLimits limits;
};

class SessionParts final : public Listener::Registry, public Saver::Source {
  public:
    SessionParts(runtime::Runtime& runtime, Settings settings, const std::string& state_dir, const PeerId& peer_id);
    ~SessionParts() override;

    Torrent* serving(const Sha1Digest& wire_id) override;
    storage::SessionRecord session_record() const override;
    std::uint64_t seconds_run() const override;

    Result<TorrentKey> insert(TorrentSetup setup, Time now);
    Result<TorrentSetup> restored(storage::TorrentRecord record) const;
    void on_state_opened(Time now);
    void end_round(Time now);
    Result<void> configure(const Settings& settings);
    void on_order_changed() {
        core.queue_news.about_order();
        if (saver) saver->session_changed();
    }
    /// The torrent of a command: Errc::removed when it is gone.
    Result<Torrent*> find(TorrentKey key);
    const Torrent* look(TorrentKey key) const;
    const Remembered* recall(TorrentKey key) const;
    void begin_removal(Torrent& torrent, bool delete_files, Time now);
    bool is_idle() const noexcept;

    const Settings initial;  // before anything was changed
    HandleCache handles;
    Core core;
    Listener listener;
    std::unique_ptr<StateStore> store;
    std::unique_ptr<Saver> saver;
    policy::Queue queue;
    std::map<Sha1Digest, TorrentKey> by_wire_id;
    std::map<TorrentKey, Remembered> remembered;
    std::vector<TorrentKey> draining;
    std::optional<Result<void>> opened;
    std::string failed_address;
    std::vector<StateProblem> problems;
    std::vector<ByteVector> forgotten;  // removed before the state was loaded: their records go then
    std::set<std::string> spoken_of;    // settings that were changed before the state was loaded
    Counters earlier;                   // of the sessions before this one
    Timer close_timer;
    Timer pace_timer;  // who of those with a place is slow?
    bool closed = false;
    bool closed_cleanly = false;
    std::optional<std::uint64_t> last_save;  // the one that close() waits for

  private:
    void open_journal(Torrent& torrent) const;
    void report(const StateProblem& problem);
    void take_session(const storage::SessionRecord& record, Time now);
    void update_queue(Time now);
    void judge_paces(Time now);
    std::uint64_t moved(
        const policy::QueueEntry& entry) const;  // payload, in the direction of what it has its place for
    /// It may write where the session's own records are: it fails.
    bool is_refused(Torrent& torrent, Time now) const;
    /// With the files or the hash of one that was there before it.
    bool overlaps(const Torrent& torrent, const std::vector<TorrentKey>& others) const;
    bool finish_draining(Torrent& torrent, Time now);
    void clear_drained(Time now);
    void run_touched(Time now);
    void close_banned(Time now);
    void offer_places(Time now);
    void flush_peers(Time now);
    void advance_close(Time now);
};

}  // namespace jst::engine
