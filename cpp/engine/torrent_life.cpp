// Torrent's files and time: the first look, the check, removal, the derived state, goals.
#include <algorithm>

#include "base/planted.hpp"
#include "engine/rivals.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {
// -- looking and checking ---------------------------------------------------------------------------------------------

void Torrent::begin_look() {
    if (!work_.look) work_.look = std::make_unique<StatSweep>(files_, tag(), true);
    if (phase_ != Phase::ready) phase_ = Phase::looking;
    work_.look->owner = this;
    work_.look->on_done = [](Sweep& sweep, Time now) { static_cast<Torrent*>(sweep.owner)->on_looked(now); };
    work_.look->start();
}

void Torrent::begin_check(Bitfield pieces, Bitfield holes) {
    if (!work_.check)
        work_.check = std::make_unique<Checker>(files_, core_.rt.compute, metainfo_, tag(), core_.pool.limit() / 2);
    work_.check->owner = this;
    work_.check->on_piece = [](Checker& c, PieceIndex piece, bool good, Time now) {
        static_cast<Torrent*>(c.owner)->on_checked(piece, good, now);
    };
    work_.check->on_done = [](Checker& c, Time now) { static_cast<Torrent*>(c.owner)->on_check_done(now); };
    work_.check->start(std::move(pieces), std::move(holes));
}

void Torrent::begin_making() {
    work_.making = std::make_unique<MakingSweep>(files_, tag(), files_to_make(), core_.settings.allocation == "full");
    work_.making->owner = this;
    work_.making->on_done = [](Sweep& sweep, Time now) { static_cast<Torrent*>(sweep.owner)->on_made(now); };
    work_.making->start();
}

void Torrent::pump_unparking() {
    if (!work_.unparking) {
        if (!files_.leaving()) return;
        work_.unparking = std::make_unique<Unparking>(
            files_, tag(), [](void* t) -> const Bitfield& { return static_cast<Torrent*>(t)->have(); });
        work_.unparking->owner = this;
        work_.unparking->on_done = [](Unparking& u, Time now) { static_cast<Torrent*>(u.owner)->on_unparked(now); };
    }
    work_.unparking->pump();
}

// Ready all the while, it needs no place for a check unless something has changed.
void Torrent::on_glanced(Time now) {
    books_.closed_since = now;
    if (!may_run()) return evaluate(now);
    const StatSweep& look = *work_.look;
    if (look.error() != Errc::ok) return fail(look.error(), look.error_path(), now);
    if (books_.proven.is_outdated(files_, look.stamps())) look_anew();
    evaluate(now);
}

void Torrent::on_looked(Time now) {
    if (phase_ == Phase::ready) return on_glanced(now);
    phase_ = Phase::unchecked;
    books_.looked = true;
    const bool stopped = wanted_ == storage::WantedState::stopped && record_ && !books_.check_all;
    const StatSweep& look = *work_.look;
    if (wish() == policy::Wish::nothing && !(stopped && look.error() == Errc::ok)) return evaluate(now);
    if (look.error() != Errc::ok) return fail(look.error(), look.error_path(), now);
    files_.note_existing(look.stamps());
    files_.note_parts(look.part_file().exists);
    const auto& map = files_.map();
    if (books_.trusted && !record_ && !books_.check_all) {
        Bitfield have = storage::trust_files(map, look.stamps());
        for (PieceIndex p = have.next_set(PieceIndex{}); p.value < have.size();
             p = have.next_set(PieceIndex{p.value + 1}))
            if (!(*books_.trusted)[p]) have.clear(p);
        books_.trusted.reset();
        return become_ready(have, now);
    }
    storage::SavedFiles saved;
    if (record_ && !books_.check_all && record_->have.size() == geometry_.num_pieces)
        saved = {&record_->have, record_->files, record_->part_file};
    const Bitfield hinted = books_.hints(record_.get(), look, geometry_.num_pieces);
    saved.hinted = &hinted;
    storage::Fit fit =
        storage::fit_record(map, saved, look.stamps(), look.part_file(), files_.parked(), files_.straightened());
    if (record_) books_.intact = std::move(fit.intact);
    if (!fit.fits) dirty_ = true;
    if (stopped && !fit.to_check.none()) return evaluate(now);  // a check waits for the start
    books_.check_all = false;
    books_.drop_lost(fit);
    if (planted<Plant::resume_trusts_missing>() && record_) fit.trusted = record_->have;
    if (planted<Plant::saved_have_forgotten>()) fit.trusted = Bitfield(geometry_.num_pieces);
    if (fit.to_check.none()) return become_ready(fit.trusted, now);
    phase_ = Phase::checking;
    download_.reset(fit.trusted, sequential_);
    books_.found = std::move(fit.trusted);
    begin_check(std::move(fit.to_check), look.in_holes());
    update_state(now);
}

