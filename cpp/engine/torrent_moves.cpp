// Torrent's files on the move: to another directory, or one to another name.
#include <algorithm>
#include <utility>

#include "engine/torrent.hpp"

namespace jst::engine {

void Torrent::move(std::string save_path, Time now) {
    if (save_path == files_.save_path() && !wants_move()) return;
    (moves_.running || moves_.again ? moves_.then : moves_.to) = std::move(save_path);
    wish_to_move(now);
}

Result<void> Torrent::rename_file(FileIndex file, std::string_view name, Time now) {
    JST_TRY(checked, checked_name(files_, file, name));
    if (checked == files_.relative_path(file)) return {};
    moves_.renames.emplace_back(file, std::move(checked));
    wish_to_move(now);
    return {};
}

// The record says first where files may be going: after a crash they are looked for there.
void Torrent::wish_to_move(Time now) {
    ++moves_.wish;
    dirty_ = urgent_ = true;
    evaluate(now);
}

void Torrent::on_recorded(std::uint64_t wish, Time now) {
    moves_.recorded = wish;
    if (wants_move()) evaluate(now);
}

// The round ends, and with it perhaps the last operation that it waited for.
void Torrent::continue_move() {
    moves_.waiting = false;
    if (!removed_ && wants_move()) begin_move();
}

// One move at a time, and only when nothing of the torrent is out: no job, no open file.
void Torrent::begin_move() {
    if (moves_.running || shut_down_ || error_) return;
    if (keeps_record_ && !core_.is_forgetful && moves_.recorded != moves_.wish) return;
    if (is_quiet()) finish_files();
    if (!is_quiet() || files_.files_open() || books_.saving) {
        if (!std::exchange(moves_.waiting, true)) core_.waiting_for_quiet.push_back(key_);
        return;
    }
    if (moves_.to) {
        moves_.running = std::make_unique<MoveSweep>(files_, tag(), *moves_.to, moves_.again);
    } else {
        const auto& [file, name] = moves_.renames.front();
        moves_.running = std::make_unique<MoveSweep>(files_, tag(), file, name, moves_.again);
    }
    moves_.running->owner = this;
    moves_.running->on_done = [](Sweep& sweep, Time at) { static_cast<Torrent*>(sweep.owner)->on_moved(at); };
    moves_.running->start();
}

void Torrent::on_moved(Time now) {
    moves_.ended = std::move(moves_.running);  // its own handler is running
    const Errc error = moves_.ended->error();
    const std::string where = moves_.ended->error_path();
    if (error != Errc::ok && moves_.again) return fail(error, where, now);  // half of it may be there: what is asked for stays
    Event event;
    if (moves_.to) {
        if (error == Errc::ok) files_.set_save_path(*moves_.to);
        event.text = *moves_.to;
        moves_.to.reset();
    } else {
        const auto [file, name] = moves_.renames.front();
        if (error == Errc::ok) {
            files_.set_relative_path(file, name);
            moves_.renamed[file] = name;
        }
        event.text = files_.path_of(file);
        moves_.renames.erase(moves_.renames.begin());
    }
    moves_.again = moves_.again && wants_move();
    if (moves_.then && !moves_.to) moves_.to = std::exchange(moves_.then, std::nullopt);
    ++moves_.wish;
    dirty_ = urgent_ = true;
    if (error == Errc::ok) core_.emit(EventKind::files_moved, key_, std::move(event));
    else fail(error, where, now);
    evaluate(now);
}

}  // namespace jst::engine
