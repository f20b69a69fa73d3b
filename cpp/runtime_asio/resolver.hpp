// Host names to addresses by getaddrinfo, on threads of its own since it may take half a minute.
//
// At most max_threads at once, none while there is nothing to resolve: as many as the trackers that are asked at a
// time, or a few names whose servers are dead would keep all others waiting until their questions time out. The threads
// share only the queue with the engine thread and never see an operation, so that abandoning does not wait for them.
#pragma once

#include <memory>
#include <string_view>

#include "runtime_asio/reactor.hpp"

namespace jst::runtime_asio {

class Resolver {
  public:
    static constexpr int max_threads = 64;

    Resolver(Reactor& reactor, std::shared_ptr<Bell> bell);
    ~Resolver();
    void resolve(runtime::ResolveOp& op, std::string_view host);
    /// Takes over what the threads found.
    void collect();
    void abandon() noexcept;

  private:
    struct Shared;
    Reactor& reactor_;
    std::shared_ptr<Shared> shared_;
};

}  // namespace jst::runtime_asio
