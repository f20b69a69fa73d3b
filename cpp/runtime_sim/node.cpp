#include "runtime_sim/node.hpp"

#include <algorithm>
#include <utility>

namespace jst::runtime_sim {
namespace {

constexpr WallTime wall_epoch{1'750'000'000'000'000'000};

}  // namespace

Node::Node(Commons& commons, NodeId id, std::string_view name)
    : commons_(commons),
      id_(id),
      name_(name),
      round_luck_(commons.seed, name_hash(name), "rounds"),
      secrets_(commons.seed, name_hash(name), "secrets") {}

// ---- operations ----

void Node::count_pending(OpKind kind, std::int64_t by) noexcept {
    if (is_waiting(kind)) return;
    pending_ += static_cast<std::uint64_t>(by);
    commons_.pending += static_cast<std::uint64_t>(by);
}

bool Node::submitted(runtime::Op& op, OpKind kind) {
    if (!up_) return false;
    JST_CHECK(!op.pending, "an operation is submitted again only after its completion");
    JST_CHECK(op.on_done != nullptr, "an operation has a handler");
    op.pending = true;
    op.error = Errc::ok;
    count_pending(kind, 1);
    return true;
}

std::uint64_t Node::finished(runtime::Op& op, OpKind kind, Errc error, std::uint64_t size, std::uint64_t owner,
                             bool to_service) {
    op.error = error;
    return push({&op, size, owner, kind, nullptr, to_service});
}

void Node::finished_broken(runtime::Op& op, OpKind kind, const char* what) {
    op.error = Errc::internal;
    push({&op, 0, 0, kind, what, false});
}

std::uint64_t Node::push(const Completion& completion) {
    queue_.push_back(completion);
    list();
    return begun_ + queue_.size();
}

void Node::list() {
    if (listed_ || !has_turns()) return;
    listed_ = true;
    commons_.ready.push_back(id_);
}

void Node::forget(std::uint64_t owner) {
    for (auto& waiting : queue_) {
        if (waiting.owner != owner || waiting.op == nullptr) continue;
        count_pending(waiting.kind, -1);
        waiting = {nullptr, 0, 0, OpKind::command, nullptr, false};
    }
}

void Node::cancel_waiting(std::uint64_t owner) {
    for (auto& waiting : queue_) {
        if (waiting.owner != owner || waiting.op == nullptr) continue;
        waiting.op->error = Errc::canceled;
        if (waiting.kind != OpKind::accept) continue;
        auto& accepted = static_cast<runtime::AcceptOp&>(*waiting.op);
        if (accepted.stream) accepted.stream->close(runtime::CloseMode::abort);
        accepted.stream.reset();
    }
}

// ---- turns ----

void Node::attach(runtime::Host& host) {
    JST_CHECK(host_ == nullptr, "a node has one host at a time");
    ledger_.begin_life();
    up_ = true;
    host_ = &host;
    list();
}

void Node::abandon() {
    host_ = nullptr;
    up_ = false;
    ++incarnation_;
    secrets_ = Prng(mix(commons_.seed, incarnation_), name_hash(name_), "secrets");
    begun_ += queue_.size();
    queue_.clear();
    commons_.pending -= pending_;
    pending_ = 0;
    wake_queued_ = false;
    wanted_ = armed_ = Time::never();
}

void Node::record(OpKind kind, const runtime::Tag& tag, Errc error, std::uint64_t size) {
    auto& print = commons_.fingerprint;
    print.add(std::uint64_t{id_.value} << 32 | std::uint64_t{static_cast<std::uint16_t>(error)} << 8 |
              static_cast<std::uint8_t>(kind));
    print.add(static_cast<std::uint64_t>(commons_.timeline.now().ns));
    print.add(std::uint64_t{tag.torrent} << 32 | tag.piece);
    print.add(std::uint64_t{tag.begin} << 32 | tag.peer);
    print.add(size);
}

void Node::run_turn(const Completion& completion) {
    const Time now = mono_now();
    if (completion.op == nullptr) {
        if (completion.kind != OpKind::wake) return;
        wake_queued_ = false;
        if (wanted_ > now) {
            arm();
            return;
        }
        wanted_ = Time::never();
        count_wake();
        record(OpKind::wake, {}, Errc::ok, 0);
        guarded({}, [&] { host_->on_wake(now); });
    } else {
        wakes_in_a_row_ = 0;
        record(completion.kind, completion.op->tag, completion.op->error, completion.size);
        count_pending(completion.kind, -1);
        turn_owner_ = completion.owner;
        if (completion.kind == OpKind::write) ledger_.sent(completion.size, completion.to_service);
        if (completion.broken != nullptr) {
            ++broken_rules_;
            host_->on_broken_rule(completion.op->tag, completion.broken);
        }
        if (!runtime::complete(*host_, *completion.op, now)) ++broken_rules_;
        turn_owner_ = 0;
    }
    ++turns_;
}

void Node::run_round() {
    JST_CHECK(!running_, "a round is not started from within a turn");
    const std::uint64_t ready = std::min<std::uint64_t>(queue_.size(), runtime::max_turns_per_round);
    const std::uint64_t most = ready > 1 ? round_luck_.between(1, ready) : ready;
    const auto life = incarnation_;
    const Running running(running_);
    for (std::uint64_t i = 0; i < most && life == incarnation_ && !queue_.empty(); ++i) {
        const Completion next = queue_.front();
        queue_.pop_front();
        ++begun_;
        run_turn(next);
    }
    if (life == incarnation_) end_round();
}

void Node::begin_command() {
    JST_CHECK(host_ != nullptr, "a command needs an attached host");
    JST_CHECK(!running_, "a command is not given from within a turn");
    ++turns_;
    wakes_in_a_row_ = 0;
    ledger_.commanded();
    record(OpKind::command, {}, Errc::ok, 0);
}

void Node::end_round() {
    if (host_ == nullptr) return;
    commons_.fingerprint.add(id_.value);
    guarded({}, [&] { host_->on_round_end(mono_now()); });
}

// ---- clocks ----

WallTime Node::wall_now() const noexcept { return {wall_epoch.ns + commons_.timeline.now().ns + wall_ahead_.ns}; }

void Node::wake_at(Time when) {
    if (!up_) return;
    wanted_ = when;
    arm();
}

// One event at a time stands in the queue, the earliest asked for; a later wish is looked up when it fires.
void Node::arm() {
    if (wanted_.is_never() || wake_queued_) return;
    if (wanted_ <= mono_now()) {
        queue_wake();
        return;
    }
    const Time due = wanted_ + (Duration{} - mono_ahead_);
    if (due >= armed_) return;
    armed_ = due;
    commons_.timeline.schedule(due, *this, 0, incarnation_);
}

void Node::queue_wake() {
    wake_queued_ = true;
    push({});
}

// Who wants to be woken at once, again and again, lets no time pass: nothing else can happen in this world any more.
void Node::count_wake() {
    if (std::exchange(woken_at_, commons_.timeline.now()) != commons_.timeline.now()) wakes_in_a_row_ = 0;
    JST_CHECK(++wakes_in_a_row_ <= max_wakes_in_a_row, "a host lets time pass");
}

void Node::on_event(const Event& event) {
    if (event.key != incarnation_ || event.when != armed_) return;
    armed_ = Time::never();
    arm();
}

void Node::jump_mono(Duration by) {
    JST_CHECK(by.ns >= 0, "the monotonic clock goes forward");
    mono_ahead_ = mono_ahead_ + by;
    arm();
}

// ---- luck ----

Prng Node::stream(std::uint64_t entity, std::string_view purpose) {
    return Prng(mix(mix(commons_.seed, name_hash(name_)), incarnation_), entity, purpose);
}

void Node::secret(MutableBytes out) {
    for (auto& byte : out) byte = static_cast<Byte>(secrets_.next() >> 56);
}

}  // namespace jst::runtime_sim
