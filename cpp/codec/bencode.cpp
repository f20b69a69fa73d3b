#include "codec/bencode.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/check.hpp"

namespace jst::codec {
namespace {

constexpr std::uint64_t max_offset = std::numeric_limits<std::uint32_t>::max();

bool is_digit(Byte b) noexcept { return b >= '0' && b <= '9'; }

int compare(Bytes a, Bytes b) noexcept { return as_text(a).compare(as_text(b)); }

class Parser {
  public:
    Parser(Bytes input, BencodeMode mode, const BencodeLimits& limits) noexcept
        : input_(input), limits_(limits), strict_(mode == BencodeMode::strict) {}

    Result<std::vector<BencodeToken>> run() {
        if (input_.size() > std::min(limits_.max_size, max_offset)) return fail(Errc::too_large, input_.size());
        do {
            JST_TRY_VOID(step());
        } while (!open_.empty());
        return std::move(tokens_);
    }

  private:
    struct Open {
        std::uint32_t token = 0;
        bool expects_key = false;
        bool has_key = false;
        Bytes last_key;
    };

    Result<void> step() {
        if (at_ >= input_.size()) return fail(Errc::truncated, at_);
        const Byte first = input_[at_];
        if (first == 'e' && !open_.empty()) return close();
        const bool wants_key = !open_.empty() && open_.back().expects_key;
        if (wants_key && !is_digit(first)) return fail(Errc::bad_token, at_);
        if (tokens_.size() >= limits_.max_tokens) return fail(Errc::too_many_tokens, at_);
        if (first == 'l' || first == 'd') return open(first == 'd');
        if (first == 'i') {
            JST_TRY_VOID(integer());
        } else if (is_digit(first)) {
            JST_TRY_VOID(string());
        } else {
            return fail(Errc::bad_token, at_);
        }
        return wants_key ? take_key() : value_done();
    }

    Result<void> open(bool is_dict) {
        if (open_.size() >= limits_.max_depth) return fail(Errc::too_deep, at_);
        open_.push_back({static_cast<std::uint32_t>(tokens_.size()), is_dict, false, {}});
        push(is_dict ? BencodeType::dict : BencodeType::list, at_, at_ + 1, 0);
        ++at_;
        return {};
    }

    Result<void> close() {
        const Open& top = open_.back();
        BencodeToken& token = tokens_[top.token];
        if (token.type == BencodeType::dict && !top.expects_key) return fail(Errc::bad_token, at_);
        ++at_;
        token.end = static_cast<std::uint32_t>(at_);
        token.next = static_cast<std::uint32_t>(tokens_.size());
        open_.pop_back();
        return value_done();
    }

    Result<void> value_done() {
        if (!open_.empty() && tokens_[open_.back().token].type == BencodeType::dict) open_.back().expects_key = true;
        return {};
    }

    Result<void> take_key() {
        Open& top = open_.back();
        const BencodeToken& token = tokens_.back();
        const Bytes key = input_.subspan(token.begin + token.header, token.end - token.begin - token.header);
        if (strict_ && top.has_key) {
            const int order = compare(top.last_key, key);
            if (order == 0) return fail(Errc::duplicate_key, token.begin);
            if (order > 0) return fail(Errc::key_order, token.begin);
        }
        top.last_key = key;
        top.has_key = true;
        top.expects_key = false;
        return {};
    }

    Result<void> integer() {
        const std::size_t begin = at_++;
        const std::size_t number = at_;
        const bool negative = at_ < input_.size() && input_[at_] == '-';
        if (negative) ++at_;
        const std::size_t digits = at_;
        while (at_ < input_.size() && is_digit(input_[at_])) ++at_;
        if (at_ >= input_.size()) return fail(Errc::truncated, at_);
        if (at_ == digits || input_[at_] != 'e') return fail(Errc::bad_integer, at_);
        const bool extra_zero = input_[digits] == '0' && (at_ - digits > 1 || negative);
        if (strict_ && extra_zero) return fail(Errc::bad_integer, digits);
        std::int64_t value = 0;
        const char* const text = as_text(input_).data();
        if (std::from_chars(text + number, text + at_, value).ec != std::errc{})
            return fail(Errc::integer_overflow, number);
        ++at_;
        push(BencodeType::integer, begin, at_, 0);
        return {};
    }

