// A host that is driven from Python, for the conformance suite: it submits operations and logs their completions.
//
// The same door stands on every runtime; a LabWorld is what differs between them. Calls from Python outside a turn
// become commands; inside a turn (a `then` function) they are part of it. Python runs on the engine thread here, which
// only a laboratory may do.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "bind/py.hpp"
#include "runtime/runtime.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {

/// A runtime and how to run its rounds.
class LabWorld {
  public:
    virtual ~LabWorld() = default;
    virtual runtime::Runtime& seam() = 0;
    virtual void attach(runtime::Host& host) = 0;
    virtual bool round(Duration longest_wait) = 0;
    virtual void command(const std::function<void()>& turn) = 0;
    virtual void abandon() = 0;
    virtual void interrupt() {}
};

std::unique_ptr<LabWorld> make_asio_world(std::uint64_t seed, std::size_t max_sockets,
                                          Duration slow_disk = milliseconds(2));
/// A world of its own with one node, at 127.0.0.1.
std::unique_ptr<LabWorld> make_sim_world(std::uint64_t seed, std::size_t max_sockets);
/// A node of a world that others live in too.
std::unique_ptr<LabWorld> make_sim_world(const std::shared_ptr<runtime_sim::World>& world, std::uint32_t node);

struct LabEvent {
    std::string kind;
    std::uint64_t id = 0;
    Errc error = Errc::ok;
    std::uint64_t value = 0;  // stream, file, bytes, ...
    py::object data = py::none();
    double now = 0;
    std::uint64_t turn = 0;
    std::uint64_t round = 0;
    bool is_inline = false;  // on_done came while the operation was being submitted
    bool intact = true;      // the buffers given are as they were given
    runtime::Lent lent;      // the bytes of a read, if they were not copied
};

class LabHost final : public runtime::Host {
  public:
    explicit LabHost(std::unique_ptr<LabWorld> world);
    ~LabHost() override;

    // ---- rounds ----
    bool round(double longest_wait) { return world_->round(from_seconds(longest_wait)); }
    void interrupt() { world_->interrupt(); }
    void abandon() { world_->abandon(); }
    void command(const py::function& turn);
    py::list take_events();
    void wake_after(double delay);
    /// At this instant, each time from within the wake-up before.
    void wake_over_and_over(std::uint64_t times);
    double now() const { return world_->seam().clock.mono_now().seconds(); }
    double wall() const { return world_->seam().clock.wall_now().seconds(); }
    std::size_t open_sockets() const { return world_->seam().net.open_sockets(); }
    std::size_t disk_pending() const { return world_->seam().disk.pending(); }
    std::size_t hash_pending() const { return world_->seam().compute.pending(); }
    std::vector<std::uint64_t> luck(std::uint64_t entity, const std::string& purpose, int n);
    py::bytes secret(std::size_t n);

    // ---- sockets: ids of things, or of operations ----
    std::uint64_t listen(const std::string& at);
    std::uint64_t accept(std::uint64_t listener, py::object then);
    std::uint64_t connect(const std::string& to, const std::string& from, py::object then);
    void cancel_connect(std::uint64_t op);
    std::uint64_t resolve(const std::string& name);
    /// TLS over a stream, which is gone; the completion names the new one, or says what was wrong.
    std::uint64_t secure(std::uint64_t stream, const std::string& host);
    void cancel_secure(std::uint64_t op);
    std::uint64_t readable(std::uint64_t stream, const std::vector<std::size_t>& sizes, py::object then);
    py::object read_now(std::uint64_t stream, const std::vector<std::size_t>& sizes);
    std::uint64_t write(std::uint64_t stream, const std::vector<py::bytes>& spans, py::object then);
    /// What a read lent, without a look at it.
    std::uint64_t write_lent(std::uint64_t stream, const LabEvent& read);
    void shutdown_send(std::uint64_t stream);
    void close(std::uint64_t thing, bool abort);
    void cancel(std::uint64_t stream);
    void drop(std::uint64_t thing);
    void low_water(std::uint64_t stream, std::size_t bytes);
    std::string local(std::uint64_t thing);
    std::string remote(std::uint64_t stream);
    std::uint64_t open_udp(const std::string& at);
    std::uint64_t udp_readable(std::uint64_t socket, std::size_t most);
    std::size_t udp_send(std::uint64_t socket, const std::vector<std::pair<std::string, py::bytes>>& batch);

    // ---- files and hashes ----
    std::uint64_t disk(const std::string& action, const py::dict& arguments);
    std::uint64_t hash(const std::vector<py::bytes>& spans, bool sha1, bool sha256, bool leaves, bool bulk,
                       runtime::Patience patience);
    /// Breaks the rule that buffers stay as they were given.
    void spoil(std::uint64_t op);
    std::uint64_t new_state();
    std::uint64_t hash_more(std::uint64_t state, const std::vector<py::bytes>& spans, bool last, bool bulk);

    // ---- Host ----
    void on_wake(Time now) override;
    void on_round_end(Time now) override;
    void on_broken_rule(const runtime::Tag& tag, const char* what) noexcept override;

  private:
    struct Pending;
    template <class OpType>
    struct Operation;

    template <class OpType>
    Operation<OpType>& make(const char* kind, py::object then);
    template <class Submit>
    void submit(Submit&& what);
    static void on_done(runtime::Op& op, Time now);
    void report(Pending& operation, runtime::Op& op, Time now);
    LabEvent& log(std::string kind, std::uint64_t id, Time now);
    std::uint64_t keep(std::unique_ptr<runtime::Stream> stream);
    runtime::Stream& stream(std::uint64_t id);

    std::unique_ptr<LabWorld> world_;
    std::uint64_t last_id_ = 0;
    std::uint64_t turn_ = 0;
    std::uint64_t round_ = 0;
    std::uint64_t wakes_again_ = 0;
    int submitting_ = 0;
    bool in_turn_ = false;
    std::vector<LabEvent> events_;
    std::map<std::uint64_t, std::unique_ptr<Pending>> operations_;
    std::map<std::uint64_t, std::unique_ptr<runtime::Stream>> streams_;
    std::map<std::uint64_t, std::unique_ptr<runtime::Listener>> listeners_;
    std::map<std::uint64_t, std::unique_ptr<runtime::UdpSocket>> ports_;
    std::map<std::uint64_t, std::unique_ptr<runtime::HashState>> states_;
};

}  // namespace jst::bind
