#include "bind/thread_door.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <utility>

#include "bind/py.hpp"

namespace jst::bind {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How often a waiting thread looks for Ctrl-C.
constexpr auto look_interval = std::chrono::milliseconds(100);
constexpr auto hook_interval = std::chrono::milliseconds(5);  // between two looks of what runs along
// How long shut() waits for the thread: a running system call may be stuck in the kernel.
constexpr auto join_limit = std::chrono::seconds(5);
constexpr std::size_t commands_per_round = runtime::max_turns_per_round;
constexpr Duration idle_wait = seconds(3600);  // commands and timers end it

std::int64_t steady_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now().time_since_epoch()).count();
}

void check_signals() {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

// The new thread inherits it: signals are for Python's threads, but for those that tell of the thread's own doing. A
// blocked one of these ends the process unheard: neither GuardedMapping nor Python's faulthandler would see it.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        for (const int own : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, own);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_;
};

// Stands behind the session, so that no operation touches it while it is destroyed, whatever ended the thread.
class Abandoning {
  public:
    explicit Abandoning(runtime_asio::AsioRuntime& runtime) : runtime_(runtime) {}
    Abandoning(const Abandoning&) = delete;
    Abandoning& operator=(const Abandoning&) = delete;
    ~Abandoning() { runtime_.abandon(); }

  private:
    runtime_asio::AsioRuntime& runtime_;
};

}  // namespace

struct ThreadDoor::Command final : Signal {
    Command(std::shared_ptr<Exchange> e, Turn t, bool changes)
        : Signal(std::move(e)), turn(std::move(t)), is_command(changes) {}

    Turn turn;
    bool is_command;
    Ran ran = Ran::gone;
};

struct ThreadDoor::Shared {
    explicit Shared(std::shared_ptr<Outlet> o)
        : outlet(std::move(o)), exchange(outlet->exchange()), opened(exchange), ended(exchange) {}

    std::shared_ptr<Outlet> outlet;
    std::shared_ptr<Exchange> exchange;
    std::atomic<std::int64_t> ahead{std::numeric_limits<std::int64_t>::min()};  // engine time less steady time

    // Under the mutex.
    runtime_asio::AsioRuntime* runtime = nullptr;  // while commands are taken
    std::deque<std::shared_ptr<Command>> commands;
    std::vector<std::shared_ptr<Command>> running;  // the engine thread's; answered when their round has ended
    Signal opened;
    std::optional<Error> open_error;
    std::string open_where;
    Signal ended;  // the thread is about to return
    bool must_end = false;
    std::atomic<bool> has_crashed{false};  // at a gate
    bool are_removed = false;
    bool was_clean = false;
};

// Stands behind the runtime: whatever ends the thread, nobody rings there any more when it goes.
class ThreadDoor::Withdrawing {
  public:
    explicit Withdrawing(Shared& shared) : shared_(shared) {}
    Withdrawing(const Withdrawing&) = delete;
    Withdrawing& operator=(const Withdrawing&) = delete;
    ~Withdrawing() {
        const auto lock = shared_.exchange->lock();
        shared_.runtime = nullptr;
    }

  private:
    Shared& shared_;
};

ThreadDoor::ThreadDoor(std::shared_ptr<Outlet> outlet, Start start)
    : shared_(std::make_shared<Shared>(std::move(outlet))) {
    {
        const SignalsBlocked blocked;
        thread_ = std::thread([shared = shared_, start = std::move(start)] { live(shared, start); });
    }
    try {
        await_opening();
    } catch (...) {
        shut(false);
        throw;
    }
}

ThreadDoor::~ThreadDoor() {
    if (shared_->exchange->is_forked()) {
        new std::thread(std::move(thread_));              // never destroyed: there is no such thread to detach
        new std::shared_ptr<Shared>(std::move(shared_));  // nor this: its mutex may be held
        return;
    }
    shut(false);
}

void ThreadDoor::await(Signal& signal) {
    while (wait(signal, std::nullopt, false) != Waited::raised) check_signals();
}

void ThreadDoor::await_opening() {
    await(shared_->opened);
    const auto lock = shared_->exchange->lock();
    if (shared_->open_error) raise(*shared_->open_error, shared_->open_where);
}

Ran ThreadDoor::run(Turn turn, bool is_command) {
    auto& shared = *shared_;
    auto command = std::make_shared<Command>(shared.exchange, std::move(turn), is_command);
    bool is_queued = false;
    {
        const auto lock = shared.exchange->lock();
        if (shared.runtime != nullptr) {
            is_queued = true;
            shared.commands.push_back(command);
            shared.runtime->interrupt();
        }
    }
    // Once the thread has ended, what remains is there to be asked.
    await(is_queued ? static_cast<Signal&>(*command) : shared.ended);
    const auto lock = shared.exchange->lock();
    return command->ran;
}

Waited ThreadDoor::wait(Signal& signal, std::optional<Time> deadline, bool one_round) {
    const auto start = SteadyClock::now();
    const auto interval = one_round ? hook_interval : look_interval;
    auto until = start + interval;
    bool is_last = false;
    if (deadline) {
        const auto left = std::chrono::nanoseconds((*deadline - now()).ns);
        is_last = left <= interval;
        if (is_last) until = start + left;
    }
    const WithoutGil free;
    auto lock = shared_->exchange->lock();
    const bool raised = shared_->exchange->changed().wait_until(lock, until, [&] { return signal.is_raised(); });
    if (raised) return Waited::raised;
    return is_last ? Waited::late : Waited::again;
}

Time ThreadDoor::now() const {
    const auto ahead = shared_->ahead.load(std::memory_order_relaxed);
    if (ahead == std::numeric_limits<std::int64_t>::min()) return {};
    // Never behind an event that was handed out already.
    return std::max(Time{steady_ns() + ahead}, shared_->outlet->published());
}

