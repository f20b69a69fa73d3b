#include "engine/swarm.hpp"

#include <algorithm>

#include "base/effort.hpp"
#include "base/planted.hpp"
#include "base/room.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

policy::ChokerSettings choker_settings(const Settings& s, const std::string& rule, const Limit& own_slots) {
    policy::ChokerSettings out;
    out.rule = rule == "round-robin" ? policy::ChokeRule::round_robin : policy::ChokeRule::tit_for_tat;
    const Limit slots = own_slots ? own_slots : s.upload_slots;
    out.slots =
        slots ? std::optional(static_cast<std::uint32_t>(std::min<std::uint64_t>(*slots, 1u << 20))) : std::nullopt;
    out.optimistic_slots = static_cast<std::uint32_t>(std::min<std::uint64_t>(s.optimistic_slots, 1u << 20));
    out.choke_interval = to_duration(s.choke_interval);
    out.optimistic_interval = to_duration(s.optimistic_interval);
    return out;
}

policy::LinkEnd end_of(CloseReason reason) noexcept {
    switch (reason) {
        case CloseReason::replaced:
            return policy::LinkEnd::replaced;
        case CloseReason::limit:
        case CloseReason::paused:
        case CloseReason::stopped:
        case CloseReason::removed:
        case CloseReason::shutdown:
            return policy::LinkEnd::ours;
        default:
            return policy::LinkEnd::theirs;
    }
}

runtime::CloseMode mode_of(CloseReason reason) noexcept {
    switch (reason) {
        case CloseReason::protocol_error:
        case CloseReason::bad_data:
        case CloseReason::banned:
        case CloseReason::reset:
        case CloseReason::inactive:
        case CloseReason::handshake_timeout:
        case CloseReason::connect_timeout:
            return runtime::CloseMode::abort;
        default:
            return runtime::CloseMode::graceful;
    }
}

// Of the whole session: asked before a dial, and of both directions when a handshake ends.
bool below_max_connections(const Core& core, std::uint64_t n) noexcept {
    return planted<Plant::connection_cap_missing>() || below(core.settings.max_connections, n);
}

}  // namespace

Swarm::Swarm(Core& core, Torrent& torrent) : core_(core), torrent_(torrent) {}

Swarm::Company::Company(Swarm& swarm)
    : list(swarm.core_.settings.max_known_peers, to_duration(swarm.core_.settings.reconnect_interval),
           swarm.core_.rt.entropy.stream(swarm.torrent_.number(), "peer_list")),
      prng(swarm.core_.rt.entropy.stream(swarm.torrent_.number(), "choker")),
      dial_timer(
          swarm.core_.timers, [](Timer& t, Time now) { t.owner<Swarm>().dial_more(now); }, &swarm),
      choke_timer(
          swarm.core_.timers, [](Timer& t, Time now) { t.owner<Swarm>().on_choke_timer(now); }, &swarm),
      replace_timer(swarm.core_.timers, [](Timer& t, Time now) { t.owner<Swarm>().on_replace_timer(now); }, &swarm) {
    dial_timer.tag.torrent = choke_timer.tag.torrent = replace_timer.tag.torrent = swarm.torrent_.number();
}

Swarm::Company& Swarm::company() {
    if (!company_) {
        company_ = std::make_unique<Company>(*this);
        company_->list.set_starved(starved_, core_.now());
        configure();
    }
    return *company_;
}

const policy::PeerList& Swarm::list() const noexcept {
    static const policy::PeerList nobody(0, {}, Prng{});
    return company_ ? company_->list : nobody;
}

void Swarm::configure() {
    if (!company_) return;
    const auto& s = core_.settings;
    company_->list.configure(s.max_known_peers, to_duration(s.reconnect_interval));
    company_->choker.configure(
        choker_settings(s, torrent_.is_complete() ? s.seed_choker : s.choker, torrent_.limits().upload_slots));
    if (connected_ > 0) company_->choke_timer.set_sooner(core_.now());
}

void Swarm::start(Time now) {
    running_ = true;
    configure();
    dial_more(now);
}

void Swarm::stop(CloseReason reason, Time now) {
    running_ = false;
    if (!company_) return;
    company_->dial_timer.cancel();
    company_->choke_timer.cancel();
    company_->replace_timer.cancel();
    const auto all = links_;
    for (const PeerKey key : all)
        if (Peer* peer = core_.peer(key)) close(*peer, reason, now);
}

