// The door of an engine on a node of a simulated world: the calling thread is the engine thread.
//
// Commands are turns at the present instant and move no time; queries only look; waiting runs the world until the
// signal is raised or the virtual deadline has come. The node is attached from the constructor to shut(). Invariant:
// the world outlives the engine, whoever drops it first.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bind/door.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {

class WorldDoor final : public Door {
  public:
    /// Opens the engine at the present instant; raises when it could not.
    WorldDoor(std::shared_ptr<Outlet> outlet, std::shared_ptr<runtime_sim::World> world, runtime_sim::NodeId node,
              engine::Settings settings, std::string state_dir, std::optional<PeerId> peer_id,
              std::shared_ptr<runtime_fault::Instruments> instruments);
    ~WorldDoor() override;

    Ran command(Turn turn) override;
    Ran query(Turn turn) override;
    Waited wait(Signal& signal, std::optional<Time> deadline, bool one_round) override;
    Time now() const override { return world_->runtime(node_).clock.mono_now(); }
    bool has_own_thread() const noexcept override { return false; }
    bool has_crashed() const override { return gated_ && gated_->has_crashed(); }
    void limit_sockets(std::size_t most) override;
    bool shut(bool are_removed) override;

  private:
    bool is_up();
    runtime::Runtime& seam(std::shared_ptr<runtime_fault::Instruments> instruments);

    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<runtime_sim::World> world_;
    runtime_sim::NodeId node_;
    std::optional<runtime_fault::Gated> gated_;
    std::optional<engine::Session> session_;
    bool was_clean_ = false;
};

}  // namespace jst::bind
