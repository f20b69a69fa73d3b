// Reads one HTTP response (RFC 9112) as it comes, in any slicing: head, body by length, by chunks or to the end, gzip.
//
// Decides what is too large before it is kept: 1. the head and each chunk header are at most max_head bytes; 2. the
// body is at most max_body, packed and unpacked; 3. after an error it has failed for good. The body of a redirect is
// not read, and what a server says before its answer (1xx) is passed over, max_interim times. Does not know sockets or
// time, and follows no redirect: that is the caller's, who counts them.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace jst::http {

struct ResponseLimits {
    std::size_t max_head = 16 * 1024;
    std::size_t max_body = 1024 * 1024;
};

/// Answers that announce the one to come.
inline constexpr int max_interim = 8;

struct Response {
    unsigned status = 0;
    std::string location;  ///< of a redirect
    ByteVector body;

    /// Another comes behind it. Not 101: whoever switches protocols says no more of this one.
    bool is_interim() const noexcept { return status >= 100 && status < 200 && status != 101; }
    bool is_redirect() const noexcept { return status >= 300 && status < 400 && !location.empty(); }
};

class ResponseReader {
  public:
    explicit ResponseReader(const ResponseLimits& limits = {});
    ResponseReader(const ResponseReader&) = delete;
    ~ResponseReader();

    /// Errors: too_large, bad_message, bad_value (gzip), not_supported (another coding). Bytes behind the end are
    /// ignored.
    Result<void> receive(Bytes in);
    /// The other side sends no more. Errc::truncated when the response is not whole.
    Result<void> end();
    bool is_done() const noexcept;
    /// Whole when is_done().
    const Response& response() const noexcept;

  private:
    class Parser;
    Result<void> take_head(Bytes& in);
    Result<void> pass_over_interim();
    Result<void> feed(Bytes in);
    std::size_t to_show(Bytes header) const noexcept;
    Result<void> failed(Error error) noexcept;

    ResponseLimits limits_;
    std::unique_ptr<Parser> parser_;
    ByteVector pending_;     // a head or chunk header that is not whole
    std::size_t shown_ = 0;  // so many bytes of a chunk header Beast has seen, and wants more
    bool has_head_ = false;
    int interim_ = 0;
    Error error_;
};

}  // namespace jst::http
