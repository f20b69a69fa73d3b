#include "traffic/link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace jst::bench {

constexpr std::size_t handshake_size = 68;

void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

Content map_file(const char* path, const char* info_hash, const char* piece_length) {
    Content content;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts{};
    if (file < 0 || ::fstat(file, &facts) != 0) fail(path);
    content.size = static_cast<std::uint64_t>(facts.st_size);
    void* mapped = ::mmap(nullptr, content.size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (mapped == MAP_FAILED) fail("mmap");
    content.data = static_cast<const Byte*>(mapped);
    content.piece_length = static_cast<std::uint32_t>(std::strtoul(piece_length, nullptr, 10));
    for (std::size_t i = 0; i < 20; ++i) {
        content.info_hash[i] = static_cast<Byte>(std::stoul(std::string(info_hash + 2 * i, 2), nullptr, 16));
    }
    return content;
}

std::uint32_t loopback(unsigned index) { return INADDR_LOOPBACK + index; }

std::string peer_id(const std::string& kind, unsigned number) {
    const std::string digits = std::to_string(number % 100'000'000);
    return "-BT0001-" + kind + std::string(8 - digits.size(), '0') + digits;
}

int connect_to(int port, unsigned from_index) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(loopback(from_index));
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    return socket;
}

Link::Link(int socket, std::size_t buffer_size) : socket_(socket), buffer_(buffer_size) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Link::Link(Link&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_) {}

Link::~Link() {
    if (socket_ >= 0) ::close(socket_);
}

bool Link::shake_hands(const Content& content, const std::string& id) {
    std::array<Byte, handshake_size> out{19};
    std::memcpy(out.data() + 1, "BitTorrent protocol", 19);
    std::memcpy(out.data() + 28, content.info_hash.data(), 20);
    std::memcpy(out.data() + 48, id.data(), 20);
    return write_all(out) && need(handshake_size) && take(handshake_size).size() == handshake_size;
}

bool Link::write_all(Bytes bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return true;
}

bool Link::write_all(std::vector<iovec>& parts) {
    std::size_t first = 0;
    while (first < parts.size()) {
        msghdr message{};
        message.msg_iov = parts.data() + first;
        message.msg_iovlen = parts.size() - first;
        auto n = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
        if (n <= 0) return false;
        while (n > 0 && static_cast<std::size_t>(n) >= parts[first].iov_len) {
            n -= static_cast<ssize_t>(parts[first++].iov_len);
        }
        if (n > 0) {
            parts[first].iov_base = static_cast<Byte*>(parts[first].iov_base) + n;
            parts[first].iov_len -= static_cast<std::size_t>(n);
        }
    }
    return true;
}

bool Link::has_message() const { return end_ - begin_ >= 4 && end_ - begin_ >= 4 + load_be<std::uint32_t>(at()); }

bool Link::next(Bytes& message) {
    if (!need(4)) return false;
    const std::size_t length = load_be<std::uint32_t>(at());
    if (length > buffer_.size() - 4 || !need(4 + length)) return false;
    message = take(4 + length).subspan(4);
    return true;
}

Bytes Link::take(std::size_t n) {
    const Bytes bytes{at(), n};
    begin_ += n;
    return bytes;
}

bool Link::need(std::size_t n) {
    while (end_ - begin_ < n) {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), at(), end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        const auto got = ::recv(socket_, buffer_.data() + end_, buffer_.size() - end_, 0);
        if (got <= 0) return false;
        end_ += static_cast<std::size_t>(got);
    }
    return true;
}

}  // namespace jst::bench
