#include "tracker/schedule.hpp"

#include <algorithm>
#include <set>

#include "base/check.hpp"
#include "base/url.hpp"

namespace jst::tracker {
namespace {

bool is_supported(const std::string& url) {
    const auto parsed = Url::parse(url);
    return parsed && (parsed->scheme == "http" || parsed->scheme == "https" || parsed->scheme == "udp");
}

Duration wait_after(std::uint32_t failures, Prng& prng) noexcept {
    Duration wait = first_retry;
    for (std::uint32_t i = 1; i < failures && wait < longest_retry; ++i) wait = wait * 2;
    wait = std::min(wait, longest_retry);
    return wait + nanoseconds(static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(wait.ns / 4))));
}

}  // namespace

const Tracker* Schedule::find(TrackerId id) const noexcept {
    const auto at = trackers_.find(id.value);
    return at == trackers_.end() ? nullptr : &at->second;
}

std::optional<TrackerId> Schedule::known(const std::string& url) const {
    for (const auto& [number, tracker] : trackers_)
        if (tracker.url == url) return TrackerId{number};
    return std::nullopt;
}

std::vector<std::vector<std::string>> Schedule::listed(std::vector<std::vector<std::string>> tiers) {
    std::set<std::string> seen;
    for (auto& urls : tiers)
        std::erase_if(urls,
                      [&](const std::string& url) { return seen.size() == max_trackers || !seen.insert(url).second; });
    std::erase_if(tiers, [](const auto& urls) { return urls.empty(); });
    return tiers;
}

std::vector<Goodbye> Schedule::set_trackers(const std::vector<std::vector<std::string>>& tiers, Time now) {
    std::map<std::uint32_t, Tracker> kept;
    std::vector<std::vector<TrackerId>> order;
    for (const auto& urls : listed(tiers)) {
        std::vector<TrackerId>& tier = order.emplace_back();
        for (const auto& url : urls) {
            const auto old = known(url);
            const TrackerId id = old.value_or(TrackerId{numbers_});
            if (!old) ++numbers_;
            Tracker tracker = old ? std::move(trackers_[id.value]) : Tracker{};
            if (!old) {
                tracker.url = url;
                tracker.supported = is_supported(url);
                if (!tracker.supported) tracker.message = "not supported";
            }
            tracker.tier = static_cast<std::uint32_t>(order.size()) - 1;
            kept.emplace(id.value, std::move(tracker));
            tier.push_back(id);
        }
    }
    std::vector<Goodbye> gone;
    for (const auto& [number, tracker] : trackers_)
        if (!kept.contains(number) && (tracker.knows_us || (asking_ && asking_->tracker.value == number)))
            gone.push_back({tracker.url, tracker.tracker_id});
    trackers_ = std::move(kept);
    tiers_.assign(std::move(order), prng_);
    if (asking_ && find(asking_->tracker) == nullptr) withdraw();
    // The one that answered last went: somebody else is asked at once.
    if (last_ && find(*last_) == nullptr) last_.reset();
    if (running_ && !last_) next_round_ = now;
    return gone;
}

void Schedule::start(bool complete, Time now) {
    running_ = true;
    complete_ = complete;
    next_round_ = now;
}

std::vector<Goodbye> Schedule::stop() {
    running_ = pausing_ = false;
    next_round_ = Time::never();
    std::vector<Goodbye> told;
    for (auto& [number, tracker] : trackers_) {
        if (tracker.knows_us || (asking_ && asking_->tracker.value == number))
            told.push_back({tracker.url, tracker.tracker_id});
        tracker.knows_us = tracker.knows_complete = false;
    }
    withdraw();
    return told;
}

void Schedule::request(Time now) {
    for (auto& [number, tracker] : trackers_) {
        tracker.never = false;
        tracker.retry_at = std::min(tracker.retry_at, tracker.may_again);
    }
    hasten(now);
}

void Schedule::hasten(Time now) {
    wished_ = asking_.has_value();
    if (running_) next_round_ = std::min(next_round_, std::max(now, next_try()));
}

// A min interval is between announces; `started` begins anew.
Time Schedule::opens_at(const Tracker& t) noexcept {
    return t.knows_us ? std::max(t.retry_at, t.may_again) : t.retry_at;
}

// The first time at which anybody may be asked.
Time Schedule::next_try() const noexcept {
    Time soonest = Time::never();
    for (const auto& [number, tracker] : trackers_)
        if (is_usable(tracker)) soonest = std::min(soonest, opens_at(tracker));
    return soonest;
}

