// Streams, listeners and datagrams, as the engine sees them.
//
// Reading is readiness first: `readable` completes when read_now would give bytes, the end or an error; an idle peer
// holds no buffer. Rules: 1. one readable and one write outstanding per stream; 2. close() and cancel() complete what
// is outstanding with Errc::canceled, in a later turn; 3. dropping a Stream without close() aborts it: no completion
// comes for it any more; 4. an abandoned or closed stream touches no buffer;
// 5. cancel() and close() also cancel what has ended but was not delivered yet; after cancel() the stream goes on;
// 6. an operation submitted on something closed completes with Errc::closed, and read_now says the same.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "runtime/op.hpp"

namespace jst::runtime {

/// The most spans that one read_now or write_some takes.
inline constexpr std::size_t max_spans = 64;

/// Connections that a listener keeps for its owner; the SYNs of more are lost, and repeated by who sent them. Enough
/// for a crowd that comes at once and is let in by the second.
inline constexpr int listen_backlog = 512;

enum class CloseMode : std::uint8_t {
    graceful,  // what was written is still delivered, then FIN
    abort,     // RST, nothing more is delivered
};

struct ReadableOp : Op {};

struct WriteOp : Op {
    std::size_t written = 0;  // may be less than asked, never 0 without an error; also counts what went before an error
};

class Stream {
  public:
    virtual ~Stream() = default;
    virtual void readable(ReadableOp& op) = 0;
    /// Only in the turn that a readable() completion started. Errors: would_block, end_of_stream, connection_reset, ...
    virtual Result<std::size_t> read_now(std::span<const MutableBytes> into) = 0;
    /// At least one byte. The spans and what they point at are read until completion.
    virtual void write_some(WriteOp& op, std::span<const Bytes> from) = 0;
    virtual void shutdown_send() = 0;
    virtual void close(CloseMode mode) = 0;
    virtual void cancel() = 0;
    /// A hint: do not report readable for fewer bytes (1: at once). The runtime may ignore it.
    virtual void low_water(std::size_t bytes) = 0;
    virtual Endpoint local() const = 0;
    virtual Endpoint remote() const = 0;
};

struct AcceptOp : Op {
    std::unique_ptr<Stream> stream;
};

class Listener {
  public:
    virtual ~Listener() = default;
    /// One outstanding. Errc::too_many_sockets when descriptors run out: the caller backs off.
    virtual void accept(AcceptOp& op) = 0;
    /// Completes an outstanding accept with Errc::canceled. Connections not yet accepted are reset.
    virtual void close() = 0;
    virtual Endpoint local() const = 0;
};

struct ConnectOp : Op {
    std::unique_ptr<Stream> stream;
};

/// A client's TLS over a connection. It takes the stream over, whatever comes of it.
struct SecureOp : Op {
    std::unique_ptr<Stream> stream;  // in: nothing is outstanding on it; out: what carries the plain bytes
    std::string reason;              // of Errc::tls, for people
};

struct ResolveOp : Op {
    std::uint16_t port = 0;  // that will be asked there: for the probe
    std::vector<IpAddress> addresses;
};

struct Datagram {
    Endpoint peer;
    MutableBytes data;      // receive: room, then what came; send: what goes
    Errc error = Errc::ok;  // receive: what was sent to `peer` was refused, or came to nobody; there is no data
};

class UdpSocket {
  public:
    virtual ~UdpSocket() = default;
    virtual void readable(ReadableOp& op) = 0;
    /// Fills from the front; the number of datagrams received, or would_block. Those with an error may be forged, as
    /// all may.
    virtual Result<std::size_t> receive_now(std::span<Datagram> into) = 0;
    /// Best effort, as UDP is: the number handed to the network.
    virtual std::size_t send_now(std::span<const Datagram> batch) = 0;
    virtual void close() = 0;
    virtual Endpoint local() const = 0;
};

class Net {
  public:
    virtual ~Net() = default;
    /// Port 0: any free one.
    virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& at) = 0;
    /// `from`: the local address to dial from, or unspecified. There is no time-out here: the caller cancels.
    virtual void connect(ConnectOp& op, const Endpoint& to, const IpAddress& from) = 0;
    virtual void cancel(ConnectOp& op) = 0;
    virtual void resolve(ResolveOp& op, std::string_view host) = 0;
    /// The certificate must be valid now, made out to `host` (a name or an address) and vouched for by somebody whom
    /// this machine trusts: else Errc::tls. There is no time-out here. Errc::not_supported in a world without TLS.
    virtual void secure(SecureOp& op, std::string_view host) = 0;
    virtual void cancel(SecureOp& op) = 0;
    virtual Result<std::unique_ptr<UdpSocket>> open_udp(const Endpoint& at) = 0;
    /// Open streams, listeners and datagram sockets.
    virtual std::size_t open_sockets() const noexcept = 0;
};

}  // namespace jst::runtime