bool ThreadDoor::has_crashed() const { return shared_->has_crashed; }

void ThreadDoor::limit_sockets(std::size_t most) {
    const auto lock = shared_->exchange->lock();
    if (shared_->runtime != nullptr) shared_->runtime->limit_sockets(most);
}

bool ThreadDoor::shut(bool are_removed) {
    auto& shared = *shared_;
    std::thread thread;
    {
        const auto lock = shared.exchange->lock();
        shared.must_end = true;
        shared.are_removed = are_removed;
        if (shared.runtime != nullptr) shared.runtime->interrupt();
        std::swap(thread, thread_);
    }
    bool has_ended = false;
    {
        const WithoutGil free;
        auto lock = shared.exchange->lock();
        has_ended = shared.exchange->changed().wait_for(lock, join_limit, [&] { return shared.ended.is_raised(); });
    }
    if (thread.joinable()) {
        if (has_ended)
            thread.join();
        else
            thread.detach();
    }
    const auto lock = shared.exchange->lock();
    return shared.was_clean;
}

// ---- the engine thread ----

void ThreadDoor::live(const std::shared_ptr<Shared>& kept, const Start& start) {
    Shared& shared = *kept;
    pthread_setname_np(pthread_self(), "jst-engine");
    try {
        runtime_asio::AsioRuntime runtime(start.options);
        const Withdrawing withdrawing(shared);
        std::optional<runtime_fault::Gated> gated;
        if (start.instruments) {
            const auto now = [&] { return runtime.seam().clock.mono_now(); };
            const auto crash = [&](const std::string&) {
                shared.has_crashed = true;
                runtime.abandon();
            };
            gated.emplace(runtime.seam(), start.instruments, runtime_fault::Surroundings{start.name, now, crash});
        }
        auto& seam = gated ? gated->seam() : runtime.seam();
        engine::Session session(seam, start.settings, start.state_dir, start.peer_id);
        const Abandoning abandoning(runtime);
        shared.outlet->open(session, gated ? &*gated : nullptr);
        runtime.attach(*shared.outlet);
        if (open(shared, runtime, session, start.state_dir)) {
            run_rounds(shared, runtime, session);
            wind_up(shared, runtime, session);
        } else {
            shared.outlet->die();
        }
    } catch (const std::exception&) {
        shared.outlet->die();
    }
    end(shared);
}

bool ThreadDoor::open(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session,
                      const std::string& state_dir) {
    Result<void> opened{};
    if (!runtime.run_command([&] { opened = session.open(); })) opened = fail(Errc::internal);
    while (opened && !session.opened() && !must_end(shared)) runtime.run_round(milliseconds(100));
    if (shared.has_crashed) return true;
    if (opened) opened = session.opened().value_or(fail(Errc::canceled));
    const auto lock = shared.exchange->lock();
    if (opened) {
        shared.runtime = &runtime;
        return true;
    }
    shared.open_error = opened.error();
    const bool is_network = kind_of(opened.error().code) == ErrorKind::network;
    shared.open_where = is_network ? session.failed_address() : state_dir;
    return false;
}

bool ThreadDoor::must_end(Shared& shared) {
    const auto lock = shared.exchange->lock();
    return shared.must_end || shared.has_crashed;
}

// False when the end has come; then nothing was taken.
bool ThreadDoor::take_commands(Shared& shared) {
    const auto lock = shared.exchange->lock();
    if (shared.must_end || shared.has_crashed) return false;
    while (!shared.commands.empty() && shared.running.size() < commands_per_round) {
        shared.running.push_back(std::move(shared.commands.front()));
        shared.commands.pop_front();
    }
    return true;
}

void ThreadDoor::run_rounds(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session) {
    const auto tell_time = [&] {
        const auto ahead = runtime.seam().clock.mono_now().ns - steady_ns();
        if (ahead > shared.ahead.load(std::memory_order_relaxed)) shared.ahead.store(ahead, std::memory_order_relaxed);
    };
    tell_time();
    {
        const auto lock = shared.exchange->lock();
        shared.opened.raise();
    }
    while (take_commands(shared)) {
        for (const auto& command : shared.running) {
            if (shared.has_crashed) break;
            if (command->is_command) shared.outlet->note_command();
            const bool is_whole = runtime.run_command([&] { command->turn(session); });
            command->ran = is_whole ? Ran::done : Ran::broke;
        }
        runtime.run_round(shared.running.empty() ? idle_wait : Duration{});
        tell_time();
        if (shared.running.empty()) continue;
        const auto lock = shared.exchange->lock();
        for (const auto& command : shared.running) command->raise();
        shared.running.clear();
    }
}

void ThreadDoor::wind_up(Shared& shared, runtime_asio::AsioRuntime& runtime, engine::Session& session) {
    const bool was_clean = session.is_closed() && session.closed_cleanly();
    bool are_removed = false;
    {
        const auto lock = shared.exchange->lock();
        shared.runtime = nullptr;
        shared.was_clean = was_clean;
        are_removed = shared.are_removed || shared.has_crashed;
    }
    if (shared.has_crashed) session.events().take();  // of the round that never ended
    runtime.abandon();
    shared.outlet->close(are_removed);
}

// Nobody waits for this thread any more, however it came here.
void ThreadDoor::end(Shared& shared) noexcept {
    const auto lock = shared.exchange->lock();
    for (const auto& command : shared.running) command->raise();
    for (const auto& command : shared.commands) command->raise();
    shared.running.clear();
    shared.commands.clear();
    if (!shared.opened.is_raised() && !shared.open_error) shared.open_error = fail(Errc::internal);
    shared.opened.raise();
    shared.ended.raise();
}

}  // namespace jst::bind
