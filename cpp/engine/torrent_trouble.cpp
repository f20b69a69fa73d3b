// Torrent's trouble with its disk: into `error` and out of it, operations that hang, pieces that can not be read.
#include <algorithm>

#include "base/planted.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

constexpr Duration place_patience = seconds(1);  // for the queue, which says at the end of a round who has a place

}  // namespace

Trouble& Torrent::trouble() {
    if (trouble_) return *trouble_;
    trouble_.reset(new Trouble{{},
                               {},
                               {core_.timers, [](Timer& t, Time now) { t.owner<Torrent>().try_again(now); }, this},
                               {core_.timers, [](Timer& t, Time now) { t.owner<Torrent>().watch_disk(now); }, this}});
    trouble_->again.tag = trouble_->stuck.tag = tag();
    return *trouble_;
}

void Torrent::fail(Errc error, const std::string& where, Time now) {
    if (removed_ || error_) return core_.touch(*this);  // something of it has ended all the same
    error_ = Error{error, 0};
    trouble().where = where;
    const auto verdict = trouble().retry.on_failure(error, now);
    if (!planted<Plant::error_is_for_ever>()) trouble().again.set(verdict.try_at);
    dirty_ = urgent_ = true;  // what is durable now need not be checked later
    Event event;
    event.error = *error_;
    event.text = where;
    evaluate(now);
    if (verdict.is_news) core_.emit(EventKind::torrent_failed, key_, std::move(event));
}

void Torrent::try_again(Time now) {
    if (removed_ || shut_down_) return;
    if (!error_) return evaluate(now);
    const StoreJob* const oldest = files_.oldest();
    if (oldest != nullptr && oldest->since() + to_duration(core_.settings.disk_timeout) <= now)  // it hangs still
        return trouble().again.set(trouble().retry.on_failure(Errc::disk_timeout, now).try_at);
    leave_error();
    trouble().again.set(now + place_patience);
    evaluate(now);
}

void Torrent::leave_error() {
    if (trouble_) trouble_->again.cancel();
    if (!error_) return;
    error_.reset();
    trouble().where.clear();
    // What it was at has ended without a word: memory ran out in that turn.
    if (phase_ != Phase::ready && !work_.is_looking() && !work_.is_checking()) phase_ = Phase::unchecked;
    if (phase_ == Phase::ready) look_anew();
}

// What it had counts again once its files are found to be as they were when it was durable last; what came since, or
// was in doubt, is read.
void Torrent::look_anew() {
    download_.forget_parked();
    record_ = std::make_unique<storage::TorrentRecord>(record(have(), nullptr));
    record_->have = books_.proven.have;
    record_->files = books_.proven.files;
    record_->part_file = books_.proven.part_file;
    record_->writing = false;
    auto& journaled = books_.journaled.own();
    journaled.clear();
    for (PieceIndex p; p.value < geometry_.num_pieces; ++p) {
        const bool doubted = trouble().doubted[p];
        if (doubted) record_->have.clear(p);
        if (doubted || (have()[p] && !books_.proven.have[p])) journaled.push_back(p);
    }
    trouble().doubted = {};
    books_.looked = false;
    phase_ = Phase::unchecked;
}

// The kernel may have thrown away what it could not write, and still show it to who reads: only other copies are sure.
void Torrent::on_sync_failed(Errc error, const std::string& where, Time now) {
    if (phase_ == Phase::ready && !planted<Plant::failed_sync_ignored>()) {
        Bitfield& lost = books_.lost.own();
        if (lost.size() == 0) lost = Bitfield(geometry_.num_pieces);
        for (PieceIndex p = have().next_set(PieceIndex{}); p.value < have().size();
             p = have().next_set(PieceIndex{p.value + 1}))
            if (!books_.proven.have[p]) lost.set(p);
    }
    fail(error, where, now);
}

// -- a disk that does not answer --------------------------------------------------------------------------------------

Time Torrent::disk_begins() {
    const Time now = core_.now();
    trouble().stuck.set_sooner(now + to_duration(core_.settings.disk_timeout));
    return now;
}

void Torrent::watch_disk(Time now) {
    const StoreJob* const oldest = files_.oldest();
    if (oldest == nullptr) return core_.touch(*this);
    const Time due = oldest->since() + to_duration(core_.settings.disk_timeout);
    if (due > now) return trouble().stuck.set(due);
    fail(Errc::disk_timeout, files_.path_of(*oldest), now);
}

// -- pieces that can not be read --------------------------------------------------------------------------------------

// One peer's block could not be read. The others go on: the piece is read again, and what that finds decides.
void Torrent::on_upload_error(PieceIndex piece, PeerKey asker, Errc error, const std::string& where, Time now) {
    if (Peer* const peer = core_.peer(asker); peer != nullptr && peer->is_connected() && !peer->fast())
        swarm_.choke(*peer, true, now);  // the only way to say that no answer comes
    if (error_ || removed_ || phase_ != Phase::ready) return;
    if (trouble().doubted.size() == 0) trouble().doubted = Bitfield(geometry_.num_pieces);
    if (!trouble().doubted.set(piece)) return;  // it is read again already, and all that may be gone with it
    // A file that is gone or short concerns all of its pieces.
    if (error == Errc::short_read || is_absence(error)) {
        files_.map().each_slice(piece, 0, geometry_.piece_size(piece), [&](const storage::FileSlice& slice) {
            const auto range = files_.map().pieces_of(slice.file);
            for (PieceIndex p = range.first; !slice.is_pad && p < range.last; ++p) trouble().doubted.set(p);
            // Its pieces are taken back, and what is written then may make it anew.
            if (is_absence(error) && files_.path_of(slice.file) == where) files_.note_gone(slice.file);
        });
    }
    check_doubted(now);
}

void Torrent::check_doubted(Time) {
    if (!trouble_ || trouble_->doubted.none() || phase_ != Phase::ready || !may_run() || !has_place() ||
        work_.is_checking())
        return;
    Bitfield pieces = trouble().doubted;
    for (PieceIndex p = pieces.next_set(PieceIndex{}); p.value < pieces.size();
         p = pieces.next_set(PieceIndex{p.value + 1}))
        if (!have()[p]) pieces.clear(p);
    if (pieces.none()) return;
    trouble().is_reading = true;
    begin_check(std::move(pieces), {});
}

void Torrent::on_reread_done(Time now) {
    trouble().is_reading = false;
    trouble().unreadable += work_.check->unreadable();
    Errc error = work_.check->error();
    if (error == Errc::ok && trouble().unreadable > max_unreadable_pieces) error = Errc::disk_io;
    if (error != Errc::ok && error != Errc::canceled) return fail(error, work_.check->error_path(), now);
    if (error == Errc::ok) check_doubted(now);
    evaluate(now);
}

/// It is not ours any more: asked for again, and refused to those who were told of it.
void Torrent::take_back(PieceIndex piece, Time now) {
    download_.lose(piece);  // who has it hears of it when the round ends
    upload().take_back(piece);
    dirty_ = true;
    files_.map().each_slice(piece, 0, geometry_.piece_size(piece),
                            [&](const storage::FileSlice& slice) { ++file_pieces_left_[slice.file.value]; });
    update_completion(now);
    core_.touch(*this);
}

}  // namespace jst::engine
