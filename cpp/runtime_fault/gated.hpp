// A runtime behind gates: what an engine submits passes here on its way to any runtime, and so do the completions.
//
// A held operation has not reached the runtime below, or has left it: it is pending for the engine and for nobody else.
// What must not overtake a held one waits with it: on one open file whatever but a read or write of other bytes, of one
// HashState everything.
// What ends here (a failed or a released completion) is carried by an empty hash of the runtime below, so that it too
// comes in a turn of its own. Passing changes no order and no time.
// Invariants: 1. it outlives the session that it is for; 2. after a crash nothing passes and nobody is told anything;
// 3. what is held when the runtime below is abandoned is dropped, and its memory is not touched again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime_fault/instruments.hpp"

namespace jst::runtime_fault {

/// What lies around: the time of the laboratory, and the end of the node (in the middle of a turn).
struct Surroundings {
    std::string node;
    std::function<Time()> now;
    std::function<void(const std::string& mode)> crash;
};

class Gated final {
  public:
    Gated(runtime::Runtime& below, std::shared_ptr<Instruments> instruments, Surroundings around);
    Gated(const Gated&) = delete;
    ~Gated();

    /// For the session.
    runtime::Runtime& seam() noexcept { return seam_; }
    bool holds(GateId gate) const noexcept;
    /// In a turn: performs what the gate holds, in order.
    void release(GateId gate);
    /// For a runtime that knows the moment: the operation took effect with that result. False: the node crashed.
    bool took_effect(runtime::DiskOp& op, Errc error);
    bool has_crashed() const noexcept { return crashed_; }

  private:
    class Disk;
    class Compute;
    class Net;
    class Listener;
    class Fan;
    enum class Kind : std::uint8_t { disk, hash, hash_more, accept, announce };
    enum class Stage : std::uint8_t { start, done };

    // An operation that came through here and has not been delivered.
    struct Passage {
        Gated* room = nullptr;
        runtime::Op* op = nullptr;
        runtime::Op::Handler handler = nullptr;
        Kind kind = Kind::disk;
        std::string host;                    // of an announce: whose name is looked up
        std::optional<GateVerdict> verdict;  // of its end
        runtime::HashOp courier;
    };
    struct Held {
        Passage* passage = nullptr;
        GateId gate = 0;
        Stage stage = Stage::start;
    };

    Passage& enter(runtime::Op& op, Kind kind);
    void leave(Passage& passage) noexcept;
    void submit(runtime::Op& op, Kind kind, std::string_view host = {});
    static Errc failure(Kind kind, Errc error) noexcept;
    void forward(Passage& passage);
    void hold(Passage& passage, GateId gate, Stage stage);
    const Held* blocker(const Passage& passage) const noexcept;
    void carry(Passage& passage);
    void deliver(Passage& passage, Time now);
    void landed(Passage& passage, Time now);
    void accept_canceled(runtime::AcceptOp& op);
    void accept_dropped(runtime::AcceptOp& op);
    void crash(const std::string& mode);

    GateVerdict ask_start(const Passage& passage);
    GateVerdict ask_done(const Passage& passage, Errc error);
    GateVerdict ask_announce(const Passage& passage);
    GateVerdict ask_disk(GatePoint point, const runtime::DiskOp& op);
    GateVerdict ask(GatePoint point, const runtime::Tag& tag, std::string path = {}, std::string_view op = {},
                    const std::optional<Endpoint>& peer = {});
    std::string path_of(const runtime::DiskOp& op) const;
    void note_files(const runtime::DiskOp& op, Errc error);

    runtime::Runtime& below_;
    std::shared_ptr<Instruments> instruments_;
    Surroundings around_;
    std::unique_ptr<Disk> disk_;
    std::unique_ptr<Compute> compute_;
    std::unique_ptr<Net> net_;
    std::unique_ptr<Fan> fan_;
    runtime::Runtime seam_;
    std::deque<Passage> passages_;
    std::vector<Passage*> free_;
    std::vector<Held> held_;  // in order of coming
    std::map<runtime::FileHandle, std::string> paths_;
    std::map<std::uint32_t, std::string> torrents_;
    std::map<std::uint32_t, Endpoint> peers_;
    bool crashed_ = false;
};

}  // namespace jst::runtime_fault
