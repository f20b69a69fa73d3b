#include "engine/announcer.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/planted.hpp"
#include "engine/inquiries.hpp"
#include "engine/torrent.hpp"
#include "tracker/http_announce.hpp"

namespace jst::engine {
namespace {

using tracker::AnnounceEvent;
using tracker::TrackerId;

std::uint64_t taken(const Counters& c) noexcept { return c.payload_verified + c.payload_partial; }

// Bytes of the pieces that lack.
std::uint64_t left_of(const codec::Metainfo& m, const Bitfield& have) noexcept {
    if (have.size() != m.num_pieces() || have.size() == 0) return m.total_size();
    const PieceIndex last{m.num_pieces() - 1};
    std::uint64_t got = std::uint64_t{have.count()} * m.piece_length();
    if (have[last]) got -= m.piece_length() - m.piece_size(last);
    return m.total_size() - got;
}

}  // namespace

Announcer::Announcer(Core& core, Torrent& torrent, Tiers tiers)
    : core_(core), torrent_(torrent), tiers_(std::move(tiers)) {
    if (!tiers_->empty()) trackers().schedule.set_trackers(*tiers_, core.now());
}

Announcer::Trackers::Trackers(Announcer& announcer)
    : schedule(announcer.core_.rt.entropy.stream(announcer.torrent_.number(), "announcer")),
      timer(announcer.core_.timers, [](Timer& t, Time now) { t.owner<Announcer>().advance(now); }, &announcer) {
    timer.tag.torrent = announcer.torrent_.number();
}

Announcer::Trackers& Announcer::trackers() {
    if (trackers_) return *trackers_;
    trackers_ = std::make_unique<Trackers>(*this);
    if (mode_ != Mode::stopped) trackers_->schedule.start(has_all_, core_.now());
    return *trackers_;
}

// -- life -------------------------------------------------------------------------------------------------------------

void Announcer::run(Time now) {
    const Mode before = std::exchange(mode_, Mode::running);
    if (before == Mode::running) return;
    if (before == Mode::stopped) {
        downloaded_before_ = taken(torrent_.counters());
        uploaded_before_ = torrent_.counters().payload_sent;
        has_all_ = torrent_.has_all();
        if (trackers_) trackers_->schedule.start(has_all_, now);
    }
    advance(now);
}

void Announcer::hold() {
    if (mode_ != Mode::running) return;
    mode_ = Mode::held;
    if (trackers_) trackers_->timer.cancel();
}

void Announcer::stop(Time now) {
    if (mode_ == Mode::stopped) return;
    mode_ = Mode::stopped;
    if (!trackers_) return;
    trackers_->timer.cancel();
    call_off();
    say_goodbye(trackers_->schedule.stop(), now);
}

// What was only waiting for its turn, or never got as far as the question, leaves no trace at the tracker.
void Announcer::call_off() {
    if (trackers_->scrape != 0) core_.inquiries->cancel(std::exchange(trackers_->scrape, 0));
    if (trackers_->announce == 0) return;
    if (!core_.inquiries->cancel(std::exchange(trackers_->announce, 0))) trackers_->schedule.withdraw();
}

void Announcer::say_goodbye(const std::vector<tracker::Goodbye>& to, Time now) {
    for (const auto& goodbye : to) {
        Inquiry farewell = inquiry(InquiryKind::goodbye, goodbye.url);
        farewell.announce = facts(AnnounceEvent::stopped, goodbye.tracker_id);
        core_.inquiries->ask(std::move(farewell), now);
    }
}

void Announcer::on_completion(bool all, Time now) {
    has_all_ = all;
    if (!trackers_) return;
    if (all)
        trackers_->schedule.on_complete();
    else
        trackers_->schedule.on_incomplete();
    if (mode_ == Mode::running) advance(now);
}

void Announcer::request(Time now) {
    if (!trackers_) return;
    trackers_->schedule.request(now);
    if (mode_ == Mode::running) advance(now);
}

void Announcer::want_more(Time now) {
    if (!trackers_) return;
    trackers_->schedule.hasten(now);
    if (mode_ == Mode::running) advance(now);
}

void Announcer::set_tiers(Tiers tiers, Time now) {
    tiers_ = std::move(tiers);
    if (!trackers_ && tiers_->empty()) return;
    auto& schedule = trackers().schedule;
    const auto asked = schedule.asking();
    const auto url = [&](const TrackerId id) {
        return schedule.find(id) != nullptr ? schedule.find(id)->url : std::string();
    };
    const std::string asked_url = asked ? url(asked->tracker) : std::string();
    const auto listed = tracker::Schedule::listed(*tiers_);
    const bool is_gone = asked && std::none_of(listed.begin(), listed.end(), [&](const auto& tier) {
                             return std::find(tier.begin(), tier.end(), asked_url) != tier.end();
                         });
    // Who only waits for its turn may not be the first in order any more.
    if (is_gone || core_.inquiries->is_waiting(trackers_->announce)) call_off();
    say_goodbye(schedule.set_trackers(*tiers_, now), now);
    schedule.request(now);
    if (mode_ == Mode::running) advance(now);
}

// -- asking -----------------------------------------------------------------------------------------------------------

Inquiry Announcer::inquiry(InquiryKind kind, const std::string& url) const {
    Inquiry out;
    out.kind = kind;
    out.torrent = torrent_.key();
    out.torrent_number = torrent_.number();
    out.url = url;
    out.announce.info_hash = torrent_.hashes().wire_id();
    return out;
}

void Announcer::advance(Time now) {
    if (mode_ != Mode::running || !trackers_) return;
    auto& [schedule, timer, announce, scrape, scraped] = *trackers_;
    if (const auto ask = announce == 0 ? schedule.next(now) : std::nullopt) {
        announce = core_.inquiries->ask(inquiry(InquiryKind::announce, schedule.find(ask->tracker)->url), now);
        if (announce == 0) schedule.withdraw();  // the session closes
        core_.touch(torrent_);
    }
    timer.set(announce == 0 && core_.closing ? Time::never() : schedule.deadline());
}

tracker::Announce Announcer::compose(InquiryId id) {
    if (!trackers_ || id != trackers_->announce || !trackers_->schedule.asking())
        return inquiry(InquiryKind::scrape, {}).announce;
    trackers_->schedule.on_worded();
    const auto& ask = *trackers_->schedule.asking();
    return facts(ask.event, trackers_->schedule.find(ask.tracker)->tracker_id);
}

tracker::Announce Announcer::facts(AnnounceEvent event, const std::string& tracker_id) const {
    tracker::Announce out;
    const auto& counters = torrent_.counters();
    out.info_hash = torrent_.hashes().wire_id();
    out.peer_id = core_.peer_id;
    out.downloaded = std::max(taken(counters), downloaded_before_) - downloaded_before_;
    out.uploaded = counters.payload_sent - uploaded_before_;
    out.left = torrent_.has_metadata() ? left_of(torrent_.metainfo(), torrent_.have()) : unknown_left;
    if (planted<Plant::left_is_all>() && torrent_.has_metadata()) out.left = torrent_.metainfo().total_size();
    out.event = event;
    out.key = core_.tracker_key;
    if (event == AnnounceEvent::stopped || torrent_.is_complete()) out.num_want = 0;
    out.port = core_.listen_port.value_or(no_port);
    for (const auto& own : core_.listen_hosts)
        if (!own.is_v4() && own.is_global()) out.ipv6 = own;
    out.tracker_id = tracker_id;
    return out;
}

// -- answers ----------------------------------------------------------------------------------------------------------

void Announcer::on_answer(InquiryId id, InquiryAnswer answer, Time now) {
    if (!trackers_) return;
    if (id == trackers_->scrape) {
        trackers_->scrape = 0;
        if (!answer.answer || !trackers_->scraped) return;
        if (const auto* reply = std::get_if<tracker::AnnounceReply>(&*answer.answer))
            trackers_->schedule.on_scrape(*trackers_->scraped, reply->counts);
    } else if (id == trackers_->announce) {
        trackers_->announce = 0;
        on_announced(std::move(answer), now);
        core_.touch(torrent_);
        advance(now);
    }
}

void Announcer::on_announced(InquiryAnswer answer, Time now) {
    JST_CHECK(trackers_->schedule.asking().has_value(), "an answer of somebody who is not asked");
    const TrackerId id = trackers_->schedule.asking()->tracker;
    const std::string url = trackers_->schedule.find(id)->url;
    if (!answer.answer) return on_failure(url, std::move(answer.failure), std::nullopt, false, now);
    if (const auto* refusal = std::get_if<tracker::Refusal>(&*answer.answer))
        return on_failure(url, refusal->reason, refusal->retry_in, refusal->never, now);
    const auto& reply = std::get<tracker::AnnounceReply>(*answer.answer);
    on_reply(reply, answer.from, now);
    Event event;
    event.text = url;
    event.counts = trackers_->schedule.find(id)->counts;
    event.wait = reply.interval;
    core_.emit(EventKind::announce_completed, torrent_.key(), std::move(event));
    // Not all say in their answer how many there are.
    const bool is_silent = !reply.counts.seeds && !reply.counts.leechers;
    const auto parsed = Url::parse(url);
    if (!is_silent || trackers_->scrape != 0 || !parsed ||
        !tracker::scrape_target(parsed->target, torrent_.hashes().wire_id()))
        return;
    trackers_->scraped = id;
    trackers_->scrape = core_.inquiries->ask(inquiry(InquiryKind::scrape, url), now);
}

void Announcer::on_reply(const tracker::AnnounceReply& reply, const Endpoint& from, Time now) {
    trackers_->schedule.on_reply(reply, now);
    take_peers(reply, from, now);
}

void Announcer::take_peers(const tracker::AnnounceReply& reply, const Endpoint& from, Time now) {
    std::uint32_t fresh = 0;
    for (const Endpoint& address : reply.peers)
        fresh += torrent_.swarm().add(address, policy::PeerSource::tracker, from.host.is_global(), now) ==
                         policy::Added::added
                     ? 1
                     : 0;
    if (fresh == 0) return;
    torrent_.swarm().dial_more(now);
    Event event;
    event.number = fresh;
    event.text = word(policy::PeerSource::tracker);
    core_.emit(EventKind::peers_discovered, torrent_.key(), std::move(event));
}

void Announcer::on_failure(const std::string& url, std::string why, std::optional<Duration> retry_in, bool never,
                           Time now) {
    Event event;
    event.text = url;
    event.message = why;
    event.wait = trackers_->schedule.on_failure(std::move(why), retry_in, never, now);
    core_.emit(EventKind::announce_failed, torrent_.key(), std::move(event));
}

// -- questions --------------------------------------------------------------------------------------------------------

std::vector<TrackerStatus> Announcer::status(Time now) const {
    std::vector<TrackerStatus> out;
    if (!trackers_) return out;
    const auto& schedule = trackers_->schedule;
    for (const auto& tier : schedule.order().all()) {
        std::vector<TrackerId> ids(tier);
        std::sort(ids.begin(), ids.end());
        for (const TrackerId id : ids) {
            const tracker::Tracker& t = *schedule.find(id);
            const bool asked = trackers_->announce != 0 && schedule.asking() && schedule.asking()->tracker == id;
            TrackerStatus& s = out.emplace_back();
            s.url = t.url;
            s.tier = t.tier;
            s.message = t.message;
            s.failures = t.failures;
            s.seeds = t.counts.seeds;
            s.leechers = t.counts.leechers;
            s.external_ip = t.external_ip;
            if (asked)
                s.state = "announcing";
            else if (t.failures > 0 || t.never || !t.supported)
                s.state = "failed";
            else if (t.knows_us)
                s.state = "working";
            const auto next = mode_ == Mode::running ? schedule.next_announce(id) : std::nullopt;
            if (next) s.next_announce = std::max(0.0, (*next - now).seconds());
        }
    }
    return out;
}

}  // namespace jst::engine
