#include "bind/world_door.hpp"

#include <chrono>

#include "bind/py.hpp"

namespace jst::bind {
namespace {

// How often a waiting thread looks for Ctrl-C, in real time; looked at every so many rounds.
constexpr auto look_interval = std::chrono::milliseconds(100);
constexpr int rounds_per_look = 64;

bool is_raised(Signal& signal) {
    const auto lock = signal.exchange().lock();
    return signal.is_raised();
}

}  // namespace

WorldDoor::WorldDoor(std::shared_ptr<Outlet> outlet, std::shared_ptr<runtime_sim::World> world, runtime_sim::NodeId node,
                     engine::Settings settings, std::string state_dir, std::optional<PeerId> peer_id)
    : outlet_(std::move(outlet)), world_(std::move(world)), node_(node) {
    world_->start(node_);
    session_.emplace(world_->runtime(node_), std::move(settings), std::move(state_dir), peer_id);
    outlet_->open(*session_);
    world_->attach(node_, *outlet_);
    Result<void> opened{};
    if (!world_->command(node_, [&] { opened = session_->open(); })) opened = fail(Errc::internal);
    if (opened) return;
    const auto where = session_->failed_address();
    shut(false);
    raise(opened.error(), where);
}

WorldDoor::~WorldDoor() { shut(true); }

Ran WorldDoor::command(Turn turn) {
    if (!session_) return Ran::gone;
    const py::gil_scoped_release free;
    outlet_->note_command();
    return world_->command(node_, [&] { turn(*session_); }) ? Ran::done : Ran::broke;
}

Ran WorldDoor::query(Turn turn) {
    if (!session_) return Ran::gone;
    const py::gil_scoped_release free;
    turn(*session_);
    return Ran::done;
}

Waited WorldDoor::wait(Signal& signal, std::optional<Time> deadline, bool one_round) {
    const py::gil_scoped_release free;
    const Time limit = deadline ? world_->now() + (*deadline - now()) : Time::never();
    const auto until = std::chrono::steady_clock::now() + look_interval;
    for (int round = 1; !is_raised(signal); ++round) {
        if (!world_->step(limit)) return is_raised(signal) ? Waited::raised : Waited::late;
        if (one_round && !is_raised(signal)) return Waited::again;
        if (round % rounds_per_look == 0 && std::chrono::steady_clock::now() >= until) return Waited::again;
    }
    return Waited::raised;
}

bool WorldDoor::shut(bool are_removed) {
    if (!session_) return was_clean_;
    was_clean_ = session_->is_closed() && session_->closed_cleanly();
    outlet_->close(are_removed);
    if (world_->attached(node_)) world_->detach(node_);
    session_.reset();
    return was_clean_;
}

}  // namespace jst::bind
