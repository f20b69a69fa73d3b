#include "traffic/fetch.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <thread>

namespace jst::bench {
namespace {

constexpr std::size_t window = 500;
constexpr std::size_t payload_buffer = std::size_t{1} << 20;
constexpr std::size_t idle_buffer = 4096;

class Sink {
  public:
    Sink(const Content& content, std::uint64_t begin, std::uint64_t end) : content_(content) {
        for (; begin < end; begin += block_length) missing_.push_back(begin);
    }
    bool fetch(Link& link, unsigned number) {
        static constexpr std::array<Byte, 5> interested{0, 0, 0, 1, 2};
        if (!link.shake_hands(content_, peer_id("sink", number)) || !link.write_all(interested)) return false;
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

}  // namespace

int run_sink(const Content& content, int port, unsigned connections) {
    const auto started = std::chrono::steady_clock::now();
    const std::uint64_t blocks = (content.size + block_length - 1) / block_length;
    std::atomic<unsigned> failed{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < connections; ++i) {
        threads.emplace_back([&, i] {
            Link link(connect_to(port, i), payload_buffer);
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

int run_idle(const Content& content, int port, unsigned connections) {
    std::vector<Link> links;
    for (unsigned i = 0; i < connections; ++i) {
        links.emplace_back(connect_to(port, i), idle_buffer);
        if (!links.back().shake_hands(content, peer_id("sink", i)))
            return std::fputs("no handshake came back\n", stderr), 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    Byte byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
    std::_Exit(0);
}

}  // namespace jst::bench
