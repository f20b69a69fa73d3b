#include "engine/http_fetch.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "codec/percent.hpp"
#include "http/request.hpp"

namespace jst::engine {

/// The completions. One that comes late, of a stream that was given up, finds another step and changes nothing.
struct HttpFetchHandlers {
    static HttpFetch& of(runtime::Op& op) { return *static_cast<HttpFetch*>(op.owner); }
    static void resolved(runtime::Op& op, Time now) {
        if (of(op).step_ == HttpFetch::Step::resolving) of(op).on_resolved(now);
    }
    static void connected(runtime::Op& op, Time now) {
        HttpFetch& fetch = of(op);
        if (fetch.step_ == HttpFetch::Step::connecting) return fetch.on_connected(now);
        if (fetch.connect_.stream) fetch.connect_.stream->close(runtime::CloseMode::abort);
        fetch.connect_.stream.reset();
    }
    static void secured(runtime::Op& op, Time now) {
        HttpFetch& fetch = of(op);
        if (fetch.step_ == HttpFetch::Step::securing) return fetch.on_secured(now);
        fetch.secure_.stream.reset();
    }
    static void written(runtime::Op& op, Time now) {
        if (of(op).step_ == HttpFetch::Step::sending) of(op).on_written(now);
    }
    static void readable(runtime::Op& op, Time now) {
        if (of(op).step_ == HttpFetch::Step::reading) of(op).on_readable(now);
    }
};

HttpFetch::HttpFetch(Core& core, const Rules& rules, const runtime::Tag& tag, Done on_done, void* done_owner)
    : owner(done_owner),
      core_(core),
      rules_(rules),
      on_done_(on_done),
      timer_(core.timers, [](Timer& t, Time now) { t.owner<HttpFetch>().on_timer(now); }, this) {
    resolve_.on_done = HttpFetchHandlers::resolved;
    connect_.on_done = HttpFetchHandlers::connected;
    secure_.on_done = HttpFetchHandlers::secured;
    write_.on_done = HttpFetchHandlers::written;
    readable_.on_done = HttpFetchHandlers::readable;
    for (runtime::Op* op : std::initializer_list<runtime::Op*>{&resolve_, &connect_, &secure_, &write_, &readable_}) {
        op->owner = this;
        op->tag = tag;
    }
    timer_.tag = tag;
}

std::string HttpFetch::why() const {
    const std::string text(describe(error_));
    return error_ == Errc::tls && !secure_.reason.empty() ? text + ": " + secure_.reason : text;
}

const http::Response& HttpFetch::response() const {
    JST_CHECK(is_over() && error_ == Errc::ok && reader_ != nullptr, "there is no response");
    return reader_->response();
}

void HttpFetch::start(Url url, Time deadline) {
    JST_CHECK(is_over() && !resolve_.pending, "a fetch starts once");
    url_ = std::move(url);
    deadline_ = deadline;
    timer_.set(deadline);
    resolve();
}

void HttpFetch::resolve() {
    step_ = Step::resolving;
    resolve_.port = url_.port;
    if (redirects_ > 0) resolve_.tag.purpose = runtime::Purpose::none;  // one announce
    core_.rt.net.resolve(resolve_, url_.host);
}

bool HttpFetch::may_dial(const IpAddress& address) const {
    return rules_.may_reach(address, url_, from_global_) && !core_.is_filtered(address);
}

void HttpFetch::on_resolved(Time now) {
    if (resolve_.error != Errc::ok) return finish(resolve_.error, now);
    last_error_ = resolve_.addresses.empty() ? Errc::host_not_found : Errc::address_refused;
    auto allowed = resolve_.addresses;
    std::erase_if(allowed, [&](const IpAddress& address) { return !may_dial(address); });
    addresses_ = core_.address_turns.order(url_.host, std::move(allowed));
    tried_ = 0;
    dial_next(now);
}

void HttpFetch::dial_next(Time now) {
    step_ = Step::connecting;
    if (connect_.pending) return;  // the last one is being called off
    while (tried_ < addresses_.size()) {
        const Duration part = (deadline_ - now) / static_cast<std::int64_t>(addresses_.size() - tried_);
        const Endpoint to{addresses_[tried_++], url_.port};
        remote_ = to;
        if (!may_dial(to.host)) {  // since then
            last_error_ = Errc::address_refused;
            continue;
        }
        timer_.set(now + std::min(part, to_duration(core_.settings.connect_timeout)));
        return core_.rt.net.connect(connect_, to, core_.dial_from(to.host));
    }
    finish(last_error_, now);
}

void HttpFetch::on_connected(Time now) {
    if (connect_.error != Errc::ok) {
        if (connect_.error != Errc::canceled) last_error_ = connect_.error;
        return dial_next(now);
    }
    timer_.set(deadline_);
    stream_ = std::move(connect_.stream);
    if (url_.scheme != "https") return send(now);
    step_ = Step::securing;
    secure_.stream = std::move(stream_);
    core_.rt.net.secure(secure_, url_.host);
}

void HttpFetch::on_secured(Time now) {
    if (secure_.error != Errc::ok) return finish(secure_.error, now);
    stream_ = std::move(secure_.stream);
    send(now);
}

void HttpFetch::send(Time now) {
    const std::string credentials = codec::percent_decode(url_.user_info);
    auto request = http::write_get(url_, {core_.settings.user_agent, credentials, true});
    if (!request) return finish(request.error().code, now);
    step_ = Step::sending;
    request_ = std::move(*request);
    written_ = 0;
    reader_ = std::make_unique<http::ResponseReader>(rules_.limits);
    sent_ = true;
    rest_ = request_;
    stream_->write_some(write_, {&rest_, 1});
}

void HttpFetch::on_written(Time now) {
    if (write_.error != Errc::ok) return finish(write_.error, now);
    written_ += write_.written;
    rest_ = Bytes(request_).subspan(written_);
    if (!rest_.empty()) return stream_->write_some(write_, {&rest_, 1});
    step_ = Step::reading;
    stream_->readable(readable_);
}

// What is behind the first 16 KiB waits for the next turn: nobody can keep a round busy.
void HttpFetch::on_readable(Time now) {
    std::array<Byte, 16384> room;
    const MutableBytes into(room);
    const auto got = stream_->read_now({&into, 1});
    if (!got && got.error().code == Errc::end_of_stream) {
        const auto whole = reader_->end();
        return whole ? on_response(now) : finish(whole.error().code, now);
    }
    if (!got && got.error().code != Errc::would_block) return finish(got.error().code, now);
    if (got) {
        const auto taken = reader_->receive(Bytes(room).first(*got));
        if (!taken) return finish(taken.error().code, now);
        if (reader_->is_done()) return on_response(now);
    }
    stream_->readable(readable_);
}

void HttpFetch::on_response(Time now) {
    if (reader_->response().is_redirect()) return redirect(now);
    finish(Errc::ok, now);
}

void HttpFetch::redirect(Time now) {
    if (++redirects_ > rules_.max_redirects) return finish(Errc::too_many_redirects, now);
    auto next = url_.resolve(reader_->response().location);
    if (!next || !rules_.may_redirect(url_, *next)) return finish(Errc::bad_redirect, now);
    from_global_ = from_global_ || remote_.host.is_global();
    if (addresses_.size() > 1) note_turn();
    url_ = std::move(*next);
    addresses_.clear();
    drop_stream();
    resolve();
}

void HttpFetch::on_timer(Time now) {
    if (now >= deadline_) return finish(Errc::timeout, now);
    last_error_ = Errc::connect_timeout;
    core_.rt.net.cancel(connect_);  // its completion dials the next
}

// The operations of a stream that is dropped without close() never complete; they are called off first.
void HttpFetch::drop_stream() {
    if (stream_) stream_->close(runtime::CloseMode::abort);
    if (connect_.pending) core_.rt.net.cancel(connect_);
    if (secure_.pending) core_.rt.net.cancel(secure_);
}

// Who is asked first the next time: who answered, or the one behind who did not.
void HttpFetch::note_turn() {
    if (error_ == Errc::ok)
        core_.address_turns.on_answer(url_.host, remote_.host);
    else
        core_.address_turns.on_silence(url_.host, remote_.host);
}

void HttpFetch::finish(Errc error, Time now) {
    error_ = error;
    step_ = Step::over;
    timer_.cancel();
    if (addresses_.size() > 1 && tried_ > 0) note_turn();
    drop_stream();
    on_done_(*this, now);
}

void HttpFetch::shorten(Time deadline) {
    if (is_over()) return;
    deadline_ = std::min(deadline_, deadline);
    timer_.set_sooner(deadline_);
}

void HttpFetch::abort() {
    step_ = Step::over;
    error_ = Errc::canceled;
    timer_.cancel();
    drop_stream();
}

}  // namespace jst::engine
