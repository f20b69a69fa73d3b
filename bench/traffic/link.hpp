// What both ends of a benchmark stand on: the file that is moved, and a blocking connection that reads whole messages.
//
// Plaintext TCP, a thread for each connection, as few system calls as there can be. It trusts its peer: not for the
// open network.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace jst::bench {

inline constexpr std::size_t block_length = 16384;

/// The payload of a torrent as one mapped file, whatever files the torrent cuts it into.
struct Content {
    const Byte* data = nullptr;
    std::uint64_t size = 0;
    std::uint32_t piece_length = 0;
    std::array<Byte, 20> info_hash{};

    std::uint32_t num_pieces() const { return static_cast<std::uint32_t>((size + piece_length - 1) / piece_length); }
};

Content map_file(const char* path, const char* info_hash, const char* piece_length);
[[noreturn]] void fail(const char* what);

/// Address `index` of the loopback network; each has its own, as peers of a real swarm do.
std::uint32_t loopback(unsigned index);
int connect_to(int port, unsigned from_index);
/// 20 characters; `kind` has four.
std::string peer_id(const std::string& kind, unsigned number);

class Link {
  public:
    Link(int socket, std::size_t buffer_size);
    Link(const Link&) = delete;
    Link(Link&& other) noexcept;
    ~Link();

    bool shake_hands(const Content& content, const std::string& id);
    bool write_all(Bytes bytes);
    bool write_all(std::vector<iovec>& parts);
    /// Whether a whole message is in the buffer already.
    bool has_message() const;
    /// The next message without its length; blocks. False when the link has ended.
    bool next(Bytes& message);

  private:
    const Byte* at() const { return buffer_.data() + begin_; }
    Bytes take(std::size_t n);
    bool need(std::size_t n);

    int socket_;
    std::vector<Byte> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace jst::bench
