#include "bind/lab_runtime.hpp"
#include "bind/lab_world.hpp"
#include "runtime_sim/network.hpp"
#include "runtime_sim/node.hpp"

namespace jst::bind {
namespace {

// One node of a world, which other nodes may share.
class SimWorld final : public LabWorld {
  public:
    SimWorld(WorldHandle world, runtime_sim::NodeId node) : world_(std::move(world)), node_(node) {}

    runtime::Runtime& seam() override { return world_->runtime(node_); }
    void attach(runtime::Host& host) override {
        world_->attach(node_, host);
        life_ = world_->node(node_).incarnation();
    }
    bool round(Duration longest_wait) override { return world_->step(world_->now() + longest_wait); }
    void command(const std::function<void()>& turn) override {
        if (lives())
            world_->command(node_, turn);
        else
            turn();
    }
    void abandon() override {
        if (lives()) world_->abandon(node_, runtime_sim::CrashMode::clean);
    }

  private:
    bool lives() const { return world_->attached(node_) && world_->node(node_).incarnation() == life_; }

    WorldHandle world_;
    runtime_sim::NodeId node_;
    std::uint32_t life_ = 0;
};

}  // namespace

std::unique_ptr<LabWorld> make_sim_world(std::uint64_t seed, std::size_t max_sockets) {
    auto world = std::make_shared<runtime_sim::World>(seed);
    const auto node = world->add_node("localhost", *IpAddress::parse("127.0.0.1"));
    world->network().connections().limit_sockets(node, max_sockets);
    return std::make_unique<SimWorld>(std::move(world), node);
}

std::unique_ptr<LabWorld> make_sim_world(const WorldHandle& world, std::uint32_t node) {
    return std::make_unique<SimWorld>(world, node_of(*world, node));
}

}  // namespace jst::bind
