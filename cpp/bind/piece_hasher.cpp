#include "bind/piece_hasher.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace jst::bind {

void PieceHasher::update(Bytes more) {
    while (!more.empty()) {
        if (held_ == 0 && more.size() >= piece_length_) {
            const std::size_t whole = more.size() - more.size() % piece_length_;
            whole_pieces(more.first(whole));
            more = more.subspan(whole);
            continue;
        }
        const std::size_t part = std::min<std::uint64_t>(more.size(), piece_length_ - held_);
        state_.update(more.first(part));
        more = more.subspan(part);
        held_ += part;
        if (held_ == piece_length_) end_piece();
    }
}

ByteVector PieceHasher::finish() {
    if (held_ > 0) end_piece();
    return std::exchange(digests_, {});
}

void PieceHasher::whole_pieces(Bytes pieces) {
    std::vector<Bytes> messages;
    for (std::size_t at = 0; at < pieces.size(); at += piece_length_)
        messages.push_back(pieces.subspan(at, piece_length_));
    std::vector<Sha1Digest> digests(messages.size());
    codec::sha1_many(messages, digests);
    for (const auto& digest : digests) digests_.insert(digests_.end(), digest.bytes.begin(), digest.bytes.end());
}

void PieceHasher::end_piece() {
    const auto digest = state_.finish();
    digests_.insert(digests_.end(), digest.bytes.begin(), digest.bytes.end());
    held_ = 0;
}

}  // namespace jst::bind
