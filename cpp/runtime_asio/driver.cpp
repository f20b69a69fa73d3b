#include "runtime_asio/driver.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "runtime_asio/compute.hpp"
#include "runtime_asio/disk.hpp"
#include "runtime_asio/net.hpp"
#include "runtime_asio/watched.hpp"

namespace jst::runtime_asio {
namespace {

// Turns and, apart from them, hashes and disk calls of one round may take so long.
constexpr Duration round_work = milliseconds(10);
// Who waited no longer for work has enough of it.
constexpr Duration hardly_slept = milliseconds(1);

void fill_random(MutableBytes out) {
    while (!out.empty()) {
        const auto n = ::getrandom(out.data(), out.size(), 0);
        if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
        if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
    }
}

std::uint64_t random_seed() {
    std::array<Byte, 8> raw;
    fill_random(raw);
    return load_be<std::uint64_t>(raw.data());
}

class KernelEntropy final : public runtime::Entropy {
  public:
    explicit KernelEntropy(std::uint64_t seed) noexcept : seed_(seed) {}
    Prng stream(std::uint64_t entity, std::string_view purpose) override { return Prng(seed_, entity, purpose); }
    void secret(MutableBytes out) override { fill_random(out); }

  private:
    std::uint64_t seed_;
};

// The bell's end in epoll.
class BellWatch final : public Watched {
  public:
    BellWatch(Reactor& reactor, Bell& bell) : Watched(reactor), bell_(bell) {}
    void start() {
        if (!adopt(::dup(bell_.fd()))) throw std::system_error(errno, std::generic_category(), "epoll");
        watch_read();
    }
    bool take_rung() noexcept { return std::exchange(rung_, false); }

  private:
    void on_readable() override {
        bell_.answer();
        rung_ = true;
        watch_read();
    }
    Bell& bell_;
    bool rung_ = false;
};

}  // namespace

class World {
  public:
    explicit World(const Options& options)
        : bell(std::make_shared<Bell>()),
          watch(std::make_shared<BellWatch>(reactor, *bell)),
          crew(options.worker_threads, bell),
          net(reactor, bell, options.max_sockets),
          disk(reactor, crew, options.slow_disk),
          compute(reactor, crew),
          entropy(options.seed ? *options.seed : random_seed()) {
        watch->start();
        reactor.refresh();
    }
    ~World() { abandon(); }

    bool run_round(Duration longest_wait);
    void abandon() {
        abandoned = true;
        crew.stop();
        net.abandon();
        disk.abandon();
        compute.abandon();
        reactor.drop_everything();
    }

    Reactor reactor;
    std::shared_ptr<Bell> bell;
    std::shared_ptr<BellWatch> watch;
    Crew crew;
    AsioNet net;
    AsioDisk disk;
    AsioCompute compute;
    KernelEntropy entropy;
    runtime::Host* host = nullptr;
    bool round_open = false;
    bool abandoned = false;

  private:
    void collect();
    void end_round();
};

void World::collect() {
    if (!watch->take_rung()) return;
    net.collect();
    disk.collect();
    compute.collect();
}

void World::end_round() {
    round_open = false;
    reactor.next_turn();
    const Time now = reactor.refresh();
    runtime::run_turn(*host, runtime::Tag{}, [&] { host->on_round_end(now); });
}

bool World::run_round(Duration longest_wait) {
    if (abandoned || host == nullptr) return false;
    const bool work_left = round_open || disk.has_work();
    const Duration slept = reactor.poll(work_left ? Duration{} : std::min(longest_wait, compute.patience()));
    collect();
    const bool any = reactor.run_turns(*host, round_work) > 0 || round_open;
    if (any && !abandoned) end_round();
    if (abandoned) return any;
    const Time until = reactor.refresh() + round_work;
    compute.flush(until, any && slept < hardly_slept);
    disk.flush(until);
    return any;
}

AsioRuntime::AsioRuntime(const Options& options)
    : world_(std::make_unique<World>(options)),
      seam_{world_->reactor, world_->net, world_->disk, world_->compute, world_->entropy} {}

AsioRuntime::~AsioRuntime() = default;

void AsioRuntime::attach(runtime::Host& host) noexcept { world_->host = &host; }

bool AsioRuntime::run_round(Duration longest_wait) { return world_->run_round(longest_wait); }

runtime::Host& AsioRuntime::open_turn() {
    JST_CHECK(world_->host != nullptr, "attach a host first");
    world_->round_open = true;
    world_->reactor.next_turn();
    world_->reactor.refresh();
    return *world_->host;
}

void AsioRuntime::limit_sockets(std::size_t most) noexcept { world_->net.set_ceiling(most); }

void AsioRuntime::interrupt() noexcept { world_->bell->ring(); }

void AsioRuntime::abandon() { world_->abandon(); }

}  // namespace jst::runtime_asio
