#include "runtime_sim/byte_queue.hpp"

#include <algorithm>
#include <cstring>

namespace jst::runtime_sim {

ChunkPool::Chunk ChunkPool::take() {
    if (free_.empty()) return std::make_unique_for_overwrite<Byte[]>(chunk_size);
    Chunk chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
}

void ByteQueue::append(ChunkPool& pool, Bytes bytes) {
    while (!bytes.empty()) {
        const std::size_t end = (front_ + size_) % ChunkPool::chunk_size;
        if (front_ + size_ == chunks_.size() * ChunkPool::chunk_size) chunks_.push_back(pool.take());
        const std::size_t part = std::min(bytes.size(), ChunkPool::chunk_size - end);
        std::memcpy(chunks_.back().get() + end, bytes.data(), part);
        size_ += part;
        bytes = bytes.subspan(part);
    }
}

std::size_t ByteQueue::push(ChunkPool& pool, std::span<const Bytes> from, std::size_t most) {
    std::size_t done = 0;
    for (const auto& span : from) {
        const std::size_t part = std::min(span.size(), most - done);
        append(pool, span.first(part));
        done += part;
        if (done == most) break;
    }
    return done;
}

std::size_t ByteQueue::take(ChunkPool& pool, MutableBytes into) {
    std::size_t done = 0;
    while (done < into.size() && size_ != 0) {
        const std::size_t part = std::min({into.size() - done, ChunkPool::chunk_size - front_, size_});
        std::memcpy(into.data() + done, chunks_.front().get() + front_, part);
        done += part;
        front_ += part;
        size_ -= part;
        if (front_ != ChunkPool::chunk_size && size_ != 0) continue;
        pool.give(std::move(chunks_.front()));
        chunks_.pop_front();
        front_ = 0;
    }
    return done;
}

std::size_t ByteQueue::pop(ChunkPool& pool, std::span<const MutableBytes> into, std::size_t most) {
    std::size_t done = 0;
    for (const auto& span : into) {
        const std::size_t part = std::min(span.size(), most - done);
        done += take(pool, span.first(part));
        if (done == most) break;
    }
    return done;
}

Byte& ByteQueue::at(std::size_t at) noexcept {
    const std::size_t place = front_ + at;
    return chunks_[place / ChunkPool::chunk_size][place % ChunkPool::chunk_size];
}

void ByteQueue::clear(ChunkPool& pool) {
    for (auto& chunk : chunks_) pool.give(std::move(chunk));
    chunks_.clear();
    front_ = size_ = 0;
}

}  // namespace jst::runtime_sim
