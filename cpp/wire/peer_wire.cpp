#include "wire/peer_wire.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/planted.hpp"

namespace jst::wire {

PeerWire::PeerWire(std::uint32_t max_message_size, Start start) noexcept
    : phase_(start == Start::at_handshake ? Phase::handshake : Phase::frame), max_message_size_(max_message_size) {}

// ---- reading: where to, how much ----

std::size_t PeerWire::prepare(std::span<const ExpectedBlock> expected, ReceiveScratch& scratch,
                              std::array<MutableBytes, max_spans>& out) {
    JST_CHECK(!prepared_, "prepare() is called twice without commit()");
    JST_CHECK(unread_ == 0 && linear_.empty(), "prepare() is called before all events were taken");
    if (failed()) return 0;
    if (assembly_told_) assembly_.clear();
    assembly_told_ = false;
    prepared_ = true;
    scratch_ = &scratch;
    predicted_ = next_pair_ = tail_ = 0;
    std::size_t count = 0;
    const bool in_sink = phase_ == Phase::payload && sink_ != nullptr;
    if (in_sink) {
        tail_ = block_.length - arrived_;
        out[count++] = {sink_ + arrived_, tail_};
    }
    // Within a header (or a block that nobody wants) the next read is generic: rare, and it ends at a boundary again.
    if (in_sink || (phase_ == Phase::frame && assembly_.empty()))
        count += predict(expected, std::span(out).subspan(count));
    // With more expected than predicted, what comes after is payload too: it can wait for the next read and its own
    // slot.
    if (predicted_ == 0 || expected.size() <= max_predicted) out[count++] = {scratch.overflow(), scratch_overflow};
    room_ = 0;
    for (std::size_t i = 0; i < count; ++i) room_ += out[i].size();
    return count;
}

std::size_t PeerWire::predict(std::span<const ExpectedBlock> expected, std::span<MutableBytes> out) {
    predicted_ = std::min(expected.size(), max_predicted);
    for (std::size_t i = 0; i < predicted_; ++i) {
        const ExpectedBlock& e = expected[i];
        JST_CHECK(e.slot != nullptr && e.block.length != 0 && e.block.length <= max_block_length,
                  "an expected block has a slot and at most 16 KiB");
        JST_CHECK(e.slot != sink_, "a block that is arriving is not expected again");
        scratch_->expected[i] = e;
        out[2 * i] = scratch_->headers[i];
        out[2 * i + 1] = {e.slot, e.block.length};
    }
    return 2 * predicted_;
}

Result<void> PeerWire::commit(std::size_t n, Time now) {
    if (failed()) return error_;
    JST_CHECK(prepared_ && n <= room_, "commit() follows prepare() and its room");
    prepared_ = false;
    unread_ = n;
    wire_ += n;
    if (n != 0) last_received_ = now;
    take_tail();
    return {};
}

Result<void> PeerWire::receive(Bytes in, ReceiveScratch& scratch, Time now) {
    JST_CHECK(in.size() <= scratch_overflow, "receive() takes at most what the scratch takes");
    std::array<MutableBytes, max_spans> out;
    const std::size_t count = prepare({}, scratch, out);
    Bytes left = in;
    for (std::size_t i = 0; i < count && !left.empty(); ++i) {
        const std::size_t part = std::min(left.size(), out[i].size());
        std::copy_n(left.begin(), part, out[i].begin());
        left = left.subspan(part);
    }
    return commit(in.size(), now);
}

// The first span's bytes are in the block's place already; counted here, so that the sink may be abandoned any time
// after.
void PeerWire::take_tail() noexcept {
    const std::size_t got = std::min(unread_, tail_);
    unread_ -= got;
    parsed_ += got;
    payload_ += got;
    arrived_ += static_cast<std::uint32_t>(got);
    tail_ = 0;
}

// ---- events ----

std::optional<PeerWire::Event> PeerWire::next_event() {
    JST_CHECK(!prepared_, "events follow commit()");
    if (assembly_told_) assembly_.clear();
    assembly_told_ = false;
    if (phase_ == Phase::payload && arrived_ == block_.length) return finish_block();
    if (unread_ != 0) {
        if (auto event = next_predicted()) return event;
    }
    return next_linear();
}

std::optional<PeerWire::Event> PeerWire::next_predicted() {
    if (next_pair_ < predicted_) {
        const ExpectedBlock& expected = scratch_->expected[next_pair_];
        const bool holds =
            unread_ >= piece_header_size && scratch_->headers[next_pair_] == encode_piece_header(expected.block);
        if (holds) return take_pair(expected);
    }
    linearise();
    return std::nullopt;
}

std::optional<PeerWire::Event> PeerWire::take_pair(const ExpectedBlock& expected) {
    const std::size_t got = std::min<std::size_t>(unread_ - piece_header_size, expected.block.length);
    unread_ -= piece_header_size + got;
    parsed_ += piece_header_size + got;
    payload_ += got;
    ++next_pair_;
    ++messages_;
    phase_ = Phase::payload;
    block_ = expected.block;
    sink_ = expected.slot;
    arrived_ = static_cast<std::uint32_t>(got);
    if (arrived_ == block_.length) return finish_block();
    return BlockStarted{block_, true};
}

// What was predicted wrongly is moved in front of the overflow, so that the rest is one piece of stream and no slot
// holds bytes that are still needed: from here on sinks may be any slot.
void PeerWire::linearise() {
    std::size_t predicted = 0;
    for (std::size_t i = next_pair_; i < predicted_; ++i)
        predicted += piece_header_size + scratch_->expected[i].block.length;
    std::size_t left = std::min(unread_, predicted);
    Byte* to = scratch_->overflow() - left;
    linear_ = {to, unread_};
    copied_ += left;
    const auto move = [&](const Byte* from, std::size_t size) {
        const std::size_t n = std::min(left, size);
        to = std::copy_n(from, n, to);
        left -= n;
    };
    for (; next_pair_ < predicted_; ++next_pair_) {
        const ExpectedBlock& expected = scratch_->expected[next_pair_];
        move(scratch_->headers[next_pair_].data(), piece_header_size);
        move(expected.slot, expected.block.length);
    }
    unread_ = 0;
}

std::optional<PeerWire::Event> PeerWire::next_linear() {
    while (!linear_.empty()) {
        std::optional<Event> event;
        switch (phase_) {
            case Phase::handshake:
                event = take_handshake();
                break;
            case Phase::frame:
                event = take_frame();
                break;
            case Phase::payload:
                event = take_payload();
                break;
            case Phase::skip:
                take_skipped();
                break;
        }
        if (event) return event;
    }
    return std::nullopt;
}

std::optional<PeerWire::Event> PeerWire::take_handshake() {
    // Stops after the preamble, so that it is told even when all of the handshake came at once.
    const bool told = handshake_.has_preamble();
    const std::size_t wanted = (told ? handshake_size : preamble_size) - handshake_.size();
    const auto taken = handshake_.take(linear_.first(std::min(wanted, linear_.size())));
    if (!taken) return fail_with(taken.error());
    take_linear(*taken);
    if (handshake_.complete()) {
        phase_ = Phase::frame;
        return handshake_.handshake();
    }
    if (!told && handshake_.has_preamble()) return handshake_.preamble();
    return std::nullopt;
}

std::optional<PeerWire::Event> PeerWire::take_frame() {
    if (!assembly_.empty()) return take_assembled();
    const auto needs = frame_needs(linear_, max_message_size_);
    if (!needs) return fail_with(needs.error());
    if (*needs <= linear_.size()) return act_on(take_linear(*needs));
    assembly_.append(take_linear(linear_.size()), *needs);
    return std::nullopt;
}

std::optional<PeerWire::Event> PeerWire::take_assembled() {
    while (true) {
        const auto needs = frame_needs(assembly_.view(), max_message_size_);
        if (!needs) return fail_with(needs.error());
        if (assembly_.size() == *needs) break;
        if (linear_.empty()) return std::nullopt;
        assembly_.append(take_linear(std::min(*needs - assembly_.size(), linear_.size())), *needs);
    }
    assembly_told_ = true;
    return act_on(assembly_.view());
}

std::optional<PeerWire::Event> PeerWire::act_on(Bytes frame) {
    if (frame.size() == length_prefix_size) return Message{KeepAlive{}};
    ++messages_;
    const MessageId id = frame_id(frame);
    if (id == MessageId::piece) return begin_block(frame);
    if (!is_known(id)) {
        if (planted<Plant::unknown_id_closes>()) return fail_with({Errc::bad_message, 0});
        skip_left_ = load_be<std::uint32_t>(frame.data()) - 1;
        phase_ = skip_left_ != 0 ? Phase::skip : Phase::frame;
        return Message{Unknown{static_cast<Byte>(id), skip_left_}};
    }
    const auto message = decode_message(frame.subspan(length_prefix_size));
    if (!message) return fail_with(message.error());
    return *message;
}

PeerWire::Event PeerWire::begin_block(Bytes header) {
    block_ = decode_piece_header(header);
    sink_ = nullptr;
    arrived_ = 0;
    // Assembled headers are done with: the next boundary is free for predictions.
    if (assembly_told_) assembly_.clear();
    assembly_told_ = false;
    if (block_.length <= linear_.size()) {
        payload_ += block_.length;
        return BlockArrived{block_, Placement::in_scratch, take_linear(block_.length)};
    }
    phase_ = Phase::payload;
    return BlockStarted{block_, false};
}

std::optional<PeerWire::Event> PeerWire::take_payload() {
    const Bytes part = take_linear(std::min<std::size_t>(block_.length - arrived_, linear_.size()));
    if (sink_ != nullptr) {
        std::copy(part.begin(), part.end(), sink_ + arrived_);
        copied_ += part.size();
    }
    payload_ += part.size();
    arrived_ += static_cast<std::uint32_t>(part.size());
    if (arrived_ < block_.length) return std::nullopt;
    return finish_block();
}

PeerWire::Event PeerWire::finish_block() noexcept {
    BlockArrived arrived{block_, Placement::discarded, {}};
    if (sink_ != nullptr) arrived = {block_, Placement::in_slot, {sink_, block_.length}};
    phase_ = Phase::frame;
    sink_ = nullptr;
    arrived_ = 0;
    return arrived;
}

void PeerWire::take_skipped() noexcept {
    const std::size_t part = std::min<std::size_t>(skip_left_, linear_.size());
    take_linear(part);
    skip_left_ -= static_cast<std::uint32_t>(part);
    if (skip_left_ == 0) phase_ = Phase::frame;
}

Bytes PeerWire::take_linear(std::size_t n) noexcept {
    const Bytes taken = linear_.first(n);
    linear_ = linear_.subspan(n);
    parsed_ += n;
    return taken;
}

// ---- the arriving block ----

void PeerWire::set_sink(Byte* slot) {
    JST_CHECK(phase_ == Phase::payload && sink_ == nullptr && arrived_ == 0, "a sink answers BlockStarted");
    JST_CHECK(!prepared_, "a sink is not changed while it may be read into");
    sink_ = slot;
}

void PeerWire::abandon_sink() {
    JST_CHECK(!prepared_, "a sink is not changed while it may be read into");
    sink_ = nullptr;
}

std::optional<Block> PeerWire::arriving() const noexcept {
    if (phase_ != Phase::payload) return std::nullopt;
    return block_;
}

// ---- failure ----

Result<void> PeerWire::status() const noexcept {
    if (failed()) return error_;
    return {};
}

std::optional<PeerWire::Event> PeerWire::fail_with(Error error) noexcept {
    // A handshake's error names its byte; a frame's names the frame, the same however it came.
    const std::uint64_t frame_at = parsed_ - assembly_.size();
    error_ = phase_ == Phase::handshake ? error : fail(error.code, frame_at);
    linear_ = {};
    assembly_.clear();
    assembly_told_ = false;
    return std::nullopt;
}

}  // namespace jst::wire
