#include "runtime_asio/net.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "runtime_asio/listener.hpp"
#include "runtime_asio/udp.hpp"

namespace jst::runtime_asio {
namespace {

// What the process may open, less a quarter for files (of torrents and of whoever shares the process).
std::size_t default_ceiling() noexcept {
    constexpr std::size_t most = 1 << 20;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 768;
    return std::min<std::size_t>(limit.rlim_cur / 4 * 3, most);
}

}  // namespace

AsioNet::AsioNet(Reactor& reactor, std::shared_ptr<Bell> bell, std::size_t ceiling)
    : reactor_(reactor), resolver_(reactor, std::move(bell)), tls_(reactor) {
    set_ceiling(ceiling);
}

void AsioNet::set_ceiling(std::size_t ceiling) noexcept {
    sockets_.ceiling.store(ceiling == 0 ? default_ceiling() : ceiling, std::memory_order_relaxed);
}

Result<std::unique_ptr<runtime::Listener>> AsioNet::listen(const Endpoint& at) {
    auto socket = std::make_shared<ListenSocket>(reactor_, sockets_);
    JST_TRY_VOID(socket->open(at));
    return std::unique_ptr<runtime::Listener>(std::make_unique<TcpListener>(std::move(socket)));
}

void AsioNet::connect(runtime::ConnectOp& op, const Endpoint& to, const IpAddress& from) {
    std::make_shared<TcpSocket>(reactor_, sockets_)->connect(op, to, from);
}

void AsioNet::cancel(runtime::ConnectOp& op) {
    if (op.pending) static_cast<TcpSocket*>(op.runtime)->cancel_connect();
}

Result<std::unique_ptr<runtime::UdpSocket>> AsioNet::open_udp(const Endpoint& at) {
    auto socket = std::make_shared<DatagramSocket>(reactor_, sockets_);
    JST_TRY_VOID(socket->open(at));
    return std::unique_ptr<runtime::UdpSocket>(std::make_unique<UdpPort>(std::move(socket)));
}

void AsioNet::abandon() noexcept {
    resolver_.abandon();
    tls_.abandon();
    while (!sockets_.dialling.empty()) {
        const auto socket = std::move(sockets_.dialling.back());
        sockets_.dialling.pop_back();
        socket->drop();
    }
}

}  // namespace jst::runtime_asio
