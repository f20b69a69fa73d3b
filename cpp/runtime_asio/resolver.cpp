#include "runtime_asio/resolver.hpp"

#include <netdb.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "runtime_asio/sockaddr.hpp"

namespace jst::runtime_asio {
namespace {

struct Answer {
    runtime::ResolveOp* op = nullptr;  // looked at by the engine thread only
    std::string host;
    Errc error = Errc::ok;
    std::vector<IpAddress> addresses;
};

void look_up(Answer& answer) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(answer.host.c_str(), nullptr, &hints, &found);
    for (auto* at = found; status == 0 && at != nullptr; at = at->ai_next) {
        SockAddr address;
        std::copy_n(reinterpret_cast<const std::byte*>(at->ai_addr), at->ai_addrlen,
                    reinterpret_cast<std::byte*>(&address.storage));
        const auto host = address.endpoint().host;
        if (std::find(answer.addresses.begin(), answer.addresses.end(), host) == answer.addresses.end())
            answer.addresses.push_back(host);
    }
    if (found != nullptr) ::freeaddrinfo(found);
    if (answer.addresses.empty()) answer.error = Errc::host_not_found;
}

}  // namespace

struct Resolver::Shared {
    std::mutex mutex;
    std::deque<Answer> wanted;
    std::deque<Answer> found;
    int threads = 0;
    std::shared_ptr<Bell> bell;

    void work() {
        std::unique_lock lock(mutex);
        while (!wanted.empty()) {
            Answer answer = std::move(wanted.front());
            wanted.pop_front();
            lock.unlock();
            look_up(answer);
            lock.lock();
            found.push_back(std::move(answer));
            bell->ring();
        }
        --threads;
    }
};

Resolver::Resolver(Reactor& reactor, std::shared_ptr<Bell> bell)
    : reactor_(reactor), shared_(std::make_shared<Shared>()) {
    shared_->bell = std::move(bell);
}

Resolver::~Resolver() { abandon(); }

void Resolver::resolve(runtime::ResolveOp& op, std::string_view host) {
    Reactor::begin(op);
    op.addresses.clear();
    if (const auto literal = IpAddress::parse(host)) {
        op.addresses.push_back(*literal);
        return reactor_.finish(op, Errc::ok);
    }
    if (host.empty() || host.find('\0') != std::string_view::npos) return reactor_.finish(op, Errc::host_not_found);
    const std::lock_guard lock(shared_->mutex);
    shared_->wanted.push_back({&op, std::string(host), Errc::ok, {}});
    if (shared_->threads >= max_threads) return;
    try {
        std::thread([shared = shared_] { shared->work(); }).detach();
        ++shared_->threads;
    } catch (const std::system_error&) {
        if (shared_->threads > 0) return;  // another one will come to it
        shared_->wanted.pop_back();
        reactor_.finish(op, Errc::out_of_memory);
    }
}

void Resolver::collect() {
    std::deque<Answer> found;
    {
        const std::lock_guard lock(shared_->mutex);
        found.swap(shared_->found);
    }
    for (auto& answer : found) {
        answer.op->addresses = std::move(answer.addresses);
        reactor_.finish(*answer.op, answer.error);
    }
}

void Resolver::abandon() noexcept {
    const std::lock_guard lock(shared_->mutex);
    shared_->wanted.clear();
    shared_->found.clear();
}

}  // namespace jst::runtime_asio
