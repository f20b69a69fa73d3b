// A descriptor in Asio's epoll: tells when it can be read or written; reading and writing are the owner's own calls.
//
// No allocation per wait: the two handlers (one for each direction) live in the object. Objects are held by shared_ptr,
// because a handler that was called off still comes once.
// 1. At most one wait for each direction; asking again while one is outstanding changes nothing. 2. After shut()
// neither on_readable nor on_writable is called.
#pragma once

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstddef>
#include <memory>

#include "runtime_asio/reactor.hpp"

namespace jst::runtime_asio {

class HandlerMemory {
  public:
    void* take(std::size_t size);
    void give_back(void* at) noexcept;

  private:
    alignas(std::max_align_t) std::array<std::byte, 224> room_;
    bool taken_ = false;
};

class Watched : public std::enable_shared_from_this<Watched> {
  public:
    explicit Watched(Reactor& reactor) : reactor_(reactor), descriptor_(reactor.context()) {}
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    virtual ~Watched() = default;

    bool is_open() const noexcept { return fd_ >= 0; }

  protected:
    /// Takes the descriptor over; on failure it is closed.
    bool adopt(int fd);
    int fd() const noexcept { return fd_; }
    void watch_read();
    void watch_write();
    void shut() noexcept;
    virtual void on_readable() = 0;
    virtual void on_writable() {}

    Reactor& reactor_;

  private:
    struct OnEvent;
    void woken(bool write, bool failed);

    boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> descriptor_;
    int fd_ = -1;
    bool waits_read_ = false;
    bool waits_write_ = false;
    HandlerMemory read_memory_;
    HandlerMemory write_memory_;
};

}  // namespace jst::runtime_asio
