// The door of a real engine: a thread that runs the rounds of an AsioRuntime, and a queue of turns for it.
//
// A turn given from Python runs on the engine thread between two rounds and is answered when the round it belongs to
// has ended: 10 ms at most. The engine, its sockets and its thread live from the constructor to shut(). Invariants: 1.
// runtime and session are touched by the engine thread only, but for interrupt(); 2. the engine thread never takes the
// GIL; 3. nothing is touched in a forked child.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bind/door.hpp"
#include "runtime_asio/driver.hpp"

namespace jst::bind {

class ThreadDoor final : public Door {
  public:
    struct Start {
        engine::Settings settings;
        std::string state_dir;
        std::optional<PeerId> peer_id;
        runtime_asio::Options options;
        std::shared_ptr<runtime_fault::Instruments> instruments;  // of a laboratory, else none
        std::string name;                                         // of the node there
    };

    /// Starts the engine and waits until it has opened; raises when it could not.
    ThreadDoor(std::shared_ptr<Outlet> outlet, Start start);
    ~ThreadDoor() override;

    Ran command(Turn turn) override { return run(std::move(turn), true); }
    Ran query(Turn turn) override { return run(std::move(turn), false); }
    Waited wait(Signal& signal, std::optional<Time> deadline, bool one_round) override;
    Time now() const override;
    bool has_own_thread() const noexcept override { return true; }
    bool has_crashed() const override;
    void limit_sockets(std::size_t most) override;
    bool shut(bool are_removed) override;

  private:
    // What both sides hold; it outlives a thread that does not come back.
    struct Shared;
    class Withdrawing;
    struct Command;

    static void live(const std::shared_ptr<Shared>& shared, const Start& start);
    static bool open(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session,
                     const std::string& state_dir);
    static void run_rounds(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session);
    static bool must_end(Shared& shared);
    static bool take_commands(Shared& shared);
    static void wind_up(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session);
    static void end(Shared& shared) noexcept;
    Ran run(Turn turn, bool is_command);
    void await_opening();
    void await(Signal& signal);

    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace jst::bind
