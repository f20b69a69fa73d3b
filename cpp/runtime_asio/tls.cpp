#include "runtime_asio/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace jst::runtime_asio {
namespace {

constexpr std::size_t record_size = 16384;

// Where systems keep the certificates that they trust, for an OpenSSL that was built elsewhere.
constexpr std::array bundles = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

bool exists(const char* path) noexcept { return ::access(path, R_OK) == 0; }

bool is_named(const char* variable) noexcept { return std::getenv(variable) != nullptr; }

void trust_the_system(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
    if (is_named(X509_get_default_cert_file_env()) || is_named(X509_get_default_cert_dir_env())) return;
    if (exists(X509_get_default_cert_file()) || exists(X509_get_default_cert_dir())) return;
    const auto* found = std::find_if(bundles.begin(), bundles.end(), exists);
    if (found != bundles.end()) SSL_CTX_load_verify_file(context, *found);
}

SSL_CTX* make_context() {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    if (context == nullptr) return nullptr;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    trust_the_system(context);
    ERR_clear_error();
    return context;
}

bool expect_host(SSL* ssl, const std::string& host) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (IpAddress::parse(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    return SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
}

std::string reason_of(SSL* ssl) {
    if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    const char* const text = ERR_reason_error_string(ERR_peek_last_error());
    return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

Tls::~Tls() {
    shaking_.clear();
    SSL_CTX_free(context_);
}

void Tls::secure(runtime::SecureOp& op, std::string_view host) {
    if (context_ == nullptr) context_ = make_context();
    SSL* const ssl = context_ == nullptr ? nullptr : SSL_new(context_);
    op.reason.clear();
    if (ssl == nullptr || !expect_host(ssl, std::string(host))) {
        SSL_free(ssl);
        Reactor::begin(op);
        op.stream.reset();
        return reactor_.finish(op, Errc::tls);
    }
    shaking_.push_back(std::make_unique<TlsStream>(*this, reactor_, ssl, std::move(op.stream)));
    shaking_.back()->shake(op);
}

void Tls::cancel(runtime::SecureOp& op) {
    const auto is_its = [&](const auto& s) { return s.get() == op.runtime; };
    const auto at = std::find_if(shaking_.begin(), shaking_.end(), is_its);
    if (op.pending && at != shaking_.end()) (*at)->cancel_shake();
}

std::unique_ptr<TlsStream> Tls::take(const TlsStream& stream) noexcept {
    const auto at = std::find_if(shaking_.begin(), shaking_.end(), [&](const auto& s) { return s.get() == &stream; });
    auto taken = std::move(*at);
    shaking_.erase(at);
    return taken;
}

TlsStream::TlsStream(Tls& owner, Reactor& reactor, SSL* ssl, std::unique_ptr<runtime::Stream> below)
    : owner_(&owner), reactor_(reactor), ssl_(ssl), secure_(*this), read_(*this), below_(std::move(below)) {
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
    in_.owner = out_.owner = this;
    in_.on_done = [](runtime::Op& op, Time) { static_cast<TlsStream*>(op.owner)->on_below_readable(); };
    out_.on_done = [](runtime::Op& op, Time) { static_cast<TlsStream*>(op.owner)->on_below_written(); };
}

TlsStream::~TlsStream() {
    Reactor::forget(secure_);
    Reactor::forget(read_);
    Reactor::forget(write_);
    SSL_free(ssl_);
}

// -- the handshake ----------------------------------------------------------------------------------------------------

void TlsStream::SecureSlot::hand_over(runtime::Op& op) {
    auto keep = stream.owner_->take(stream);
    keep->owner_ = nullptr;
    keep->secure_op_ = nullptr;
    if (op.error == Errc::ok) static_cast<runtime::SecureOp&>(op).stream = std::move(keep);
}

void TlsStream::shake(runtime::SecureOp& op) {
    secure_.begin(op);
    op.runtime = this;
    secure_op_ = &op;
    in_.tag = out_.tag = op.tag;
    go_on();
}

void TlsStream::cancel_shake() {
    closed_ = true;
    below_->close(runtime::CloseMode::abort);
    reactor_.cancel(secure_);
}

void TlsStream::go_on_shaking() {
    if (secure_.queued()) return;
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        flush();
        return reactor_.finish(secure_, Errc::ok);
    }
    const bool waits = SSL_get_error(ssl_, done) == SSL_ERROR_WANT_READ && end_ == Errc::ok;
    if (!waits) secure_op_->reason = end_ == Errc::ok || end_ == Errc::end_of_stream ? reason_of(ssl_) : std::string();
    flush();  // an alert says why, as far as it still gets out
    if (waits) return listen_below();
    const bool broken = end_ != Errc::ok && end_ != Errc::end_of_stream;
    reactor_.finish(secure_, broken ? end_ : Errc::tls);
}

// -- between plain and sealed -----------------------------------------------------------------------------------------

void TlsStream::go_on() {
    if (closed_) return;
    if (secure_op_ != nullptr) return go_on_shaking();
    go_on_reading();
    go_on_writing();
}

void TlsStream::listen_below() {
    if (!in_.pending && !closed_ && end_ == Errc::ok) below_->readable(in_);
}

void TlsStream::on_below_readable() {
    if (closed_) return;
    std::array<Byte, record_size> room;
    const MutableBytes into(room);
    const auto got = below_->read_now({&into, 1});
    if (got)
        BIO_write(SSL_get_rbio(ssl_), room.data(), static_cast<int>(*got));
    else if (got.error().code != Errc::would_block)
        end_ = got.error().code;
    if (secure_op_ != nullptr || read_.outstanding()) {
        if (!got && end_ == Errc::ok) return listen_below();
        go_on();
    }
}

void TlsStream::decrypt() {
    if (plain_taken_ == plain_.size()) {
        plain_.clear();
        plain_taken_ = 0;
    }
    while (plain_.size() < record_size) {
        const std::size_t before = plain_.size();
        plain_.resize(before + record_size);
        ERR_clear_error();
        const int got = SSL_read(ssl_, &plain_[before], static_cast<int>(record_size));
        plain_.resize(before + static_cast<std::size_t>(std::max(got, 0)));
        if (got > 0) continue;
        const int why = SSL_get_error(ssl_, got);
        if (why == SSL_ERROR_ZERO_RETURN)
            end_ = Errc::end_of_stream;
        else if (why != SSL_ERROR_WANT_READ && end_ == Errc::ok)
            end_ = Errc::tls;
        break;
    }
    flush();
}

void TlsStream::go_on_reading() {
    if (!read_.outstanding() || read_.queued()) return;
    if (plain_taken_ == plain_.size()) decrypt();
    if (plain_taken_ < plain_.size() || end_ != Errc::ok) return reactor_.finish(read_, Errc::ok);
    listen_below();
}

void TlsStream::go_on_writing() {
    if (write_op_ == nullptr || write_.queued() || out_.pending || !sealed_rest_.empty()) return;
    std::exchange(write_op_, nullptr)->written = written_;
    reactor_.finish(write_, Errc::ok);
}

void TlsStream::flush() {
    if (out_.pending || closed_) return;
    BIO* const bio = SSL_get_wbio(ssl_);
    const auto size = static_cast<std::size_t>(std::max<long>(0, BIO_pending(bio)));
    if (size == 0) return;
    sealed_.resize(size);
    BIO_read(bio, sealed_.data(), static_cast<int>(size));
    sealed_rest_ = sealed_;
    below_->write_some(out_, {&sealed_rest_, 1});
}

void TlsStream::on_below_written() {
    if (closed_) return;
    if (out_.error != Errc::ok) return break_down(out_.error);
    sealed_rest_ = sealed_rest_.subspan(out_.written);
    if (!sealed_rest_.empty()) return below_->write_some(out_, {&sealed_rest_, 1});
    flush();
    if (secure_op_ == nullptr) go_on_writing();
}

void TlsStream::break_down(Errc error) {
    if (end_ == Errc::ok) end_ = error;
    sealed_rest_ = {};
    if (secure_op_ != nullptr) return reactor_.finish(secure_, error);
    write_op_ = nullptr;
    reactor_.finish(write_, error);
    reactor_.finish(read_, Errc::ok);
}

// -- what its owner does ----------------------------------------------------------------------------------------------

void TlsStream::readable(runtime::ReadableOp& op) {
    read_.begin(op);
    if (closed_) return reactor_.finish(read_, Errc::closed);
    go_on_reading();
}

Result<std::size_t> TlsStream::read_now(std::span<const MutableBytes> into) {
    if (closed_) return fail(Errc::closed);
    JST_CHECK(read_turn_ == reactor_.turn(), "read_now outside the turn of its readable");
    if (plain_taken_ == plain_.size()) decrypt();
    std::size_t got = 0;
    for (const MutableBytes span : into) {
        const std::size_t n = std::min(span.size(), plain_.size() - plain_taken_);
        std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(plain_taken_), n, span.begin());
        plain_taken_ += n;
        got += n;
    }
    if (got > 0) return got;
    return fail(end_ == Errc::ok ? Errc::would_block : end_);
}

void TlsStream::write_some(runtime::WriteOp& op, std::span<const Bytes> from) {
    write_.begin(op);
    op.written = 0;
    if (closed_) return reactor_.finish(write_, Errc::closed);
    const auto first = std::find_if(from.begin(), from.end(), [](Bytes b) { return !b.empty(); });
    JST_CHECK(first != from.end(), "write_some of nothing");
    ERR_clear_error();
    const int n = SSL_write(ssl_, first->data(), static_cast<int>(std::min(first->size(), record_size)));
    if (n <= 0) return reactor_.finish(write_, end_ == Errc::ok || end_ == Errc::end_of_stream ? Errc::tls : end_);
    written_ = static_cast<std::size_t>(n);
    write_op_ = &op;
    flush();
}

void TlsStream::shutdown_send() {
    if (closed_) return;
    SSL_shutdown(ssl_);
    flush();
}

void TlsStream::close(runtime::CloseMode mode) {
    if (closed_) return;
    if (mode == runtime::CloseMode::graceful) shutdown_send();
    closed_ = true;
    below_->close(mode);
    cancel();
}

void TlsStream::cancel() {
    write_op_ = nullptr;
    reactor_.cancel(read_);
    reactor_.cancel(write_);
}

}  // namespace jst::runtime_asio
