#include "engine/saver.hpp"

#include "base/planted.hpp"
#include "base/undo.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {

Saver::Saver(Core& core, const Source& source, StateStore& store)
    : core_(core),
      source_(source),
      store_(store),
      timer_(core.timers, [](Timer& t, Time now) { t.owner<Saver>().begin(now); }, this) {}

/// A pass that breaks off is over; what it was to save is still to be saved.
template <class Deed>
void Saver::go_on(Deed&& deed) {
    Undo undo([&] {
        running_ = waits_for_store_ = false;
        dirty_ = session_dirty_ = true;
        waiting_.clear();
        cuts_.clear();
        moves_.clear();
        core_.torrents.each([](TorrentKey, const std::unique_ptr<Torrent>& t) {
            t->not_saved();
            t->books().saving = false;
        });
    });
    deed();
    undo.keep();
}

std::uint64_t Saver::request() {
    ++requested_;
    timer_.set_sooner(core_.now());
    return requested_;
}

std::uint64_t Saver::progress() const noexcept {
    return answers_ + (sync_ ? sync_->num_answers() : 0) + (stat_ ? stat_->num_answers() : 0) + store_.num_answers();
}

void Saver::note(bool urgent) {
    dirty_ = true;
    urgent_ = urgent_ || urgent;
}

void Saver::schedule(Time now) {
    if (!allowed_ || running_) return;
    if (urgent_ || session_dirty_ || requested_ > done_) timer_.set_sooner(now);
    // What was sent changes no file, and is to be known all the same.
    else if (dirty_ || core_.counters.payload_sent != saved_.payload_sent)
        timer_.set_sooner(now + to_duration(core_.settings.save_interval));
}

void Saver::begin(Time now) {
    if (!allowed_ || running_) return;
    go_on([&] { begin_pass(now); });
}

void Saver::begin_pass(Time now) {
    used_.clear();  // of a pass that broke off
    running_ = true;
    dirty_ = urgent_ = false;
    covering_ = requested_;
    session_dirty_ = session_dirty_ || std::exchange(session_failed_, false) || core_.counters != saved_;
    // Time passes without end: it alone is saved when somebody asks, and else with whatever is.
    const std::uint64_t run = source_.seconds_run();
    session_dirty_ = session_dirty_ || (requested_ > done_ && run != seconds_saved_);
    if (session_dirty_) seconds_saved_ = run;
    saved_ = core_.counters;
    core_.torrents.each([&](TorrentKey key, const std::unique_ptr<Torrent>& t) {
        if (t->needs_save() && !t->is_removed()) waiting_.push_back(key);
    });
    next(now);
}

void Saver::next(Time now) {
    current_ = {};
    while (!waiting_.empty()) {
        current_ = waiting_.back();
        waiting_.pop_back();
        Torrent* const torrent = core_.torrent(current_);
        if (torrent == nullptr || torrent->is_removed() || torrent->moves().running) continue;
        durable_ = torrent->knows_pieces() ? torrent->have() : Bitfield(torrent->have().size());
        if (planted<Plant::unverified_is_saved>())
            for (const auto p : torrent->download().ledger().active()) durable_.set(p);
        torrent->books().remove_lost(durable_);
        torrent->saved();
        torrent->books().saving = true;
        sync_ = std::make_unique<SyncSweep>(torrent->files(), torrent->tag());
        sync_->owner = this;
        sync_->on_done = [](Sweep& s, Time at) {
            static_cast<Saver*>(s.owner)->go_on([&] { static_cast<Saver*>(s.owner)->on_synced(at); });
        };
        return sync_->start();
    }
    if (std::exchange(session_dirty_, false)) store_.save(source_.session_record());
    ticket_ = store_.ticket();
    waits_for_store_ = true;
    on_store_saved(now);
}

void Saver::on_synced(Time now) {
    answers_ += sync_->num_answers();
    used_.reserve(used_.size() + 2);
    Torrent* const torrent = core_.torrent(current_);
    JST_CHECK(torrent != nullptr, "a torrent that is being saved is not destroyed");
    const Errc error = sync_->error();
    torrent->books().saving = error == Errc::ok;
    used_.push_back(std::move(sync_));
    if (error != Errc::ok) {  // nothing new is durable: the old record stands
        torrent->on_sync_failed(error, static_cast<Sweep&>(*used_.back()).error_path(), now);
        return next(now);
    }
    stat_ = std::make_unique<StatSweep>(torrent->files(), torrent->tag());
    stat_->owner = this;
    stat_->on_done = [](Sweep& s, Time at) {
        static_cast<Saver*>(s.owner)->go_on([&] { static_cast<Saver*>(s.owner)->on_stamped(at); });
    };
    stat_->start();
}

void Saver::on_stamped(Time now) {
    Torrent* const torrent = core_.torrent(current_);
    JST_CHECK(torrent != nullptr, "a torrent that is being saved is not destroyed");
    torrent->books().saving = false;
    answers_ += stat_->num_answers();
    if (!torrent->is_removed()) {
        moves_.emplace_back(current_, torrent->moves().wish);
        auto& books = torrent->books();
        storage::TorrentRecord record = torrent->record(durable_, stat_.get());
        FileStore& files = torrent->files();
        if (torrent->knows_pieces()) books.proven.keep_strange(files, record.files);
        for (FileIndex file; file.value < record.files.size(); ++file)
            if (files.is_doubtful(file)) record.files[file.value].mtime_ns = storage::never;
        if (files.are_parts_doubtful()) record.part_file.mtime_ns = storage::never;
        store_.save(record, torrent->tag());
        books.says_writing = record.writing;
        if (torrent->knows_pieces()) {
            books.proven = {record.have, record.files, record.part_file};
            files.note_stamped();
        }
        const bool drops_parts = record.in_parts.empty() && files.has_spare_parts();
        if (!books.journal->is_empty() || drops_parts)
            cuts_.push_back({current_, std::move(durable_), record.epoch, drops_parts});
    }
    used_.push_back(std::move(stat_));
    next(now);
}

bool Saver::has_failed(const Torrent& torrent) const {
    const auto& hashes = torrent.hashes();
    return store_.has_failed(hashes.v1 ? hashes.v1->view() : hashes.v2->view());
}

/// What could not be written is still to be saved.
void Saver::note_failed() {
    session_failed_ = store_.has_session_failed();
    if (session_failed_) note(false);
    for (const auto& [key, wish] : moves_) {
        Torrent* const torrent = core_.torrent(key);
        if (torrent == nullptr || torrent->is_removed() || !has_failed(*torrent)) continue;
        torrent->not_saved();
        note(false);
    }
}

void Saver::cut_spare() {
    for (const Cut& cut : std::exchange(cuts_, {})) {
        Torrent* const torrent = core_.torrent(cut.torrent);
        if (torrent == nullptr || torrent->is_removed()) continue;
        if (has_failed(*torrent)) continue;
        if (cut.drops_parts) torrent->files().drop_parts();
        if (!torrent->books().journal->is_empty()) torrent->books().journal->cut(cut.durable, cut.epoch);
    }
}

void Saver::on_store_saved(Time now) {
    if (!waits_for_store_ || store_.done() < ticket_) return;
    waits_for_store_ = false;
    running_ = false;
    used_.clear();
    note_failed();
    cut_spare();
    // Also where it could not be written: a move does not wait for another disk for ever.
    for (const auto& [key, wish] : std::exchange(moves_, {}))
        if (Torrent* const torrent = core_.torrent(key); torrent != nullptr && !torrent->is_removed())
            torrent->on_recorded(wish, now);
    done_ = covering_;
    schedule(now);
}

}  // namespace jst::engine
