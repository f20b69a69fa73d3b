// One engine as Python holds it: a door and its outlet. Commands and queries are asked through two templates.
//
// query(ask) works while the engine runs and on its remains afterwards; command(act) raises Error("closed") then.
// Called with the GIL held; what `ask` and `act` capture may touch no Python object, they run on the engine thread.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "bind/door.hpp"
#include "bind/py.hpp"

namespace jst::bind {

class EngineHandle {
  public:
    EngineHandle(std::shared_ptr<Outlet> outlet, std::unique_ptr<Door> door, std::shared_ptr<EventStream> first)
        : outlet_(std::move(outlet)), door_(std::move(door)), first_(std::move(first)) {}

    /// `ask` takes a const engine::Session& or a const Remains&; its answer comes back as it is.
    template <class Ask>
    auto query(Ask ask) {
        check_process();
        using Answer = std::decay_t<std::invoke_result_t<Ask, const engine::Session&>>;
        const auto answer = std::make_shared<std::optional<Answer>>();
        const Ran ran = door_->query([answer, ask](engine::Session& s) { answer->emplace(ask(std::as_const(s))); });
        if (ran == Ran::gone && outlet_->remains() != nullptr) return Answer(ask(*outlet_->remains()));
        if (ran == Ran::gone) raise(fail(Errc::closed));
        if (!answer->has_value()) raise(fail(Errc::internal));
        return std::move(**answer);
    }

    /// `act` takes an engine::Session& and gives back a Result; the error is raised with `where`.
    template <class Act>
    auto command(Act act, const std::string& where = {}) {
        check_process();
        using Answer = std::decay_t<std::invoke_result_t<Act, engine::Session&>>;
        const auto answer = std::make_shared<std::optional<Answer>>();
        Ran ran = Ran::gone;
        if (!is_closing_) ran = door_->command([answer, act](engine::Session& s) { answer->emplace(act(s)); });
        if (ran == Ran::gone) raise(fail(Errc::closed));
        if (!answer->has_value()) raise(fail(Errc::internal));
        return value_or_raise(std::move(**answer), where);
    }

    /// The stream that was there before the engine was, if any; once.
    std::shared_ptr<EventStream> take_first() { return std::move(first_); }
    std::shared_ptr<EventStream> listen(std::uint32_t kinds, std::optional<TorrentKey> torrent, std::size_t most);
    std::shared_ptr<TorrentWait> wait_for(TorrentKey torrent, Goal goal, PieceIndex piece, engine::State state,
                                          Duration pace);
    std::shared_ptr<Until> begin_save();
    /// Raised when the session is closed. Commands are refused from now on.
    std::shared_ptr<Until> begin_close(Duration timeout);
    bool shut(bool are_removed);
    Waited wait(Signal& signal, std::optional<Time> deadline, bool one_round);

    void check_process() const { outlet_->exchange()->check_process(); }
    bool is_forked() const noexcept { return outlet_->exchange()->is_forked(); }
    bool is_closing() const noexcept { return is_closing_; }
    Door& door() noexcept { return *door_; }
    Outlet& outlet() noexcept { return *outlet_; }

  private:
    template <class Thing>
    std::shared_ptr<Thing> subscribe(std::shared_ptr<Thing> thing);

    std::shared_ptr<Outlet> outlet_;
    std::unique_ptr<Door> door_;
    std::shared_ptr<EventStream> first_;
    bool is_closing_ = false;
};

}  // namespace jst::bind
