#include "runtime_fault/gated.hpp"

#include <algorithm>

#include "runtime_fault/gated_parts.hpp"

namespace jst::runtime_fault {

using runtime::DiskAction;
using runtime::DiskOp;
using runtime::HashMoreOp;
using runtime::HashOp;
using runtime::Op;
using runtime::ResolveOp;

Gated::Gated(runtime::Runtime& below, std::shared_ptr<Instruments> instruments, Surroundings around)
    : below_(below),
      instruments_(std::move(instruments)),
      around_(std::move(around)),
      disk_(std::make_unique<Disk>(*this)),
      compute_(std::make_unique<Compute>(*this)),
      net_(std::make_unique<Net>(*this)),
      fan_(std::make_unique<Fan>(*this)),
      seam_{below.clock, *net_, *disk_, *compute_, below.entropy, fan_.get()} {
    for (const auto& watcher : instruments_->watchers) fan_->add(watcher->watch(around_.node, below));
}

Gated::~Gated() = default;

// ---- the way down ----

Gated::Passage& Gated::enter(Op& op, Kind kind) {
    JST_CHECK(!op.pending, "an operation is submitted again only after its completion");
    JST_CHECK(op.on_done != nullptr, "an operation has a handler");
    if (free_.empty()) free_.push_back(&passages_.emplace_back());
    Passage& passage = *free_.back();
    free_.pop_back();
    passage.room = this;
    passage.op = &op;
    passage.handler = op.on_done;
    passage.kind = kind;
    passage.verdict.reset();
    op.watch = &passage;
    op.on_done = [](Op& ended, Time now) {
        auto& its = *static_cast<Passage*>(ended.watch);
        its.room->landed(its, now);
    };
    return passage;
}

void Gated::leave(Passage& passage) noexcept {
    passage.op = nullptr;
    free_.push_back(&passage);
}

// What a gate fails with is a word of disks; a network has others.
Errc Gated::failure(Kind kind, Errc error) noexcept {
    return kind == Kind::announce && kind_of(error) == ErrorKind::disk ? Errc::network_other : error;
}

void Gated::submit(Op& op, Kind kind, std::string_view host) {
    if (crashed_) return;
    Passage& passage = enter(op, kind);
    passage.host = host;
    const GateVerdict verdict = ask_start(passage);
    switch (verdict.action) {
        case GateAction::observe:
            if (const Held* first = blocker(passage)) return hold(passage, first->gate, Stage::start);
            return forward(passage);
        case GateAction::hold:
            return hold(passage, verdict.gate, Stage::start);
        case GateAction::fail:
            op.error = failure(kind, verdict.error);
            op.pending = true;
            if (kind == Kind::disk) static_cast<DiskOp&>(op).transferred = 0;
            return carry(passage);
        case GateAction::crash:
            return crash(verdict.mode);
    }
}

void Gated::forward(Passage& passage) {
    switch (passage.kind) {
        case Kind::disk:
            return below_.disk.submit(static_cast<DiskOp&>(*passage.op));
        case Kind::hash:
            return below_.compute.hash(static_cast<HashOp&>(*passage.op));
        case Kind::hash_more:
            return below_.compute.hash_more(static_cast<HashMoreOp&>(*passage.op));
        case Kind::announce:
            return below_.net.resolve(static_cast<ResolveOp&>(*passage.op), passage.host);
        case Kind::accept:
            JST_CHECK(false, "an accept is submitted by its listener");
    }
}

void Gated::hold(Passage& passage, GateId gate, Stage stage) {
    passage.op->pending = true;
    held_.push_back({&passage, gate, stage});
}

const Gated::Held* Gated::blocker(const Passage& passage) const noexcept {
    const auto stands_before = [&](const Held& held) {
        if (held.stage != Stage::start || held.passage->kind != passage.kind) return false;
        if (passage.kind == Kind::hash_more)
            return static_cast<HashMoreOp&>(*held.passage->op).state == static_cast<HashMoreOp&>(*passage.op).state;
        if (passage.kind != Kind::disk) return false;
        return must_follow(static_cast<DiskOp&>(*held.passage->op), static_cast<DiskOp&>(*passage.op));
    };
    const auto found = std::find_if(held_.begin(), held_.end(), stands_before);
    return found == held_.end() ? nullptr : &*found;
}

bool Gated::holds(GateId gate) const noexcept {
    return std::any_of(held_.begin(), held_.end(), [&](const Held& held) { return held.gate == gate; });
}

void Gated::release(GateId gate) {
    const std::vector<Held> before = std::exchange(held_, {});
    for (const Held& held : before) {
        if (held.gate != gate) {
            held_.push_back(held);
        } else if (held.stage == Stage::done) {
            carry(*held.passage);
        } else if (const Held* first = blocker(*held.passage)) {
            held_.push_back({held.passage, first->gate, held.stage});
        } else {
            held.passage->op->pending = false;
            forward(*held.passage);
        }
    }
}

// ---- the way up ----

void Gated::carry(Passage& passage) {
    passage.courier.owner = &passage;
    passage.courier.tag = passage.op->tag;
    passage.courier.on_done = [](Op& courier, Time now) {
        auto& its = *static_cast<Passage*>(courier.owner);
        its.room->deliver(its, now);
    };
    below_.compute.hash(passage.courier);
}

void Gated::deliver(Passage& passage, Time now) {
    Op& op = *passage.op;
    op.on_done = passage.handler;
    op.watch = nullptr;
    op.pending = false;
    leave(passage);
    op.on_done(op, now);
}

void Gated::landed(Passage& passage, Time now) {
    if (!passage.verdict) {
        passage.verdict = ask_done(passage, passage.op->error);
        if (passage.verdict->action == GateAction::crash) return crash(passage.verdict->mode);
    }
    // It may have been released since it took effect.
    const bool holds =
        passage.verdict->action == GateAction::hold && instruments_->gates.is_closed(passage.verdict->gate);
    if (holds) return hold(passage, passage.verdict->gate, Stage::done);
    if (passage.verdict->action == GateAction::fail) passage.op->error = passage.verdict->error;
    deliver(passage, now);
}

bool Gated::took_effect(DiskOp& op, Errc error) {
    auto* passage = static_cast<Passage*>(op.watch);
    if (passage == nullptr || crashed_) return !crashed_;
    passage->verdict = ask_done(*passage, error);
    if (passage->verdict->action != GateAction::crash) return true;
    crash(passage->verdict->mode);
    return false;
}

void Gated::accept_canceled(runtime::AcceptOp& op) {
    const auto is_it = [&](const Held& held) { return held.passage->op == &op; };
    if (std::erase_if(held_, is_it) == 0) return;
    op.error = Errc::canceled;
    if (op.stream) op.stream->close(runtime::CloseMode::abort);
    op.stream.reset();
    carry(*static_cast<Passage*>(op.watch));
}

void Gated::accept_dropped(runtime::AcceptOp& op) {
    std::erase_if(held_, [&](const Held& held) { return held.passage->op == &op; });
}

void Gated::crash(const std::string& mode) {
    crashed_ = true;
    held_.clear();
    around_.crash(mode);
}

}  // namespace jst::runtime_fault
