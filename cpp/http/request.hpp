// Writes the one request that trackers and web seeds are asked with: a GET of HTTP/1.1 that ends its connection.
//
// Sans-IO: bytes out. Nothing from outside gets into a field without being checked for line ends.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/url.hpp"

namespace jst::http {

struct GetOptions {
    std::string_view user_agent;
    std::string_view credentials;  ///< "user:password", plain, for Basic authorization; empty: none
    bool accept_gzip = true;
};

/// Errc::bad_value for a control character in what would become a field.
Result<ByteVector> write_get(const Url& url, const GetOptions& options);

}  // namespace jst::http
