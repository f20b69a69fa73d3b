#include "runtime_asio/watched.hpp"

#include <unistd.h>

#include <utility>

namespace jst::runtime_asio {
namespace {

template <class T>
struct Recycler {
    using value_type = T;
    HandlerMemory* memory;

    explicit Recycler(HandlerMemory& m) noexcept : memory(&m) {}
    template <class U>
    Recycler(const Recycler<U>& other) noexcept : memory(other.memory) {}
    T* allocate(std::size_t n) { return static_cast<T*>(memory->take(n * sizeof(T))); }
    void deallocate(T* at, std::size_t) noexcept { memory->give_back(at); }
    template <class U>
    bool operator==(const Recycler<U>& other) const noexcept {
        return memory == other.memory;
    }
};

}  // namespace

void* HandlerMemory::take(std::size_t size) {
    if (taken_ || size > room_.size()) return ::operator new(size);
    taken_ = true;
    return room_.data();
}

void HandlerMemory::give_back(void* at) noexcept {
    if (at == room_.data())
        taken_ = false;
    else
        ::operator delete(at);
}

struct Watched::OnEvent {
    using allocator_type = Recycler<std::byte>;
    std::shared_ptr<Watched> target;
    bool write;

    allocator_type get_allocator() const noexcept {
        return allocator_type(write ? target->write_memory_ : target->read_memory_);
    }
    void operator()(boost::system::error_code error) const { target->woken(write, error.failed()); }
};

bool Watched::adopt(int fd) {
    boost::system::error_code error;
    descriptor_.assign(fd, error);
    if (error) {
        ::close(fd);
        return false;
    }
    fd_ = fd;
    return true;
}

void Watched::watch_read() {
    if (waits_read_ || !is_open()) return;
    waits_read_ = true;
    descriptor_.async_wait(descriptor_.wait_read, OnEvent{shared_from_this(), false});
}

void Watched::watch_write() {
    if (waits_write_ || !is_open()) return;
    waits_write_ = true;
    descriptor_.async_wait(descriptor_.wait_write, OnEvent{shared_from_this(), true});
}

void Watched::woken(bool write, bool failed) {
    (write ? waits_write_ : waits_read_) = false;
    if (failed || !is_open()) return;
    if (write)
        on_writable();
    else
        on_readable();
}

void Watched::shut() noexcept {
    if (!is_open()) return;
    fd_ = -1;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
}

}  // namespace jst::runtime_asio
