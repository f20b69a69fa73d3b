#include "bind/wait.hpp"

#include <algorithm>

#include "bind/event_stream.hpp"

namespace jst::bind {

using engine::EventKind;
using engine::State;

std::uint32_t TorrentWait::kinds() const noexcept {
    const std::uint32_t life = mask_of(EventKind::state_changed) | mask_of(EventKind::metadata_received) |
                               mask_of(EventKind::torrent_failed) | mask_of(EventKind::torrent_removed);
    const bool by_piece = goal_ == Goal::complete || goal_ == Goal::piece;
    return life | (by_piece ? mask_of(EventKind::piece_completed) : 0);
}

template <class Source>
bool TorrentWait::is_met(const Source& source) const {
    switch (goal_) {
        case Goal::complete:
            return status_.complete;
        case Goal::metadata:
            return source.metainfo(torrent_) != nullptr;
        case Goal::state:
            return status_.state == state_;
        case Goal::change:
            return true;
        case Goal::piece:
            break;
    }
    const auto piece = source.piece(torrent_, piece_);
    return piece && piece->state == engine::PieceState::complete;
}

bool TorrentWait::judge(const engine::Session& session, const Round& round) {
    const bool is_touched = std::find(round.touched.begin(), round.touched.end(), torrent_) != round.touched.end();
    const bool is_due = goal_ == Goal::change ? round.now >= next_ : round.commanded || is_touched;
    if (!first_ && !is_due) return false;
    first_ = false;
    next_ = round.now + pace_;
    conclude(session);
    return outcome_ != Outcome::pending;
}

template <class Source>
void TorrentWait::conclude(const Source& source) {
    auto status = source.status(torrent_);
    if (!status) {
        outcome_ = Outcome::removed;
        return;
    }
    status_ = std::move(*status);
    if (is_met(source))
        outcome_ = Outcome::met;
    else if (status_.state == State::removed)
        outcome_ = Outcome::removed;
    else if (status_.state == State::error)
        outcome_ = Outcome::failed;
}

void TorrentWait::judge_remains(const Remains& remains) {
    conclude(remains);
    give_up();
}

void TorrentWait::give_up() {
    is_over_ = true;
    if (outcome_ == Outcome::pending) outcome_ = Outcome::closed;
}

void TorrentWait::rearm() {
    const auto lock = exchange().lock();
    outcome_ = is_over_ ? Outcome::closed : Outcome::pending;
    if (!is_over_) lower();
}

}  // namespace jst::bind
