// The sending half of a peer connection: what is to be written, in order, as spans for one gathering write.
//
// Small messages are encoded side by side; payload is only referred to and sent from where it lies. Decides nothing
// about when to write: the owner gathers once at the end of a round. Knows no socket. Invariants: 1. between gather()
// and consumed() nothing that was gathered moves or goes away, whatever is pushed or cancelled; 2. bytes leave in the
// order of the pushes; 3. each token comes back exactly once: by cancel(), drop_blocks(), or take_released() once its
// last byte is written; 4. an idle output holds no buffer.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "wire/message_codec.hpp"

namespace jst::wire {

/// A block in the queue. `token` is the owner's name for the memory behind it.
struct QueuedBlock {
    Block block;
    std::uint64_t token = 0;
};

class PeerOutput {
  public:
    void push(const Message& message);
    /// Bytes that are no message: the handshake.
    void push_raw(Bytes bytes);
    /// A PIECE: `data` (block.length bytes) stays valid and untouched until the token comes back.
    void push_block(const Block& block, Bytes data, std::uint64_t token);

    /// Fills `out` with what comes next, header by header; returns how many spans. Empty while a write is under way.
    std::size_t gather(std::span<Bytes> out);
    /// The write that gather() began has taken `n` bytes, possibly none.
    void consumed(std::size_t n);
    bool writing() const noexcept { return writing_; }

    /// Removes a PIECE of which no byte was handed out.
    std::optional<std::uint64_t> cancel(const Block& block);
    /// Removes all of them (we choke the peer, or we are paused); what has begun is finished.
    void drop_blocks(std::vector<QueuedBlock>& dropped);
    /// The connection is gone, and no write is under way: every token that is left is released.
    void close();
    /// Appends the tokens whose payload was completely written since the last call.
    void take_released(std::vector<std::uint64_t>& out);

    std::uint64_t pending_bytes() const noexcept { return pending_; }
    std::uint64_t pending_payload() const noexcept { return pending_payload_; }
    std::size_t pending_blocks() const noexcept { return pending_blocks_; }
    bool empty() const noexcept { return pending_ == 0; }
    std::uint64_t wire_sent() const noexcept { return wire_; }
    std::uint64_t payload_sent() const noexcept { return payload_; }

  private:
    struct Item {
        std::size_t after = 0;  // offset in `small` that this block comes at
        PieceHeader header{};
        QueuedBlock queued;
        Bytes data;
        bool removed = false;
    };
    // While `front_` is written from, pushes go to `back_`: nothing that was handed out ever moves.
    struct Batch {
        ByteVector small;
        std::vector<Item> items;
        std::size_t small_at = 0;  // consumed so far
        std::size_t item_at = 0;
        std::size_t item_sent = 0;  // of items[item_at]: header and payload
        bool empty() const noexcept { return small_at == small.size() && item_at == items.size(); }
        void clear() noexcept {
            small.clear();
            items.clear();
            small_at = item_at = item_sent = 0;
        }
    };

    std::size_t consume_item(std::size_t most);
    std::size_t first_untouched() const noexcept;
    void forget(const Item& item) noexcept;
    void recycle();

    Batch front_;
    Batch back_;
    std::size_t gathered_bytes_ = 0;
    std::size_t gathered_items_ = 0;  // items of front_ before this one were handed out
    bool writing_ = false;
    std::vector<std::uint64_t> released_;
    std::uint64_t pending_ = 0;
    std::uint64_t pending_payload_ = 0;
    std::size_t pending_blocks_ = 0;
    std::uint64_t wire_ = 0;
    std::uint64_t payload_ = 0;
};

}  // namespace jst::wire
