// The end of an engine's rounds: everything that leaves the engine leaves here, in both worlds.
//
// Stands between a runtime and its engine::Session as the Host, and at the end of each round hands events to the
// streams that want them, judges what is waited for, and publishes health and time. No stream and no wait: no work.
// Invariants: 1. add(), judge and on_... are called on the engine thread; 2. no Python object is touched.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "bind/event_stream.hpp"
#include "bind/remains.hpp"
#include "bind/wait.hpp"
#include "engine/session.hpp"
#include "runtime/host.hpp"
#include "runtime_fault/gated.hpp"

namespace jst::bind {

class Outlet final : public runtime::Host {
  public:
    explicit Outlet(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

    const std::shared_ptr<Exchange>& exchange() const noexcept { return exchange_; }

    // -- on the engine thread
    /// `gated`: what a laboratory put between the session and its runtime.
    void open(engine::Session& session, runtime_fault::Gated* gated = nullptr);
    runtime_fault::Gated* gated() const noexcept { return gated_; }
    /// Takes what remains, ends all streams and waits. The session may be destroyed then.
    void close(bool are_removed);
    /// An engine that could not even start, or died: nothing remains, and it is not well.
    void die() noexcept;
    /// Before open(): it hears everything from the first round on.
    void add(std::shared_ptr<EventStream> stream);
    void add(std::shared_ptr<Until> until);
    /// A torrent that Python was told of: it is asked for when the engine is gone, too.
    void note(TorrentKey torrent);
    /// Commands ran in this round: what is waited for may hold now.
    void note_command() noexcept { commanded_ = true; }
    engine::Session& session() const noexcept { return *session_; }

    // -- on any thread
    bool is_healthy() const noexcept { return healthy_.load(std::memory_order_relaxed); }
    Time published() const noexcept { return {published_.load(std::memory_order_relaxed)}; }
    /// Nothing before close(); then it never changes.
    const Remains* remains() const noexcept {
        return has_ended_.load(std::memory_order_acquire) ? remains_.get() : nullptr;
    }
    bool has_ended() const noexcept { return has_ended_.load(std::memory_order_acquire); }

    // -- runtime::Host
    void on_wake(Time now) override { session_->on_wake(now); }
    void on_round_end(Time now) override;
    void on_broken_rule(const runtime::Tag& tag, const char* what) noexcept override;

  private:
    void end();
    void deliver(std::vector<engine::Event> events, Round& round);
    void judge(const Round& round);
    void prune();
    void listen();

    std::shared_ptr<Exchange> exchange_;
    engine::Session* session_ = nullptr;
    runtime_fault::Gated* gated_ = nullptr;
    std::vector<std::shared_ptr<EventStream>> streams_;
    std::vector<std::shared_ptr<Until>> untils_;
    std::vector<TorrentKey> known_;
    std::unique_ptr<const Remains> remains_;
    bool commanded_ = false;
    std::atomic<bool> healthy_{true};
    std::atomic<bool> has_ended_{false};
    std::atomic<std::int64_t> published_{0};
};

}  // namespace jst::bind
