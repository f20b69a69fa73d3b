#include "runtime_sim/world.hpp"

#include <deque>

#include "runtime_sim/compute.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/network.hpp"

namespace jst::runtime_sim {
namespace {

// One inhabitant with everything that is its own.
struct Place {
    Place(Commons& commons, Network& network, DigestCache& cache, NodeId id, std::string_view name)
        : node(commons, id, name),
          net(network, id),
          disk(commons, node),
          compute(commons, node, cache),
          seam{node, net, disk, compute, node, nullptr} {}

    Node node;
    NodeNet net;
    Disk disk;
    Compute compute;
    runtime::Runtime seam;
};

}  // namespace

struct World::Parts {
    explicit Parts(std::uint64_t seed) : commons(seed), network(commons), luck(seed, 0, "world") {}

    Place& place(NodeId id) {
        JST_CHECK(id.value < places.size(), "a node of this world");
        return places[id.value];
    }
    void stop(NodeId id, bool closed, CrashMode mode);
    void pass_over_abandoned();
    void run_round();

    Commons commons;
    Network network;
    DigestCache cache;
    std::deque<Place> places;
    Prng luck;
    std::uint64_t rounds = 0;
    std::uint64_t rounds_of_instant = 0;
    Time instant;
};

World::World(std::uint64_t seed) : parts_(std::make_unique<Parts>(seed)) {}
World::~World() = default;

std::uint64_t World::seed() const noexcept { return parts_->commons.seed; }

// ---- nodes ----

NodeId World::add_node(std::string_view name, const IpAddress& host) {
    const NodeId id(static_cast<std::uint32_t>(parts_->places.size()));
    auto& place = parts_->places.emplace_back(parts_->commons, parts_->network, parts_->cache, id, name);
    parts_->network.add_node(place.node, host);
    return id;
}

std::size_t World::size() const noexcept { return parts_->places.size(); }
const std::string& World::name(NodeId id) const { return parts_->place(id).node.name(); }
const IpAddress& World::host(NodeId id) const { return parts_->network.topology().host(id); }
runtime::Runtime& World::runtime(NodeId id) { return parts_->place(id).seam; }
Node& World::node(NodeId id) { return parts_->place(id).node; }
bool World::attached(NodeId id) const { return parts_->place(id).node.attached(); }

void World::start(NodeId id) {
    auto& node = parts_->place(id).node;
    if (node.up()) return;
    node.start();
    parts_->network.connections().node_is_back(id);
}

void World::attach(NodeId id, runtime::Host& host) {
    start(id);
    parts_->place(id).node.attach(host);
}

// Operations are forgotten first, so that nothing of the host is touched while its sockets end.
void World::Parts::stop(NodeId id, bool closed, CrashMode mode) {
    auto& at = place(id);
    at.node.abandon();
    network.drop_node(id, closed);
    at.disk.abandon(mode);
    at.compute.abandon();
}

void World::detach(NodeId id) {
    parts_->stop(id, true, CrashMode::clean);
    parts_->place(id).node.start();  // the machine runs on: it refuses connections
}

void World::abandon(NodeId id, CrashMode mode) { parts_->stop(id, false, mode); }

bool World::command(NodeId id, const std::function<void()>& turn) { return parts_->place(id).node.command(turn); }

// ---- time ----

Time World::now() const noexcept { return parts_->commons.timeline.now(); }

Time World::next_event_time() const noexcept {
    const auto& commons = parts_->commons;
    return commons.ready.empty() ? commons.timeline.next_time() : commons.timeline.now();
}

// Takes one of the nodes that have turns, the seed choosing, and runs a round of it.
void World::Parts::run_round() {
    auto& ready = commons.ready;
    if (commons.timeline.now() != instant) rounds_of_instant = 0;
    instant = commons.timeline.now();
    JST_CHECK(++rounds_of_instant <= max_rounds_per_instant, "a host lets time pass");
    const auto chosen = static_cast<std::size_t>(ready.size() > 1 ? luck.below(ready.size()) : 0);
    places[ready[chosen].value].node.run_round();
    ++rounds;
}

void World::Parts::pass_over_abandoned() {
    std::erase_if(commons.ready, [&](NodeId id) {
        const bool nothing_to_do = !places[id.value].node.has_turns();
        if (nothing_to_do) places[id.value].node.unlisted();
        return nothing_to_do;
    });
}

bool World::step(Time limit) {
    auto& commons = parts_->commons;
    auto& timeline = commons.timeline;
    while (true) {
        while (timeline.next_time() <= timeline.now()) timeline.fire_next();
        parts_->pass_over_abandoned();
        if (!commons.ready.empty() && timeline.now() <= limit) {
            parts_->run_round();
            return true;
        }
        const Time next = timeline.next_time();
        if (next > limit || next.is_never()) {
            if (!limit.is_never() && limit > timeline.now()) timeline.advance(limit);
            return false;
        }
        timeline.advance(next);
    }
}

std::uint64_t World::run_until(Time when) {
    std::uint64_t count = 0;
    while (step(when)) ++count;
    return count;
}

bool World::settle(Time limit) {
    while (!idle()) {
        // Events that concern nobody may stand between here and the next round: they end the wait as well.
        const Time next = next_event_time();
        if (next.is_never() || next > limit) return false;
        step(next);
    }
    return true;
}

bool World::idle() const noexcept {
    const auto& commons = parts_->commons;
    if (commons.pending != 0 || commons.moving != 0) return false;
    for (const auto id : commons.ready)
        if (parts_->places[id.value].node.has_turns()) return false;
    return true;
}

// ---- what happened ----

std::uint64_t World::fingerprint() const noexcept { return parts_->commons.fingerprint.value(); }
std::uint64_t World::events() const noexcept { return parts_->commons.timeline.events(); }
std::uint64_t World::rounds() const noexcept { return parts_->rounds; }

std::uint64_t World::turns() const noexcept {
    std::uint64_t total = 0;
    for (const auto& place : parts_->places) total += place.node.turns();
    return total;
}

std::uint64_t World::broken_rules() const noexcept {
    std::uint64_t total = 0;
    for (const auto& place : parts_->places) total += place.node.broken_rules();
    return total;
}

// ---- the parts ----

Topology& World::topology() noexcept { return parts_->network.topology(); }
Network& World::network() noexcept { return parts_->network; }
NodeNet& World::net(NodeId id) { return parts_->place(id).net; }
Disk& World::disk(NodeId id) { return parts_->place(id).disk; }
Compute& World::compute(NodeId id) { return parts_->place(id).compute; }
void World::jump_mono(NodeId id, Duration by) { parts_->place(id).node.jump_mono(by); }
void World::jump_wall(NodeId id, Duration by) { parts_->place(id).node.jump_wall(by); }

}  // namespace jst::runtime_sim
