// The state_dir: a lock, one record for each torrent, one for the session. Read once at the start, written ever after.
//
//   <dir>/lock   <dir>/session.jst   <dir>/torrents/<info-hash>.jst   <dir>/torrents/<info-hash>.journal
// A record is replaced by writing a temporary file, syncing it, renaming it over the old one and syncing the directory:
// after a crash the old or the new one is there, whole. A record that cannot be used is renamed, to <name>.bad or, when
// a newer version wrote it, to <name>.newer, and reported. Journals are read here; torrents write them. Does not know
// what records mean or when to save. Invariants: 1. nothing is read or written before the lock is ours; 2. of several
// saves of one record under way the newest wins and none is torn; 3. done() reaches a ticket only when everything saved
// before it is durable or its error is known.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/state_problem.hpp"
#include "runtime/disk.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

/// What journals name, by info-hash (20 or 32 bytes).
using Journals = std::map<ByteVector, std::vector<PieceIndex>>;

class StateStore {
  public:
    using Handler = void (*)(StateStore& store, Time now);

    /// Called once when open() has ended, and each time done() grew.
    Handler on_opened = nullptr;
    Handler on_saved = nullptr;
    void* owner = nullptr;

    StateStore(runtime::Disk& disk, std::string dir);
    ~StateStore();
    StateStore(const StateStore&) = delete;
    StateStore& operator=(const StateStore&) = delete;

    /// Makes the directory, takes the lock, reads all records. Once. Then on_opened; is_open() and error() say how it
    /// went.
    void open();
    bool is_open() const noexcept { return open_; }
    Errc error() const noexcept { return error_; }
    const std::string& error_path() const noexcept { return error_path_; }
    /// What was read; each once. In queue order of the session record, the rest by queue_position and info-hash.
    std::vector<storage::TorrentRecord> take_torrents() { return std::exchange(torrents_, {}); }
    std::optional<storage::SessionRecord> take_session() { return std::exchange(session_, {}); }
    Journals take_journals() { return std::exchange(journals_, {}); }
    std::vector<StateProblem> take_problems() { return std::exchange(problems_, {}); }

    /// `tag`: for whom, as a laboratory sees it.
    void save(const storage::TorrentRecord& record, const runtime::Tag& tag = {});
    void save(const storage::SessionRecord& record);
    void forget(Bytes info_hash);
    /// A number that done() reaches when everything asked for so far is on disk: at once when it is there already.
    std::uint64_t ticket() const noexcept { return tickets_; }
    std::uint64_t done() const noexcept { return done_; }
    /// Operations of saves that the disk has answered.
    std::uint64_t num_answers() const noexcept { return num_answers_; }
    const std::string& dir() const noexcept { return dir_; }
    /// The error of the last save that failed, until a later save of the same record works.
    std::optional<std::pair<Error, std::string>> save_error() const;
    /// The last save of this record failed.
    bool has_failed(Bytes info_hash) const;
    bool has_session_failed() const;
    std::string journal_path(Bytes info_hash) const;
    std::string record_path(Bytes info_hash) const { return dir_ + "/torrents/" + record_name(info_hash); }
    /// Gives the lock up once all that was asked for is done; is_idle() then.
    void close();
    /// No operation is pending and nothing waits.
    bool is_idle() const noexcept;
    bool is_loading() const noexcept;

    static std::string record_name(Bytes info_hash);

  private:
    class Load;
    struct Save;
    struct Pending {
        std::optional<ByteVector> bytes;  // nothing: the record is to be deleted
        std::uint64_t ticket = 0;         // the oldest that waits for it
        runtime::Tag tag;
    };

    void enqueue(const std::string& name, std::optional<ByteVector> bytes, const runtime::Tag& tag = {});
    void pump();
    void submit_save(runtime::DiskAction action);
    static void on_save_op(runtime::Op& op, Time now);
    void advance_save(Time now);
    bool clear_the_way();
    void end_save(Errc error, Time now);
    void break_off(Time now);
    void release_lock();
    void finish_open(Time now);

    runtime::Disk& disk_;
    std::string dir_;
    bool open_ = false;
    bool closing_ = false;
    Errc error_ = Errc::ok;
    std::string error_path_;
    runtime::FileHandle lock_;
    std::vector<storage::TorrentRecord> torrents_;
    std::optional<storage::SessionRecord> session_;
    std::vector<StateProblem> problems_;
    Journals journals_;

    std::map<std::string, Pending> pending_;      // by name below dir_
    std::map<std::uint64_t, std::string> order_;  // their tickets, oldest first
    std::map<std::string, std::pair<Error, std::string>> save_errors_;
    std::uint64_t tickets_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t num_answers_ = 0;
    std::unique_ptr<Load> load_;
    std::unique_ptr<Save> save_;
};

}  // namespace jst::engine
