// Reading and writing the fields of a record's dictionary, so that resume.cpp is a list of fields and nothing else.
//
// Writer: values that say nothing (empty, zero, absent) are left out. Reader: the first field that is wrong is
// remembered and ends everything; an absent field leaves its default. Internal to resume.cpp and session_record.cpp.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/bitfield.hpp"
#include "base/time.hpp"
#include "codec/bencode.hpp"
#include "storage/resume.hpp"

namespace jst::storage {

inline constexpr std::size_t totals_fields = 11;

template <class Totals, class Visit>
void each_total(Totals& t, Visit&& visit) {
    visit(t.payload_received);
    visit(t.payload_verified);
    visit(t.payload_failed);
    visit(t.payload_redundant);
    visit(t.payload_discarded);
    visit(t.payload_sent);
    visit(t.wire_received);
    visit(t.wire_sent);
    visit(t.pieces_failed);
    visit(t.active_ns);
    visit(t.seeding_ns);
}

/// Keys must come sorted.
class FieldWriter {
  public:
    explicit FieldWriter(ByteVector& out) : writer_(out) { writer_.begin_dict(); }
    void finish() { writer_.end(); }
    codec::BencodeWriter& raw() { return writer_; }

    void number(std::string_view key, std::uint64_t value) {
        if (value != 0) writer_.key(key).integer(clamped(value));
    }
    void maybe(std::string_view key, const std::optional<std::uint64_t>& value) {
        if (value) writer_.key(key).integer(clamped(*value));
    }
    /// A clock may have stood before 1970: no reader takes that.
    void moment(std::string_view key, WallTime value) { writer_.key(key).integer(std::max<std::int64_t>(value.ns, 0)); }
    void moment(std::string_view key, const std::optional<WallTime>& value) {
        if (value) moment(key, *value);
    }
    void bytes(std::string_view key, Bytes value) {
        if (!value.empty()) writer_.key(key).string(value);
    }
    void text(std::string_view key, std::string_view value) { bytes(key, as_bytes(value)); }
    void totals(const SavedTotals& totals) {
        ByteVector table;
        each_total(totals, [&](std::uint64_t value) { ByteWriter(table).u64(value); });
        bytes("totals", table);
    }

  private:
    static std::int64_t clamped(std::uint64_t value) {
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        return static_cast<std::int64_t>(std::min(value, most));
    }
    codec::BencodeWriter writer_;
};

class FieldReader {
  public:
    /// `base`: what the offsets of errors are counted from.
    FieldReader(codec::BencodeNode dict, std::uint64_t base) : dict_(dict), base_(base) {
        if (!dict.is_dict()) wrong(dict);
    }

    bool ok() const noexcept { return !failed_; }
    Error error() const noexcept { return fail(Errc::bad_record, where_); }
    void wrong(const codec::BencodeNode& at) {
        if (!failed_) where_ = base_ + at.offset();
        failed_ = true;
    }
    std::optional<codec::BencodeNode> find(std::string_view key) const {
        return failed_ ? std::nullopt : dict_.find(key);
    }

    /// In [0, most].
    std::optional<std::uint64_t> maybe(std::string_view key,
                                       std::uint64_t most = std::numeric_limits<std::int64_t>::max()) {
        const auto node = find(key);
        if (!node) return std::nullopt;
        const auto value = node->integer();
        if (value && *value >= 0 && static_cast<std::uint64_t>(*value) <= most)
            return static_cast<std::uint64_t>(*value);
        wrong(*node);
        return std::nullopt;
    }
    std::uint64_t number(std::string_view key, std::uint64_t most = std::numeric_limits<std::int64_t>::max()) {
        return maybe(key, most).value_or(0);
    }
    std::optional<WallTime> moment(std::string_view key) {
        const auto value = maybe(key);
        if (!value) return std::nullopt;
        return WallTime{static_cast<std::int64_t>(*value)};
    }
    Bytes bytes(std::string_view key) {
        const auto node = find(key);
        if (!node) return {};
        const auto value = node->string();
        if (value) return *value;
        wrong(*node);
        return {};
    }
    std::string text(std::string_view key) { return std::string(as_text(bytes(key))); }
    /// A string of whole entries of `unit` bytes, at most `most` of them.
    Bytes table(std::string_view key, std::size_t unit, std::size_t most) {
        const Bytes value = bytes(key);
        if (value.size() % unit == 0 && value.size() / unit <= most) return value;
        wrong(*find(key));
        return {};
    }
    template <std::size_t N>
    std::optional<Digest<N>> digest(std::string_view key) {
        const Bytes value = bytes(key);
        if (value.empty()) return std::nullopt;
        if (value.size() == N) return Digest<N>::from(value);
        wrong(*find(key));
        return std::nullopt;
    }
    void totals(SavedTotals& totals) {
        const Bytes table = bytes("totals");
        if (table.empty()) return;
        // Longer is welcome: later versions may count more.
        if (table.size() < totals_fields * 8 || table.size() % 8 != 0) return wrong(*find("totals"));
        const Byte* at = table.data();
        each_total(totals, [&](std::uint64_t& value) {
            value = load_be<std::uint64_t>(at);
            at += 8;
        });
    }
    /// Calls visit(node) for each of at most `most` items of a list; visit says false for one that is wrong.
    template <class Visit>
    void list(std::string_view key, std::size_t most, Visit&& visit) {
        const auto node = find(key);
        if (!node) return;
        if (!node->is_list() || node->count() > most) return wrong(*node);
        for (const auto item : *node) {
            if (!visit(item)) return wrong(item);
        }
    }

  private:
    codec::BencodeNode dict_;
    std::uint64_t base_;
    std::uint64_t where_ = 0;
    bool failed_ = false;
};

}  // namespace jst::storage