// -- dialling ---------------------------------------------------------------------------------------------------------

void Swarm::connect(const Endpoint& address, Time now) {
    const auto added = company().list.add(address, policy::PeerSource::user, false, now);
    const bool is_peer = added == policy::Added::added || added == policy::Added::known || added == policy::Added::full;
    if (is_peer &&
        std::find(company_->requested.begin(), company_->requested.end(), address) == company_->requested.end() &&
        company_->requested.size() < core_.settings.max_known_peers)
        company_->requested.push_back(address);
    dial_more(now);
}

policy::Added Swarm::add(const Endpoint& address, policy::PeerSource source, bool from_global, Time now) {
    const auto added = company().list.add(address, source, from_global, now);
    if (added == policy::Added::added) schedule_dial(now);
    return added;
}

bool Swarm::may_dial(const Endpoint& address, Time now) const {
    effort();
    if (core_.bans.is_banned(address.host, now) || core_.is_filtered(address.host)) return false;
    return below(core_.settings.max_connections_per_host, core_.links_of(address.host));
}

bool Swarm::is_linked(const Endpoint& address) const {
    return std::any_of(links_.begin(), links_.end(), [&](PeerKey key) {
        const Peer* const peer = core_.peer(key);
        return peer != nullptr && peer->listed == address;
    });
}

bool Swarm::is_full() const {
    const auto& s = core_.settings;
    const std::uint64_t here = connected_ + dialling_;
    return !below_max_connections(core_, core_.connected + dialling_) || !below(s.max_connections_per_torrent, here) ||
           !below(torrent_.limits().max_connections, here);
}

bool Swarm::has_room() const { return (planted<Plant::half_open_cap_missing>() || core_.may_dial()) && !is_full(); }

void Swarm::dial_more(Time now) {
    if (!running_ || !company_ || core_.closing) return;
    std::vector<Endpoint> later;
    for (const Endpoint& address : std::exchange(company_->requested, {})) {
        const auto* known = company_->list.find(address);
        // Where the list is full of links and friends a wish is followed all the same, once.
        if (known == nullptr ? is_linked(address) : known->state != policy::AddressState::idle) continue;
        if (!has_room() || !may_dial(address, now)) {
            later.push_back(address);
            continue;
        }
        dial(address, policy::PeerSource::user, now);
    }
    company_->requested = std::move(later);
    if (!company_->requested.empty() && !has_room()) wait_for_room();
    if (torrent_.wants_peers() && now >= company_->dials_from) {
        while (has_room()) {
            const auto next = company_->list.next_to_dial(now, [&](const Endpoint& a) { return may_dial(a, now); });
            if (!next) break;
            dial(*next, company_->list.find(*next)->source, now);
        }
    }
    schedule_dial(now);
}

void Swarm::schedule_dial(Time now) {
    if (!company_) return;
    if (!running_ || (!torrent_.wants_peers() && company_->requested.empty())) return company_->dial_timer.cancel();
    if (!torrent_.wants_peers()) return company_->dial_timer.set(now + to_duration(core_.settings.reconnect_interval));
    look_for_useless(now);
    const Time due = std::max(company_->list.deadline(), company_->dials_from);
    if (due > now) return company_->dial_timer.set(due);
    // Something is due: blocked by a limit (an ending link calls dial_more) or by a ban (looked at again later).
    if (has_room()) return company_->dial_timer.set(now + to_duration(core_.settings.reconnect_interval));
    company_->dial_timer.cancel();
    wait_for_room();
}

void Swarm::wait_for_room() {
    if (waits_for_room_) return;
    core_.waiting_for_room.push_back(torrent_.key());
    waits_for_room_ = true;
}

void Swarm::on_room(Time now) {
    waits_for_room_ = false;
    dial_more(now);
}

void Swarm::dial(const Endpoint& address, policy::PeerSource source, Time now) {
    make_room_for_one(links_);
    Peer& peer = core_.adopt(std::make_unique<Peer>(core_, address, false, source));
    torrent_.own(peer);
    links_.push_back(peer.key);
    peer.listed = address;
    ++dialling_;
    ++core_.half_open;  // from here on close() ends it, whatever fails
    company_->list.on_dialling(address);
    peer.timer.tag = peer.tag();
    peer.timer.set(now + to_duration(core_.settings.connect_timeout));
    peer.link->dial(address, core_.dial_from(address.host), peer.tag());
    core_.touch(torrent_);
}