std::optional<Ask> Schedule::next(Time now) {
    pausing_ = running_ && !asking_ && now < not_before_ && std::max(next_round_, next_try()) <= not_before_;
    if (!running_ || asking_ || now < not_before_) return std::nullopt;
    const TrackerId* chosen = tiers_.first([&](TrackerId id) {
        const Tracker& t = *find(id);
        return is_usable(t) && owes_completed(t) && t.retry_at <= now;
    });
    if (chosen == nullptr && next_round_ <= now) {
        const auto is_open = [&](TrackerId id) { return is_usable(*find(id)) && opens_at(*find(id)) <= now; };
        chosen = tiers_.first([&](TrackerId id) { return find(id)->failed_in != pass_ && is_open(id); });
        if (chosen == nullptr && (chosen = tiers_.first(is_open)) != nullptr) ++pass_;
        if (chosen == nullptr) next_round_ = next_try();
    }
    if (chosen == nullptr) return std::nullopt;
    const Tracker& tracker = *find(*chosen);
    asked_complete_ = complete_;
    asking_ = Ask{*chosen, !tracker.knows_us         ? AnnounceEvent::started
                           : owes_completed(tracker) ? AnnounceEvent::completed
                                                     : AnnounceEvent::none};
    return asking_;
}

void Schedule::on_reply(const AnnounceReply& reply, Time now) {
    JST_CHECK(asking_.has_value(), "a reply to nothing");
    const Ask ask = *std::exchange(asking_, std::nullopt);
    Tracker& tracker = trackers_.at(ask.tracker.value);
    tracker.failures = 0;
    in_vain_ = 0;
    not_before_ = Time{0};
    tracker.answered = tracker.knows_us = true;
    if (asked_complete_) tracker.knows_complete = true;
    tracker.retry_at = now;
    tracker.may_again = now + reply.min_interval.value_or(least_interval);
    if (reply.counts.seeds) tracker.counts.seeds = reply.counts.seeds;
    if (reply.counts.leechers) tracker.counts.leechers = reply.counts.leechers;
    tracker.message = reply.warning;
    if (reply.external_ip) tracker.external_ip = reply.external_ip;
    if (!reply.tracker_id.empty()) tracker.tracker_id = reply.tracker_id;
    tiers_.promote(ask.tracker);
    last_ = ask.tracker;
    ++pass_;
    next_round_ = now + reply.interval;
    if (std::exchange(wished_, false)) hasten(now);
}

std::optional<Duration> Schedule::on_failure(std::string message, std::optional<Duration> retry_in, bool never,
                                             Time now) {
    JST_CHECK(asking_.has_value(), "a failure of nothing");
    const Ask ask = *std::exchange(asking_, std::nullopt);
    wished_ = false;  // the round goes on
    Tracker& tracker = trackers_.at(ask.tracker.value);
    if (tracker.failures < 0xFFFF) ++tracker.failures;
    tracker.failed_in = pass_;
    tracker.message = std::move(message);
    tracker.never = never;
    if (in_vain_ < most_in_haste)
        ++in_vain_;
    else
        not_before_ = now + slow_step;
    const Duration wait = retry_in ? *retry_in : wait_after(tracker.failures, prng_);
    tracker.retry_at = now + wait;
    tracker.may_again = now + (retry_in ? *retry_in : first_retry);
    return never ? std::nullopt : std::optional(wait);
}

void Schedule::on_scrape(TrackerId id, const Counts& counts) {
    const auto at = trackers_.find(id.value);
    if (at != trackers_.end()) at->second.counts = counts;
}

Time Schedule::deadline() const noexcept {
    if (!running_ || asking_) return Time::never();
    Time soonest = Time::never();
    bool anybody = false;
    for (const auto& [number, tracker] : trackers_) {
        if (!is_usable(tracker)) continue;
        anybody = true;
        if (owes_completed(tracker)) soonest = std::min(soonest, tracker.retry_at);
    }
    return anybody ? std::max(std::min(soonest, next_round_), not_before_) : Time::never();
}

std::optional<Time> Schedule::next_announce(TrackerId id) const noexcept {
    const Tracker* const tracker = find(id);
    if (tracker == nullptr || !running_ || !is_usable(*tracker)) return std::nullopt;
    if (asking_ && asking_->tracker == id) return std::nullopt;
    if (last_ == id) return std::max(next_round_, tracker->retry_at);
    if (tracker->failures > 0) return tracker->retry_at;
    return std::nullopt;
}

}  // namespace jst::tracker
