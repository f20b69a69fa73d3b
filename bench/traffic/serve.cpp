#include "traffic/serve.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace jst::bench {
namespace {

constexpr std::size_t batch = 32;
constexpr std::size_t request_buffer = 65536;  // the longest message that comes is a bitfield

std::atomic<unsigned> held{0};
std::atomic<std::size_t> served{0};  // blocks, by all peers

struct Span {
    std::uint32_t piece;
    std::uint32_t begin;
    std::uint32_t length;
};

Span span_of(Bytes message) {
    return {load_be<std::uint32_t>(message.data() + 1), load_be<std::uint32_t>(message.data() + 5),
            load_be<std::uint32_t>(message.data() + 9)};
}

class Seeder {
  public:
    Seeder(int socket, unsigned index, const Content& content, const Manners& manners)
        : link_(socket, request_buffer), index_(index), content_(content), manners_(manners) {}

    void serve() {
        if (!link_.shake_hands(content_, peer_id("seed", index_)) || !open()) return;
        std::vector<Span> wanted;
        Bytes message;
        while (link_.next(message)) {
            const bool is_request = message.size() == 13 && message[0] == 6;
            if (is_request && silent_) ++held;
            if (is_request && !silent_) wanted.push_back(span_of(message));
            if ((wanted.size() == batch || !link_.has_message()) && !wanted.empty() && !answer(wanted)) return;
        }
    }

  private:
    bool has(std::uint32_t piece) const {
        if (manners_.parts == 0 || piece % manners_.parts == index_) return true;
        std::uint64_t x = piece * 0x9E3779B97F4A7C15u + index_ * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 30)) * 0x94D049BB133111EBu;
        return (x >> 40 & 1) != 0;
    }
    bool open() {
        std::vector<Byte> out(5 + (content_.num_pieces() + 7) / 8);
        store_be<std::uint32_t>(out.data(), static_cast<std::uint32_t>(out.size() - 4));
        out[4] = 5;
        for (std::uint32_t piece = 0; piece < content_.num_pieces(); ++piece) {
            if (has(piece)) out[5 + piece / 8] = static_cast<Byte>(out[5 + piece / 8] | 0x80 >> piece % 8);
        }
        out.insert(out.end(), {0, 0, 0, 1, 1});
        return link_.write_all(out);
    }
    bool announce_one() {
        while (announced_ < content_.num_pieces() && has(announced_)) ++announced_;
        if (announced_ == content_.num_pieces()) return true;
        std::array<Byte, 9> have{0, 0, 0, 5, 4};
        store_be<std::uint32_t>(have.data() + 5, announced_++);
        return link_.write_all(have);
    }
    bool answer(std::vector<Span>& wanted) {
        if (manners_.stall_after != 0 && index_ == 0 && served >= manners_.stall_after) {
            fall_silent();
            held += static_cast<unsigned>(wanted.size());
            wanted.clear();
            return true;
        }
        std::array<std::array<Byte, 13>, batch> heads;
        std::vector<iovec> parts;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            store_be<std::uint32_t>(heads[i].data(), 9 + wanted[i].length);
            heads[i][4] = 7;
            store_be<std::uint32_t>(heads[i].data() + 5, wanted[i].piece);
            store_be<std::uint32_t>(heads[i].data() + 9, wanted[i].begin);
            const std::uint64_t offset = std::uint64_t{wanted[i].piece} * content_.piece_length + wanted[i].begin;
            if (offset + wanted[i].length > content_.size) return false;
            parts.push_back({heads[i].data(), heads[i].size()});
            parts.push_back({const_cast<Byte*>(content_.data + offset), wanted[i].length});
        }
        served += wanted.size();
        wanted.clear();
        return link_.write_all(parts) && (manners_.parts == 0 || announce_one());
    }
    void fall_silent() {
        silent_ = true;
        const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
        std::printf("stalled %.6f\n", now.count());
        std::fflush(stdout);
    }

    Link link_;
    unsigned index_;
    const Content& content_;
    const Manners& manners_;
    std::uint32_t announced_ = 0;
    bool silent_ = false;
};

/// Which peer was dialled, from the address that it was dialled at: the machine's own stands for peer 0. False when who
/// dials is not on this machine.
bool index_of(int socket, unsigned& index) {
    sockaddr_in own{};
    sockaddr_in other{};
    socklen_t size = sizeof own;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
    ::getpeername(socket, reinterpret_cast<sockaddr*>(&other), &size);
    const std::uint32_t host = ntohl(own.sin_addr.s_addr);
    const bool is_loopback = host >> 24 == 127;
    index = is_loopback ? host - INADDR_LOOPBACK : 0;
    return is_loopback || own.sin_addr.s_addr == other.sin_addr.s_addr;
}

}  // namespace

int run_seed(const Content& content, const Manners& manners) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 4096) != 0)
        fail("listen");
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    std::thread([&] {
        for (int socket = 0; (socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            std::thread([socket, &content, &manners] {
                unsigned index = 0;
                if (!index_of(socket, index)) return void(::close(socket));
                Seeder(socket, index, content, manners).serve();
            }).detach();
        }
    }).detach();
    Byte byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
    if (manners.stall_after != 0) std::printf("held %u\n", held.load());
    std::fflush(stdout);
    std::_Exit(0);
}

}  // namespace jst::bench
