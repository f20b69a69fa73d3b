// Pieces that follow each other in one file, hashed where the page cache holds them: the quick way of a check.
//
// One run at a time, of several times as many pieces as are hashed side by side. It has no buffers, and no answer where
// the bytes are not at hand: then whoever asked reads them. Only pieces that are known by their SHA-1 and lie in one
// file without padding go this way, and rather few of them are better read beside others. Does not know which are
// right.
#pragma once

#include <array>

#include "base/bitfield.hpp"
#include "engine/file_store.hpp"

namespace jst::engine {

inline constexpr std::uint32_t least_in_run = 8;               // pieces; fewer would leave most lanes empty
inline constexpr std::uint64_t least_run_bytes = 1u << 20;     // less is copied sooner than mapped
inline constexpr std::uint64_t most_run_bytes = 256ull << 20;  // a check that is canceled waits for them

class PieceRun {
  public:
    using Handler = void (*)(PieceRun& run, Time now);

    PieceRun(FileStore& store, const codec::Metainfo& metainfo, Handler on_done, void* owner);
    PieceRun(const PieceRun&) = delete;
    PieceRun& operator=(const PieceRun&) = delete;

    /// Begins with `first` and those of `pieces` behind it that are not in `holes`; false: this piece is to be read.
    bool begin(PieceIndex first, const Bitfield& pieces, const Bitfield& holes, const runtime::Tag& tag);
    bool is_running() const noexcept { return job_.is_pending(); }

    PieceIndex first() const noexcept { return first_; }
    PieceIndex end() const noexcept { return PieceIndex{first_.value + count_}; }
    /// Of the first pieces; those behind must be read.
    std::span<const Sha1Digest> digests() const noexcept;
    void* owner() const noexcept { return owner_; }

  private:
    FileStore& store_;
    const codec::Metainfo& metainfo_;
    Handler on_done_;
    void* owner_;
    PieceIndex first_;
    std::uint32_t count_ = 0;
    std::array<Sha1Digest, runtime::max_digests> digests_;
    StoreJob job_;
};

}  // namespace jst::engine
