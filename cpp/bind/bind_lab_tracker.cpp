// The laboratory's door to trackers: URLs, HTTP, announces, the UDP machine, the schedule. For tests; no user needs it.
#include "base/url.hpp"
#include "bind/lab_policy.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "policy/address_turns.hpp"
#include "tracker/http_announce.hpp"
#include "tracker/reach.hpp"
#include "tracker/schedule.hpp"
#include "tracker/udp_announce.hpp"

namespace jst::bind {
namespace {

using namespace tracker;

py::dict url_to_dict(const Url& url) {
    py::dict out;
    out["scheme"] = url.scheme;
    out["user_info"] = url.user_info;
    out["host"] = url.host;
    out["port"] = url.port;
    out["target"] = url.target;
    out["authority"] = url.authority();
    out["text"] = url.to_string();
    return out;
}

Url url_of(const std::string& text) { return value_or_raise(Url::parse(text), text); }

AnnounceEvent event_of(const std::string& name) {
    for (const auto event : {AnnounceEvent::completed, AnnounceEvent::started, AnnounceEvent::stopped})
        if (name == word(event)) return event;
    return AnnounceEvent::none;
}

Announce announce_of(const py::dict& from) {
    Announce a;
    const auto digest = [&](const char* key) { return Sha1Digest::from(view_of(from[key].cast<py::bytes>())); };
    a.info_hash = digest("info_hash");
    a.peer_id = digest("peer_id");
    const auto number = [&](const char* key, auto& to) {
        if (from.contains(key)) to = from[key].cast<std::remove_reference_t<decltype(to)>>();
    };
    number("downloaded", a.downloaded);
    number("left", a.left);
    number("uploaded", a.uploaded);
    number("key", a.key);
    number("num_want", a.num_want);
    number("port", a.port);
    number("tracker_id", a.tracker_id);
    if (from.contains("event")) a.event = event_of(from["event"].cast<std::string>());
    if (from.contains("ipv6")) a.ipv6 = to_host(from["ipv6"].cast<std::string>());
    return a;
}

py::object seconds_or_none(const std::optional<Duration>& d) {
    return d ? py::object(py::float_(d->seconds())) : py::none();
}

py::dict refusal_to_dict(const Refusal& refusal) {
    py::dict out;
    out["reason"] = refusal.reason;
    out["retry_in"] = seconds_or_none(refusal.retry_in);
    out["never"] = refusal.never;
    return out;
}

py::dict answer_to_dict(const AnnounceAnswer& answer) {
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return refusal_to_dict(*refusal);
    const auto& reply = std::get<AnnounceReply>(answer);
    py::dict out;
    std::vector<std::string> peers;
    for (const auto& peer : reply.peers) peers.push_back(peer.to_string());
    out["peers"] = peers;
    out["interval"] = reply.interval.seconds();
    out["min_interval"] = seconds_or_none(reply.min_interval);
    out["seeds"] = reply.counts.seeds;
    out["leechers"] = reply.counts.leechers;
    out["warning"] = reply.warning;
    out["tracker_id"] = py::bytes(reply.tracker_id);
    out["external_ip"] = reply.external_ip ? py::object(py::str(reply.external_ip->to_string())) : py::none();
    return out;
}

py::dict scrape_to_dict(const ScrapeAnswer& answer) {
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return refusal_to_dict(*refusal);
    py::dict out;
    out["seeds"] = std::get<Counts>(answer).seeds;
    out["leechers"] = std::get<Counts>(answer).leechers;
    return out;
}

void bind_url(py::module_& lab) {
    lab.def("parse_url", [](const std::string& text) { return url_to_dict(url_of(text)); });
    lab.def("resolve_url", [](const std::string& from, const std::string& reference) {
        return url_to_dict(value_or_raise(url_of(from).resolve(reference), reference));
    });
    lab.def("may_reach", [](const std::string& host, const std::string& url, bool redirected_from_global) {
        return may_reach(to_host(host), url_of(url), redirected_from_global);
    });
    lab.def("may_redirect",
            [](const std::string& from, const std::string& to) { return may_redirect(url_of(from), url_of(to)); });
    lab.attr("max_url_size") = max_url_size;
    lab.attr("max_host_name") = max_host_name;
}

void bind_http(py::module_& lab) {
    lab.def(
        "write_get",
        [](const std::string& url, const std::string& user_agent, const std::string& credentials, bool accept_gzip) {
            return to_python(value_or_raise(http::write_get(url_of(url), {user_agent, credentials, accept_gzip})));
        },
        py::arg("url"), py::arg("user_agent") = "", py::arg("credentials") = "", py::arg("accept_gzip") = true);
    using Reader = http::ResponseReader;
    py::class_<Reader>(lab, "ResponseReader")
        .def(py::init([](std::size_t max_head, std::size_t max_body) {
                 return std::make_unique<Reader>(http::ResponseLimits{max_head, max_body});
             }),
             py::arg("max_head") = http::ResponseLimits{}.max_head,
             py::arg("max_body") = http::ResponseLimits{}.max_body)
        .def("receive", [](Reader& r, const py::bytes& in) { value_or_raise(r.receive(view_of(in))); })
        .def("end", [](Reader& r) { value_or_raise(r.end()); })
        .def_property_readonly("is_done", &Reader::is_done)
        .def_property_readonly("status", [](const Reader& r) { return r.response().status; })
        .def_property_readonly("location", [](const Reader& r) { return py::bytes(r.response().location); })
        .def_property_readonly("body", [](const Reader& r) { return to_python(r.response().body); });
}

void bind_announce(py::module_& lab) {
    lab.def("announce_target",
            [](const std::string& target, const py::dict& a) { return announce_target(target, announce_of(a)); });
    lab.def("parse_announce_reply",
            [](const py::bytes& body) { return answer_to_dict(value_or_raise(parse_announce_reply(view_of(body)))); });
    lab.def("scrape_target", [](const std::string& target, const py::bytes& hash) {
        return scrape_target(target, Sha1Digest::from(view_of(hash)));
    });
    lab.def("parse_scrape_reply", [](const py::bytes& body, const py::bytes& hash) {
        return scrape_to_dict(value_or_raise(parse_scrape_reply(view_of(body), Sha1Digest::from(view_of(hash)))));
    });
    py::dict limits;
    limits["default_interval"] = default_interval.seconds();
    limits["least_interval"] = least_interval.seconds();
    limits["most_interval"] = most_interval.seconds();
    limits["least_retry"] = least_retry.seconds();
    limits["max_reply_peers"] = max_reply_peers;
    limits["max_message"] = max_message;
    limits["max_tracker_id"] = max_tracker_id;
    limits["max_reply_tokens"] = max_reply_tokens;
    limits["max_reply_depth"] = max_reply_depth;
    limits["max_url_data"] = max_url_data;
    limits["max_udp_retries"] = max_udp_retries;
    limits["first_udp_timeout"] = first_udp_timeout.seconds();
    limits["connection_id_life"] = connection_id_life.seconds();
    limits["max_trackers"] = max_trackers;
    limits["first_retry"] = first_retry.seconds();
    limits["longest_retry"] = longest_retry.seconds();
    limits["most_in_haste"] = most_in_haste;
    limits["slow_step"] = slow_step.seconds();
    lab.attr("tracker_limits") = limits;
}

using KnownConnection = std::optional<std::pair<std::uint64_t, double>>;

std::optional<UdpConnection> connection_of(const KnownConnection& known) {
    return known ? std::optional(UdpConnection{known->first, to_time(known->second)}) : std::nullopt;
}

void bind_udp(py::module_& lab) {
    py::class_<UdpAnnounce>(lab, "UdpAnnounce")
        .def(py::init([](const py::dict& a, const std::string& url_data, bool v6, const KnownConnection& known,
                         std::uint64_t seed) {
                 return UdpAnnounce(announce_of(a), url_data, v6, connection_of(known), Prng(seed));
             }),
             py::arg("announce"), py::arg("url_data") = "", py::arg("v6") = false, py::arg("connection") = py::none(),
             py::arg("seed") = 0)
        .def_static("scrape",
                    [](const py::bytes& info_hash, std::uint64_t seed) {
                        return UdpAnnounce(Sha1Digest::from(view_of(info_hash)), false, std::nullopt, Prng(seed));
                    })
        .def("start", [](UdpAnnounce& u, double now) { u.start(to_time(now)); })
        .def("receive", [](UdpAnnounce& u, const py::bytes& in, double now) { u.receive(view_of(in), to_time(now)); })
        .def("next_datagram",
             [](UdpAnnounce& u) {
                 const auto out = u.next_datagram();
                 return out ? py::object(to_python(*out)) : py::none();
             })
        .def("on_deadline", [](UdpAnnounce& u, double now) { u.on_deadline(to_time(now)); })
        .def_property_readonly("deadline", [](const UdpAnnounce& u) { return to_seconds(u.deadline()); })
        .def_property_readonly("is_done", &UdpAnnounce::is_done)
        .def_property_readonly("answer",
                               [](const UdpAnnounce& u) { return answer_to_dict(value_or_raise(u.answer())); })
        .def_property_readonly("connection", [](const UdpAnnounce& u) -> KnownConnection {
            if (!u.connection()) return std::nullopt;
            return std::pair(u.connection()->id, to_seconds(u.connection()->since));
        });
}

py::dict tracker_to_dict(const Schedule& schedule, TrackerId id) {
    const Tracker& t = *schedule.find(id);
    const auto next = schedule.next_announce(id);
    py::dict out;
    out["url"] = t.url;
    out["tier"] = t.tier;
    out["supported"] = t.supported;
    out["failures"] = t.failures;
    out["never"] = t.never;
    out["message"] = t.message;
    out["seeds"] = t.counts.seeds;
    out["leechers"] = t.counts.leechers;
    out["tracker_id"] = py::bytes(t.tracker_id);
    out["knows_us"] = t.knows_us;
    out["next"] = next ? py::object(py::float_(to_seconds(*next))) : py::none();
    return out;
}

std::vector<std::string> urls_of(const std::vector<Goodbye>& all) {
    std::vector<std::string> out;
    for (const auto& each : all) out.push_back(each.url);
    return out;
}

void bind_schedule(py::module_& lab) {
    using Tiers = std::vector<std::vector<std::string>>;
    py::class_<Schedule>(lab, "TrackerSchedule")
        .def(py::init([](std::uint64_t seed) { return Schedule(Prng(seed)); }), py::arg("seed") = 0)
        .def("set_trackers",
             [](Schedule& s, const Tiers& tiers, double now) { return urls_of(s.set_trackers(tiers, to_time(now))); })
        .def("start", [](Schedule& s, bool complete, double now) { s.start(complete, to_time(now)); })
        .def("stop", [](Schedule& s) { return urls_of(s.stop()); })
        .def("on_complete", &Schedule::on_complete)
        .def("on_incomplete", &Schedule::on_incomplete)
        .def("request", [](Schedule& s, double now) { s.request(to_time(now)); })
        .def("hasten", [](Schedule& s, double now) { s.hasten(to_time(now)); })
        .def("next",
             [](Schedule& s, double now) -> std::optional<std::pair<std::string, std::string>> {
                 const auto ask = s.next(to_time(now));
                 if (!ask) return std::nullopt;
                 return std::pair(s.find(ask->tracker)->url, std::string(word(ask->event)));
             })
        .def(
            "on_reply",
            [](Schedule& s, double now, double interval, std::optional<double> min_interval, const std::string& id) {
                AnnounceReply reply;
                reply.interval = from_seconds(interval);
                if (min_interval) reply.min_interval = from_seconds(*min_interval);
                reply.tracker_id = id;
                s.on_reply(reply, to_time(now));
            },
            py::arg("now"), py::arg("interval") = 1800.0, py::arg("min_interval") = py::none(),
            py::arg("tracker_id") = "")
        .def(
            "on_failure",
            [](Schedule& s, double now, std::optional<double> retry_in, bool never, const std::string& message) {
                const auto asked = retry_in ? std::optional(from_seconds(*retry_in)) : std::nullopt;
                return seconds_or_none(s.on_failure(message, asked, never, to_time(now)));
            },
            py::arg("now"), py::arg("retry_in") = py::none(), py::arg("never") = false, py::arg("message") = "no")
        .def("withdraw", &Schedule::withdraw)
        .def("on_worded", &Schedule::on_worded)
        .def_property_readonly("deadline", [](const Schedule& s) { return to_seconds(s.deadline()); })
        .def_property_readonly("asking", [](const Schedule& s) { return s.asking().has_value(); })
        .def_property_readonly("trackers", [](const Schedule& s) {
            py::list out;
            for (const auto& tier : s.order().all())
                for (const auto id : tier) out.append(tracker_to_dict(s, id));
            return out;
        });
}

std::vector<IpAddress> hosts_of(const std::vector<std::string>& all) {
    std::vector<IpAddress> out;
    for (const auto& each : all) out.push_back(to_host(each));
    return out;
}

void bind_turns(py::module_& lab) {
    using policy::AddressTurns;
    py::class_<AddressTurns> turns(lab, "AddressTurns");
    turns.def(py::init<>())
        .def("order",
             [](const AddressTurns& t, const std::string& name, const std::vector<std::string>& allowed) {
                 std::vector<std::string> out;
                 for (const auto& each : t.order(name, hosts_of(allowed))) out.push_back(each.to_string());
                 return out;
             })
        .def("on_answer", [](AddressTurns& t, const std::string& name,
                             const std::string& from) { t.on_answer(name, to_host(from)); })
        .def("on_silence", [](AddressTurns& t, const std::string& name,
                              const std::string& last) { t.on_silence(name, to_host(last)); })
        .def_property_readonly("known", &AddressTurns::known);
    turns.attr("most_asked") = AddressTurns::most_asked;
    turns.attr("max_names") = AddressTurns::max_names;
}

}  // namespace

void bind_lab_tracker(py::module_& module) {
    auto lab = module.def_submodule("lab");
    bind_url(lab);
    bind_http(lab);
    bind_announce(lab);
    bind_udp(lab);
    bind_schedule(lab);
    bind_turns(lab);
}

}  // namespace jst::bind