void Torrent::on_checked(PieceIndex piece, bool good, Time now) {
    if (!rereads()) {
        if (!good) return;
        books_.found.own().set(piece);
        files_.note_found(piece);
    } else if (phase_ == Phase::ready) {
        if (good)
            trouble().doubted.clear(piece);
        else
            take_back(piece, now);
    }
}

void Torrent::on_check_done(Time now) {
    if (rereads()) return on_reread_done(now);
    phase_ = Phase::unchecked;
    const Errc error = work_.check->error();
    if (error == Errc::canceled) return evaluate(now);
    if (error != Errc::ok) return fail(error, work_.check->error_path(), now);
    dirty_ = urgent_ = true;  // a kill is not to cost the check
    become_ready(*std::exchange(books_.found, {}), now);
}

bool Torrent::may_write() const noexcept {
    return (networking_ && !complete_) || !download_.is_idle() || work_.is_unparking() || work_.is_making();
}

// Blocks of pieces that were left half done count where nothing touched their files since.
void Torrent::adopt_partial() {
    if (planted<Plant::sent_is_forgotten>()) counters_.payload_sent = 0;
    if (record_)
        for (const auto& one : record_->partial)
            if ((*books_.intact)[PieceIndex{one.piece}]) download_.adopt(PieceIndex{one.piece}, one.blocks);
    const std::uint64_t kept = download_.parked_bytes();
    const std::uint64_t counted = counters_.payload_partial;
    if (counted > kept)
        counters_.payload_discarded += counted - kept;
    else
        counters_.payload_received += kept - counted;
    counters_.payload_partial = kept;
}

// A file that is wanted again gets the proven bytes of its shared pieces, not the blocks of those that are half done.
void Torrent::drop_half_done(FileIndex file, Time now) {
    const auto range = files_.map().pieces_of(file);
    if (!files_.is_leaving(file) || range.empty()) return;
    for (const PieceIndex piece : {range.first, PieceIndex{range.last.value - 1}})
        if (!have()[piece] && files_.parts().slot(piece)) download_.drop_half_done(piece, now);
}

void Torrent::become_ready(const Bitfield& have, Time now) {
    const bool known = record_ && record_->have == have;
    books_.proven = {have, work_.look->stamps(), work_.look->part_file()};
    books_.lost.reset();
    if (trouble_) {
        trouble_->retry.on_running(now);
        trouble_->unreadable = 0;
    }
    books_.closed_since = now;
    phase_ = Phase::ready;  // what goes wrong from here on is looked up in what is proven
    download_.reset(have, sequential_ || core_.settings.piece_order == "sequential");
    adopt_partial();
    for (FileIndex file; file.value < files_.num_files(); ++file) drop_half_done(file, now);
    record_.reset();
    books_.journaled.reset();
    books_.intact.reset();
    conversation_.on_pieces_known(now);
    count_file_pieces();
    dirty_ = dirty_ || !known || books_.has_journal;
    core_.queue_news.about(key_);
    const bool was_complete = std::exchange(complete_, false);
    if (!have.all()) announcer_.on_completion(false, now);
    files_made_ = files_to_make().empty();
    update_completion(now);
    if (was_complete && !complete_) announcer_.want_more(now);
    core_.places.note(*this);  // once more: memory may have run out when it came, or got its metadata
    if (const auto file = complete_ ? std::nullopt : contested_file(core_, *this, file_priorities_))
        return fail(Errc::exists, files_.path_of(*file), now);
    evaluate(now);
}

void Torrent::count_file_pieces() {
    const auto& map = files_.map();
    file_pieces_left_.assign(map.num_files(), 0);
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        const auto range = map.pieces_of(FileIndex{f});
        for (PieceIndex p = range.first; p < range.last; ++p) file_pieces_left_[f] += have()[p] ? 0 : 1;
    }
}

void Torrent::note_file_progress(PieceIndex piece) {
    files_.map().each_slice(piece, 0, geometry_.piece_size(piece), [&](const storage::FileSlice& slice) {
        auto& left = file_pieces_left_[slice.file.value];
        if (slice.is_pad || left == 0 || --left > (planted<Plant::file_told_too_soon>() ? 1u : 0u)) return;
        Event event;
        event.number = slice.file.value;
        event.text = files_.path_of(slice.file);
        core_.emit(EventKind::file_completed, key_, std::move(event));
    });
}

// -- removal ----------------------------------------------------------------------------------------------------------

void Torrent::finish_files() {
    if (files_.files_open()) files_.close_files();
}

