#include "bind/lab_runtime.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {
namespace {

// A world of one: the node talks to itself, as the other runtime's tests do over the loopback.
class SimWorld final : public LabWorld {
  public:
    explicit SimWorld(std::uint64_t seed) : world_(seed), node_(world_.add_node("only", IpAddress::v4(0x7F000001))) {}

    runtime::Runtime& seam() override { return world_.runtime(node_); }
    void attach(runtime::Host& host) override { world_.attach(node_, host); }
    bool round(Duration longest_wait) override { return world_.step(world_.now() + longest_wait); }
    void command(const std::function<void()>& turn) override { world_.command(node_, turn); }
    void abandon() override {
        if (world_.attached(node_)) world_.abandon(node_);
    }

  private:
    runtime_sim::World world_;
    runtime_sim::NodeId node_;
};

}  // namespace

std::unique_ptr<LabWorld> make_sim_world(std::uint64_t seed) { return std::make_unique<SimWorld>(seed); }

}  // namespace jst::bind
