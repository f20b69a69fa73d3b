// Torrent's files on the move: to another directory, or one to another name.
#include <algorithm>

#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

constexpr Duration move_retry = milliseconds(10);  // until the last handle is closed

}  // namespace

void Torrent::move(std::string save_path, Time now) {
    if (save_path == files_.save_path() && !wants_move()) return;
    move_to_ = std::move(save_path);
    evaluate(now);
}

Result<void> Torrent::rename_file(FileIndex file, std::string_view name, Time now) {
    JST_TRY(checked, checked_name(files_, file, name));
    if (checked == files_.relative_path(file)) return {};
    rename_to_.emplace_back(file, std::move(checked));
    evaluate(now);
    return {};
}

// One move at a time, and only when nothing of the torrent is out: no job, no open file.
void Torrent::begin_move() {
    if (moving_ || shut_down_) return;
    if (!is_quiet() || files_.files_open()) return move_timer_.set(core_.now() + move_retry);
    if (move_to_) {
        moving_ = std::make_unique<MoveSweep>(files_, tag(), *move_to_);
    } else {
        moving_ = std::make_unique<MoveSweep>(files_, tag(), rename_to_.front().first, rename_to_.front().second);
    }
    moving_->owner = this;
    moving_->on_done = [](Sweep& sweep, Time at) { static_cast<Torrent*>(sweep.owner)->on_moved(at); };
    moving_->start();
}

void Torrent::on_moved(Time now) {
    moved_ = std::move(moving_);  // its own handler is running
    const Errc error = moved_->error();
    const std::string where = moved_->error_path();
    Event event;
    if (move_to_) {
        if (error == Errc::ok) files_.set_save_path(*move_to_);
        event.text = *move_to_;
        move_to_.reset();
    } else {
        const auto [file, name] = rename_to_.front();
        if (error == Errc::ok) {
            files_.set_relative_path(file, name);
            renamed_[file] = name;
        }
        event.text = files_.path_of(file);
        rename_to_.erase(rename_to_.begin());
    }
    dirty_ = urgent_ = true;
    if (error == Errc::ok) core_.emit(EventKind::files_moved, key_, std::move(event));
    else fail(error, where, now);
    evaluate(now);
}

}  // namespace jst::engine
