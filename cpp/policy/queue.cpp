#include "policy/queue.hpp"

#include <algorithm>

#include "policy/limits.hpp"

namespace jst::policy {

std::optional<std::size_t> Queue::position(TorrentKey torrent) const noexcept {
    for (std::size_t i = 0; i < order_.size(); ++i)
        if (order_[i].torrent == torrent) return i;
    return std::nullopt;
}

bool Queue::add(TorrentKey torrent) {
    if (position(torrent)) return false;
    order_.emplace_back().torrent = torrent;
    return true;
}

bool Queue::remove(TorrentKey torrent) {
    const auto at = position(torrent);
    if (at) order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(*at));
    return at.has_value();
}

bool Queue::move_to(TorrentKey torrent, std::size_t to) {
    const auto from = position(torrent);
    if (!from) return false;
    const auto entry = order_[*from];
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(*from));
    order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(std::min(to, order_.size())), entry);
    return true;
}

bool Queue::up(TorrentKey torrent) {
    const auto at = position(torrent);
    return at && move_to(torrent, *at > 0 ? *at - 1 : 0);
}

bool Queue::down(TorrentKey torrent) {
    const auto at = position(torrent);
    return at && move_to(torrent, *at + 1);
}

bool Queue::set_wish(TorrentKey torrent, Wish wish) {
    const auto at = position(torrent);
    if (at) order_[*at].wish = wish;
    return at.has_value();
}

std::vector<TorrentKey> Queue::running(const QueueLimits& limits) const {
    std::uint32_t downloads = 0;
    std::uint32_t seeds = 0;
    std::uint32_t checks = 0;
    std::uint32_t torrents = 0;
    const auto takes_place = [](const std::optional<std::uint32_t>& limit, std::uint32_t& count) {
        const bool free = CountLimit{limit}.admits_one_more(count);
        if (free) ++count;
        return free;
    };
    const auto moves = [&](const QueueEntry& entry, const std::optional<std::uint32_t>& limit, std::uint32_t& count) {
        if (!CountLimit{limits.torrents}.admits_one_more(torrents)) return false;
        const bool free = entry.seated == entry.wish && entry.pace.is_slow();
        const bool runs = free || takes_place(limit, count);
        if (runs) ++torrents;
        return runs;
    };
    std::vector<TorrentKey> out;
    for (const auto& entry : order_) {
        const bool runs = (entry.wish == Wish::download && moves(entry, limits.downloads, downloads)) ||
                          (entry.wish == Wish::seed && moves(entry, limits.seeds, seeds)) ||
                          (entry.wish == Wish::check && takes_place(limits.checks, checks));
        if (runs) out.push_back(entry.torrent);
    }
    return out;
}

Time Queue::next_judgement(const PaceLimits& limits) const noexcept {
    Time next = Time::never();
    for (const auto& entry : order_) next = std::min(next, entry.pace.due(limits));
    const std::int64_t step = std::max<std::int64_t>(1, limits.span.ns / judgements_per_span);
    if (next > Time{Time::never().ns - step}) return next;
    return Time{(next.ns + step - 1) / step * step};
}

}  // namespace jst::policy
