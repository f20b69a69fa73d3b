#include "http/request.hpp"

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

namespace jst::http {
namespace {

namespace beast = boost::beast;
namespace bh = boost::beast::http;

bool is_plain(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
}

// RFC 4648 4.
std::string base64(std::string_view text) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        const auto byte = [&](std::size_t i) {
            return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
        };
        const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (std::size_t i = 0; i < 4; ++i) out += at + i > text.size() ? '=' : digits[group >> (18 - 6 * i) & 63];
    }
    return out;
}

struct Append {
    ByteVector& out;
    std::size_t taken = 0;
    template <class Buffers>
    void operator()(beast::error_code&, const Buffers& buffers) {
        for (const auto piece : beast::buffers_range_ref(buffers)) {
            const auto* data = static_cast<const Byte*>(piece.data());
            out.insert(out.end(), data, data + piece.size());
            taken += piece.size();
        }
    }
};

}  // namespace

Result<ByteVector> write_get(const Url& url, const GetOptions& options) {
    if (!is_plain(url.target) || !is_plain(url.host) || !is_plain(options.user_agent)) return fail(Errc::bad_value);
    bh::request<bh::empty_body> request(bh::verb::get, url.target, 11);
    request.set(bh::field::host, url.authority());
    if (!options.user_agent.empty()) request.set(bh::field::user_agent, options.user_agent);
    if (!options.credentials.empty()) request.set(bh::field::authorization, "Basic " + base64(options.credentials));
    if (options.accept_gzip) request.set(bh::field::accept_encoding, "gzip");
    request.set(bh::field::connection, "close");
    ByteVector out;
    bh::serializer<true, bh::empty_body> serializer(request);
    while (!serializer.is_done()) {
        beast::error_code error;
        Append append{out};
        serializer.next(error, append);
        if (error) return fail(Errc::bad_value);
        serializer.consume(append.taken);
    }
    return out;
}

}  // namespace jst::http
