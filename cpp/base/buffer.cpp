#include "base/buffer.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace jst {
namespace {

constexpr std::uint64_t slab_blocks = 128;  // 2 MiB: one huge page
constexpr std::align_val_t slab_alignment{4096};

}  // namespace

BlockBuffer& BlockBuffer::operator=(BlockBuffer&& other) noexcept {
    if (this != &other) {
        reset();
        pool_ = other.pool_;
        data_ = std::exchange(other.data_, nullptr);
    }
    return *this;
}

void BlockBuffer::reset() noexcept {
    if (data_ != nullptr) pool_->release(std::exchange(data_, nullptr));
}

BufferPool::BufferPool(std::uint64_t limit) noexcept { set_limit(limit); }
BufferPool::~BufferPool() = default;

void BufferPool::set_limit(std::uint64_t bytes) noexcept { limit_ = std::max<std::uint64_t>(1, bytes / block_size); }

BlockBuffer BufferPool::acquire() {
    if (used_ >= limit_) return {};
    if (free_.empty()) grow();
    Byte* const block = free_.back();
    free_.pop_back();
    peak_ = std::max(peak_, ++used_);
    return {this, block};
}

void BufferPool::release(Byte* block) noexcept {
    --used_;
    free_.push_back(block);  // capacity was reserved in grow()
}

void BufferPool::grow() {
    const std::uint64_t made = slabs_.size() * slab_blocks;
    const std::uint64_t blocks = std::clamp<std::uint64_t>(limit_ > made ? limit_ - made : 1, 1, slab_blocks);
    slabs_.reserve(slabs_.size() + 1);
    free_.reserve(made + slab_blocks);
    auto* slab = static_cast<Byte*>(::operator new(blocks * block_size, slab_alignment));
    slabs_.emplace_back(slab);
    for (std::uint64_t i = blocks; i > 0; --i) free_.push_back(slab + (i - 1) * block_size);
}

void BufferPool::Unmap::operator()(Byte* slab) const noexcept { ::operator delete(slab, slab_alignment); }

}  // namespace jst