    Result<void> string() {
        constexpr std::size_t max_digits = 20;
        const std::size_t begin = at_;
        std::uint64_t length = 0;
        while (at_ < input_.size() && is_digit(input_[at_])) {
            if (at_ - begin >= max_digits) return fail(Errc::bad_string, begin);
            length = length * 10 + (input_[at_] - '0');
            if (length > max_offset) return fail(Errc::bad_string, begin);
            ++at_;
        }
        if (at_ >= input_.size()) return fail(Errc::truncated, at_);
        if (input_[at_] != ':') return fail(Errc::bad_string, at_);
        if (strict_ && input_[begin] == '0' && at_ - begin > 1) return fail(Errc::bad_string, begin);
        ++at_;
        if (length > input_.size() - at_) return fail(Errc::truncated, begin);
        const std::size_t header = at_ - begin;
        at_ += length;
        push(BencodeType::string, begin, at_, header);
        return {};
    }

    void push(BencodeType type, std::size_t begin, std::size_t end, std::size_t header) {
        tokens_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end),
                           static_cast<std::uint32_t>(tokens_.size() + 1), type, static_cast<std::uint8_t>(header)});
    }

    Bytes input_;
    const BencodeLimits& limits_;
    bool strict_;
    std::size_t at_ = 0;
    std::vector<BencodeToken> tokens_;
    std::vector<Open> open_;
};

}  // namespace

Result<std::int64_t> BencodeNode::integer() const noexcept {
    if (!is_integer()) return fail(Errc::wrong_type, offset());
    std::int64_t value = 0;
    const auto text = as_text(raw());
    std::from_chars(text.data() + 1, text.data() + text.size() - 1, value);
    return value;
}

Result<Bytes> BencodeNode::string() const noexcept {
    if (!is_string()) return fail(Errc::wrong_type, offset());
    return raw().subspan(token().header);
}

std::optional<BencodeNode> BencodeNode::find(std::string_view wanted) const noexcept {
    if (!is_dict()) return std::nullopt;
    for (auto at = begin(); at != end(); ++at) {
        const bool here = as_text(*(*at).string()) == wanted;
        ++at;
        if (here) return *at;
    }
    return std::nullopt;
}

std::size_t BencodeNode::count() const noexcept {
    std::size_t items = 0;
    for (auto at = begin(); at != end(); ++at) ++items;
    return is_dict() ? items / 2 : items;
}

Result<BencodeDocument> BencodeDocument::parse_prefix(Bytes input, BencodeMode mode, const BencodeLimits& limits) {
    JST_TRY(tokens, Parser(input, mode, limits).run());
    return BencodeDocument(std::move(tokens), input.data());
}

Result<BencodeDocument> BencodeDocument::parse(Bytes input, BencodeMode mode, const BencodeLimits& limits) {
    JST_TRY(document, parse_prefix(input, mode, limits));
    if (document.size() != input.size()) return fail(Errc::trailing_bytes, document.size());
    return document;
}

BencodeWriter& BencodeWriter::integer(std::int64_t value) {
    std::array<char, 24> text;
    const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value);
    out_.push_back('i');
    out_.insert(out_.end(), text.data(), end);
    out_.push_back('e');
    return *this;
}

void BencodeWriter::put_string(Bytes value) {
    std::array<char, 24> text;
    const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value.size());
    out_.insert(out_.end(), text.data(), end);
    out_.push_back(':');
    out_.insert(out_.end(), value.begin(), value.end());
}

BencodeWriter& BencodeWriter::string(Bytes value) {
    put_string(value);
    return *this;
}

BencodeWriter& BencodeWriter::raw(Bytes encoded) {
    out_.insert(out_.end(), encoded.begin(), encoded.end());
    return *this;
}

BencodeWriter& BencodeWriter::begin_list() {
    out_.push_back('l');
    open_.push_back({});
    return *this;
}

BencodeWriter& BencodeWriter::begin_dict() {
    out_.push_back('d');
    open_.push_back({true, false, 0, 0});
    return *this;
}

BencodeWriter& BencodeWriter::key(Bytes name) {
    JST_CHECK(!open_.empty() && open_.back().is_dict, "a key stands in a dictionary");
    Open& top = open_.back();
    const Bytes last = Bytes(out_).subspan(top.key_at, top.key_size);
    JST_CHECK(!top.has_key || compare(last, name) < 0, "keys are written sorted and once");
    put_string(name);
    top = {true, true, out_.size() - name.size(), name.size()};
    return *this;
}

BencodeWriter& BencodeWriter::end() {
    JST_CHECK(!open_.empty(), "something is open to be ended");
    open_.pop_back();
    out_.push_back('e');
    return *this;
}

}  // namespace jst::codec
