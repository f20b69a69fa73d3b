#include "runtime_sim/topology.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace jst::runtime_sim {
namespace {

// A segment is as long as the narrowest line carries in two milliseconds: short messages of other streams then wait
// little, and a fast line still moves in large strides.
constexpr std::uint64_t least_quantum = 1400;
constexpr std::uint64_t most_quantum = 65536;
constexpr std::uint64_t quanta_per_second = 500;

std::uint64_t narrower(std::uint64_t a, std::uint64_t b) noexcept { return a == 0 || (b != 0 && b < a) ? b : a; }

Duration random_part(Prng& luck, Duration most) noexcept {
    return most.ns <= 0 ? Duration{}
                        : nanoseconds(static_cast<std::int64_t>(luck.below(static_cast<std::uint64_t>(most.ns) + 1)));
}

}  // namespace

Time Line::reserve(Time from, std::uint64_t bytes) noexcept {
    if (rate == 0) return from;
    const Time start = std::max(from, free_at);
    // Split, so that no product leaves 64 bits.
    const std::uint64_t whole = bytes / rate;
    const std::uint64_t rest = bytes % rate;
    const std::uint64_t part =
        rest < 18'000'000'000ull ? (rest * 1'000'000'000ull + rate - 1) / rate : rest / (rate / 1'000'000'000ull);
    free_at = start + nanoseconds(static_cast<std::int64_t>(whole * 1'000'000'000ull + part));
    return free_at;
}

void Topology::add_node(NodeId id, const IpAddress& host, std::string_view name) {
    JST_CHECK(id.value == nodes_.size(), "nodes are numbered in order");
    nodes_.push_back({host, name_hash(name), {}});
    by_host_[host].push_back(id);
    by_name_.emplace(std::string(name), host);
}

const std::vector<NodeId>& Topology::nodes_at(const IpAddress& host) const {
    static const std::vector<NodeId> nobody;
    const auto found = by_host_.find(host);
    return found == by_host_.end() ? nobody : found->second;
}

const IpAddress* Topology::find_name(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
}

Link& Topology::link(NodeId from, NodeId to) {
    const std::uint64_t ends = std::uint64_t{from.value} << 32 | to.value;
    const auto [place, is_new] = by_ends_.try_emplace(ends, links_.size());
    if (is_new) {
        auto& made = links_.emplace_back();
        made.from = from;
        made.to = to;
        made.luck = Prng(mix(seed_, nodes_[from.value].luck_key), nodes_[to.value].luck_key, "link");
        made.noise = Prng(mix(seed_, nodes_[from.value].luck_key), nodes_[to.value].luck_key, "noise");
        refresh(made);
    }
    return links_[place->second];
}

void Topology::set_link(NodeId from, NodeId to, const LinkSettings& settings) {
    auto& changed = link(from, to);
    changed.settings = settings;
    changed.was_set = true;
    refresh();
}

void Topology::set_access(NodeId id, const AccessSettings& settings) {
    auto& changed = access(id);
    changed.settings = settings;
    changed.was_set = true;
    changed.up.rate = settings.up;
    changed.down.rate = settings.down;
    refresh();
}

void Topology::set_fragments(NodeId from, NodeId to, std::vector<std::uint32_t> sizes) {
    for (auto& size : sizes) size = std::max<std::uint32_t>(size, 1);
    link(from, to).fragments = std::move(sizes);
}

void Topology::split(NodeId from, NodeId to, std::uint64_t bytes) {
    auto& changed = link(from, to);
    changed.split_in = bytes;
    changed.was_split = true;
}

void Topology::cut(NodeId from, NodeId to, Traffic traffic) {
    auto& changed = link(from, to);
    if (traffic != Traffic::datagrams) changed.streams_cut = true;
    if (traffic != Traffic::streams) changed.datagrams_cut = true;
}

void Topology::heal() {
    for (auto& each : links_) {
        each.streams_cut = each.datagrams_cut = false;
        each.corrupt = 0;
        each.cut.reset();
    }
}

Duration Topology::latency(Link& between) {
    const auto& a = access(between.from).settings;
    const auto& b = access(between.to).settings;
    const auto& own = between.settings;
    return own.latency + a.latency + b.latency + random_part(between.luck, own.jitter) +
           random_part(between.luck, a.jitter) + random_part(between.luck, b.jitter);
}

void Topology::refresh() {
    for (auto& each : links_) refresh(each);
}

// What follows from the settings of a link, of its way back and of both access lines.
void Topology::refresh(Link& changed) {
    const auto& a = access(changed.from);
    const auto& b = access(changed.to);
    const auto rate = narrower(narrower(changed.settings.rate, a.settings.up), b.settings.down);
    changed.line.rate = changed.settings.rate;
    changed.quantum = rate == 0 ? most_quantum : std::clamp(rate / quanta_per_second, least_quantum, most_quantum);
    if (changed.settings.window != 0) {
        changed.window = changed.settings.window;
        return;
    }
    changed.window = default_window;
    if (!changed.was_set && !a.was_set && !b.was_set) return;
    const auto back = by_ends_.find(std::uint64_t{changed.to.value} << 32 | changed.from.value);
    const auto& way_back = back == by_ends_.end() ? LinkSettings{} : links_[back->second].settings;
    const Duration round_trip =
        changed.settings.latency + way_back.latency + a.settings.latency * 2 + b.settings.latency * 2;
    const auto microseconds_of_trip = static_cast<std::uint64_t>(std::max<std::int64_t>(round_trip.ns, 0)) / 1000;
    const std::uint64_t per_millisecond = rate == 0 ? most_window : rate / 1000 + 1;
    const std::uint64_t wanted = microseconds_of_trip / 1000 >= most_window / per_millisecond
                                     ? most_window
                                     : 2 * per_millisecond * (microseconds_of_trip / 1000 + 1);
    changed.window = std::clamp(wanted, default_window, most_window);
}

}  // namespace jst::runtime_sim
