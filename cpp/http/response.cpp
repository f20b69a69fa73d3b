#include "http/response.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/effort.hpp"
#include "http/gunzip.hpp"

namespace jst::http {
namespace {

namespace beast = boost::beast;
namespace bh = boost::beast::http;

// The shortest there is: the last one with the CRLF behind it. Beast 1.81 asserts that it sees no less.
constexpr std::size_t least_chunk_header = 5;

Errc code_of(const beast::error_code& error) noexcept {
    if (error == bh::error::header_limit || error == bh::error::body_limit || error == bh::error::buffer_overflow)
        return Errc::too_large;
    if (error == bh::error::partial_message || error == bh::error::end_of_stream) return Errc::truncated;
    return Errc::bad_message;
}

// Behind the first empty line, whether its lines end in CRLF or, as those of small servers do, in LF alone; 0: not
// there.
std::size_t end_of_head(std::string_view text, std::size_t from) noexcept {
    for (auto at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
        const auto next = text.substr(at + 1, 2);
        if (next.starts_with('\n')) return at + 2;
        if (next == "\r\n") return at + 3;
    }
    return 0;
}

// Beast knows CRLF only.
void end_lines_in_crlf(ByteVector& head) {
    ByteVector out;
    for (const Byte byte : head) {
        if (byte == '\n' && (out.empty() || out.back() != '\r')) out.push_back('\r');
        out.push_back(byte);
    }
    head = std::move(out);
}

bool same_word(beast::string_view text, std::string_view word) noexcept {
    return beast::iequals(text, beast::string_view(word.data(), word.size()));
}

}  // namespace

// Beast finds the parts; what is kept of them is decided here.
class ResponseReader::Parser final : public bh::basic_parser<false> {
  public:
    explicit Parser(const ResponseLimits& limits) : limits_(limits) {
        header_limit(2 * static_cast<std::uint32_t>(limits.max_head) + 1);  // the ends of its lines may have grown
        body_limit(limits.max_body);
        eager(false);  // stops before each chunk header
    }

    bool at_chunk_header() const noexcept { return head_done_ && chunked() && chunk_left_ == 0; }
    bool is_whole() const noexcept { return is_done() || (head_done_ && response.is_redirect()); }
    bool is_interim() const noexcept { return head_done_ && response.is_interim(); }

    Response response;
    Errc refused = Errc::ok;  // by us, not by Beast

  private:
    void on_request_impl(bh::verb, beast::string_view, beast::string_view, int, beast::error_code&) override {}
    void on_response_impl(int status, beast::string_view, int, beast::error_code&) override {
        response.status = static_cast<unsigned>(status);
    }
    void on_field_impl(bh::field name, beast::string_view, beast::string_view value,
                       beast::error_code& error) override {
        if (name == bh::field::location) response.location.assign(value.data(), value.size());
        if (name == bh::field::content_encoding) {
            if (same_word(value, "gzip") || same_word(value, "x-gzip"))
                gunzip_.emplace();
            else if (!value.empty() && !same_word(value, "identity") && !same_word(value, "none"))
                refuse(Errc::not_supported, error);
        }
    }
    void on_header_impl(beast::error_code& error) override {
        head_done_ = true;
        if (response.is_redirect()) error = bh::error::end_of_stream;  // what follows is not looked at
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, beast::error_code& error) override { return keep(body, error); }
    void on_chunk_header_impl(std::uint64_t size, beast::string_view, beast::error_code&) override {
        chunk_left_ = size;
    }
    std::size_t on_chunk_body_impl(std::uint64_t left, beast::string_view body, beast::error_code& error) override {
        chunk_left_ = left - body.size();
        return keep(body, error);
    }
    void on_finish_impl(beast::error_code& error) override {
        if (gunzip_ && packed_ && !gunzip_->is_complete() && !response.is_redirect()) refuse(Errc::truncated, error);
    }

    std::size_t keep(beast::string_view body, beast::error_code& error) {
        if (response.is_redirect() || body.empty()) return body.size();
        const Bytes bytes = as_bytes({body.data(), body.size()});
        packed_ = true;
        if (gunzip_) {
            if (const auto fed = gunzip_->feed(bytes, response.body, limits_.max_body); !fed)
                refuse(fed.error().code, error);
        } else if (bytes.size() > limits_.max_body - response.body.size()) {
            refuse(Errc::too_large, error);
        } else {
            response.body.insert(response.body.end(), bytes.begin(), bytes.end());
        }
        return body.size();
    }

    void refuse(Errc why, beast::error_code& error) {
        refused = why;
        error = bh::error::bad_value;
    }

