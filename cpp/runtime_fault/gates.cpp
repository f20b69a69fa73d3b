#include "runtime_fault/gates.hpp"

namespace jst::runtime_fault {
namespace {

bool ends_with_components(std::string_view path, std::string_view tail) {
    if (path == tail) return true;
    return path.size() > tail.size() && path.ends_with(tail) && path[path.size() - tail.size() - 1] == '/';
}

template <class Wanted, class Found>
bool fits(const std::optional<Wanted>& wanted, const Found& found) {
    return !wanted || *wanted == found;
}

}  // namespace

const std::vector<GatePointRow>& gate_points() {
    static const std::vector<GatePointRow> rows = {
#define JST_GATE(name, word, place, when, keys) {word, GatePlace::place, when, keys},
#include "runtime_fault/gates.def"
#undef JST_GATE
    };
    return rows;
}

bool GateConditions::hold_for(const GateFacts& facts) const {
    if (!fits(node, facts.node) || !fits(torrent, facts.torrent) || !fits(op, facts.op)) return false;
    if (!fits(piece, facts.piece) || !fits(begin, facts.begin)) return false;
    if (path && !(path->starts_with('/') ? facts.path == *path : ends_with_components(facts.path, *path))) return false;
    if (!host) return true;
    return facts.peer && facts.peer->host == *host && (!port || facts.peer->port == *port);
}

GateId Gates::add(GateSpec spec) {
    const std::lock_guard lock(mutex_);
    armed_[static_cast<std::size_t>(spec.point)].fetch_add(1, std::memory_order_relaxed);
    gates_[++last_].spec = std::move(spec);
    return last_;
}

void Gates::remove(GateId id) {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(id);
    if (found == gates_.end() || found->second.is_removed) return;
    armed_[static_cast<std::size_t>(found->second.spec.point)].fetch_sub(1, std::memory_order_relaxed);
    found->second.is_removed = true;
}

void Gates::open(GateId id) {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(id);
    if (found != gates_.end()) found->second.is_open = found->second.spec.action == GateAction::hold;
}

bool Gates::is_closed(GateId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(id);
    return found != gates_.end() && !found->second.is_open && !found->second.is_removed;
}

std::vector<GateFacts> Gates::hits(GateId id, std::size_t from) const {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(id);
    if (found == gates_.end() || from >= found->second.hits.size()) return {};
    const auto& hits = found->second.hits;
    return {hits.begin() + static_cast<std::ptrdiff_t>(from), hits.end()};
}

std::size_t Gates::hit_count(GateId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = gates_.find(id);
    return found == gates_.end() ? 0 : found->second.hits.size();
}

GateVerdict Gates::ask(GatePoint point, const GateFacts& facts) {
    const std::lock_guard lock(mutex_);
    GateVerdict verdict;
    for (auto& [id, gate] : gates_) {
        const GateSpec& spec = gate.spec;
        if (gate.is_removed || spec.point != point || !spec.where.hold_for(facts)) continue;
        ++gate.matches;
        if (gate.matches < spec.nth || (spec.times && gate.matches - spec.nth >= *spec.times)) continue;
        gate.hits.push_back(facts);
        if (verdict.action != GateAction::observe || spec.action == GateAction::observe || gate.is_open) continue;
        verdict = {spec.action, id, spec.error, spec.mode};
    }
    return verdict;
}

}  // namespace jst::runtime_fault
