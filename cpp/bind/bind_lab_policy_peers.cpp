// Doors to whom we deal with: choker, peer list, bans, blame, replacement, limits, queue; and to trouble with a disk.
#include <algorithm>
#include <map>

#include "base/prng.hpp"
#include "bind/lab_policy.hpp"
#include "policy/bans.hpp"
#include "policy/blame.hpp"
#include "policy/choker.hpp"
#include "policy/disk_retry.hpp"
#include "policy/limits.hpp"
#include "policy/peer_list.hpp"
#include "policy/queue.hpp"
#include "policy/replacement.hpp"

namespace jst::bind {
namespace {

using namespace policy;

std::optional<Duration> to_duration(std::optional<double> s) {
    return s ? std::optional(from_seconds(*s)) : std::nullopt;
}

std::vector<std::string> to_texts(const std::vector<IpAddress>& hosts) {
    std::vector<std::string> out;
    for (const auto& host : hosts) out.push_back(host.to_string());
    return out;
}

// One peer's facts: (peer, interested, unchoked, snubbed, rate_from, connected_at, changed_at).
using ChokeTuple = std::tuple<std::uint64_t, bool, bool, bool, std::uint64_t, double, double>;

ChokeFacts to_facts(const ChokeTuple& t) {
    ChokeFacts f;
    double connected = 0;
    double changed = 0;
    std::uint64_t peer = 0;
    std::tie(peer, f.interested, f.unchoked, f.snubbed, f.rate_from, connected, changed) = t;
    f.peer = to_peer(peer);
    f.connected_at = to_time(connected);
    f.changed_at = to_time(changed);
    return f;
}

// A choker with its own luck.
struct ChokerDoor {
    Choker choker;
    Prng prng;
};

ChokerSettings choker_settings(const std::string& rule, std::optional<std::uint32_t> slots, std::uint32_t optimistic,
                               double interval, double optimistic_interval) {
    return {rule == "round-robin" ? ChokeRule::round_robin : ChokeRule::tit_for_tat, slots, optimistic,
            from_seconds(interval), from_seconds(optimistic_interval)};
}

void bind_choker(py::module_& lab) {
    py::class_<ChokerDoor>(lab, "Choker")
        .def(py::init([](const std::string& rule, std::optional<std::uint32_t> slots, std::uint32_t optimistic,
                         double interval, double optimistic_interval, std::uint64_t seed) {
                 return ChokerDoor{Choker(choker_settings(rule, slots, optimistic, interval, optimistic_interval)),
                                   Prng(seed)};
             }),
             py::arg("rule") = "tit-for-tat", py::arg("slots") = 4, py::arg("optimistic_slots") = 1,
             py::arg("choke_interval") = 10.0, py::arg("optimistic_interval") = 30.0, py::arg("seed") = 0)
        .def("configure",
             [](ChokerDoor& door, const std::string& rule, std::optional<std::uint32_t> slots,
                std::uint32_t optimistic) { door.choker.configure(choker_settings(rule, slots, optimistic, 10, 30)); })
        .def("decide",
             [](ChokerDoor& door, const std::vector<ChokeTuple>& peers, double now) {
                 std::vector<ChokeFacts> facts;
                 for (const auto& peer : peers) facts.push_back(to_facts(peer));
                 const auto decision = door.choker.decide(facts, to_time(now), door.prng);
                 return py::make_tuple(to_packed(decision.choke), to_packed(decision.unchoke));
             })
        .def_property_readonly("deadline", [](const ChokerDoor& door) { return to_seconds(door.choker.deadline()); })
        .def("is_optimistic",
             [](const ChokerDoor& door, std::uint64_t peer) { return door.choker.is_optimistic(to_peer(peer)); });
}

const char* name_of(Added added) {
    static constexpr const char* names[] = {"added", "known", "own", "no_port", "not_global", "full", "host_full"};
    return names[static_cast<int>(added)];
}

LinkEnd to_end(const std::string& name) {
    if (name == "replaced") return LinkEnd::replaced;
    if (name == "useless") return LinkEnd::useless;
    return name == "ours" ? LinkEnd::ours : LinkEnd::theirs;
}

PeerSource to_source(const std::string& name) {
    for (int i = 0; i <= static_cast<int>(PeerSource::resume); ++i)
        if (word(static_cast<PeerSource>(i)) == name) return static_cast<PeerSource>(i);
    throw py::value_error("no such source of addresses: " + name);
}

py::object to_python(const KnownAddress* known) {
    if (known == nullptr) return py::none();
    static constexpr const char* states[] = {"idle", "dialling", "connected"};
    py::dict d;
    d["source"] = std::string(word(known->source));
    d["state"] = states[static_cast<int>(known->state)];
    d["failures"] = known->failures;
    d["next_dial"] = to_seconds(known->next_dial);
    d["received"] = known->totals.received;
    d["sent"] = known->totals.sent;
    d["unchoked_rate"] = known->totals.unchoked_rate();
    return d;
}

void bind_peer_list(py::module_& lab) {
    py::class_<PeerList>(lab, "PeerList")
        .def(py::init([](std::size_t capacity, double reconnect_interval, std::uint64_t seed) {
                 return PeerList(capacity, from_seconds(reconnect_interval), Prng(seed));
             }),
             py::arg("capacity") = 100, py::arg("reconnect_interval") = 10.0, py::arg("seed") = 0)
        .def("configure",
             [](PeerList& l, std::size_t capacity, double interval) { l.configure(capacity, from_seconds(interval)); })
        .def(
            "add",
            [](PeerList& l, const std::string& address, double now, bool from_global, const std::string& source) {
                return name_of(l.add(to_endpoint(address), to_source(source), from_global, to_time(now)));
            },
            py::arg("address"), py::arg("now") = 0.0, py::arg("from_global") = false, py::arg("source") = "tracker")
        .def("on_own", [](PeerList& l, const std::string& address) { l.on_own(to_endpoint(address)); })
        .def("on_dialling", [](PeerList& l, const std::string& address) { l.on_dialling(to_endpoint(address)); })
        .def("on_dial_failed",
             [](PeerList& l, const std::string& a, double now) { l.on_dial_failed(to_endpoint(a), to_time(now)); })
        .def("on_connected",
             [](PeerList& l, const std::string& a, double now) { l.on_connected(to_endpoint(a), to_time(now)); })
        .def(
            "on_disconnected",
            [](PeerList& l, const std::string& a, double now, std::uint64_t received, std::uint64_t sent,
               double unchoked, const std::string& end) {
                l.on_disconnected(to_endpoint(a), {received, sent, from_seconds(unchoked), received}, to_end(end),
                                  to_time(now));
            },
            py::arg("address"), py::arg("now"), py::arg("received") = 0, py::arg("sent") = 0, py::arg("unchoked") = 0.0,
            py::arg("end") = "theirs")
        .def("set_starved", [](PeerList& l, bool starved, double now) { l.set_starved(starved, to_time(now)); })
        .def("forget_host", [](PeerList& l, const std::string& host) { l.forget_host(to_host(host)); })
        .def(
            "next_to_dial",
            [](const PeerList& l, double now, const std::vector<std::string>& refused) -> std::optional<std::string> {
                const auto next = l.next_to_dial(to_time(now), [&](const Endpoint& a) {
                    return std::find(refused.begin(), refused.end(), a.to_string()) == refused.end();
                });
                return next ? std::optional(next->to_string()) : std::nullopt;
            },
            py::arg("now"), py::arg("refused") = std::vector<std::string>{})
        .def(
            "candidates_waiting",
            [](const PeerList& l, double now, std::size_t most, const std::vector<std::string>& refused) {
                return l.candidates_waiting(to_time(now), most, [&](const Endpoint& a) {
                    return std::find(refused.begin(), refused.end(), a.to_string()) == refused.end();
                });
            },
            py::arg("now"), py::arg("at_most"), py::arg("refused") = std::vector<std::string>{})
        .def("best",
             [](const PeerList& l, std::size_t at_most) {
                 std::vector<std::string> out;
                 for (const auto& address : l.best(at_most)) out.push_back(address.to_string());
                 return out;
             })
        .def("find", [](const PeerList& l, const std::string& a) { return to_python(l.find(to_endpoint(a))); })
        .def_property_readonly("deadline", [](const PeerList& l) { return to_seconds(l.deadline()); })
        .def("__len__", &PeerList::size);
}

void bind_bans(py::module_& lab) {
    lab.attr("max_bans") = max_bans;
    lab.attr("max_user_bans") = max_user_bans;
    py::class_<Bans>(lab, "Bans")
        .def(py::init<>())
        .def(
            "ban",
            [](Bans& b, const std::string& host, const std::string& reason, double now,
               std::optional<double> duration) {
                const auto why = reason == "user"       ? BanReason::user
                                 : reason == "bad_data" ? BanReason::bad_data
                                                        : BanReason::protocol_error;
                return b.ban(to_host(host), why, to_time(now), to_duration(duration));
            },
            py::arg("host"), py::arg("reason") = "bad_data", py::arg("now") = 0.0, py::arg("duration") = std::nullopt)
        .def("unban", [](Bans& b, const std::string& host) { return b.unban(to_host(host)); })
        .def("is_banned", [](const Bans& b, const std::string& host,
                             double now) { return b.is_banned(to_host(host), to_time(now)); })
        .def("list",
             [](const Bans& b, double now) {
                 py::list out;
                 for (const auto& e : b.list(to_time(now)))
                     out.append(py::make_tuple(e.host.to_string(), std::string(word(e.reason)), to_seconds(e.since),
                                               to_seconds(e.until)));
                 return out;
             })
        .def("__len__", &Bans::size);
}

std::vector<BlamedBlock> to_blamed(const std::vector<std::tuple<std::uint32_t, std::string, std::uint64_t>>& blocks) {
    std::vector<BlamedBlock> out;
    for (const auto& [begin, host, digest] : blocks) out.push_back({begin, to_host(host), digest});
    return out;
}

py::dict to_dict(const Judgement& j) {
    py::dict d;
    d["guilty"] = to_texts(j.guilty);
    d["paroled"] = to_texts(j.paroled);
    d["cleared"] = to_texts(j.cleared);
    return d;
}

void bind_blame(py::module_& lab) {
    using Blamed = std::vector<std::tuple<std::uint32_t, std::string, std::uint64_t>>;
    lab.attr("max_suspects") = max_suspects;
    lab.attr("max_failed_pieces") = max_failed_pieces;
    lab.attr("trust_after") = policy::trust_after;
    lab.attr("max_failed_blocks") = max_failed_blocks;
    py::class_<Blame>(lab, "Blame")
        .def(py::init<>())
        .def("on_failed",
             [](Blame& b, std::uint32_t piece, const Blamed& blocks) {
                 return to_dict(b.on_failed(PieceIndex{piece}, to_blamed(blocks)));
             })
        .def("on_verified",
             [](Blame& b, std::uint32_t piece, const Blamed& blocks) {
                 return to_dict(b.on_verified(PieceIndex{piece}, to_blamed(blocks)));
             })
        .def("has_failed", [](const Blame& b, std::uint32_t piece) { return b.has_failed(PieceIndex{piece}); })
        .def("is_on_parole", [](const Blame& b, const std::string& host) { return b.is_on_parole(to_host(host)); })
        .def("failures", [](const Blame& b, const std::string& host) { return b.failures(to_host(host)); })
        .def("on_verdict", &Blame::on_verdict)
        .def_property_readonly("is_trusting", &Blame::is_trusting)
        .def("forget", [](Blame& b, const std::string& host) { b.forget(to_host(host)); })
        .def_property_readonly("num_suspects", &Blame::num_suspects)
        .def_property_readonly("num_failed_pieces", &Blame::num_failed_pieces);
}

void bind_disk_retry(py::module_& lab) {
    py::class_<DiskRetry> retry(lab, "DiskRetry");
    retry.attr("first_wait") = DiskRetry::first_wait.seconds();
    retry.attr("longest_wait") = DiskRetry::longest_wait.seconds();
    retry.attr("calm") = DiskRetry::calm.seconds();
    retry.def(py::init<>())
        .def_static("may_pass", [](const std::string& error) { return DiskRetry::may_pass(errc_of(error)); })
        .def("on_failure",
             [](DiskRetry& r, const std::string& error, double now) {
                 const auto verdict = r.on_failure(errc_of(error), to_time(now));
                 return py::make_tuple(to_seconds(verdict.try_at), verdict.is_news);
             })
        .def("on_running", [](DiskRetry& r, double now) { r.on_running(to_time(now)); })
        .def("on_user", &DiskRetry::on_user);
}

void bind_replacement(py::module_& lab) {
    // One link's facts: (peer, connected_at, rate, sole_source).
    using LinkTuple = std::tuple<std::uint64_t, double, std::uint64_t, bool>;
    py::class_<Replacement>(lab, "Replacement")
        .def(py::init<>())
        .def(
            "choose",
            [](Replacement& r, const std::vector<LinkTuple>& links, std::size_t candidates, bool throttled,
               double now) -> std::optional<std::uint64_t> {
                std::vector<LinkFacts> facts;
                for (const auto& [peer, at, rate, sole] : links)
                    facts.push_back({to_peer(peer), to_time(at), rate, sole});
                const auto chosen = r.choose(facts, candidates, throttled, to_time(now));
                return chosen ? std::optional(chosen->packed()) : std::nullopt;
            },
            py::arg("links"), py::arg("candidates"), py::arg("throttled"), py::arg("now"));
    // One peer: (peer, useful_until).
    lab.def(
        "choose_useless",
        [](const std::vector<std::tuple<std::uint64_t, double>>& peers, std::size_t candidates, double now) {
            std::vector<UselessFacts> facts;
            for (const auto& [peer, until] : peers) facts.push_back({to_peer(peer), to_time(until)});
            std::vector<std::uint64_t> out;
            for (const PeerKey key : choose_useless(std::move(facts), candidates, to_time(now)))
                out.push_back(key.packed());
            return out;
        },
        py::arg("peers"), py::arg("candidates"), py::arg("now"));
    // One peer: (peer, connected_at, ignores).
    lab.def(
        "choose_deaf",
        [](const std::vector<std::tuple<std::uint64_t, double, bool>>& peers, double last, double now) {
            std::vector<SilentFacts> facts;
            for (const auto& [peer, connected, ignores] : peers)
                facts.push_back({to_peer(peer), to_time(connected), 0, true, ignores});
            std::vector<std::uint64_t> out;
            for (const PeerKey chosen : choose_deaf(facts, to_time(last), to_time(now))) out.push_back(chosen.packed());
            return out;
        },
        py::arg("peers"), py::arg("last_payload"), py::arg("now"));
    // One peer: (peer, connected_at, received, lets_wait).
    lab.def(
        "choose_silent",
        [](const std::vector<std::tuple<std::uint64_t, double, std::uint64_t, bool>>& peers, double last, double now) {
            std::vector<SilentFacts> facts;
            for (const auto& [peer, connected, received, lets_wait] : peers)
                facts.push_back({to_peer(peer), to_time(connected), received, lets_wait, false});
            const auto chosen = choose_silent(facts, to_time(last), to_time(now));
            return chosen ? std::optional(chosen->packed()) : std::nullopt;
        },
        py::arg("peers"), py::arg("last_payload"), py::arg("now"));
}

void bind_limits(py::module_& lab) {
    py::class_<RateLimit>(lab, "RateLimit")
        .def(py::init([](std::optional<std::uint64_t> rate) { return RateLimit(rate); }))
        .def("set_rate",
             [](RateLimit& l, std::optional<std::uint64_t> rate, double now) { l.set_rate(rate, to_time(now)); })
        .def("available", [](RateLimit& l, double now) { return l.available(to_time(now)); })
        .def("take", [](RateLimit& l, std::uint64_t n, double now) { return l.take(n, to_time(now)); })
        .def("give_back", &RateLimit::give_back)
        .def("charge", [](RateLimit& l, std::uint64_t n, double now) { l.charge(n, to_time(now)); })
        .def("deadline",
             [](RateLimit& l, std::uint64_t n, double now) { return to_seconds(l.deadline(n, to_time(now))); })
        .def("blocks_within",
             [](const RateLimit& l, double time) { return policy::blocks_within(l, from_seconds(time)); })
        .def_property_readonly("burst", &RateLimit::burst);
    lab.def("behind_others", [](double waited) { return policy::behind_others(from_seconds(waited)).seconds(); });
    lab.def("take_both",
            [](RateLimit& a, RateLimit& b, std::uint64_t n, double now) { return take_both(a, b, n, to_time(now)); });
    lab.def("deadline_both", [](RateLimit& a, RateLimit& b, std::uint64_t n, double now) {
        return to_seconds(deadline_both(a, b, n, to_time(now)));
    });
    py::class_<CountLimit>(lab, "CountLimit")
        .def(py::init([](std::optional<std::uint64_t> most) { return CountLimit{most}; }))
        .def("admits_one_more", &CountLimit::admits_one_more)
        .def("room", &CountLimit::room)
        .def("excess", &CountLimit::excess);
}

using Moved = std::map<std::uint64_t, std::uint64_t>;  // payload, by torrent

auto moved_of(const Moved& moved) {
    return [&moved](const policy::QueueEntry& entry) {
        const auto found = moved.find(entry.torrent.packed());
        return found == moved.end() ? 0 : found->second;
    };
}

std::vector<std::uint64_t> to_numbers(const std::vector<TorrentKey>& torrents) {
    std::vector<std::uint64_t> out;
    for (const auto torrent : torrents) out.push_back(torrent.packed());
    return out;
}

void bind_queue(py::module_& lab) {
    const auto key = [](std::uint64_t packed) { return TorrentKey::unpack(packed); };
    py::class_<Queue>(lab, "Queue")
        .def(py::init<>())
        .def("add", [key](Queue& q, std::uint64_t t) { return q.add(key(t)); })
        .def("remove", [key](Queue& q, std::uint64_t t) { return q.remove(key(t)); })
        .def("move_to", [key](Queue& q, std::uint64_t t, std::size_t at) { return q.move_to(key(t), at); })
        .def("up", [key](Queue& q, std::uint64_t t) { return q.up(key(t)); })
        .def("down", [key](Queue& q, std::uint64_t t) { return q.down(key(t)); })
        .def("set_wish",
             [key](Queue& q, std::uint64_t t, const std::string& wish) {
                 return q.set_wish(key(t), wish == "download" ? Wish::download
                                           : wish == "seed"   ? Wish::seed
                                           : wish == "check"  ? Wish::check
                                                              : Wish::nothing);
             })
        .def("position", [key](const Queue& q, std::uint64_t t) { return q.position(key(t)); })
        .def(
            "running",
            [](const Queue& q, std::optional<std::uint32_t> downloads, std::optional<std::uint32_t> seeds,
               std::optional<std::uint32_t> checks, std::optional<std::uint32_t> torrents) {
                return to_numbers(q.running({downloads, seeds, checks, torrents}));
            },
            py::arg("downloads") = std::nullopt, py::arg("seeds") = std::nullopt, py::arg("checks") = std::nullopt,
            py::arg("torrents") = std::nullopt)
        .def("seat",
             [key](Queue& q, const std::vector<std::uint64_t>& running, double now, const Moved& moved, bool measures) {
                 std::vector<TorrentKey> keys;
                 for (const auto torrent : running) keys.push_back(key(torrent));
                 q.seat(keys, measures, to_time(now), moved_of(moved));
             })
        .def("judge",
             [](Queue& q, std::uint64_t rate, double span, double now, const Moved& moved) {
                 return q.judge({rate, from_seconds(span)}, to_time(now), moved_of(moved));
             })
        .def("next_judgement",
             [](const Queue& q, std::uint64_t rate, double span) -> std::optional<double> {
                 const Time next = q.next_judgement({rate, from_seconds(span)});
                 return next.is_never() ? std::nullopt : std::optional(next.seconds());
             })
        .def("slow", [](const Queue& q) {
            std::vector<TorrentKey> slow;
            for (const auto& entry : q.order())
                if (entry.pace.is_slow()) slow.push_back(entry.torrent);
            return to_numbers(slow);
        });
    lab.attr("recovery_factor") = policy::recovery_factor;
}

}  // namespace

void bind_lab_policy_peers(py::module_& lab) {
    bind_choker(lab);
    bind_peer_list(lab);
    bind_bans(lab);
    bind_blame(lab);
    bind_disk_retry(lab);
    bind_replacement(lab);
    bind_limits(lab);
    bind_queue(lab);
}

}  // namespace jst::bind