void Swarm::on_dial_done(Peer& peer, Errc error, Time now) {
    if (error == Errc::too_many_sockets) {  // ours: nothing is said of the address, and more dials would fail as well
        if (peer.listed) company_->list.on_disconnected(*peer.listed, {}, policy::LinkEnd::ours, now);
        company_->dials_from = now + to_duration(core_.settings.reconnect_interval);
    }
    if (error != Errc::ok) return close(peer, CloseReason::connect_failed, now);
    peer.state = PeerState::handshake;
    peer.began = now;
    peer.timer.set(now + to_duration(core_.settings.handshake_timeout));
}

// -- coming and going -------------------------------------------------------------------------------------------------

void Swarm::admit(Peer& peer, Time) {
    company();
    make_room_for_one(links_);
    torrent_.own(peer);
    links_.push_back(peer.key);
    ++dialling_;
}

void Swarm::on_listen_address(Peer& peer, const Endpoint& address, Time now) {
    if (peer.listed) return;
    company_->list.add(address, policy::PeerSource::incoming, false, now);
    const auto* known = company_->list.find(address);
    if (known == nullptr || known->state != policy::AddressState::idle) return;
    company_->list.on_connected(address, now);
    peer.listed = address;
}

// An id is no secret, and nobody proves that it is his: who uses it at another host takes nobody's place.
Peer* Swarm::duplicate_of(const Peer& peer) const {
    for (const PeerKey key : links_) {
        Peer* const other = core_.peer(key);
        if (other == nullptr || other == &peer || other->state != PeerState::connected) continue;
        if (other->id == peer.id && other->address.host == peer.address.host) return other;
    }
    return nullptr;
}

bool Swarm::may_stay(const Peer& peer) const {
    const auto& s = core_.settings;
    return below_max_connections(core_, core_.connected) && below(s.max_connections_per_torrent, connected_) &&
           below(torrent_.limits().max_connections, connected_) &&
           core_.links_of(peer.address.host) <= s.max_connections_per_host.value_or(~std::uint64_t{0});
}

// Not a byte of payload either way, and it does not wait for ours: we choke it, or it asked.
std::optional<Time> Swarm::idle_since(const Peer& peer) const {
    const auto& moved = peer.traffic.counters;
    if (!peer.is_connected() || moved.payload_received + moved.payload_sent > 0) return std::nullopt;
    if (torrent_.fetch() != nullptr && torrent_.fetch()->serves(peer)) return std::nullopt;
    if (torrent_.wants_peers()) return torrent_.is_download_barred() ? std::nullopt : std::optional(peer.began);
    if (!peer.choking.peer_interested) return peer.began;
    if (peer.choking.am_choking || !peer.uploads.queued.empty() || !peer.uploads.reading.empty()) return std::nullopt;
    return peer.choking.changed_at;
}

void Swarm::make_room(Time now) {
    const auto& s = core_.settings;
    const bool here =
        !below(s.max_connections_per_torrent, connected_) || !below(torrent_.limits().max_connections, connected_);
    if (!here && below(s.max_connections, core_.connected)) return;
    std::vector<policy::IdleFacts> idle;
    core_.peers.each([&](PeerKey key, const std::unique_ptr<Peer>& p) {
        const Torrent* const its = core_.torrent(p->torrent);
        if (its == nullptr || (here && its != &torrent_)) return;
        const auto since = its->swarm().idle_since(*p);
        if (since) idle.push_back({key, *since, p->traffic.counters.wire_received <= wire::handshake_size});
    });
    if (const auto key = policy::choose_for_newcomer(idle, now)) {
        Peer& peer = *core_.peer(*key);
        core_.torrent(peer.torrent)->swarm().close(peer, CloseReason::useless, now);
    }
}

