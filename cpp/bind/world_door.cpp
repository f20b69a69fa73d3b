#include "bind/world_door.hpp"

#include <chrono>

#include "bind/lab_world.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/network.hpp"

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

WorldDoor::WorldDoor(std::shared_ptr<Outlet> outlet, std::shared_ptr<runtime_sim::World> world,
                     runtime_sim::NodeId node, engine::Settings settings, std::string state_dir,
                     std::optional<PeerId> peer_id, std::shared_ptr<runtime_fault::Instruments> instruments)
    : outlet_(std::move(outlet)), world_(std::move(world)), node_(node) {
    world_->start(node_);
    session_.emplace(seam(std::move(instruments)), std::move(settings), std::move(state_dir), peer_id);
    outlet_->open(*session_, gated_ ? &*gated_ : nullptr);
    world_->attach(node_, *outlet_);
    Result<void> opened{};
    if (!world_->command(node_, [&] { opened = session_->open(); })) opened = fail(Errc::internal);
    if (opened) return;
    const auto where = session_->failed_address();
    shut(false);
    raise(opened.error(), where);
}

WorldDoor::~WorldDoor() { shut(true); }

runtime::Runtime& WorldDoor::seam(std::shared_ptr<runtime_fault::Instruments> instruments) {
    auto& below = world_->runtime(node_);
    if (!instruments) return below;
    runtime_fault::Surroundings around;
    around.node = world_->name(node_);
    around.now = [this] { return world_->now(); };
    around.crash = [this](const std::string& mode) { world_->abandon(node_, crash_mode(mode)); };
    gated_.emplace(below, std::move(instruments), std::move(around));
    world_->disk(node_).on_effect = [this](runtime::DiskOp& op, Errc error) { return gated_->took_effect(op, error); };
    return gated_->seam();
}

// An engine that a gate crashed ends here, between two turns.
bool WorldDoor::is_up() {
    if (session_ && has_crashed()) shut(true);
    return session_.has_value();
}

Ran WorldDoor::command(Turn turn) {
    if (!is_up()) return Ran::gone;
    const WithoutGil free;
    outlet_->note_command();
    return world_->command(node_, [&] { turn(*session_); }) ? Ran::done : Ran::broke;
}

Ran WorldDoor::query(Turn turn) {
    if (!is_up()) return Ran::gone;
    const WithoutGil free;
    turn(*session_);
    return Ran::done;
}

Waited WorldDoor::wait(Signal& signal, std::optional<Time> deadline, bool one_round) {
    const WithoutGil free;
    const Time limit = deadline ? world_->now() + (*deadline - now()) : Time::never();
    const auto until = std::chrono::steady_clock::now() + look_interval;
    for (int round = 1; !is_raised(signal); ++round) {
        const bool ran = world_->step(limit);
        is_up();
        if (!ran) return is_raised(signal) ? Waited::raised : Waited::late;
        if (one_round && !is_raised(signal)) return Waited::again;
        if (round % rounds_per_look == 0 && std::chrono::steady_clock::now() >= until) return Waited::again;
    }
    return Waited::raised;
}

void WorldDoor::limit_sockets(std::size_t most) { world_->network().connections().limit_sockets(node_, most); }

bool WorldDoor::shut(bool are_removed) {
    if (!session_) return was_clean_;
    was_clean_ = session_->is_closed() && session_->closed_cleanly();
    if (has_crashed()) session_->events().take();  // of the round that never ended
    outlet_->close(are_removed);
    if (world_->attached(node_)) world_->detach(node_);
    session_.reset();
    if (gated_) world_->disk(node_).on_effect = nullptr;
    return was_clean_;
}

}  // namespace jst::bind
