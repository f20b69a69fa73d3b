#include "base/url.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/endpoint.hpp"

namespace jst {
namespace {

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::uint16_t usual_port(std::string_view scheme) noexcept {
    if (scheme == "http" || scheme == "ws") return 80;
    if (scheme == "https" || scheme == "wss") return 443;
    return 0;
}

bool is_scheme(std::string_view text) noexcept {
    return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

bool is_printable(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_host_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_host_name && std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
    });
}

Result<void> take_authority(Url& url, std::string_view text) {
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        url.user_info = text.substr(0, at);
        text.remove_prefix(at + 1);
    }
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return fail(Errc::bad_url);
        const auto inside = text.substr(1, close - 1);
        const auto literal = IpAddress::parse(inside);
        if (!literal || inside.find(':') == std::string_view::npos) return fail(Errc::bad_url);
        url.host = lowered(inside);
        rest = text.substr(close + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        if (!is_host_name(text.substr(0, colon))) return fail(Errc::bad_url);
        url.host = lowered(text.substr(0, colon));
        rest = text.substr(colon);
    }
    url.port = usual_port(url.scheme);
    if (!rest.empty() && rest != ":") {
        const auto digits = rest.substr(1);
        const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
        if (rest[0] != ':' || ec != std::errc{} || end != digits.data() + digits.size()) return fail(Errc::bad_url);
    }
    if (url.port == 0) return fail(Errc::bad_url);
    return {};
}

// RFC 3986 5.2.4.
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> kept;
    bool folder = false;
    path.remove_prefix(1);
    while (true) {
        const auto slash = path.find('/');
        const auto segment = path.substr(0, slash);
        folder = segment == "." || segment == "..";
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!folder) kept.push_back(segment);
        if (slash == std::string_view::npos) break;
        path.remove_prefix(slash + 1);
    }
    std::string out;
    for (const auto segment : kept) out.append("/").append(segment);
    if (folder || out.empty()) out += '/';
    return out;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    if (text.size() > max_url_size || !is_printable(text)) return fail(Errc::bad_url);
    text = text.substr(0, text.find('#'));
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return fail(Errc::bad_url);
    Url url;
    url.scheme = lowered(text.substr(0, colon));
    text.remove_prefix(colon + 3);
    const auto end = std::min(text.find_first_of("/?"), text.size());
    JST_TRY_VOID(take_authority(url, text.substr(0, end)));
    const auto target = text.substr(end);
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
    if (reference.size() > max_url_size || !is_printable(reference)) return fail(Errc::bad_url);
    reference = reference.substr(0, reference.find('#'));
    const auto colon = reference.find(':');
    Url out;
    if (colon < reference.find_first_of("/?")) {
        JST_TRY(absolute, parse(reference));
        out = std::move(absolute);
    } else if (reference.starts_with("//")) {
        JST_TRY(absolute, parse(scheme + ":" + std::string(reference)));
        out = std::move(absolute);
    } else {
        out = *this;
        const auto question = std::min(reference.find('?'), reference.size());
        const auto asked = reference.substr(0, question);
        const auto here = path();
        if (asked.starts_with('/'))
            out.target = without_dots(asked);
        else if (!asked.empty())
            out.target = without_dots(std::string(here.substr(0, here.rfind('/') + 1)).append(asked));
        else
            out.target = std::string(here);
        if (question < reference.size())
            out.target.append(reference.substr(question));
        else if (asked.empty())
            out.target = target;
        if (out.target.size() > max_url_size) return fail(Errc::bad_url);
    }
    out.user_info.clear();
    return out;
}

std::string_view Url::path() const noexcept { return std::string_view(target).substr(0, target.find('?')); }

std::string_view Url::query() const noexcept {
    const auto question = target.find('?');
    return question == std::string::npos ? std::string_view() : std::string_view(target).substr(question + 1);
}

std::string Url::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (port != usual_port(scheme)) out += ':' + std::to_string(port);
    return out;
}

std::string Url::to_string() const { return scheme + "://" + authority() + target; }

}  // namespace jst
