// The state_dir: one record for each torrent and one for the session, each replaced as a whole.
//
// Layout: `lock`, `session`, `torrents/<info-hash>.resume`. A save is a temporary file, its sync, a rename, and the sync of the
// directory; never in place. A record that can not be read is set aside as `<name>.bad` and reported, never deleted.
// Invariants: 1. the lock is the kernel's: a kill frees it; 2. of one record, saves become durable in their order, and a newer
// one replaces a waiting older one; 3. saved_through(n): every save up to number n is durable or has failed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

class StateStore {
  public:
    struct Client {
        virtual ~Client() = default;
        /// Errc::state_dir_in_use, or a disk error, or all records that could be read.
        virtual void on_state_loaded(Errc error, const std::string& where, std::vector<storage::TorrentRecord> torrents,
                                     storage::SessionRecord session, Time now) = 0;
        /// One record is durable, or is not: `where` is its path then.
        virtual void on_state_saved(std::uint64_t number, Errc error, const std::string& where, Time now) = 0;
        virtual void on_record_set_aside(const std::string& path, const Error& why, Time now) = 0;
    };

    StateStore(runtime::Runtime& runtime, std::string directory, Client& client);
    ~StateStore();

    void load();
    /// Numbers rise by one. `name` is an info-hash in hex.
    std::uint64_t save_torrent(const std::string& name, ByteVector record);
    std::uint64_t save_session(ByteVector record);
    std::uint64_t remove_torrent(const std::string& name);
    std::uint64_t last_number() const noexcept;
    std::uint64_t saved_through() const noexcept;
    /// Closes the lock file: the directory may be used by others.
    void unlock();
    /// Operations not completed.
    std::size_t pending() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace jst::engine
