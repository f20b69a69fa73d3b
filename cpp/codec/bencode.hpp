// Bencoding (BEP 3): a zero-copy reader and a canonical writer.
//
// The reader turns the input into one flat array of tokens, without recursion; nodes are views into that array and into
// the caller's bytes, which must outlive them (the document may move). It knows nothing of what the values mean.
// Invariants: 1. depth, tokens and size are bounded by BencodeLimits before memory is spent on them; 2. every error
// names the offset of the byte that is wrong; 3. raw() of a node is exactly its bytes of the input.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace jst::codec {

struct BencodeLimits {
    std::uint64_t max_size = std::uint64_t{64} << 20;  ///< bytes of input; never above 2^32 - 1
    std::uint32_t max_depth = 64;                      ///< containers inside each other
    std::uint32_t max_tokens = 3'000'000;              ///< values and keys
};

/// strict: canonical input only. lenient: also unsorted keys, repeated keys (the first one counts) and numbers written
/// with leading zeros, because other clients send them; just as bounded.
enum class BencodeMode : std::uint8_t { strict, lenient };

enum class BencodeType : std::uint8_t { integer, string, list, dict };

struct BencodeToken {
    std::uint32_t begin = 0;  ///< offset of the first byte
    std::uint32_t end = 0;    ///< offset behind the last byte
    std::uint32_t next = 0;   ///< token behind this one and everything in it
    BencodeType type = BencodeType::integer;
    std::uint8_t header = 0;  ///< strings: bytes in front of the text
};

class BencodeNode {
  public:
    BencodeNode(const BencodeToken* tokens, const Byte* input, std::uint32_t index) noexcept
        : tokens_(tokens), input_(input), index_(index) {}

    BencodeType type() const noexcept { return token().type; }
    bool is_integer() const noexcept { return type() == BencodeType::integer; }
    bool is_string() const noexcept { return type() == BencodeType::string; }
    bool is_list() const noexcept { return type() == BencodeType::list; }
    bool is_dict() const noexcept { return type() == BencodeType::dict; }
    std::size_t offset() const noexcept { return token().begin; }
    Bytes raw() const noexcept { return {input_ + token().begin, token().end - token().begin}; }

    /// Errc::wrong_type with the offset when the node is something else.
    Result<std::int64_t> integer() const noexcept;
    Result<Bytes> string() const noexcept;
    /// Dictionaries: the value of the first such key. Nothing when there is none, or this is no dictionary.
    std::optional<BencodeNode> find(std::string_view key) const noexcept;

    /// Lists: each item. Dictionaries: key, value, key, value ... Others: nothing.
    class Iterator {
      public:
        Iterator(const BencodeToken* tokens, const Byte* input, std::uint32_t index) noexcept
            : tokens_(tokens), input_(input), index_(index) {}
        BencodeNode operator*() const noexcept { return {tokens_, input_, index_}; }
        Iterator& operator++() noexcept {
            index_ = tokens_[index_].next;
            return *this;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        const BencodeToken* tokens_;
        const Byte* input_;
        std::uint32_t index_;
    };
    Iterator begin() const noexcept { return {tokens_, input_, is_container() ? index_ + 1 : token().next}; }
    Iterator end() const noexcept { return {tokens_, input_, token().next}; }
    /// Items of a list or pairs of a dictionary; counts them, so not for loops.
    std::size_t count() const noexcept;

  private:
    const BencodeToken& token() const noexcept { return tokens_[index_]; }
    bool is_container() const noexcept { return type() == BencodeType::list || type() == BencodeType::dict; }

    const BencodeToken* tokens_;
    const Byte* input_;
    std::uint32_t index_;
};

class BencodeDocument {
  public:
    /// The whole input is one value, else Errc::trailing_bytes.
    static Result<BencodeDocument> parse(Bytes input, BencodeMode mode, const BencodeLimits& limits = {});
    /// One value at the start of the input (ut_metadata puts data behind it); size() says how long it is.
    static Result<BencodeDocument> parse_prefix(Bytes input, BencodeMode mode, const BencodeLimits& limits = {});

    BencodeNode root() const noexcept { return {tokens_.data(), input_, 0}; }
    std::size_t size() const noexcept { return tokens_.front().end; }
    std::size_t token_count() const noexcept { return tokens_.size(); }

  private:
    BencodeDocument(std::vector<BencodeToken> tokens, const Byte* input) noexcept
        : tokens_(std::move(tokens)), input_(input) {}

    std::vector<BencodeToken> tokens_;
    const Byte* input_;
};

/// Appends canonical bencoding to a vector that the caller owns. Keys must come sorted and once (JST_CHECK).
class BencodeWriter {
  public:
    explicit BencodeWriter(ByteVector& out) noexcept : out_(out) {}

    BencodeWriter& integer(std::int64_t value);
    BencodeWriter& string(Bytes value);
    BencodeWriter& string(std::string_view value) { return string(as_bytes(value)); }
    /// A value that is encoded already.
    BencodeWriter& raw(Bytes encoded);
    BencodeWriter& begin_list();
    BencodeWriter& begin_dict();
    BencodeWriter& key(Bytes name);
    BencodeWriter& key(std::string_view name) { return key(as_bytes(name)); }
    /// Ends the innermost list or dictionary.
    BencodeWriter& end();

  private:
    struct Open {
        bool is_dict = false;
        bool has_key = false;
        std::size_t key_at = 0;
        std::size_t key_size = 0;
    };
    void put_string(Bytes value);

    ByteVector& out_;
    std::vector<Open> open_;
};

}  // namespace jst::codec