bool Swarm::complete(Peer& peer, Time now) {
    if (peer.id == core_.peer_id) {
        if (!peer.incoming) company_->list.on_own(peer.address);
        close(peer, CloseReason::self, now);
        return false;
    }
    if (Peer* other = duplicate_of(peer)) {
        // Both sides keep the link that the larger peer id dialled; of two in one direction, the older.
        const bool ours_wins = core_.peer_id > *peer.id;
        const bool keep_new = other->incoming != peer.incoming && (peer.incoming ? !ours_wins : ours_wins);
        close(keep_new ? *other : peer, CloseReason::duplicate, now);
        if (!keep_new) return false;
    }
    if (!may_stay(peer)) make_room(now);
    if (!may_stay(peer)) {
        close(peer, CloseReason::limit, now);
        return false;
    }
    --dialling_;
    --core_.half_open;
    core_.place_freed();
    ++connected_;
    ++core_.connected;
    peer.state = PeerState::connected;
    peer.began = peer.choking.changed_at = peer.traffic.last_payload = peer.traffic.last_sent = now;
    peer.connected_at = core_.unix_now();
    if (peer.listed) company_->list.on_connected(*peer.listed, now);
    if (!company_->choke_timer.is_set()) company_->choke_timer.set(now + to_duration(core_.settings.choke_interval));
    look_for_useless(now);
    Event event;
    event.address = peer.address;
    event.incoming = peer.incoming;
    event.text = word(peer.source);
    core_.emit(EventKind::peer_connected, torrent_.key(), std::move(event));
    return true;
}

policy::LinkTotals Swarm::totals(const Peer& peer, Time now) const {
    const auto& c = peer.traffic.counters;
    return {c.payload_received, c.payload_sent, peer.unchoked_for(now), peer.traffic.received_unchoked};
}

void Swarm::keep_totals(const Peer& peer) {
    company_->earlier[*peer.listed] += peer.traffic.counters;
    if (company_->earlier.size() > core_.settings.max_known_peers)
        std::erase_if(company_->earlier,
                      [&](const auto& entry) { return company_->list.find(entry.first) == nullptr; });
}

void Swarm::add_earlier_links(const Peer& peer, PeerStatus& out, Time now) const {
    if (!peer.listed) return;
    if (const auto found = company_->earlier.find(*peer.listed); found != company_->earlier.end())
        out.counters += found->second;
    const auto* known = company_->list.find(*peer.listed);
    if (known == nullptr) return;
    policy::LinkTotals all = totals(peer, now);
    all.unchoked = all.unchoked + known->totals.unchoked;
    all.received_unchoked += known->totals.received_unchoked;
    if (all.unchoked.ns > 0) out.unchoked_rate = all.unchoked_rate();
}

void Swarm::close(Peer& peer, CloseReason reason, Time now) {
    if (peer.closed) return;
    make_room_for_one(core_.graveyard);  // what is half closed would never end
    make_room_for_one(core_.dead);
    const bool was_connected = peer.state == PeerState::connected;
    torrent_.on_leave(peer, now);
    if (peer.listed) {
        const auto end = end_of(reason);
        if (peer.state == PeerState::connecting && end != policy::LinkEnd::ours)
            company_->list.on_dial_failed(*peer.listed, now);
        else
            company_->list.on_disconnected(*peer.listed, totals(peer, now), end, now);
        if (peer.state != PeerState::connecting) keep_totals(peer);
    }
    std::erase(links_, peer.key);
    if (was_connected) {
        --connected_;
        --core_.connected;
    } else {
        --dialling_;
        --core_.half_open;
    }
    if (planted<Plant::place_not_given_back>()) ++core_.half_open;
    core_.place_freed();
    Event event;
    event.address = peer.address;
    event.incoming = peer.incoming;
    event.reason = reason;
    retire(peer, core_.cut ? runtime::CloseMode::abort : mode_of(reason));
    core_.emit(EventKind::peer_disconnected, torrent_.key(), std::move(event));
    if (connected_ == 0)
        company_->choke_timer.cancel();
    else if (was_connected && !peer.choking.am_choking)
        on_interest();  // its place is free
    if (connected_ == 0) company_->replace_timer.cancel();
    if (running_) schedule_dial(now);
    if (running_ && torrent_.wants_peers() && company_->list.deadline() <= now) company_->dial_timer.set_sooner(now);
    core_.touch(torrent_);
}

void Swarm::close_host(const IpAddress& host, CloseReason reason, Time now) {
    const auto all = links_;
    for (const PeerKey key : all) {
        Peer* const peer = core_.peer(key);
        if (peer != nullptr && peer->address.host == host) close(*peer, reason, now);
    }
}

void Swarm::close_seeds(Time now) {
    const auto all = links_;
    for (const PeerKey key : all) {
        Peer* const peer = core_.peer(key);
        if (peer != nullptr && peer->is_connected() && peer->is_seed()) close(*peer, CloseReason::both_seeds, now);
    }
}

// -- choking ----------------------------------------------------------------------------------------------------------

