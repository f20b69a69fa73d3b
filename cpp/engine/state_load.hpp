// Reading a state_dir: directory, lock, then every record, several side by side. Internal to StateStore.
//
// A record that cannot be used, or that is no file (a link), is renamed to <name>.bad, one of a newer version to
// <name>.newer, beside what has such a name already; one that cannot be read is left where it is. All are reported.
// What a crash left half written
// (<name>.tmp) and journals without a record are deleted. Files of other names are not touched.
#pragma once

#include <set>
#include <string_view>

#include "engine/file_sweeps.hpp"
#include "engine/state_store.hpp"

namespace jst::engine {

inline constexpr std::string_view journal_suffix = ".journal";
/// Records set aside under one name; the next one replaces the last of them.
inline constexpr int max_set_aside = 99;

class StateStore::Load final : public Sweep {
  public:
    Load(runtime::Disk& disk, std::string dir) : Sweep(disk, {}), dir_(std::move(dir)) {}

    runtime::FileHandle lock() const noexcept { return lock_; }
    std::vector<storage::TorrentRecord> torrents();  // in the order of the session's queue
    std::optional<storage::SessionRecord> session;
    std::vector<StateProblem> problems;
    Journals journals;

  protected:
    std::uint32_t num_items() const override { return listed_ ? static_cast<std::uint32_t>(names_.size()) : 1; }
    bool is_bulk() const override { return false; }
    bool advance(Lane& lane) override { return listed_ ? advance_record(lane) : advance_dir(lane); }
    bool next_pass() override;

  private:
    bool advance_dir(Lane& lane);
    bool advance_record(Lane& lane);
    bool ask(Lane& lane, runtime::DiskAction action, const std::string& path, std::uint32_t stage) const;
    bool take(std::uint32_t item);
    void take_journal(std::uint32_t item);
    bool set_aside(Lane& lane, Error error);
    std::string free_name(const std::string& name, Errc why);
    void list(const std::vector<runtime::DirEntry>& entries);

    std::string dir_;
    runtime::FileHandle lock_;
    bool listed_ = false;
    std::vector<std::string> above_;  // directories still to be synced
    std::vector<std::string> names_;  // below dir_; item 0 is the session's
    std::set<std::string> taken_;     // what is in dir_ and dir_/torrents, and names given since; below dir_
    std::vector<std::optional<storage::TorrentRecord>> records_;
    struct Reading {
        ByteVector bytes;
        MutableBytes into;
        Errc error = Errc::ok;
        bool again = false;  // it was short
    };
    std::vector<std::unique_ptr<Reading>> readings_;  // one for each item under way
};

}  // namespace jst::engine
