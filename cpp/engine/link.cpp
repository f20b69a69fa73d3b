#include "engine/link.hpp"

#include <algorithm>

#include "base/planted.hpp"
#include "engine/peer.hpp"

namespace jst::engine {

/// The completions of a link. Each looks its peer up: it may be gone.
class LinkHandlers {
  public:
    static void connected(runtime::Op& op, Time now) {
        Link& link = *static_cast<Link*>(op.owner);
        if (link.closed_) {
            if (link.connect_.stream) link.connect_.stream->close(runtime::CloseMode::abort);
            link.connect_.stream.reset();
            return;
        }
        Peer& peer = *link.core_.peer(link.peer_);
        if (op.error == Errc::ok) link.attach(std::move(link.connect_.stream), op.tag);
        peer.owner->on_connected(peer, op.error, now);
    }
    static void readable(runtime::Op& op, Time now) {
        Link& link = *static_cast<Link*>(op.owner);
        if (link.closed_) return;
        Peer& peer = *link.core_.peer(link.peer_);
        peer.owner->on_readable(peer, now);
    }
    static void written(runtime::Op& op, Time now) {
        Link& link = *static_cast<Link*>(op.owner);
        const std::uint64_t wire_before = link.out_.wire_sent();
        const std::uint64_t payload_before = link.out_.payload_sent();
        link.out_.consumed(link.write_.written);
        link.release_sent();
        if (planted<Plant::late_sent_forgotten>() && link.closed_) return;
        if (link.closed_)  // it went out all the same
            return link.core_.count_late(op.tag.torrent, link.out_.wire_sent() - wire_before,
                                         link.out_.payload_sent() - payload_before);
        Peer& peer = *link.core_.peer(link.peer_);
        peer.owner->on_written(peer, op.error, link.out_.wire_sent() - wire_before,
                               link.out_.payload_sent() - payload_before, now);
    }
};

Link::Link(Core& core, PeerKey peer) : core_(core), peer_(peer) {
    connect_.on_done = LinkHandlers::connected;
    readable_.on_done = LinkHandlers::readable;
    write_.on_done = LinkHandlers::written;
    connect_.owner = readable_.owner = write_.owner = this;
}

Link::~Link() {
    for (const auto& kept : kept_)
        if (kept.buffer) core_.upload_turns.release();
}

void Link::dial(const Endpoint& to, const IpAddress& from, const runtime::Tag& tag) {
    connect_.tag = tag;
    core_.rt.net.connect(connect_, to, from);
}

void Link::attach(std::unique_ptr<runtime::Stream> stream, const runtime::Tag& tag) {
    stream_ = std::move(stream);
    name(tag);
}

void Link::name(const runtime::Tag& tag) noexcept { readable_.tag = write_.tag = tag; }

void Link::await_readable() {
    if (is_open() && !readable_.pending) stream_->readable(readable_);
}

void Link::flush(std::uint64_t most) {
    if (!is_open() || write_.pending || out_.empty() || most == 0) return;
    spans_.resize(runtime::max_spans);
    std::size_t n = out_.gather(spans_);
    for (std::size_t i = 0; i < n; ++i) {
        if (spans_[i].size() >= most) {
            spans_[i] = spans_[i].first(static_cast<std::size_t>(most));
            n = i + 1;
            break;
        }
        most -= spans_[i].size();
    }
    stream_->write_some(write_, std::span<const Bytes>(spans_).first(n));
}

void Link::take_back() {
    if (is_open() && write_.pending) stream_->cancel();
}

std::uint64_t Link::keep(Kept kept) {
    if (kept.buffer) ++blocks_held_;
    if (free_tokens_.empty()) {
        kept_.push_back(std::move(kept));
        return kept_.size() - 1;
    }
    const std::uint64_t token = free_tokens_.back();
    free_tokens_.pop_back();
    kept_[token] = std::move(kept);
    return token;
}

void Link::send_block(const Block& block, BlockBuffer buffer) {
    const Bytes data = buffer.span(block.length);
    out_.push_block(block, data, keep({std::move(buffer), nullptr}));
}

void Link::send_block(const Block& block, runtime::Lent lent) {
    out_.push_block(block, lent.bytes, keep({BlockBuffer{}, std::move(lent.keeper)}));
}

void Link::release(std::uint64_t token) {
    if (kept_[token].buffer) {
        --blocks_held_;
        core_.upload_turns.release();
    }
    kept_[token] = {};
    free_tokens_.push_back(token);
}

void Link::release_sent() {
    sent_.clear();
    out_.take_released(sent_);
    for (const auto token : sent_) release(token);
}

void Link::close(runtime::CloseMode mode) {
    if (closed_) return;
    closed_ = true;
    if (connect_.pending) core_.rt.net.cancel(connect_);
    if (stream_) stream_->close(mode);
    if (!write_.pending) {
        out_.close();
        release_sent();
    }
}

}  // namespace jst::engine
