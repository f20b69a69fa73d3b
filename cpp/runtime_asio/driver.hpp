// The real world: sockets and files of this machine behind the seam, and the loop that turns them into rounds.
//
// One thread, the engine thread, calls everything here; only interrupt() may be called from any thread.
//   construct; attach(host); while (...) { run_command(...) for each command waiting; run_round(longest_wait); }
// 1. run_command() runs a function as a turn; on_round_end() follows in the next run_round(), which then does not wait.
// 2. Streams, listeners and sockets given out die before the AsioRuntime. Operations outstanding at its end are
// dropped.
// 3. After abandon() no completion comes and no buffer is touched; what was sent stays sent, sockets are reset as they
//    are destroyed, files keep what was written. It waits for at most one running call of each disk worker.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "runtime/runtime.hpp"

namespace jst::runtime_asio {

struct Options {
    std::optional<std::uint64_t>
        seed;                     // of Entropy::stream; none: the kernel's randomness. Secrets are always the kernel's
    int worker_threads = 2;       // disk and bulk hashes; at least one
    std::size_t max_sockets = 0;  // more are Errc::too_many_sockets; 0: what the process may open, less a reserve
    Duration slow_disk = milliseconds(2);  // a longer call sends its device's work to the workers for a while
};

class World;

class AsioRuntime {
  public:
    /// Throws std::system_error when the kernel gives no epoll or eventfd.
    explicit AsioRuntime(const Options& options = {});
    AsioRuntime(const AsioRuntime&) = delete;
    AsioRuntime& operator=(const AsioRuntime&) = delete;
    ~AsioRuntime();

    runtime::Runtime& seam() noexcept { return seam_; }
    void attach(runtime::Host& host) noexcept;

    /// One round: waits until something is ready, the wake-up is due, interrupt() is called or `longest_wait` is over
    /// (zero: does not wait), then runs the turns and, when there was any, on_round_end(). False when there was none.
    bool run_round(Duration longest_wait);

    /// Runs `command()` as a turn of its own; false when it broke a rule.
    template <class Command>
    bool run_command(Command&& command) {
        return runtime::run_turn(open_turn(), runtime::Tag{}, std::forward<Command>(command));
    }

    /// Thread-safe: a run_round() that waits, or the next one that would, returns early.
    void interrupt() noexcept;

    /// Thread-safe: Options::max_sockets from now on.
    void limit_sockets(std::size_t most) noexcept;

    void abandon();

  private:
    runtime::Host& open_turn();

    std::unique_ptr<World> world_;
    runtime::Runtime seam_;
};

}  // namespace jst::runtime_asio
