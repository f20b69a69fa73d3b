#include "bind/lab_runtime.hpp"
#include "runtime_asio/driver.hpp"

namespace jst::bind {
namespace {

class AsioWorld final : public LabWorld {
  public:
    explicit AsioWorld(const runtime_asio::Options& options) : runtime_(options) {}

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

std::unique_ptr<LabWorld> make_asio_world(std::uint64_t seed, std::size_t max_sockets, Duration slow_disk) {
    runtime_asio::Options options;
    options.seed = seed;
    options.max_sockets = max_sockets;
    options.slow_disk = slow_disk;
    return std::make_unique<AsioWorld>(options);
}

}  // namespace jst::bind
