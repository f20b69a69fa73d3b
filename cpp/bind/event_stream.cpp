#include "bind/event_stream.hpp"

#include <algorithm>

namespace jst::bind {
namespace {

using engine::EventKind;

// What happens at most a few times in the life of a torrent, and what a reader can not do without.
bool is_kept(EventKind kind) noexcept {
    return kind == EventKind::state_changed || kind == EventKind::metadata_received || kind == EventKind::files_moved ||
           kind == EventKind::torrent_failed || kind == EventKind::torrent_removed ||
           kind == EventKind::record_rejected;
}

}  // namespace

bool EventStream::wants(const engine::Event& event) const noexcept {
    if (is_ended_ || (kinds_ & mask_of(event.kind)) == 0) return false;
    return !torrent_ || *torrent_ == event.torrent;
}

bool EventStream::merge(const engine::Event& event) {
    if (event.kind != EventKind::state_changed) return false;
    for (auto it = items_.rbegin(); it != items_.rend(); ++it) {
        auto& waiting = it->event;
        if (it->dropped != 0 || waiting.kind != EventKind::state_changed || waiting.torrent != event.torrent) continue;
        waiting.new_state = event.new_state;
        waiting.time = event.time;
        return true;
    }
    return false;
}

void EventStream::drop(Time when) {
    for (auto it = items_.rbegin(); it != items_.rend(); ++it) {
        if (it->dropped == 0) continue;
        ++it->dropped;
        it->event.time = when;
        return;
    }
    has_marker_ = true;
    StreamItem marker;
    marker.event.time = when;
    marker.dropped = 1;
    items_.push_back(std::move(marker));
}

void EventStream::push(StreamItem item) {
    const std::size_t waiting = items_.size() - (has_marker_ ? 1 : 0);
    if (waiting >= most_) {
        if (merge(item.event)) return;
        if (!is_kept(item.event.kind) || waiting >= most_ + std::max(most_, kept_reserve)) {
            drop(item.event.time);
            raise();
            return;
        }
    }
    items_.push_back(std::move(item));
    raise();
}

void EventStream::end() {
    is_ended_ = true;
    raise();
}

std::optional<StreamItem> EventStream::take() {
    const auto lock = exchange().lock();
    if (items_.empty()) return std::nullopt;
    StreamItem first = std::move(items_.front());
    items_.pop_front();
    if (first.dropped != 0) has_marker_ = false;
    if (items_.empty() && !is_ended_) lower();
    return first;
}

void EventStream::close() {
    const auto lock = exchange().lock();
    is_closed_ = true;
    items_.clear();
    has_marker_ = false;
    end();
}

}  // namespace jst::bind
