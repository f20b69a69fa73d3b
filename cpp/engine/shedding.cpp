#include "engine/shedding.hpp"

#include <algorithm>
#include <map>

#include "engine/torrent.hpp"
#include "policy/limits.hpp"

namespace jst::engine {
namespace {

using policy::CountLimit;

template <class Of>
std::vector<policy::ExcessFacts> connected(const Core& core, Time now, Of&& is_of) {
    std::vector<policy::ExcessFacts> out;
    core.peers.each([&](PeerKey key, const std::unique_ptr<Peer>& p) {
        if (!p->is_connected() || !is_of(*p)) return;
        out.push_back({key, p->traffic.down.per_second(now) + p->traffic.up.per_second(now), p->began});
    });
    return out;
}

void close_excess(Core& core, std::vector<policy::ExcessFacts> peers, const Limit& limit, Time now) {
    const auto excess = CountLimit{limit}.excess(peers.size());
    if (excess == 0) return;
    for (const PeerKey key : policy::choose_excess(std::move(peers), excess))
        if (Peer* const peer = core.peer(key))
            core.torrent(peer->torrent)->swarm().close(*peer, CloseReason::limit, now);
}

void shed_torrent(Core& core, const Torrent& torrent, Time now) {
    for (const Limit& limit : {torrent.limits().max_connections, core.settings.max_connections_per_torrent}) {
        if (CountLimit{limit}.excess(torrent.swarm().connected()) == 0) continue;
        close_excess(core, connected(core, now, [&](const Peer& p) { return p.torrent == torrent.key(); }), limit, now);
    }
}

}  // namespace

void shed(Core& core, Time now) {
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { shed_torrent(core, *t, now); });
    std::map<IpAddress, std::uint64_t> hosts;
    core.peers.each([&](PeerKey, const std::unique_ptr<Peer>& p) {
        hosts[one_host(p->address.host)] += p->is_connected() ? 1 : 0;
    });
    for (const auto& [host, count] : hosts)
        if (CountLimit{core.settings.max_connections_per_host}.excess(count) > 0)
            close_excess(core,
                         connected(core, now, [&, at = host](const Peer& p) { return one_host(p.address.host) == at; }),
                         core.settings.max_connections_per_host, now);
    if (CountLimit{core.settings.max_connections}.excess(core.connected) > 0)
        close_excess(core, connected(core, now, [](const Peer&) { return true; }), core.settings.max_connections, now);
}

}  // namespace jst::engine
