#include "engine/inquiries.hpp"

#include <algorithm>

#include "engine/http_fetch.hpp"
#include "engine/torrent.hpp"
#include "tracker/http_announce.hpp"
#include "tracker/reach.hpp"

namespace jst::engine {
namespace {

constexpr int starts_per_round = 256;  // those that fail at once make room for others, but not for ever

const HttpFetch::Rules tracker_rules{tracker::may_reach, tracker::may_redirect, tracker::max_redirects, {}};

InquiryAnswer failed(Errc error, std::string text = {}) {
    return {fail(error), text.empty() ? std::string(describe(error)) : std::move(text), {}};
}

Result<tracker::AnnounceAnswer> parse(const Inquiry& inquiry, Bytes body) {
    if (inquiry.kind != InquiryKind::scrape) return tracker::parse_announce_reply(body);
    JST_TRY(answer, tracker::parse_scrape_reply(body, inquiry.announce.info_hash));
    if (auto* refusal = std::get_if<tracker::Refusal>(&answer)) return tracker::AnnounceAnswer(std::move(*refusal));
    tracker::AnnounceReply reply;
    reply.counts = std::get<tracker::Counts>(answer);
    return tracker::AnnounceAnswer(std::move(reply));
}

}  // namespace

/// One that is out.
struct Inquiries::Talk {
    Inquiries& owner;
    InquiryId id;
    std::string line;
    Inquiry inquiry;
    std::unique_ptr<HttpFetch> http;
    std::unique_ptr<UdpAsk> udp;

    bool has_sent() const noexcept { return http ? http->has_sent() : udp && udp->has_sent(); }
    bool is_idle() const noexcept { return (!http || http->is_idle()) && (!udp || udp->is_idle()); }
    bool is_settled() const noexcept { return !http || http->is_settled(); }
    void shorten(Time deadline) {
        if (http) http->shorten(deadline);
        if (udp) udp->shorten(deadline);
    }
    void abort() {
        if (http) http->abort();
        if (udp) udp->abort();
    }
};

Inquiries::Inquiries(Core& core)
    : core_(core),
      udp_(core),
      prng_(core.rt.entropy.stream(0, "inquiries")),
      expire_timer_(core.timers, [](Timer& t, Time now) { t.owner<Inquiries>().expire(now); }, this) {}

Inquiries::~Inquiries() = default;

std::string Inquiries::line_of(const std::string& url) {
    const auto parsed = Url::parse(url);
    return parsed ? parsed->scheme + parsed->host + ":" + std::to_string(parsed->port) : std::string();
}

InquiryId Inquiries::ask(Inquiry inquiry, Time now) {
    if (core_.closing && (core_.cut || inquiry.kind != InquiryKind::goodbye)) return 0;
    const InquiryId id = ++last_id_;
    Time expires = Time::never();
    if (inquiry.kind == InquiryKind::goodbye) {
        expires = now + std::min(to_duration(core_.settings.stopped_announce_timeout),
                                 goodbye_limit_.value_or(nanoseconds(Time::never().ns)));
        expiring_.emplace(expires, id);
        expire_timer_.set_sooner(expires);
    }
    lines_[line_of(inquiry.url)].waiting.push_back(id);
    waiting_.emplace(id, Wait{std::move(inquiry), expires});
    return id;
}

bool Inquiries::cancel(InquiryId id) {
    if (waiting_.erase(id) != 0) return false;
    const auto at = running_.find(id);
    if (at == running_.end()) return false;
    const bool sent = at->second->has_sent();
    at->second->abort();
    retire(id);
    return sent;
}

// -- whose turn it is -------------------------------------------------------------------------------------------------

void Inquiries::pump(Time now) {
    bury();
    for (int i = 0; running_.size() < most_at_once && over_.size() < most_lingering; ++i) {
        Line* const line = next_line();
        if (line == nullptr) return;
        if (i == starts_per_round) return core_.wake_soon();
        start_from(*line, now);
    }
}

// Lines take turns; one whose tracker has all that it may have is passed over.
Inquiries::Line* Inquiries::next_line() {
    auto at = lines_.upper_bound(last_line_);
    for (std::size_t i = 0; i < lines_.size(); ++i, ++at) {
        if (at == lines_.end()) at = lines_.begin();
        const Line& line = at->second;
        if (line.waiting.empty() || line.running == most_per_tracker) continue;
        last_line_ = at->first;
        return &at->second;
    }
    return nullptr;
}

bool Inquiries::is_blocked(const Inquiry& inquiry) const {
    return inquiry.kind == InquiryKind::announce &&
           std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
               const Inquiry& other = entry.second->inquiry;
               return other.kind == InquiryKind::goodbye && other.url == inquiry.url &&
                      other.announce.info_hash == inquiry.announce.info_hash;
           });
}

