// The stream below one peer, with its operations and what waits to be sent: all that must outlive the peer until the
// world has let go of it.
//
// Reports completions to the peer's owner; a link whose peer is gone lies in Core::graveyard until it is idle.
// Invariants: 1. at most one write and one readable are out; 2. payload that is handed to a write lives until its
// completion; 3. a dead link starts nothing.
#pragma once

#include <memory>
#include <vector>

#include "base/buffer.hpp"
#include "engine/core.hpp"
#include "runtime/disk.hpp"
#include "runtime/net.hpp"
#include "wire/peer_output.hpp"

namespace jst::engine {

class Link {
  public:
    Link(Core& core, PeerKey peer);
    ~Link();

    void dial(const Endpoint& to, const IpAddress& from, const runtime::Tag& tag);
    void attach(std::unique_ptr<runtime::Stream> stream, const runtime::Tag& tag);
    /// Who it is of: an incoming one learns its torrent late.
    void name(const runtime::Tag& tag) noexcept;
    runtime::Stream* stream() noexcept { return stream_.get(); }
    bool is_open() const noexcept { return stream_ != nullptr && !closed_; }
    void await_readable();
    bool awaits_readable() const noexcept { return readable_.pending; }
    /// Writes what is queued, at most `most` bytes of it.
    void flush(std::uint64_t most);
    bool is_writing() const noexcept { return write_.pending; }
    /// The write ends with Errc::canceled and what went out of it.
    void take_back();

    /// Keeps a block alive until it is sent.
    void send_block(const Block& block, BlockBuffer buffer);
    void send_block(const Block& block, runtime::Lent lent);
    wire::PeerOutput& out() noexcept { return out_; }
    const wire::PeerOutput& out() const noexcept { return out_; }
    /// Gives back what cancelled or dropped blocks held.
    void release(std::uint64_t token);
    /// Of our memory, not of what the disk lent.
    std::uint64_t blocks_held() const noexcept { return blocks_held_; }

    /// Ends the stream; completions that are still out are only waited for.
    void close(runtime::CloseMode mode);
    bool is_idle() const noexcept { return !connect_.pending && !readable_.pending && !write_.pending; }

  private:
    friend class LinkHandlers;
    /// One of the two: memory of ours, or what the disk lent.
    struct Kept {
        BlockBuffer buffer;
        std::shared_ptr<const void> lent;
    };
    std::uint64_t keep(Kept kept);
    void release_sent();

    Core& core_;
    PeerKey peer_;
    bool closed_ = false;
    std::unique_ptr<runtime::Stream> stream_;
    runtime::ConnectOp connect_;
    runtime::ReadableOp readable_;
    runtime::WriteOp write_;
    wire::PeerOutput out_;
    std::vector<Bytes> spans_;
    std::vector<Kept> kept_;
    std::uint64_t blocks_held_ = 0;
    std::vector<std::uint64_t> free_tokens_;
    std::vector<std::uint64_t> sent_;
};

}  // namespace jst::engine
