// The receiving half of a peer connection over TCP: bytes in, messages and blocks out (BEP 3, 6, 10, 52).
//
// Decides where messages end and aims payload straight at its place: prepare() predicts that the outstanding requests
// are answered in order and hands out [header][slot] pairs for one scatter read; next_event() checks the headers, and
// where the prediction fails it parses the rest generically from a linear copy. Every split of the stream and every
// prediction, right or wrong, gives the same messages and blocks; only BlockStarted and Placement tell how the bytes
// came.
//
// One turn: prepare, read, commit, next_event until empty. Does not know which blocks make sense, whether a message is
// allowed now, or time-outs. PeerOutput is the other half.
// Invariants: 1. nothing is allocated per block, and nothing is held between turns but an unfinished small message;
// 2. no payload byte is copied while predictions hold; 3. sizes are judged at the header; 4. after an error it has
// failed for good: status() and commit() say the same error again.
#pragma once

#include <optional>
#include <span>
#include <variant>

#include "base/time.hpp"
#include "wire/frame_assembly.hpp"
#include "wire/handshake.hpp"
#include "wire/message_codec.hpp"
#include "wire/receive_scratch.hpp"

namespace jst::wire {

enum class Placement : std::uint8_t {
    in_slot,     // in the expected slot or the sink; `data` shows it there
    in_scratch,  // whole in the scratch: the owner copies it where it belongs, or drops it
    discarded,   // nobody wanted it
};

/// A PIECE frame is only partly here. Not in place: the owner answers with set_sink() before it asks for the next
/// event, no answer discards. In place: its bytes are already written to its expected slot, which the owner leases to
/// this peer (or calls abandon_sink()).
struct BlockStarted {
    Block block;
    bool in_place = false;
};
/// `data` is valid until the next prepare(), and empty when discarded.
struct BlockArrived {
    Block block;
    Placement placement = Placement::discarded;
    Bytes data;
};

class PeerWire {
  public:
    using Event = std::variant<Message, BlockStarted, BlockArrived, HandshakePreamble, Handshake>;
    enum class Start : std::uint8_t { at_handshake, at_messages };

    explicit PeerWire(std::uint32_t max_message_size = default_max_message_size,
                      Start start = Start::at_handshake) noexcept;

    /// Where to read to: fills `out` and returns how many spans. `expected`: the peer's outstanding requests in order
    /// whose slots may be written, bytes there being worthless until they are reported; more than max_predicted are
    /// ignored. Slots and scratch stay untouched until the events of this read are taken.
    std::size_t prepare(std::span<const ExpectedBlock> expected, ReceiveScratch& scratch,
                        std::array<MutableBytes, max_spans>& out);
    /// `n` bytes were read into the spans of prepare().
    Result<void> commit(std::size_t n, Time now);
    /// The next news, until there is none: then look at status().
    std::optional<Event> next_event();
    /// The same for bytes that are in memory already, at most scratch_overflow of them.
    Result<void> receive(Bytes in, ReceiveScratch& scratch, Time now);

    /// The answer to BlockStarted: where the block belongs (block.length bytes), or nullptr to discard it.
    void set_sink(Byte* slot);
    /// The slot is taken back: nothing is written to it any more and the block will be reported as discarded.
    void abandon_sink();
    /// The block that is arriving now, if one is.
    std::optional<Block> arriving() const noexcept;
    bool has_sink() const noexcept { return sink_ != nullptr; }

    Result<void> status() const noexcept;
    bool failed() const noexcept { return error_.code != Errc::ok; }
    /// Messages begun so far, keep-alives not counted: 1 while the first one is reported.
    std::uint64_t messages_received() const noexcept { return messages_; }
    std::uint64_t wire_received() const noexcept { return wire_; }
    std::uint64_t payload_received() const noexcept { return payload_; }
    /// Bytes moved within memory so far: the work that the way of arriving has cost.
    std::uint64_t bytes_copied() const noexcept { return copied_ + assembly_.moved(); }
    std::size_t held_memory() const noexcept { return assembly_.memory(); }
    Time last_received() const noexcept { return last_received_; }

  private:
    enum class Phase : std::uint8_t { handshake, frame, payload, skip };

    std::size_t predict(std::span<const ExpectedBlock> expected, std::span<MutableBytes> out);
    void take_tail() noexcept;
    std::optional<Event> next_predicted();
    std::optional<Event> take_pair(const ExpectedBlock& expected);
    void linearise();
    std::optional<Event> next_linear();
    std::optional<Event> take_handshake();
    std::optional<Event> take_frame();
    std::optional<Event> take_assembled();
    std::optional<Event> take_payload();
    void take_skipped() noexcept;
    std::optional<Event> act_on(Bytes frame);
    Event begin_block(Bytes header);
    Event finish_block() noexcept;
    Bytes take_linear(std::size_t n) noexcept;
    std::optional<Event> fail_with(Error error) noexcept;

    // Only within a turn.
    ReceiveScratch* scratch_ = nullptr;
    std::size_t room_ = 0;       // what the spans of prepare() take
    std::size_t predicted_ = 0;  // pairs handed out
    std::size_t next_pair_ = 0;  // the first that was not looked at
    std::size_t tail_ = 0;       // bytes of the arriving block that the first span takes
    std::size_t unread_ = 0;     // committed bytes in all these spans that were not looked at
    Bytes linear_;               // the unparsed rest, once it is contiguous
    bool prepared_ = false;
    bool assembly_told_ = false;  // the last event shows the assembly's bytes

    // Across turns.
    HandshakeParser handshake_;
    FrameAssembly assembly_;
    Phase phase_;
    Block block_;  // arriving, in Phase::payload
    Byte* sink_ = nullptr;
    std::uint32_t arrived_ = 0;  // bytes of block_
    std::uint32_t skip_left_ = 0;
    std::uint32_t max_message_size_;
    Error error_;
    std::uint64_t messages_ = 0;
    std::uint64_t wire_ = 0;
    std::uint64_t payload_ = 0;
    std::uint64_t copied_ = 0;
    std::uint64_t parsed_ = 0;  // stream offset of what is looked at next
    Time last_received_;
};

}  // namespace jst::wire
