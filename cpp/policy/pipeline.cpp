#include "policy/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "base/ids.hpp"
#include "base/planted.hpp"

namespace jst::policy {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;

}  // namespace

Pipeline::Pipeline(std::uint32_t limit) noexcept : limit_(std::max(limit, 1u)), reqq_(limit_) {}

void Pipeline::set_limit(std::uint32_t limit) noexcept { limit_ = std::max(limit, 1u); }

void Pipeline::on_reqq(std::int64_t reqq) noexcept {
    reqq_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(reqq, 1, UINT32_MAX));
}

void Pipeline::on_unchoke() noexcept {
    epoch_began_ = Time{-1};
    asked_ = gave_ = false;
    if (in_vain_ <= free_chokes) paused_until_ = Time{0};  // a new promise
}

void Pipeline::on_choke(Time now) noexcept {
    owed_ = 0;
    if (!std::exchange(asked_, false) || std::exchange(gave_, false)) return;
    window_ = std::min(window_, std::max(window_ / 2, least_window));
    if (++in_vain_ <= free_chokes) return;
    const std::uint32_t doublings = std::min(in_vain_ - free_chokes - 1, 6u);
    paused_until_ = std::max(paused_until_, now + std::min(seconds(std::int64_t{1} << doublings), longest_pause));
}

void Pipeline::on_block(std::uint32_t bytes, Duration waited, Time now) noexcept {
    rejects_ = 0;
    note_gap(waited, now);
    hear(now);
    owed_ = 0;
    if (waited.ns > 0 && (least_wait_.ns == 0 || waited < least_wait_)) least_wait_ = waited;
    if (probing_ && window_ < limit_) ++window_;
    if (epoch_began_.ns < 0) {
        // The first block only starts the clock: its bytes were sent before.
        epoch_began_ = now;
        epoch_bytes_ = 0;
        return;
    }
    epoch_bytes_ += bytes;
    if (now - epoch_began_ >= std::max(shortest_epoch, least_wait_)) end_epoch(now);
}

// What was asked for after the last block came was not owed for all of the gap.
void Pipeline::note_gap(Duration waited, Time now) noexcept {
    if (waited.ns <= 0 || last_block_.ns < 0) return;
    longest_gap_ = std::max(longest_gap_, std::min(now - last_block_, waited));
    gaps_ = std::min(gaps_ + 1, steady_from_blocks);
}

Duration Pipeline::time_limit(Duration timeout) const noexcept {
    Duration limit = timeout;
    for (std::uint32_t i = 0; i < too_early_ && limit < longest_grace; ++i) limit = limit * 2;
    return std::min(limit, std::max(timeout, longest_grace));
}

void Pipeline::on_late_block(Time now) noexcept {
    if (std::exchange(gave_up_, false)) ++too_early_;
    hear(now);
}

void Pipeline::hear(Time now) noexcept {
    if (std::exchange(silences_, 0) > 0) paused_until_ = Time{0};
    last_block_ = now;
    gave_ = true;
    in_vain_ = 0;
    if (owed_ == 0) return;
    --owed_;
    patient_until_ = std::max(patient_until_, now + patience_);
}

void Pipeline::end_epoch(Time now) noexcept {
    const auto elapsed_us = static_cast<std::uint64_t>((now - epoch_began_).ns / 1000);
    const std::uint64_t rate = epoch_bytes_ * us_per_second / std::max<std::uint64_t>(elapsed_us, 1);
    rates_[next_rate_] = rate;
    next_rate_ = (next_rate_ + 1) % num_epochs;
    epoch_began_ = now;
    epoch_bytes_ = 0;
    longest_gap_ = Duration{longest_gap_.ns / 2};
    if (probing_) {
        if (rate > risen_to_ + risen_to_ / 4) {
            risen_to_ = rate;
            flat_epochs_ = 0;
        } else if (++flat_epochs_ >= flat_epochs_to_stop) {
            probing_ = false;
        }
    }
    if (!probing_) fit();
}

std::uint64_t Pipeline::best_rate() const noexcept { return *std::max_element(rates_.begin(), rates_.end()); }

Duration Pipeline::stuck_after() const noexcept {
    if (least_wait_.ns == 0) return most_patience;
    const auto rate = static_cast<std::int64_t>(best_rate());
    const Duration block = rate > 0 ? seconds(std::int64_t{block_size}) / rate : Duration{};
    const bool steady = gaps_ == steady_from_blocks;
    const Duration least =
        steady ? std::clamp(longest_gap_ * 4, least_patience_if_steady, least_patience) : least_patience;
    return std::clamp(std::max(least_wait_ * 8, block * 16), least, most_patience);
}

void Pipeline::fit() noexcept {
    const std::uint64_t rate = best_rate();
    const auto wait_us = static_cast<std::uint64_t>(least_wait_.ns / 1000);
    const std::uint64_t in_flight = rate / us_per_second * wait_us + rate % us_per_second * wait_us / us_per_second;
    const std::uint64_t slack = std::min<std::uint64_t>(rate, std::uint64_t{slack_blocks} * block_size);
    const std::uint64_t blocks = (2 * in_flight + slack + block_size - 1) / block_size;
    const std::uint32_t gentle = window_ - std::max(window_ / 8, 1u);
    const std::uint32_t least = std::max(std::min(window_, gentle), least_window);
    window_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(blocks, least, std::max(limit_, least)));
}

void Pipeline::on_timeout(Time now, Duration timeout, std::uint32_t blocks) noexcept {
    if (last_block_.ns < 0 || now - last_block_ >= timeout) {
        const std::uint32_t doublings = std::min(silences_, 6u);
        ++silences_;
        const Duration pause{std::min(timeout.ns, longest_pause.ns) << doublings};
        paused_until_ = std::max(paused_until_, now + std::min(pause, std::max(longest_pause, timeout)));
    }
    if (now >= patient_until_) owed_ = 0;  // what patience was not enough for is lost
    owed_ += blocks;
    gave_up_ = gave_up_ || blocks > 0;
    patience_ = timeout;
    patient_until_ = std::max(patient_until_, now + timeout);
    window_ = least_window;
    probing_ = true;
    risen_to_ = 0;
    flat_epochs_ = 0;
    rates_.fill(0);
    epoch_began_ = Time{-1};
}

void Pipeline::on_reject(Time now) noexcept {
    if (now < paused_until_) return;
    const std::uint32_t doublings = std::min(rejects_, 6u);
    ++rejects_;
    paused_until_ = now + std::min(seconds(std::int64_t{1} << doublings), longest_pause);
}

std::uint32_t Pipeline::window() const noexcept { return std::clamp(window_, 1u, std::min(limit_, reqq_)); }

std::uint32_t Pipeline::refill(std::uint32_t outstanding, Time now, std::uint32_t most) const noexcept {
    if (now < paused_until_) return 0;
    if (planted<Plant::request_cap_missing>()) return 64;
    if (now < patient_until_) outstanding += owed_;
    most = std::min(most, window());
    const std::uint32_t free_enough = std::max(most / 4, 1u);
    return outstanding <= most - free_enough ? most - outstanding : 0;
}

}  // namespace jst::policy
