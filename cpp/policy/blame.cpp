#include "policy/blame.hpp"

#include <algorithm>
#include <tuple>

namespace jst::policy {
namespace {

template <class Value>
bool contains(const std::vector<Value>& all, const Value& one) noexcept {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<IpAddress> hosts_of(std::span<const BlamedBlock> blocks) {
    std::vector<IpAddress> hosts;
    for (const auto& block : blocks) hosts.push_back(block.host);
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    return hosts;
}

// The entry of the lowest rank gives way.
template <class Table, class Rank>
void erase_least(Table& table, Rank&& rank) {
    table.erase(std::min_element(table.begin(), table.end(),
                                 [&](const auto& a, const auto& b) { return rank(a.second) < rank(b.second); }));
}

}  // namespace

Blame::Suspect& Blame::suspect(const IpAddress& host) {
    if (const auto at = suspects_.find(host); at != suspects_.end()) return at->second;
    if (suspects_.size() >= max_suspects)
        erase_least(suspects_, [](const Suspect& s) { return std::tuple(s.on_parole, s.serial); });
    auto& added = suspects_[host];
    added.serial = next_serial_++;
    return added;
}

Blame::FailedPiece& Blame::failed_piece(PieceIndex piece) {
    if (const auto at = failed_.find(piece); at != failed_.end()) return at->second;
    if (failed_.size() >= max_failed_pieces) erase_least(failed_, [](const FailedPiece& f) { return f.serial; });
    auto& added = failed_[piece];
    added.serial = next_serial_++;
    return added;
}

Judgement Blame::on_failed(PieceIndex piece, std::span<const BlamedBlock> blocks) {
    Judgement judgement;
    const auto hosts = hosts_of(blocks);
    for (const auto& host : hosts) ++suspect(host).failures;
    if (hosts.size() == 1) {
        judgement.guilty = hosts;
        return judgement;
    }
    auto& failed = failed_piece(piece);
    for (const auto& block : blocks) {
        if (failed.blocks.size() >= max_failed_blocks) break;
        const auto same = [&](const BlamedBlock& b) {
            return b.begin == block.begin && b.host == block.host && b.digest == block.digest;
        };
        if (std::none_of(failed.blocks.begin(), failed.blocks.end(), same)) failed.blocks.push_back(block);
    }
    for (const auto& host : hosts) {
        if (suspect(host).on_parole) continue;
        suspect(host).on_parole = true;
        judgement.paroled.push_back(host);
    }
    return judgement;
}

Judgement Blame::on_verified(PieceIndex piece, std::span<const BlamedBlock> blocks) {
    Judgement judgement;
    std::vector<IpAddress> doubted = hosts_of(blocks);
    // Who gave a whole piece alone is cleared; of several only those whom this very piece made suspects.
    if (doubted.size() != 1) doubted.clear();
    if (const auto at = failed_.find(piece); at != failed_.end()) {
        judgement.guilty = liars(at->second, blocks);
        for (const auto& host : hosts_of(at->second.blocks))
            if (!contains(doubted, host)) doubted.push_back(host);
        failed_.erase(at);
    }
    for (const auto& host : doubted) {
        if (!is_on_parole(host) || contains(judgement.guilty, host) || has_part_in_failure(host)) continue;
        suspects_.at(host).on_parole = false;
        judgement.cleared.push_back(host);
    }
    return judgement;
}

std::vector<IpAddress> Blame::liars(const FailedPiece& failed, std::span<const BlamedBlock> good) {
    std::vector<IpAddress> guilty;
    for (const auto& bad : failed.blocks) {
        const auto same =
            std::find_if(good.begin(), good.end(), [&](const BlamedBlock& b) { return b.begin == bad.begin; });
        if (same == good.end() || same->digest == bad.digest) continue;
        if (!contains(guilty, bad.host)) guilty.push_back(bad.host);
    }
    std::sort(guilty.begin(), guilty.end());
    return guilty;
}

// In another piece that failed with several contributors, and is not verified yet.
bool Blame::has_part_in_failure(const IpAddress& host) const noexcept {
    return std::any_of(failed_.begin(), failed_.end(), [&](const auto& entry) {
        const auto& blocks = entry.second.blocks;
        return std::any_of(blocks.begin(), blocks.end(), [&](const BlamedBlock& b) { return b.host == host; });
    });
}

bool Blame::is_on_parole(const IpAddress& host) const noexcept {
    const auto at = suspects_.find(host);
    return at != suspects_.end() && at->second.on_parole;
}

std::uint32_t Blame::failures(const IpAddress& host) const noexcept {
    const auto at = suspects_.find(host);
    return at == suspects_.end() ? 0 : at->second.failures;
}

void Blame::forget(const IpAddress& host) {
    suspects_.erase(host);
    for (auto& [piece, failed] : failed_)
        std::erase_if(failed.blocks, [&](const BlamedBlock& b) { return b.host == host; });
}

}  // namespace jst::policy
