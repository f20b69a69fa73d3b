#include "bind/lab_runtime.hpp"
#include "runtime_asio/driver.hpp"

namespace jst::bind {
namespace {

class AsioWorld final : public LabWorld {
  public:
    AsioWorld(std::uint64_t seed, std::size_t max_sockets) : runtime_({seed, 2, max_sockets, nullptr}) {}

    runtime::Runtime& seam() override { return runtime_.seam(); }
    void attach(runtime::Host& host) override { runtime_.attach(host); }
    bool round(Duration longest_wait) override { return runtime_.run_round(longest_wait); }
    void command(const std::function<void()>& turn) override {
        runtime_.run_command(turn);
        runtime_.run_round({});
    }
    void abandon() override { runtime_.abandon(); }
    void interrupt() override { runtime_.interrupt(); }

  private:
    runtime_asio::AsioRuntime runtime_;
};

}  // namespace

std::unique_ptr<LabWorld> make_asio_world(std::uint64_t seed, std::size_t max_sockets) {
    return std::make_unique<AsioWorld>(seed, max_sockets);
}

}  // namespace jst::bind
