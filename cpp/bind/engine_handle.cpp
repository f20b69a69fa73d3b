#include "bind/engine_handle.hpp"

namespace jst::bind {

// It listens before this returns. On an engine that has ended, it has ended as well.
template <class Thing>
std::shared_ptr<Thing> EngineHandle::subscribe(std::shared_ptr<Thing> thing) {
    check_process();
    auto outlet = outlet_;
    const Ran ran = door_->query([outlet, thing](engine::Session&) { outlet->add(thing); });
    if (ran == Ran::done) return thing;
    const auto lock = outlet_->exchange()->lock();
    if constexpr (std::is_same_v<Thing, EventStream>)
        thing->end();
    else
        thing->give_up();
    thing->raise();
    return thing;
}

std::shared_ptr<EventStream> EngineHandle::listen(std::uint32_t kinds, std::optional<TorrentKey> torrent,
                                                  std::size_t most) {
    return subscribe(std::make_shared<EventStream>(outlet_->exchange(), kinds, torrent, most));
}

std::shared_ptr<TorrentWait> EngineHandle::wait_for(TorrentKey torrent, Goal goal, PieceIndex piece,
                                                    engine::State state, Duration pace) {
    auto wait = std::make_shared<TorrentWait>(outlet_->exchange(), torrent, goal, piece, state, pace);
    // What holds already at the end needs no engine.
    if (const auto* remains = outlet_->remains()) {
        const auto lock = outlet_->exchange()->lock();
        wait->judge_remains(*remains);
        wait->raise();
        return wait;
    }
    return subscribe(std::move(wait));
}

std::shared_ptr<Until> EngineHandle::begin_save() {
    const auto number = command([](engine::Session& s) { return Result<std::uint64_t>(s.begin_save()); });
    return subscribe(std::make_shared<SessionUntil>(
        outlet_->exchange(), [number](const engine::Session& s) { return s.saves_done() >= number; }));
}

std::shared_ptr<Until> EngineHandle::begin_close(Duration timeout) {
    check_process();
    is_closing_ = true;
    door_->command([timeout](engine::Session& s) { s.begin_close(timeout); });
    return subscribe(
        std::make_shared<SessionUntil>(outlet_->exchange(), [](const engine::Session& s) { return s.is_closed(); }));
}

bool EngineHandle::shut(bool are_removed) {
    is_closing_ = true;
    return door_->shut(are_removed);
}

Waited EngineHandle::wait(Signal& signal, std::optional<Time> deadline, bool one_round) {
    check_process();
    return door_->wait(signal, deadline, one_round);
}

}  // namespace jst::bind
