#include "wire/peer_output.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace jst::wire {
namespace {

// Enough for a round; freed when nothing is left to send, because idle peers are many.
constexpr std::size_t first_small_capacity = 512;
constexpr std::size_t first_item_capacity = 32;

}  // namespace

// ---- queueing ----

void PeerOutput::push(const Message& message) {
    if (back_.small.capacity() == 0) back_.small.reserve(first_small_capacity);
    const std::size_t before = back_.small.size();
    encode_message(back_.small, message);
    pending_ += back_.small.size() - before;
}

void PeerOutput::push_raw(Bytes bytes) {
    back_.small.insert(back_.small.end(), bytes.begin(), bytes.end());
    pending_ += bytes.size();
}

void PeerOutput::push_block(const Block& block, Bytes data, std::uint64_t token) {
    JST_CHECK(data.size() == block.length, "a block is sent with all its bytes");
    if (back_.items.capacity() == 0) back_.items.reserve(first_item_capacity);
    back_.items.push_back({back_.small.size(), encode_piece_header(block), {block, token}, data, false});
    pending_ += piece_header_size + data.size();
    pending_payload_ += data.size();
    ++pending_blocks_;
}

// ---- writing ----

std::size_t PeerOutput::gather(std::span<Bytes> out) {
    JST_CHECK(!writing_, "one write at a time");
    if (front_.empty()) std::swap(front_, back_);
    std::size_t count = 0;
    const auto add = [&](Bytes part) {
        if (part.empty()) return true;
        if (count == out.size()) return false;
        out[count++] = part;
        gathered_bytes_ += part.size();
        return true;
    };
    gathered_bytes_ = 0;
    gathered_items_ = front_.item_at;
    std::size_t small = front_.small_at;
    std::size_t sent = front_.item_sent;
    for (std::size_t i = front_.item_at; i < front_.items.size(); ++i, sent = 0) {
        const Item& item = front_.items[i];
        if (item.removed) continue;
        if (!add(Bytes(front_.small).subspan(small, item.after - small))) break;
        small = item.after;
        const std::size_t header_sent = std::min(sent, piece_header_size);
        if (!add(Bytes(item.header).subspan(header_sent))) break;
        gathered_items_ = i + 1;
        if (!add(item.data.subspan(sent - header_sent))) break;
    }
    // A break leaves no room, so that this adds only what comes last.
    if (count < out.size()) add(Bytes(front_.small).subspan(small));
    writing_ = count != 0;
    return count;
}

void PeerOutput::consumed(std::size_t n) {
    JST_CHECK(writing_ && n <= gathered_bytes_, "only what was gathered is written");
    writing_ = false;
    wire_ += n;
    pending_ -= n;
    std::size_t left = n;
    while (left != 0) {
        while (front_.item_at < front_.items.size() && front_.items[front_.item_at].removed) ++front_.item_at;
        const bool has_item = front_.item_at < front_.items.size();
        const std::size_t end = has_item ? front_.items[front_.item_at].after : front_.small.size();
        if (front_.small_at < end) {
            const std::size_t part = std::min(left, end - front_.small_at);
            front_.small_at += part;
            left -= part;
        } else {
            left -= consume_item(left);
        }
    }
    recycle();
}

std::size_t PeerOutput::consume_item(std::size_t most) {
    Item& item = front_.items[front_.item_at];
    const std::size_t whole = piece_header_size + item.data.size();
    const std::size_t before = front_.item_sent;
    const std::size_t after = std::min(whole, before + most);
    const std::size_t payload = std::max(after, piece_header_size) - std::max(before, piece_header_size);
    payload_ += payload;
    pending_payload_ -= payload;
    front_.item_sent = after;
    if (after == whole) {
        released_.push_back(item.queued.token);
        --pending_blocks_;
        ++front_.item_at;
        front_.item_sent = 0;
    }
    return after - before;
}

void PeerOutput::recycle() {
    while (front_.item_at < front_.items.size() && front_.items[front_.item_at].removed) ++front_.item_at;
    if (!front_.empty()) return;
    if (back_.empty()) {
        front_ = back_ = Batch{};
    } else {
        front_.clear();
    }
}

// ---- taking back ----

std::size_t PeerOutput::first_untouched() const noexcept {
    const std::size_t begun = front_.item_at + (front_.item_sent != 0 ? 1 : 0);
    return writing_ ? std::max(begun, gathered_items_) : begun;
}

void PeerOutput::forget(const Item& item) noexcept {
    pending_ -= piece_header_size + item.data.size();
    pending_payload_ -= item.data.size();
    --pending_blocks_;
}

std::optional<std::uint64_t> PeerOutput::cancel(const Block& block) {
    const auto matches = [&](const Item& item) { return !item.removed && item.queued.block == block; };
    const auto untouched = front_.items.begin() + static_cast<std::ptrdiff_t>(first_untouched());
    if (const auto found = std::find_if(untouched, front_.items.end(), matches); found != front_.items.end()) {
        found->removed = true;
        forget(*found);
        const std::uint64_t token = found->queued.token;
        if (!writing_) recycle();
        return token;
    }
    const auto found = std::find_if(back_.items.begin(), back_.items.end(), matches);
    if (found == back_.items.end()) return std::nullopt;
    // Really erased: a peer that asks and cancels for ever must not fill the queue with what is gone.
    forget(*found);
    const std::uint64_t token = found->queued.token;
    back_.items.erase(found);
    return token;
}

void PeerOutput::drop_blocks(std::vector<QueuedBlock>& dropped) {
    for (std::size_t i = first_untouched(); i < front_.items.size(); ++i) {
        Item& item = front_.items[i];
        if (item.removed) continue;
        item.removed = true;
        forget(item);
        dropped.push_back(item.queued);
    }
    for (const Item& item : back_.items) {
        forget(item);
        dropped.push_back(item.queued);
    }
    back_.items.clear();
    if (!writing_) recycle();
}

void PeerOutput::close() {
    JST_CHECK(!writing_, "a write is cancelled before its output is closed");
    for (std::size_t i = front_.item_at; i < front_.items.size(); ++i)
        if (!front_.items[i].removed) released_.push_back(front_.items[i].queued.token);
    for (const Item& item : back_.items) released_.push_back(item.queued.token);
    front_ = Batch{};
    back_ = Batch{};
    pending_ = pending_payload_ = 0;
    pending_blocks_ = 0;
}

void PeerOutput::take_released(std::vector<std::uint64_t>& out) {
    out.insert(out.end(), released_.begin(), released_.end());
    released_.clear();
}

}  // namespace jst::wire