void Inquiries::start_from(Line& line, Time now) {
    const InquiryId id = line.waiting.front();
    line.waiting.pop_front();
    const std::string name = last_line_;
    const auto found = waiting_.find(id);
    if (found != waiting_.end() && is_blocked(found->second.inquiry)) {
        held_back_.push_back(id);
    } else if (found != waiting_.end()) {
        Wait wait = std::move(found->second);
        waiting_.erase(found);
        start(id, std::move(wait), name, now);
    }
    const auto at = lines_.find(name);
    if (at != lines_.end() && at->second.waiting.empty() && at->second.running == 0) lines_.erase(at);
}

void Inquiries::start(InquiryId id, Wait wait, const std::string& line, Time now) {
    Inquiry& inquiry = wait.inquiry;
    if (inquiry.kind != InquiryKind::goodbye) {
        Torrent* const torrent = core_.torrent(inquiry.torrent);
        if (torrent == nullptr) return;
        inquiry.announce = torrent->announcer().compose(id);
    }
    const Time deadline = std::min(wait.expires, now + to_duration(core_.settings.tracker_timeout));
    auto made = std::make_unique<Talk>(Talk{*this, id, line, std::move(inquiry), nullptr, nullptr});
    Talk& talk = *made;
    running_.emplace(id, std::move(made));
    ++lines_[line].running;
    if (!put(talk, deadline)) end(talk, failed(Errc::bad_url), now);
}

bool Inquiries::put(Talk& talk, Time deadline) {
    runtime::Tag tag;
    tag.torrent = talk.inquiry.torrent_number;
    auto url = Url::parse(talk.inquiry.url);
    if (!url) return false;
    const bool scrape = talk.inquiry.kind == InquiryKind::scrape;
    if (!scrape) tag.purpose = runtime::Purpose::announce;
    if (url->scheme == "udp") {
        UdpAsk::Question question{std::move(*url), talk.inquiry.announce, scrape, tracker::may_reach};
        talk.udp = std::make_unique<UdpAsk>(
            core_, udp_, std::move(question), Prng(prng_.next()), tag,
            [](UdpAsk& ask, Time now) {
                Talk& its = *static_cast<Talk*>(ask.owner);
                its.owner.on_udp(its, now);
            },
            &talk);
        talk.udp->start(deadline);
        return true;
    }
    if (scrape) {
        auto target = tracker::scrape_target(url->target, talk.inquiry.announce.info_hash);
        if (!target) return false;
        url->target = std::move(*target);
    } else {
        url->target = tracker::announce_target(url->target, talk.inquiry.announce);
    }
    talk.http = std::make_unique<HttpFetch>(
        core_, tracker_rules, tag,
        [](HttpFetch& fetch, Time now) {
            Talk& its = *static_cast<Talk*>(fetch.owner);
            its.owner.on_http(its, now);
        },
        &talk);
    talk.http->start(std::move(*url), deadline);
    return true;
}

// -- what came of it --------------------------------------------------------------------------------------------------

