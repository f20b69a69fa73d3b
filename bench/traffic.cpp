// The other end of a benchmark: a fast plain seeder and a sink that fetches, a thread for each connection, plaintext
// TCP.
//
//   bench_traffic seed FILE INFO_HASH PIECE_LENGTH              prints its port, serves until stdin ends
//   bench_traffic sink FILE INFO_HASH PIECE_LENGTH PORT CONNS   fetches the file once in all, compares, prints seconds
//
// It costs as little as it can, so that what is measured is the client at the other end. It trusts its peer: not for
// the open network.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.hpp"

namespace {

using namespace jst;

constexpr std::size_t block_length = 16384;
constexpr std::size_t handshake_size = 68;
constexpr std::size_t window = 500;
constexpr std::size_t batch = 32;

struct Content {
    const Byte* data = nullptr;
    std::uint64_t size = 0;
    std::uint32_t piece_length = 0;
    std::array<Byte, 20> info_hash{};

    std::uint32_t num_pieces() const { return static_cast<std::uint32_t>((size + piece_length - 1) / piece_length); }
};

struct Span {
    std::uint32_t piece;
    std::uint32_t begin;
    std::uint32_t length;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

Content map_file(const char* path, const char* hash, const char* piece_length) {
    Content content;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts {};
    if (file < 0 || ::fstat(file, &facts) != 0) fail(path);
    content.size = static_cast<std::uint64_t>(facts.st_size);
    void* mapped = ::mmap(nullptr, content.size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (mapped == MAP_FAILED) fail("mmap");
    content.data = static_cast<const Byte*>(mapped);
    content.piece_length = static_cast<std::uint32_t>(std::strtoul(piece_length, nullptr, 10));
    for (std::size_t i = 0; i < 20; ++i) {
        content.info_hash[i] = static_cast<Byte>(std::stoul(std::string(hash + 2 * i, 2), nullptr, 16));
    }
    return content;
}

// A blocking connection that reads whole messages from one buffer.
class Link {
  public:
    explicit Link(int socket) : socket_(socket), buffer_(std::size_t{1} << 20) {
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    Link(const Link&) = delete;
    ~Link() { ::close(socket_); }

    bool shake_hands(const Content& content, const char* id) {
        std::array<Byte, handshake_size> out{19};
        std::memcpy(out.data() + 1, "BitTorrent protocol", 19);
        std::memcpy(out.data() + 28, content.info_hash.data(), 20);
        std::memcpy(out.data() + 48, id, 20);
        return write_all(out) && need(handshake_size) && take(handshake_size).size() == handshake_size;
    }
    bool write_all(Bytes bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
        return true;
    }
    bool write_all(std::vector<iovec>& parts) {
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
    // Whether a whole message is in the buffer already.
    bool has_message() const { return end_ - begin_ >= 4 && end_ - begin_ >= 4 + load_be<std::uint32_t>(at()); }
    // The next message without its length; blocks. False when the link has ended.
    bool next(Bytes& message) {
        if (!need(4)) return false;
        const std::size_t length = load_be<std::uint32_t>(at());
        if (length > buffer_.size() - 4 || !need(4 + length)) return false;
        message = take(4 + length).subspan(4);
        return true;
    }

  private:
    const Byte* at() const { return buffer_.data() + begin_; }
    Bytes take(std::size_t n) {
        const Bytes bytes{at(), n};
        begin_ += n;
        return bytes;
    }
    bool need(std::size_t n) {
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

    int socket_;
    std::vector<Byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

Span span_of(Bytes message) {
    return {load_be<std::uint32_t>(message.data() + 1), load_be<std::uint32_t>(message.data() + 5),
            load_be<std::uint32_t>(message.data() + 9)};
}

bool answer(Link& link, const Content& content, std::vector<Span>& wanted) {
    std::array<std::array<Byte, 13>, batch> heads;
    std::vector<iovec> parts;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        store_be<std::uint32_t>(heads[i].data(), 9 + wanted[i].length);
        heads[i][4] = 7;
        store_be<std::uint32_t>(heads[i].data() + 5, wanted[i].piece);
        store_be<std::uint32_t>(heads[i].data() + 9, wanted[i].begin);
        const std::uint64_t offset = std::uint64_t{wanted[i].piece} * content.piece_length + wanted[i].begin;
        if (offset + wanted[i].length > content.size) return false;
        parts.push_back({heads[i].data(), heads[i].size()});
        parts.push_back({const_cast<Byte*>(content.data + offset), wanted[i].length});
    }
    wanted.clear();
    return link.write_all(parts);
}

void serve(int socket, const Content& content) {
    Link link(socket);
    if (!link.shake_hands(content, "-BT0001-benchtraffic")) return;
    std::vector<Byte> opening(5 + (content.num_pieces() + 7) / 8, 0xff);
    store_be<std::uint32_t>(opening.data(), static_cast<std::uint32_t>(opening.size() - 4));
    opening[4] = 5;
    if (content.num_pieces() % 8 != 0) opening.back() = static_cast<Byte>(0xff << (8 - content.num_pieces() % 8));
    opening.insert(opening.end(), {0, 0, 0, 1, 1});
    if (!link.write_all(opening)) return;
    std::vector<Span> wanted;
    Bytes message;
    while (link.next(message)) {
        if (message.size() == 13 && message[0] == 6) wanted.push_back(span_of(message));
        if ((wanted.size() == batch || !link.has_message()) && !wanted.empty() && !answer(link, content, wanted))
            return;
    }
}

int run_seed(const Content& content) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 512) != 0)
        fail("listen");
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    std::thread([&] {
        for (int socket = 0; (socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            std::thread(serve, socket, std::cref(content)).detach();
        }
    }).detach();
    Byte byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
    std::_Exit(0);
}

class Sink {
  public:
    Sink(const Content& content, std::uint64_t begin, std::uint64_t end) : content_(content) {
        for (; begin < end; begin += block_length) missing_.push_back(begin);
    }
    bool fetch(Link& link, unsigned number) {
        static constexpr std::array<Byte, 5> interested{0, 0, 0, 1, 2};
        std::array<char, 21> id{};
        std::snprintf(id.data(), id.size(), "-BT0001-sink%08u", number);
        if (!link.shake_hands(content_, id.data()) || !link.write_all(interested)) return false;
        Bytes message;
        while (!missing_.empty() || !asked_.empty()) {
            if (!link.next(message)) return false;
            if (message.empty()) continue;
            if (message[0] == 0) {  // choked: what was asked for must be asked for again
                unchoked_ = false;
                missing_.insert(missing_.begin(), asked_.begin(), asked_.end());
                asked_.clear();
            }
            if (message[0] == 1) unchoked_ = true;
            if (message[0] == 7 && !take(message)) return false;
            if (unchoked_ && asked_.size() <= window * 3 / 4 && !ask(link)) return false;
        }
        return true;
    }

  private:
    bool take(Bytes message) {
        const std::uint64_t offset = std::uint64_t{load_be<std::uint32_t>(message.data() + 1)} * content_.piece_length +
                                     load_be<std::uint32_t>(message.data() + 5);
        const Bytes data = message.subspan(9);
        const auto found = std::find(asked_.begin(), asked_.end(), offset);
        if (found == asked_.end()) return true;
        asked_.erase(found);
        return std::memcmp(content_.data + offset, data.data(), data.size()) == 0;
    }
    bool ask(Link& link) {
        std::vector<Byte> out;
        while (asked_.size() < window && !missing_.empty()) {
            const std::uint64_t offset = missing_.front();
            missing_.pop_front();
            asked_.push_back(offset);
            std::array<Byte, 17> request{0, 0, 0, 13, 6};
            store_be<std::uint32_t>(request.data() + 5, static_cast<std::uint32_t>(offset / content_.piece_length));
            store_be<std::uint32_t>(request.data() + 9, static_cast<std::uint32_t>(offset % content_.piece_length));
            store_be<std::uint32_t>(request.data() + 13, static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                                             block_length, content_.size - offset)));
            out.insert(out.end(), request.begin(), request.end());
        }
        return out.empty() || link.write_all(out);
    }

    const Content& content_;
    std::deque<std::uint64_t> missing_;
    std::deque<std::uint64_t> asked_;
    bool unchoked_ = false;
};

int run_sink(const Content& content, int port, unsigned connections) {
    const auto started = std::chrono::steady_clock::now();
    const std::uint64_t blocks = (content.size + block_length - 1) / block_length;
    std::atomic<unsigned> failed{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < connections; ++i) {
        threads.emplace_back([&, i] {
            const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(static_cast<std::uint16_t>(port));
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
            Link link(socket);
            Sink sink(content, blocks * i / connections * block_length,
                      std::min(blocks * (i + 1) / connections * block_length, content.size));
            if (!sink.fetch(link, i)) ++failed;
        });
    }
    for (auto& thread : threads) thread.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    std::printf("%.4f\n", seconds.count());
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return std::fputs("see the head of bench/traffic.cpp\n", stderr), 2;
    const Content content = map_file(argv[2], argv[3], argv[4]);
    if (argv[1] == std::string("seed")) return run_seed(content);
    return run_sink(content, std::atoi(argv[5]), static_cast<unsigned>(std::atoi(argv[6])));
}
