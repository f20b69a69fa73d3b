#include "base/bytes.hpp"

namespace jst {
namespace {

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string to_hex(Bytes bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const Byte b : bytes) {
        out.push_back(digits[b >> 4]);
        out.push_back(digits[b & 15]);
    }
    return out;
}

Result<ByteVector> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return fail(Errc::bad_value, text.size());
    ByteVector out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]);
        const int low = digit(text[i + 1]);
        if (high < 0) return fail(Errc::bad_value, i);
        if (low < 0) return fail(Errc::bad_value, i + 1);
        out.push_back(static_cast<Byte>(high * 16 + low));
    }
    return out;
}

}  // namespace jst
