#include "bind/outlet.hpp"

#include <algorithm>

namespace jst::bind {

using engine::EventKind;

namespace {

// Torrents that are asked for after the end although they were removed before; the oldest are forgotten.
constexpr std::size_t most_known = 10'000;

}  // namespace

void Outlet::open(engine::Session& session, runtime_fault::Gated* gated) {
    const auto lock = exchange_->lock();
    session_ = &session;
    gated_ = gated;
    listen();
}

void Outlet::add(std::shared_ptr<EventStream> stream) {
    const auto lock = exchange_->lock();
    streams_.push_back(std::move(stream));
    listen();
}

void Outlet::add(std::shared_ptr<Until> until) {
    const auto lock = exchange_->lock();
    const Round round{.now = published(), .commanded = true, .touched = {}};
    if (until->judge(*session_, round)) until->raise();
    untils_.push_back(std::move(until));
    listen();
}

void Outlet::note(TorrentKey torrent) {
    if (std::find(known_.begin(), known_.end(), torrent) != known_.end()) return;
    if (known_.size() >= most_known) known_.erase(known_.begin());
    known_.push_back(torrent);
}

// Under the mutex.
void Outlet::listen() {
    if (session_ == nullptr) return;
    std::uint32_t kinds = 0;
    for (const auto& stream : streams_) kinds |= stream->kinds();
    for (const auto& until : untils_) kinds |= until->kinds();
    session_->events().listen(kinds);
}

void Outlet::deliver(std::vector<engine::Event> events, Round& round) {
    const std::uint32_t awaited = [&] {
        std::uint32_t kinds = 0;
        for (const auto& until : untils_) kinds |= until->kinds();
        return kinds;
    }();
    for (auto& event : events) {
        const bool is_awaited = (awaited & mask_of(event.kind)) != 0;
        if (is_awaited && std::find(round.touched.begin(), round.touched.end(), event.torrent) == round.touched.end())
            round.touched.push_back(event.torrent);
        for (const auto& stream : streams_) {
            if (!stream->wants(event)) continue;
            StreamItem item{.event = event, .metainfo = nullptr, .dropped = 0};
            if (event.kind == EventKind::metadata_received) item.metainfo = session_->metainfo(event.torrent);
            stream->push(std::move(item));
        }
    }
}

void Outlet::judge(const Round& round) {
    for (const auto& until : untils_)
        if (!until->is_raised() && until->judge(*session_, round)) until->raise();
}

// What nobody else holds any more is not waited for.
void Outlet::prune() {
    const auto is_left = [](const auto& thing) { return thing.use_count() == 1; };
    const auto gone = std::erase_if(streams_, [&](const auto& s) { return s->is_closed() || is_left(s); }) +
                      std::erase_if(untils_, is_left);
    if (gone != 0) listen();
}

void Outlet::on_round_end(Time now) {
    session_->on_round_end(now);
    published_.store(now.ns, std::memory_order_relaxed);
    if (!session_->is_healthy()) healthy_.store(false, std::memory_order_relaxed);
    if (streams_.empty() && untils_.empty()) {
        commanded_ = false;
        return;
    }
    Round round{.now = now, .commanded = commanded_, .touched = {}};
    commanded_ = false;
    auto events = session_->events().take();
    const auto lock = exchange_->lock();
    deliver(std::move(events), round);
    judge(round);
    prune();
}

void Outlet::on_broken_rule(const runtime::Tag& tag, const char* what) noexcept {
    healthy_.store(false, std::memory_order_relaxed);
    session_->on_broken_rule(tag, what);
}

// Under the mutex.
void Outlet::end() {
    has_ended_.store(true, std::memory_order_release);
    for (const auto& stream : streams_) stream->end();
    for (const auto& until : untils_) {
        until->give_up();
        until->raise();
    }
    streams_.clear();
    untils_.clear();
}

void Outlet::close(bool are_removed) {
    auto events = session_->events().take();
    auto remains = std::make_unique<const Remains>(*session_, known_, are_removed);
    const auto lock = exchange_->lock();
    Round last{.now = published(), .commanded = true, .touched = {}};
    deliver(std::move(events), last);
    judge(last);
    remains_ = std::move(remains);
    end();
}

void Outlet::die() noexcept {
    const auto lock = exchange_->lock();
    healthy_.store(false, std::memory_order_relaxed);
    end();
}

}  // namespace jst::bind
