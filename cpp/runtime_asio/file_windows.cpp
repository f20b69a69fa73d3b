#include "runtime_asio/file_windows.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace jst::runtime_asio {
namespace {

constexpr std::uint64_t page_bytes = 4096;

std::uint64_t wanted_by(const runtime::DiskOp& op) noexcept {
    std::uint64_t sum = 0;
    for (const auto& span : op.into) sum += span.size();
    return sum;
}

// Of a file that is neither ours nor writable by us the kernel says that all of it is in memory.
bool tells_truth(const struct stat& status) noexcept { return status.st_uid == ::geteuid() || ::geteuid() == 0; }

bool is_cached(const Byte* at, std::uint64_t length) noexcept {
    std::array<unsigned char, FileWindows::longest_lent / page_bytes + 1> pages;
    const auto first = reinterpret_cast<std::uintptr_t>(at) / page_bytes * page_bytes;
    const auto end = reinterpret_cast<std::uintptr_t>(at) + length;
    const std::size_t n = (end - first + page_bytes - 1) / page_bytes;
    if (::mincore(reinterpret_cast<void*>(first), end - first, pages.data()) != 0) return false;
    return std::all_of(pages.data(), pages.data() + n, [](auto page) { return (page & 1) != 0; });
}

}  // namespace

class FileWindows::Mapping {
  public:
    static constexpr std::size_t size = window_bytes + longest_lent;

    Mapping(int fd, std::uint64_t offset, std::shared_ptr<std::size_t> mapped) noexcept
        : mapped_(std::move(mapped)),
          at_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset))) {
        ++*mapped_;
    }
    Mapping(const Mapping&) = delete;
    ~Mapping() {
        --*mapped_;
        if (is_good()) ::munmap(at_, size);
    }
    bool is_good() const noexcept { return at_ != MAP_FAILED; }
    const Byte* data() const noexcept { return static_cast<const Byte*>(at_); }

  private:
    std::shared_ptr<std::size_t> mapped_;
    void* at_;
};

bool FileWindows::lend(runtime::DiskOp& op, std::uint64_t handle, int fd) {
    const std::uint64_t length = wanted_by(op);
    if (length < runtime::lent_from_bytes || length > longest_lent) return false;
    struct stat status;
    if (::fstat(fd, &status) != 0 || !tells_truth(status)) return false;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size < length || op.offset > size - length) return false;
    const std::uint64_t index = op.offset / window_bytes;
    const Mapping* const mapping = find(handle, index, fd);
    if (mapping == nullptr) return false;
    const Byte* const at = mapping->data() + (op.offset - index * window_bytes);
    if (!is_cached(at, length)) return false;
    op.lent = {Bytes(at, length), kept_.back().mapping};
    op.transferred = length;
    op.error = Errc::ok;
    return true;
}

const FileWindows::Mapping* FileWindows::find(std::uint64_t handle, std::uint64_t index, int fd) {
    const auto found = std::find_if(kept_.begin(), kept_.end(),
                                    [&](const Window& w) { return w.handle == handle && w.index == index; });
    if (found != kept_.end()) {
        std::rotate(found, found + 1, kept_.end());
        return kept_.back().mapping.get();
    }
    try {
        if (!mapped_) mapped_ = std::make_shared<std::size_t>(0);
        if (kept_.size() == most_kept) kept_.erase(kept_.begin());
        if (*mapped_ >= most_mapped) return nullptr;
        auto mapping = std::make_shared<const Mapping>(fd, index * window_bytes, mapped_);
        if (!mapping->is_good()) return nullptr;
        kept_.push_back({handle, index, std::move(mapping)});
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return kept_.back().mapping.get();
}

void FileWindows::forget(std::uint64_t handle) noexcept {
    std::erase_if(kept_, [&](const Window& w) { return w.handle == handle; });
}

}  // namespace jst::runtime_asio
