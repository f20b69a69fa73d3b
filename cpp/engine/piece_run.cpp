#include "engine/piece_run.hpp"

#include <algorithm>

namespace jst::engine {

PieceRun::PieceRun(FileStore& store, const codec::Metainfo& metainfo, Handler on_done, void* owner)
    : store_(store), metainfo_(metainfo), on_done_(on_done), owner_(owner) {
    job_.owner = this;
    job_.bulk = true;
    job_.on_done = [](StoreJob& job, Time now) {
        auto& run = *static_cast<PieceRun*>(job.owner);
        run.on_done_(run, now);
    };
}

bool PieceRun::begin(PieceIndex first, const Bitfield& pieces, const Bitfield& holes, const runtime::Tag& tag) {
    if (!store_.disk().digests_in_place()) return false;
    const auto& map = store_.map();
    const std::uint64_t in_file = map.first_slice(first, 0, most_run_bytes).length;
    std::uint64_t length = 0;
    std::uint32_t count = 0;
    for (PieceIndex p = first; count < digests_.size() && pieces[p] && !holes[p]; ++p.value, ++count) {
        const std::uint64_t next = length + map.piece_size(p);
        if (next > in_file || metainfo_.piece_hash(p).size() != Sha1Digest::size) break;
        length = next;
    }
    if (count < least_in_run || length < least_run_bytes) return false;
    first_ = first;
    count_ = count;
    job_.tag = tag;
    job_.tag.piece = first.value;
    job_.piece = first;
    job_.begin = 0;
    job_.digests = {length, map.piece_length(), std::span(digests_).first(count)};
    store_.submit(job_);
    return true;
}

std::span<const Sha1Digest> PieceRun::digests() const noexcept {
    if (job_.error != Errc::ok) return {};
    const auto each = job_.digests.each;
    return std::span(digests_).first((job_.digested + each - 1) / each);
}

}  // namespace jst::engine
