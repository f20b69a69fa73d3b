#include "runtime_sim/sparse_bytes.hpp"

#include <algorithm>

namespace jst::runtime_sim {

void RangeSet::insert(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin() && std::prev(at)->second >= begin) --at;
    while (at != ranges_.end() && at->first <= end) {
        begin = std::min(begin, at->first);
        end = std::max(end, at->second);
        total_ -= at->second - at->first;
        at = ranges_.erase(at);
    }
    ranges_.emplace(begin, end);
    total_ += end - begin;
}

void RangeSet::erase_from(std::uint64_t begin) {
    auto at = ranges_.lower_bound(begin);
    if (at != ranges_.begin()) {
        auto& before = *std::prev(at);
        if (before.second > begin) {
            total_ -= before.second - begin;
            before.second = begin;
        }
    }
    while (at != ranges_.end()) {
        total_ -= at->second - at->first;
        at = ranges_.erase(at);
    }
}

std::uint64_t RangeSet::missing(std::uint64_t begin, std::uint64_t end) const {
    if (begin >= end) return 0;
    std::uint64_t covered = 0;
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin()) --at;
    for (; at != ranges_.end() && at->first < end; ++at) {
        const auto low = std::max(begin, at->first);
        const auto high = std::min(end, at->second);
        if (high > low) covered += high - low;
    }
    return end - begin - covered;
}

SparseBytes::Chunk& SparseBytes::writable(std::uint64_t index, std::size_t size) {
    auto& chunk = chunks_[index];
    if (!chunk)
        chunk = std::make_shared<ByteVector>();
    else if (chunk.use_count() > 1)
        chunk = std::make_shared<ByteVector>(*chunk);
    if (chunk->size() < size) {
        if (size == chunk_size) chunk->reserve(chunk_size);
        chunk->resize(size);
    }
    return chunk;
}

void SparseBytes::write(std::uint64_t offset, Bytes bytes) {
    while (!bytes.empty()) {
        const auto within = static_cast<std::size_t>(offset % chunk_size);
        const std::size_t part = std::min<std::size_t>(bytes.size(), chunk_size - within);
        auto& chunk = writable(offset / chunk_size, within + part);
        std::copy_n(bytes.data(), part, chunk->data() + within);
        offset += part;
        bytes = bytes.subspan(part);
    }
}

void SparseBytes::read(std::uint64_t offset, MutableBytes into) const {
    while (!into.empty()) {
        const auto within = static_cast<std::size_t>(offset % chunk_size);
        const std::size_t part = std::min<std::size_t>(into.size(), chunk_size - within);
        const auto found = chunks_.find(offset / chunk_size);
        const std::size_t size = found == chunks_.end() ? 0 : found->second->size();
        const std::size_t known = size > within ? std::min(part, size - within) : 0;
        if (known != 0) std::copy_n(found->second->data() + within, known, into.data());
        std::fill_n(into.data() + known, part - known, Byte{0});
        offset += part;
        into = into.subspan(part);
    }
}

void SparseBytes::truncate(std::uint64_t size) {
    chunks_.erase(chunks_.lower_bound((size + chunk_size - 1) / chunk_size), chunks_.end());
    const auto last = chunks_.find(size / chunk_size);
    const auto rest = static_cast<std::size_t>(size % chunk_size);
    if (last == chunks_.end() || last->second->size() <= rest) return;
    writable(last->first, 0)->resize(rest);
}

void SparseBytes::share(const SparseBytes& source, std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    const std::uint64_t first = begin / chunk_size;
    const std::uint64_t last = (end - 1) / chunk_size;
    chunks_.erase(chunks_.lower_bound(first), chunks_.upper_bound(last));
    for (auto at = source.chunks_.lower_bound(first); at != source.chunks_.end() && at->first <= last; ++at)
        chunks_.insert_or_assign(at->first, at->second);
}

std::uint64_t SparseBytes::memory() const noexcept {
    std::uint64_t total = 0;
    for (const auto& [index, chunk] : chunks_) total += chunk->capacity();
    return total;
}

}  // namespace jst::runtime_sim
