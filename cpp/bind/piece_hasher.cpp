#include "bind/piece_hasher.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "runtime_asio/guarded_mapping.hpp"

namespace jst::bind {
namespace {

const codec::LaneKernels& kernels() { return codec::LaneKernels::of_machine_sha1(); }

}  // namespace

void PieceHasher::step(Bytes data, std::size_t each) {
    JST_CHECK(each > 0, "a step of no bytes");
    std::vector<Bytes> parts;
    for (std::size_t at = 0; at < data.size(); at += each)
        parts.push_back(data.subspan(at, std::min(each, data.size() - at)));
    if (lanes_.empty() && plain_.empty()) {
        if (kernels().any())
            lanes_.assign(parts.size(), codec::LaneState::sha1());
        else
            plain_.resize(parts.size());
    }
    JST_CHECK(parts.size() <= lanes_.size() + plain_.size(), "a group has no more pieces than at its begin");
    feed(parts);
}

bool PieceHasher::group_of_file(int fd, std::uint64_t offset, std::size_t length, std::size_t each) {
    JST_CHECK(lanes_.empty() && plain_.empty(), "a whole group in the middle of another");
    const auto mapping = runtime_asio::GuardedMapping::of(fd, offset, length);
    if (!mapping) return false;
    step(mapping->bytes(), each);
    if (mapping->is_whole()) {
        end_group();
        return true;
    }
    lanes_.clear();
    plain_.clear();
    return false;
}

void PieceHasher::feed(std::span<const Bytes> parts) {
    for (std::size_t i = 0; i < std::min(parts.size(), plain_.size()); ++i) plain_[i].update(parts[i]);
    std::vector<codec::LaneFeed> feeds(std::min(parts.size(), lanes_.size()));
    for (std::size_t i = 0; i < feeds.size(); ++i) feeds[i] = {&lanes_[i], parts.subspan(i, 1), false};
    if (!feeds.empty()) codec::feed_in_lanes(kernels(), feeds);
}

void PieceHasher::end_group() {
    std::vector<codec::LaneFeed> feeds;
    for (auto& lane : lanes_) feeds.push_back({&lane, {}, true});
    if (!feeds.empty()) codec::feed_in_lanes(kernels(), feeds);
    for (const auto& lane : lanes_) add(codec::digest_of<20>(lane));
    for (auto& state : plain_) add(state.finish());
    lanes_.clear();
    plain_.clear();
}

void PieceHasher::add(const Sha1Digest& digest) {
    digests_.insert(digests_.end(), digest.bytes.begin(), digest.bytes.end());
}

ByteVector PieceHasher::finish() { return std::exchange(digests_, {}); }

}  // namespace jst::bind
