// Text from outside is bytes that claim to be UTF-8; this makes it safe to show.
#pragma once

#include <string>
#include <string_view>

namespace jst::codec {

/// Every byte sequence that is not UTF-8 becomes U+FFFD, one for each maximal part (Unicode 3.9, as Python does it).
std::string repair_utf8(std::string_view text);
/// The same, and a blank for each character that is none to show: controls (C0, DEL, C1), ends of lines, and marks that
/// turn the direction of text around, with which a text could forge the line that it is shown in.
std::string showable_utf8(std::string_view text);
bool is_utf8(std::string_view text) noexcept;

}  // namespace jst::codec