    ResponseLimits limits_;
    std::optional<Gunzip> gunzip_;
    bool head_done_ = false;
    std::uint64_t chunk_left_ = 0;
    bool packed_ = false;  // something came to be unpacked
};

ResponseReader::ResponseReader(const ResponseLimits& limits)
    : limits_(limits), parser_(std::make_unique<Parser>(limits)) {}

ResponseReader::~ResponseReader() = default;

bool ResponseReader::is_done() const noexcept { return error_.code == Errc::ok && parser_->is_whole(); }
const Response& ResponseReader::response() const noexcept { return parser_->response; }

Result<void> ResponseReader::failed(Error error) noexcept {
    if (parser_->refused != Errc::ok) error.code = parser_->refused;
    error_ = error;
    pending_.clear();
    return error_;
}

// Beast gets the head whole, so that what is wrong with it shows at the same byte in any slicing.
Result<void> ResponseReader::take_head(Bytes& in) {
    constexpr std::size_t looked_at_again = 2;  // of what came before: an empty line may have begun there
    const std::size_t before = pending_.size();
    const std::size_t room = limits_.max_head - before;
    pending_.insert(pending_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(std::min(room, in.size())));
    const std::size_t end = end_of_head(as_text(pending_), before - std::min(before, looked_at_again));
    if (end == 0) {
        if (in.size() > room) return failed(fail(Errc::too_large));
        in = {};
        return {};
    }
    pending_.resize(end);
    in = in.subspan(end - before);
    end_lines_in_crlf(pending_);
    JST_TRY_VOID(feed({}));
    if (parser_->is_interim()) return pass_over_interim();
    has_head_ = true;
    // Beast waits for more of a head that is there: it is none.
    return pending_.empty() || parser_->is_whole() ? Result<void>() : failed(fail(Errc::bad_message));
}

Result<void> ResponseReader::pass_over_interim() {
    if (++interim_ > max_interim) return failed(fail(Errc::too_large));
    parser_ = std::make_unique<Parser>(limits_);
    pending_.clear();
    return {};
}

// Beast counts a chunk header against its limit each time it sees it, and reads on behind the end of a line in a quoted
// string. It sees the line, and if that is not all (the last chunk has trailers), everything up to an empty one: the
// same in any slicing, and never a third time. 0 while that is not there. In front is the end of the chunk before.
std::size_t ResponseReader::to_show(Bytes header) const noexcept {
    constexpr std::size_t before = 2;
    const auto text = as_text(header);
    const auto at = shown_ == 0 ? text.find('\n', before)
                                : text.find("\r\n\r\n", shown_ - std::min(shown_, least_chunk_header - 1));
    if (at == std::string_view::npos) return 0;
    const std::size_t size = shown_ == 0 ? std::max(at + 1, least_chunk_header) : std::max(at + 4, shown_ + 1);
    return size <= header.size() ? size : 0;
}

// What Beast leaves is the start of something that is not whole; it wants that again together with what follows.
Result<void> ResponseReader::feed(Bytes in) {
    const bool kept = !pending_.empty();
    Bytes left = kept ? Bytes(pending_) : in;
    while (!parser_->is_whole() && !left.empty()) {
        const bool is_header = parser_->at_chunk_header();
        const std::size_t shown = is_header ? to_show(left) : left.size();
        if (shown == 0) break;
        beast::error_code error;
        const std::size_t used = parser_->put(beast::net::const_buffer(left.data(), shown), error);
        if (parser_->is_whole()) break;
        if (error && error != bh::error::need_more) return failed(fail(code_of(error)));
        const bool wants_more = is_header && error == bh::error::need_more && used == 0;
        if (wants_more && shown_ > 0) return failed(fail(Errc::bad_message));
        shown_ = wants_more ? shown : 0;
        if (wants_more) continue;
        left = left.subspan(used);
        if (error == bh::error::need_more) break;
        if (used == 0) return failed(fail(Errc::bad_message));
    }
    if (parser_->is_whole()) left = {};
    // Moved once, however many chunks there were.
    effort(left.size());
    if (!kept)
        pending_.assign(left.begin(), left.end());
    else
        pending_.erase(pending_.begin(), pending_.end() - static_cast<std::ptrdiff_t>(left.size()));
    return {};
}

// In slices, so that a chunk header without an end is found out at the limit.
Result<void> ResponseReader::receive(Bytes in) {
    if (error_.code != Errc::ok) return error_;
    while (!in.empty() && !parser_->is_whole()) {
        if (!has_head_) {
            JST_TRY_VOID(take_head(in));
            continue;
        }
        const std::size_t room = limits_.max_head + 1 - std::min(limits_.max_head + 1, pending_.size());
        if (room == 0) return failed(fail(Errc::too_large));
        const Bytes slice = in.first(std::min(room, in.size()));
        in = in.subspan(slice.size());
        if (pending_.empty()) {
            JST_TRY_VOID(feed(slice));
        } else {
            pending_.insert(pending_.end(), slice.begin(), slice.end());
            JST_TRY_VOID(feed({}));
        }
    }
    return {};
}

Result<void> ResponseReader::end() {
    if (error_.code != Errc::ok) return error_;
    if (parser_->is_whole()) return {};
    if (!parser_->got_some() || !pending_.empty()) return failed(fail(Errc::truncated));
    beast::error_code error;
    parser_->put_eof(error);
    if (error) return failed(fail(code_of(error)));
    return {};
}

}  // namespace jst::http
