// Saves what changed: for each torrent its data is made durable first, then its files are looked at, then the record
// goes.
//
// One torrent at a time; a pass covers all that asked before it began. Without a state directory it does nothing.
// Invariants: 1. a have bit is in a record only after the sync of its bytes; 2. a journal is cut only when the record
// that has its pieces is durable; 3. done() reaches a number from request() once everything that had changed by then is
// durable or its error is known.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/core.hpp"
#include "engine/file_sweeps.hpp"
#include "engine/state_store.hpp"

namespace jst::engine {

class Saver {
  public:
    /// What belongs to no torrent.
    struct Source {
        virtual ~Source() = default;
        virtual storage::SessionRecord session_record() const = 0;
        /// By all torrents together.
        virtual std::uint64_t seconds_run() const = 0;
    };

    Saver(Core& core, const Source& source, StateStore& store);

    std::uint64_t request();
    std::uint64_t done() const noexcept { return done_; }
    /// Grows with each answer of the disk: while it stands still, the disk is waited for.
    std::uint64_t progress() const noexcept;
    /// A torrent has something to save; at once, or when save_interval is over.
    void note(bool urgent);
    /// The round ends: when is what is dirty to be saved?
    void schedule(Time now);
    void on_store_saved(Time now);
    void session_changed() noexcept { session_dirty_ = true; }
    void allow() noexcept { allowed_ = true; }
    /// The last save is over: no other begins.
    void stop() noexcept { allowed_ = false; }
    bool is_busy() const noexcept { return running_; }
    bool is_busy_with(TorrentKey key) const noexcept { return running_ && current_ == key; }

  private:
    void begin(Time now);
    template <class Deed>
    void go_on(Deed&& deed);
    void begin_pass(Time now);
    void next(Time now);
    void on_synced(Time now);
    void on_stamped(Time now);
    bool has_failed(const Torrent& torrent) const;
    void note_failed();
    void cut_spare();

    Core& core_;
    const Source& source_;
    StateStore& store_;
    Timer timer_;
    std::vector<TorrentKey> waiting_;
    TorrentKey current_;
    Bitfield durable_;
    struct Cut {
        TorrentKey torrent;
        Bitfield durable;
        std::uint64_t epoch = 0;
        bool drops_parts = false;
    };
    std::vector<std::pair<TorrentKey, std::uint64_t>> moves_;  // what the records of this pass say of moves
    std::vector<Cut> cuts_;  // what is spare when the store is done: journals and part files
    std::unique_ptr<SyncSweep> sync_;
    std::unique_ptr<StatSweep> stat_;
    std::vector<std::unique_ptr<Sweep>> used_;  // their handler may be running
    bool allowed_ = false;                      // the store is open
    bool running_ = false;
    bool session_dirty_ = true;
    std::uint64_t seconds_saved_ = 0;
    bool session_failed_ = false;  // its record could not be written: the next pass tries again
    Counters saved_;               // the session's, as it was saved
    bool dirty_ = false;
    bool urgent_ = false;
    std::uint64_t requested_ = 0;
    std::uint64_t covering_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t answers_ = 0;  // of sweeps that have ended
    std::uint64_t ticket_ = 0;
    bool waits_for_store_ = false;
};

}  // namespace jst::engine
