#include "tracker/tiers.hpp"

#include <algorithm>

namespace jst::tracker {
namespace {

bool same_members(std::vector<TrackerId> a, std::vector<TrackerId> b) {
    const auto less = [](TrackerId x, TrackerId y) { return x.value < y.value; };
    std::sort(a.begin(), a.end(), less);
    std::sort(b.begin(), b.end(), less);
    return a == b;
}

}  // namespace

void Tiers::assign(std::vector<std::vector<TrackerId>> tiers, Prng& prng) {
    for (auto& tier : tiers) {
        const auto known =
            std::find_if(tiers_.begin(), tiers_.end(), [&](const auto& old) { return same_members(old, tier); });
        if (known != tiers_.end())
            tier = *known;
        else
            prng.shuffle(tier);
    }
    tiers_ = std::move(tiers);
}

void Tiers::promote(TrackerId tracker) noexcept {
    for (auto& tier : tiers_) {
        const auto at = std::find(tier.begin(), tier.end(), tracker);
        if (at != tier.end()) std::rotate(tier.begin(), at, at + 1);
    }
}

}  // namespace jst::tracker
