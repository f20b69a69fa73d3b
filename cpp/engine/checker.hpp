// Reads and hashes the pieces of a torrent that are not known to be good: the first check, a recheck, doubt after a restart.
//
// Several pieces at a time within a bound of memory of its own; reads and hashes are marked bulk, so that running downloads come first. A piece
// whose files are short or absent is missing, no error; any other disk error ends the check.
// Invariants: 1. on_piece comes once for each piece asked, in any order, then on_done once, unless cancelled; 2. after
// cancel() no more calls come, and is_idle() turns true when the operations that are out have come back.
#pragma once

#include <memory>

#include "base/bitfield.hpp"
#include "engine/file_store.hpp"

namespace jst::engine {

/// Bytes read ahead and being hashed; a longer piece is read alone, in parts.
inline constexpr std::size_t check_memory = 8u << 20;

class Checker {
  public:
    struct Client {
        virtual ~Client() = default;
        virtual void on_checked(PieceIndex piece, bool good, Time now) = 0;
        virtual void on_check_done(Errc error, const std::string& where, Time now) = 0;
    };

    Checker(runtime::Runtime& runtime, FileStore& files, const codec::Metainfo& metainfo, const storage::FileMap& map, Client& client,
            const runtime::Tag& tag);
    ~Checker();

    void start(const Bitfield& pieces);
    void cancel();
    bool is_running() const noexcept;
    /// No operation is out.
    bool is_idle() const noexcept;
    std::uint32_t done() const noexcept;
    std::uint32_t total() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace jst::engine
