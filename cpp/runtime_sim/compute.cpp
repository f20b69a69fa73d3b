#include "runtime_sim/compute.hpp"

#include "codec/sha.hpp"

namespace jst::runtime_sim {
namespace {

struct State final : runtime::HashState {
    codec::Sha1State sha1;
};

}  // namespace

void Compute::set(const ComputeSettings& settings) {
    settings_ = settings;
    line_.rate = settings.rate;
}

void Compute::hash(runtime::HashOp& op) {
    JST_CHECK(op.leaves.empty() || op.leaves.size() == op.spans.size(), "one leaf for each span");
    if (node_.submitted(op, OpKind::hash)) start({&op, nullptr, {}, 0}, op.spans);
}

std::unique_ptr<runtime::HashState> Compute::new_state() { return std::make_unique<State>(); }

void Compute::hash_more(runtime::HashMoreOp& op) {
    JST_CHECK(op.state != nullptr, "hash_more goes on with a state");
    if (node_.submitted(op, OpKind::hash_more)) start({nullptr, &op, {}, 0}, op.spans);
}

void Compute::start(Job job, std::span<const Bytes> spans) {
    for (const auto& span : spans) job.bytes += span.size();
    job.submitted = checksum(spans);
    const auto key = jobs_.emplace(job);
    const Time done = line_.reserve(commons_.timeline.now(), job.bytes) + settings_.latency;
    commons_.timeline.schedule(done, *this, node_.incarnation(), key.packed());
}

void Compute::on_event(const Event& event) {
    if (event.kind != node_.incarnation()) return;
    const auto key = JobKey::unpack(event.key);
    const auto* found = jobs_.find(key);
    if (found == nullptr) return;
    const Job job = *found;
    jobs_.erase(key);
    finish(job);
}

void Compute::finish(const Job& job) {
    runtime::Op& op = job.whole != nullptr ? static_cast<runtime::Op&>(*job.whole) : *job.more;
    const auto spans = job.whole != nullptr ? job.whole->spans : job.more->spans;
    const OpKind kind = job.whole != nullptr ? OpKind::hash : OpKind::hash_more;
    if (checksum(spans) != job.submitted) {
        node_.finished_broken(op, kind, "a buffer changed while it was being hashed");
        return;
    }
    if (job.whole != nullptr)
        finish(*job.whole, job.submitted);
    else
        finish(*job.more);
    node_.finished(op, kind, Errc::ok, job.bytes);
}

void Compute::finish(runtime::HashOp& op, const Checksum& sum) {
    if (op.want_sha1) op.sha1 = cache_.sha1(sum, op.spans);
    if (op.want_sha256) op.sha256 = cache_.sha256(sum, op.spans);
    for (std::size_t i = 0; i < op.leaves.size(); ++i) {
        const auto leaf = op.spans.subspan(i, 1);
        op.leaves[i] = cache_.sha256(checksum(leaf), leaf);
    }
}

void Compute::finish(runtime::HashMoreOp& op) {
    auto& state = static_cast<State&>(*op.state);
    for (const auto& span : op.spans) state.sha1.update(span);
    if (op.last) op.sha1 = state.sha1.finish();
}

}  // namespace jst::runtime_sim
