// Torrent's files on the move: to another directory, or one to another name.
#include <algorithm>
#include <utility>

#include "engine/rivals.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {

void Torrent::move(std::string save_path, Time now) {
    if (save_path == files_.save_path() && !wants_move()) return;
    auto& pending = moves_.own();
    (pending.running || pending.again ? pending.then : pending.to) = std::move(save_path);
    wish_to_move(now);
}

Result<void> Torrent::rename_file(FileIndex file, std::string_view name, Time now) {
    JST_TRY(checked, checked_name(files_, file, name, moves_->renames));
    const auto& coming = moves_->renames;
    const bool is_coming =
        std::any_of(coming.begin(), coming.end(), [&](const auto& one) { return one.first == file; });
    if (checked == files_.relative_path(file) && !is_coming) return {};
    moves_.own().renames.emplace_back(file, std::move(checked));
    wish_to_move(now);
    return {};
}

namespace {

/// What was asked for before a crash and fails is not wanted any more: the files go back, and from there where they are
/// to be.
bool is_superseded(const PendingMoves& pending) {
    if (pending.to) return pending.then && *pending.then != *pending.to;
    const auto& front = pending.renames.front();
    return std::any_of(pending.renames.begin() + 1, pending.renames.end(),
                       [&](const auto& later) { return later.first == front.first && later.second != front.second; });
}

}  // namespace

// The record says first where files may be going: after a crash they are looked for there.
void Torrent::wish_to_move(Time now) {
    ++moves_.own().wish;
    if (moves_->again && error_) {  // it may be the way out
        trouble().retry.on_user();
        leave_error();
    }
    dirty_ = urgent_ = true;
    evaluate(now);
}

void Torrent::on_recorded(std::uint64_t wish, Time now) {
    if (moves_->recorded != wish) moves_.own().recorded = wish;
    if (wants_move()) evaluate(now);
}

// The round ends, and with it perhaps the last operation that it waited for.
void Torrent::continue_move() {
    moves_.own().waiting = false;
    if (!removed_ && wants_move()) begin_move();
}

// One move at a time, and only when nothing of the torrent is out: no job, no open file.
void Torrent::begin_move() {
    auto& pending = moves_.own();
    if (pending.running || shut_down_ || error_) return;
    if (keeps_record_ && !core_.is_forgetful && pending.recorded != pending.wish) return;
    if (is_quiet()) finish_files();
    if (!is_quiet() || files_.files_open() || books_.saving) {
        if (!std::exchange(pending.waiting, true)) core_.waiting_for_quiet.push_back(key_);
        return;
    }
    const auto others = files_of_others(core_, *this, Shared::ours);
    if (pending.to) {
        pending.running = std::make_unique<MoveSweep>(files_, tag(), *pending.to, pending.again, others);
    } else {
        const auto& [file, name] = pending.renames.front();
        pending.running = std::make_unique<MoveSweep>(files_, tag(), file, name, pending.again, others);
    }
    if (pending.turns_back) pending.running->turn_back();
    pending.running->owner = this;
    pending.running->on_done = [](Sweep& sweep, Time at) { static_cast<Torrent*>(sweep.owner)->on_moved(at); };
    pending.running->start();
}

void Torrent::on_moved(Time now) {
    auto& pending = moves_.own();
    pending.ended = std::move(pending.running);  // its own handler is running
    const Errc error = pending.ended->error();
    const std::string where = pending.ended->error_path();
    const bool turned_back = std::exchange(pending.turns_back, false);
    const bool is_nowhere = error == Errc::not_found && !pending.ended->lost().empty();
    if (error != Errc::ok && pending.again && !is_nowhere) {  // half of it may be there: what is asked for stays
        pending.turns_back = !turned_back && error != Errc::canceled && is_superseded(pending);
        return pending.turns_back ? evaluate(now) : fail(error, where, now);
    }
    const bool arrived = error == Errc::ok && !turned_back;
    if (error == Errc::ok && pending.ended->has_copies())
        for (FileIndex file; file.value < files_.num_files(); ++file)
            if (files_.exists(file)) files_.note_written(file);
    Event event;
    if (pending.to) {
        if (arrived) files_.set_save_path(*pending.to);
        event.text = *pending.to;
        pending.to.reset();
    } else {
        const auto [file, name] = pending.renames.front();
        if (arrived) {
            files_.set_relative_path(file, name);
            pending.renamed[file] = name;
        }
        event.text = files_.path_of(file);
        pending.renames.erase(pending.renames.begin());
    }
    core_.places.note(*this);
    pending.again = pending.again && wants_move();
    if (pending.then && !pending.to) pending.to = std::exchange(pending.then, std::nullopt);
    ++pending.wish;
    dirty_ = urgent_ = true;
    if (arrived) core_.emit(EventKind::files_moved, key_, std::move(event));
    if (error != Errc::ok) fail(error, where, now);
    if (error == Errc::ok && !pending.ended->lost().empty()) fail(Errc::not_found, pending.ended->lost(), now);
    evaluate(now);
}

}  // namespace jst::engine
