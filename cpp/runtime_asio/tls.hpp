// TLS as a client over any stream (OpenSSL with buffers in memory): the handshake, then plain bytes in and out.
//
// 1. A certificate is checked for its host, its dates and its signers, always. 2. It holds at most a few records of
// 16 KiB in each direction: it reads no more from below while plain bytes wait. 3. Its own operations on the stream
// below are ordinary operations, so nothing here runs outside a turn. Trust is OpenSSL's: the system's certificates,
// or those that SSL_CERT_FILE and SSL_CERT_DIR name.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "runtime_asio/reactor.hpp"

namespace jst::runtime_asio {

class TlsStream;

/// The handshakes under way, and what all of them share.
class Tls {
  public:
    explicit Tls(Reactor& reactor) noexcept : reactor_(reactor) {}
    Tls(const Tls&) = delete;
    ~Tls();
    void secure(runtime::SecureOp& op, std::string_view host);
    void cancel(runtime::SecureOp& op);
    void abandon() noexcept { shaking_.clear(); }

  private:
    friend class TlsStream;
    std::unique_ptr<TlsStream> take(const TlsStream& stream) noexcept;

    Reactor& reactor_;
    SSL_CTX* context_ = nullptr;  // made when it is needed
    std::vector<std::unique_ptr<TlsStream>> shaking_;
};

class TlsStream final : public runtime::Stream {
  public:
    TlsStream(Tls& owner, Reactor& reactor, SSL* ssl, std::unique_ptr<runtime::Stream> below);
    ~TlsStream() override;
    void shake(runtime::SecureOp& op);
    void cancel_shake();

    void readable(runtime::ReadableOp& op) override;
    Result<std::size_t> read_now(std::span<const MutableBytes> into) override;
    void write_some(runtime::WriteOp& op, std::span<const Bytes> from) override;
    void shutdown_send() override;
    void close(runtime::CloseMode mode) override;
    void cancel() override;
    void low_water(std::size_t) override {}
    Endpoint local() const override { return below_->local(); }
    Endpoint remote() const override { return below_->remote(); }

  private:
    struct SecureSlot final : Slot {
        explicit SecureSlot(TlsStream& s) noexcept : stream(s) {}
        void hand_over(runtime::Op& op) override;
        TlsStream& stream;
    };
    struct ReadSlot final : Slot {
        explicit ReadSlot(TlsStream& s) noexcept : stream(s) {}
        void hand_over(runtime::Op&) override { stream.read_turn_ = stream.reactor_.turn(); }
        TlsStream& stream;
    };
    struct WriteSlot final : Slot {
        void hand_over(runtime::Op&) override {}
    };

    void on_below_readable();
    void on_below_written();
    void go_on();
    void go_on_shaking();
    void go_on_reading();
    void go_on_writing();
    void decrypt();
    void flush();
    void listen_below();
    void break_down(Errc error);

    Tls* owner_;  // while it shakes hands
    Reactor& reactor_;
    SSL* ssl_;
    SecureSlot secure_;
    ReadSlot read_;
    WriteSlot write_;
    runtime::SecureOp* secure_op_ = nullptr;
    runtime::WriteOp* write_op_ = nullptr;
    std::size_t written_ = 0;  // plain bytes of the write that is out
    ByteVector plain_;
    std::size_t plain_taken_ = 0;
    ByteVector sealed_;
    std::size_t sealed_sent_ = 0;
    Bytes sealed_rest_;
    Errc end_ = Errc::ok;  // nothing comes any more
    bool closed_ = false;
    std::uint64_t read_turn_ = 0;
    runtime::ReadableOp in_;
    runtime::WriteOp out_;
    std::unique_ptr<runtime::Stream> below_;  // goes first: then nothing comes for the two above
};

}  // namespace jst::runtime_asio
