#include "bind/fact_judge.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "bind/lab_truth.hpp"
#include "runtime_sim/disk.hpp"

namespace jst::bind {

/// One life of one engine.
class FactJudge::Follower final : public runtime::Probe {
  public:
    Follower(std::shared_ptr<FactJudge> judge, std::string name, runtime_sim::NodeId node)
        : judge_(std::move(judge)), name_(std::move(name)), node_(node) {}

    void point(runtime::Point id, const runtime::Tag& tag) override {
        const bool is_have = id == runtime::Point::have_sent;
        if (!is_have && id != runtime::Point::piece_verified) return;
        const auto torrent = torrents_.find(tag.torrent);
        if (torrent == torrents_.end() || !judged_.emplace(tag.torrent, tag.piece).second) return;
        const auto facts = judge_->torrents_.find({name_, torrent->second});
        if (facts == judge_->torrents_.end()) return;
        auto wrong = judge_->look(node_, facts->second, tag.piece);
        if (wrong.empty()) return;
        judge_->suspect({judge_->world_->now(), name_, torrent->second, tag.piece, is_have, std::move(wrong)});
    }
    void on_torrent(std::uint32_t number, const Sha1Digest& wire_id) override { torrents_[number] = wire_id; }
    void on_peer(std::uint32_t, const Endpoint&) override {}

  private:
    std::shared_ptr<FactJudge> judge_;
    std::string name_;
    runtime_sim::NodeId node_;
    std::map<std::uint32_t, Sha1Digest> torrents_;
    std::set<std::pair<std::uint32_t, std::uint32_t>> judged_;
};

void FactJudge::expect(const std::string& node, const Sha1Digest& torrent, JudgedTorrent facts) {
    torrents_[{node, torrent}] = std::move(facts);
}

std::unique_ptr<runtime::Probe> FactJudge::watch(const std::string& node, runtime::Runtime&) {
    for (std::uint32_t i = 0; i < world_->size(); ++i)
        if (world_->name(runtime_sim::NodeId(i)) == node)
            return std::make_unique<Follower>(shared_from_this(), node, runtime_sim::NodeId(i));
    return nullptr;
}

std::string FactJudge::look(runtime_sim::NodeId node, const JudgedTorrent& torrent, std::uint32_t piece) {
    ++pieces_read_;
    const std::uint64_t begin = piece * torrent.piece_length;
    const std::uint64_t end = std::min(begin + torrent.piece_length, torrent.total_size);
    for (const auto& file : torrent.files) {
        const std::uint64_t low = std::max(begin, file.offset);
        const std::uint64_t high = std::min(end, file.offset + file.size);
        if (low >= high) continue;
        const auto found = world_->disk(node).read_file(file.path, low - file.offset, high - low);
        truth_.resize(high - low);
        put_truth(truth_.data(), torrent.key, low, high - low);
        const bool same =
            found && found->size() == truth_.size() && std::memcmp(found->data(), truth_.data(), truth_.size()) == 0;
        if (!same) return world_->disk(node).files().stat(torrent.part_file, 0) ? std::string() : file.path;
    }
    return {};
}

void FactJudge::suspect(Suspicion found) {
    ++count_;
    if (suspicions_.size() < max_suspicions) suspicions_.push_back(std::move(found));
}

}  // namespace jst::bind