void Inquiries::on_http(Talk& talk, Time now) {
    const HttpFetch& fetch = *talk.http;
    if (fetch.error() != Errc::ok) return end(talk, failed(fetch.error(), fetch.why()), now);
    const auto& response = fetch.response();
    auto answer = parse(talk.inquiry, response.body);
    const bool refused = answer && std::holds_alternative<tracker::Refusal>(*answer);
    // Some trackers say why in the body of an error.
    if (response.status != 200 && !refused)
        return end(talk, failed(Errc::bad_value, "HTTP status " + std::to_string(response.status)), now);
    if (!answer)
        return end(talk,
                   failed(answer.error().code, "not a tracker's answer: " + std::string(describe(answer.error().code))),
                   now);
    end(talk, {std::move(answer), {}, fetch.remote()}, now);
}

void Inquiries::on_udp(Talk& talk, Time now) {
    const UdpAsk& ask = *talk.udp;
    if (!ask.answer()) return end(talk, failed(ask.answer().error().code), now);
    end(talk, {ask.answer(), {}, ask.remote()}, now);
}

void Inquiries::end(Talk& talk, InquiryAnswer answer, Time now) {
    const InquiryId id = talk.id;
    const TorrentKey key = talk.inquiry.torrent;
    const bool told = talk.inquiry.kind != InquiryKind::goodbye;
    retire(id);
    Torrent* const torrent = told ? core_.torrent(key) : nullptr;
    if (torrent != nullptr) torrent->announcer().on_answer(id, std::move(answer), now);
}

void Inquiries::retire(InquiryId id) {
    const auto at = running_.find(id);
    auto talk = std::move(at->second);
    running_.erase(at);
    const auto line = lines_.find(talk->line);
    if (--line->second.running == 0 && line->second.waiting.empty()) lines_.erase(line);
    if (talk->inquiry.kind == InquiryKind::goodbye)
        for (const InquiryId held : std::exchange(held_back_, {}))
            if (const auto found = waiting_.find(held); found != waiting_.end())
                lines_[line_of(found->second.inquiry.url)].waiting.push_front(held);
    over_.push_back(std::move(talk));
}

void Inquiries::bury() {
    std::erase_if(over_, [](const auto& talk) { return talk->is_idle(); });
}

// -- closing ----------------------------------------------------------------------------------------------------------

void Inquiries::expire(Time now) {
    const auto is_past = [&](const auto& entry) { return entry.first <= now || !waiting_.contains(entry.second); };
    while (!expiring_.empty() && is_past(*expiring_.begin())) {
        waiting_.erase(expiring_.begin()->second);
        expiring_.erase(expiring_.begin());
    }
    expire_timer_.set(expiring_.empty() ? Time::never() : expiring_.begin()->first);
}

void Inquiries::begin_close(Duration goodbye_limit, Time now) {
    goodbye_limit_ = goodbye_limit;
    const Time latest = now + goodbye_limit;
    for (auto& [id, wait] : waiting_) {
        if (wait.inquiry.kind != InquiryKind::goodbye || wait.expires <= latest) continue;
        wait.expires = latest;
        expiring_.emplace(latest, id);
        expire_timer_.set_sooner(latest);
    }
    for (auto& [id, talk] : running_)
        if (talk->inquiry.kind == InquiryKind::goodbye) talk->shorten(latest);
}

void Inquiries::close_sockets() {
    expiring_.clear();
    expire_timer_.cancel();
    udp_.close();
}

void Inquiries::abort() {
    waiting_.clear();
    lines_.clear();
    expiring_.clear();
    expire_timer_.cancel();
    for (auto& [id, talk] : running_) {
        talk->abort();
        over_.push_back(std::move(talk));
    }
    running_.clear();
    udp_.close();
}

bool Inquiries::is_settled() const noexcept {
    return is_quiet() && udp_.is_idle() &&
           std::all_of(over_.begin(), over_.end(), [](const auto& talk) { return talk->is_settled(); });
}

bool Inquiries::is_idle() const noexcept {
    return is_settled() && std::all_of(over_.begin(), over_.end(), [](const auto& talk) { return talk->is_idle(); });
}

}  // namespace jst::engine