void Swarm::choke(Peer& peer, bool on, Time now) {
    if (peer.choking.am_choking == on) return;
    if (planted<Plant::rule_broken>()) JST_CHECK(false, "planted");
    peer.choking.am_choking = on;
    peer.choking.changed_at = now;
    if (on) {
        peer.send(wire::Choke{});
        torrent_.upload().drop(peer);
    } else {
        peer.send(wire::Unchoke{});
    }
}

void Swarm::rechoke(Time now) {
    if (!company_ || !torrent_.uploads_allowed()) return;
    std::vector<policy::ChokeFacts> facts;
    effort(links_.size());
    facts.reserve(links_.size());
    for (const PeerKey key : links_) {
        const Peer* const p = core_.peer(key);
        if (p == nullptr || !p->is_connected()) continue;
        facts.push_back({p->key, p->choking.peer_interested, !p->choking.am_choking, p->snubbed,
                         torrent_.is_complete() ? p->traffic.up.per_second(now) : p->traffic.down.per_second(now),
                         p->began, p->choking.changed_at});
    }
    const auto decision = company_->choker.decide(facts, now, company_->prng);
    for (const PeerKey key : decision.choke)
        if (Peer* peer = core_.peer(key)) choke(*peer, true, now);
    for (const PeerKey key : decision.unchoke)
        if (Peer* peer = core_.peer(key)) choke(*peer, false, now);
}

void Swarm::on_interest() {
    interest_changed_ = true;
    core_.touch(torrent_);
}

void Swarm::on_choke_timer(Time now) {
    rechoke(now);
    const Time next = company_->choker.deadline();
    if (connected_ > 0) company_->choke_timer.set(next > now ? next : now + to_duration(core_.settings.choke_interval));
}

void Swarm::set_starved(bool starved, Time now) {
    starved_ = starved;
    if (!company_) return;
    company_->list.set_starved(starved, now);
    if (running_) schedule_dial(now);
}

void Swarm::on_replace_timer(Time now) {
    if (connected_ == 0 || !torrent_.wants_peers()) return;
    const auto& download = torrent_.download();
    std::vector<policy::LinkFacts> facts;
    std::vector<policy::UselessFacts> useless;
    std::vector<policy::SilentFacts> silent;
    for (const PeerKey key : links_) {
        const Peer* const p = core_.peer(key);
        if (p == nullptr || !p->is_connected()) continue;
        if (!p->choking.am_interested) {
            if (torrent_.fetch() != nullptr && torrent_.fetch()->serves(*p)) continue;
            useless.push_back({p->key, std::max(p->began, p->traffic.last_payload)});
            continue;
        }
        const bool sole = download.picker().is_sole_source(p->claims.have, download.ledger());
        facts.push_back({p->key, p->began, p->traffic.down.per_second(now), sole});
        const bool is_asked_seldom = p->pipeline.paused_until() > now;  // for what it did before
        const bool lets_wait =
            p->choking.peer_choking || is_asked_seldom || !download.ledger().outstanding(p->key).empty();
        silent.push_back({p->key, p->began, p->traffic.counters.payload_received, lets_wait, p->pipeline.is_silent()});
    }
    if (!torrent_.is_throttled(now))
        for (const PeerKey key : policy::choose_deaf(silent, download.last_payload(), now))
            if (Peer* peer = core_.peer(key)) close(*peer, CloseReason::useless, now);
    const std::size_t waiting = company_->list.candidates_waiting(now, policy::Replacement::most_useless_at_once,
                                                                  [&](const Endpoint& a) { return may_dial(a, now); });
    if (const auto slow = company_->replacement.choose(facts, waiting, torrent_.is_throttled(now), now))
        if (Peer* peer = core_.peer(*slow)) close(*peer, CloseReason::replaced, now);
    if (is_full()) {
        for (const PeerKey key : policy::choose_useless(std::move(useless), waiting, now))
            if (Peer* peer = core_.peer(key)) close(*peer, CloseReason::useless, now);
        if (waiting > 0 && !torrent_.is_throttled(now))
            if (const auto least = policy::choose_silent(silent, download.last_payload(), now))
                if (Peer* peer = core_.peer(*least)) close(*peer, CloseReason::replaced, now);
    }
    look_for_useless(now);
}

// While there are links and others are wanted; it ends when they are not, and begins anew when they are again.
void Swarm::look_for_useless(Time now) {
    if (connected_ == 0 || company_->replace_timer.is_set() || !torrent_.wants_peers()) return;
    company_->replace_timer.set(now + policy::Replacement::interval);
}

}  // namespace jst::engine