void Torrent::continue_removal(Time now) {
    if (removed_) begin_removal(now);
}

void Torrent::begin_removal(Time) {
    if (planted<Plant::removal_leaves_files>()) delete_files_ = false;
    if (work_.removal || !delete_files_ || !is_quiet() || files_.files_open()) return;
    work_.removal = std::make_unique<RemoveSweep>(files_, tag(), files_of_others(core_, *this, Shared::others));
    work_.removal->owner = this;
    work_.removal->on_done = [](Sweep& sweep, Time at) {
        static_cast<Torrent*>(sweep.owner)->core_.touch(*static_cast<Torrent*>(sweep.owner)), static_cast<void>(at);
    };
    work_.removal->start();
}

void Torrent::finish_removal(Time now) {
    gone_ = true;
    set_state(State::removed, now);
}

bool Torrent::is_quiet() const noexcept {
    const bool sweeping = work_.is_running() || (moves_->running && moves_->running->is_running());
    return !sweeping && (!books_.journal || books_.journal->is_idle()) && (!origin_ || origin_->is_idle()) &&
           download_.is_idle() && (!upload_ || upload_->is_idle()) && files_.jobs() == 0;
}

bool Torrent::is_drained() const noexcept {
    if (!removed_ || !is_quiet() || files_.files_open()) return false;
    return !delete_files_ || (work_.removal && !work_.removal->is_running());
}

// -- state ------------------------------------------------------------------------------------------------------------

State Torrent::derive_state(Time now) const {
    if (removed_) return gone_ ? State::removed : state_;
    if (error_) return State::error;
    if (shut_down_) return state_;  // what it did when the session was closed can be read for ever
    if (wanted_ == storage::WantedState::stopped) return State::stopped;
    if (!metainfo_) return networking_ ? State::fetching_metadata : State::queued;
    if (phase_ != Phase::ready) return has_place() ? State::checking : State::queued;
    if (wanted_ == storage::WantedState::paused) return State::paused;
    if (!networking_) return place_ == policy::Wish::check ? State::checking : State::queued;
    if (complete_) return State::seeding;
    return is_stalled(now) ? State::stalled : State::downloading;
}

bool Torrent::is_stalled(Time now) const {
    if (planted<Plant::stall_not_told>()) return false;
    if (swarm_.links().empty() && !announcer_.is_asking()) return true;
    const Time fresh = std::max(download_.last_payload(), running_since_) + to_duration(core_.settings.snub_timeout);
    return now >= fresh;
}

void Torrent::update_state(Time now) {
    if (!evaluating_) set_state(derive_state(now), now);
}

void Torrent::set_state(State next, Time now) {
    if (next == State::downloading && !removed_ && !shut_down_)  // whose state stays what it was
        alarms().stall.set(std::max(download_.last_payload(), running_since_) +
                           to_duration(core_.settings.snub_timeout));
    else if (alarms_)
        alarms_->stall.cancel();
    if (next == state_) return;
    account_time(now);
    const State old = std::exchange(state_, next);
    if ((old == State::stalled) != (next == State::stalled)) swarm_.set_starved(next == State::stalled, now);
    const auto active = [](State s) { return s == State::downloading || s == State::stalled; };
    if (active(next) && !active(old)) running_since_ = now;
    if (next == State::downloading)
        alarms().stall.set(std::max(download_.last_payload(), running_since_) +
                           to_duration(core_.settings.snub_timeout));
    core_.queue_news.about(key_);
    Event event;
    event.old_state = old;
    event.new_state = next;
    core_.emit(EventKind::state_changed, key_, std::move(event));
}

// -- goals and time ---------------------------------------------------------------------------------------------------

void Torrent::watch_goals(Time now) {
    if (!complete_ || !uploads_allowed()) {
        if (alarms_) alarms_->goal.cancel();
        return;
    }
    const auto& s = core_.settings;
    const auto ratio = limits_->seed_ratio_limit ? limits_->seed_ratio_limit : s.seed_ratio_limit;
    const auto time = limits_->seed_time_limit ? limits_->seed_time_limit : s.seed_time_limit;
    account_time(now);
    const double size = static_cast<double>(metainfo_->total_size());
    const bool enough = ratio && static_cast<double>(counters_.payload_sent) >= *ratio * size;
    const bool long_enough = time && times_.seeding >= to_duration(*time);
    if (enough || long_enough) return set_wanted(storage::WantedState::stopped, now);
    if (time)
        alarms().goal.set(now + (to_duration(*time) - times_.seeding));
    else if (alarms_)
        alarms_->goal.cancel();
    if (ratio) alarms().goal.set_sooner(now + seconds(1));
}

}  // namespace jst::engine
