// One GET over HTTP: the name is resolved, an address dialled, the answer read, redirects followed (RFC 9110 15.4).
//
//   resolving -> connecting (address after address) -> [securing] -> sending -> reading -> over
//                    ^------------------- redirect ----------------------------'
// Which addresses may be reached is the caller's rule, asked with the address that is dialled; those that may not cost
// the others neither their turn nor time. Does not know what is fetched. Invariants: 1. one deadline for all of it,
// also against bytes that drip, and no address takes more than its part of it to be connected to; 2. on_done comes
// once, never within start(), and not after abort(); 3. once it is over it begins nothing; is_idle() says when it may
// be destroyed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/url.hpp"
#include "engine/core.hpp"
#include "http/response.hpp"

namespace jst::engine {

class HttpFetch {
  public:
    struct Rules {
        bool (*may_reach)(const IpAddress& address, const Url& url, bool redirected_from_global);
        bool (*may_redirect)(const Url& from, const Url& to);
        unsigned max_redirects;
        http::ResponseLimits limits;
    };
    using Done = void (*)(HttpFetch& fetch, Time now);

    HttpFetch(Core& core, const Rules& rules, const runtime::Tag& tag, Done on_done, void* done_owner);

    void start(Url url, Time deadline);
    /// There is less time than was thought.
    void shorten(Time deadline);
    /// Nobody waits for it any more.
    void abort();
    /// The request, or a part of it, went out.
    bool has_sent() const noexcept { return sent_; }
    bool is_over() const noexcept { return step_ == Step::over; }
    bool is_idle() const noexcept { return is_settled() && !resolve_.pending; }
    /// Only the look-up of a name may still be out: it can not be called off.
    bool is_settled() const noexcept {
        return is_over() && !connect_.pending && !secure_.pending && !write_.pending && !readable_.pending;
    }

    // -- when it is over
    Errc error() const noexcept { return error_; }
    /// What went wrong, for people.
    std::string why() const;
    /// JST_CHECK: without an error.
    const http::Response& response() const;
    /// Who answered, or was asked last.
    const Endpoint& remote() const noexcept { return remote_; }

    void* const owner;

  private:
    friend struct HttpFetchHandlers;
    enum class Step : std::uint8_t { resolving, connecting, securing, sending, reading, over };

    void resolve();
    void on_resolved(Time now);
    bool may_dial(const IpAddress& address) const;
    void dial_next(Time now);
    void on_connected(Time now);
    void on_secured(Time now);
    void send(Time now);
    void on_written(Time now);
    void on_readable(Time now);
    void on_response(Time now);
    void redirect(Time now);
    void on_timer(Time now);
    void note_turn();
    void finish(Errc error, Time now);
    void drop_stream();

    Core& core_;
    const Rules rules_;
    const Done on_done_;
    Step step_ = Step::over;
    Url url_;
    Time deadline_;
    std::vector<IpAddress> addresses_;
    std::size_t tried_ = 0;
    Errc last_error_ = Errc::host_not_found;
    Endpoint remote_;
    bool from_global_ = false;  // redirected here by somebody out there
    unsigned redirects_ = 0;
    bool sent_ = false;
    ByteVector request_;
    std::size_t written_ = 0;
    Bytes rest_;
    std::unique_ptr<http::ResponseReader> reader_;
    std::unique_ptr<runtime::Stream> stream_;
    runtime::ResolveOp resolve_;
    runtime::ConnectOp connect_;
    runtime::SecureOp secure_;
    runtime::WriteOp write_;
    runtime::ReadableOp readable_;
    Timer timer_;
    Errc error_ = Errc::ok;
};

}  // namespace jst::engine
