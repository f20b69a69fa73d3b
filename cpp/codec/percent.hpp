// Percent-encoding of RFC 3986 2.1, as query values of links carry it.
#pragma once

#include <string>
#include <string_view>

namespace jst::codec {

/// "%41" to "A"; what is no pair of hex digits stays as it is. `plus_is_space` for form-encoded text.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// All but unreserved characters (RFC 3986 2.3) become %XX, so that the result may stand anywhere in a URL.
std::string percent_encode(std::string_view text);

}  // namespace jst::codec
