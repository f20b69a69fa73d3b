#include <algorithm>
#include <limits>

#include "storage/record_fields.hpp"
#include "storage/record_frame.hpp"
#include "storage/resume.hpp"

namespace jst::storage {
namespace {

constexpr std::size_t times_bytes = 16;
constexpr char session_kind = 's';
constexpr codec::BencodeLimits record_limits{.max_size = max_record_bytes, .max_depth = 8, .max_tokens = 3'000'000};

void put_ban(codec::BencodeWriter& writer, const SavedBan& ban) {
    writer.begin_dict();
    writer.key("host").string(Bytes(ban.host.bytes));
    if (!ban.reason.empty()) writer.key("reason").string(ban.reason);
    writer.key("since").integer(std::max<std::int64_t>(ban.since.ns, 0));
    if (ban.until) writer.key("until").integer(std::max<std::int64_t>(ban.until->ns, 0));
    writer.end();
}

bool read_ban(const codec::BencodeNode& node, std::vector<SavedBan>& out) {
    FieldReader in(node, 0);
    const auto host = in.digest<16>("host");
    SavedBan ban;
    ban.reason = in.text("reason");
    ban.since = in.moment("since").value_or(WallTime{});
    ban.until = in.moment("until");
    if (!in.ok() || !host) return false;
    ban.host = IpAddress::v6(host->view());
    out.push_back(std::move(ban));
    return true;
}

// [name, number], or [name] for None.
void put_setting(codec::BencodeWriter& writer, const SavedSetting& setting) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    writer.begin_list();
    writer.string(setting.name);
    if (setting.value) writer.integer(static_cast<std::int64_t>(std::min(*setting.value, most)));
    writer.end();
}

bool read_setting(const codec::BencodeNode& node, std::vector<SavedSetting>& out) {
    if (!node.is_list() || node.count() < 1 || node.count() > 2) return false;
    SavedSetting setting;
    auto item = node.begin();
    const auto name = (*item).string();
    if (!name) return false;
    setting.name = as_text(*name);
    if (++item != node.end()) {
        const auto value = (*item).integer();
        if (!value || *value < 0) return false;
        setting.value = static_cast<std::uint64_t>(*value);
    }
    out.push_back(std::move(setting));
    return true;
}

}  // namespace

ByteVector encode(const SessionRecord& record) {
    ByteVector body;
    FieldWriter out(body);
    auto& writer = out.raw();
    writer.key("bans").begin_list();
    for (std::size_t i = 0; i < record.bans.size() && i < max_saved_bans; ++i) put_ban(writer, record.bans[i]);
    writer.end();
    writer.key("queue").begin_list();
    for (std::size_t i = 0; i < record.queue.size() && i < max_saved_torrents; ++i)
        writer.string(Bytes(record.queue[i]));
    writer.end();
    writer.key("settings").begin_list();
    for (std::size_t i = 0; i < record.settings.size() && i < max_saved_settings; ++i)
        put_setting(writer, record.settings[i]);
    writer.end();
    ByteVector times;
    for (std::size_t i = 0; i < record.times.size() && i < max_saved_torrents; ++i)
        ByteWriter(times).u64(record.times[i].active_ns).u64(record.times[i].seeding_ns);
    out.bytes("times", times);
    out.totals(record.totals);
    out.finish();
    return frame_record(session_kind, record_version, body);
}

Result<SessionRecord> decode_session_record(Bytes bytes) {
    JST_TRY(body, unframe_record(session_kind, record_version, max_record_bytes, bytes));
    const auto document = codec::BencodeDocument::parse(body, codec::BencodeMode::strict, record_limits);
    if (!document) return fail(Errc::bad_record, frame_header_bytes + document.error().detail);
    FieldReader in(document->root(), frame_header_bytes);
    SessionRecord record;
    in.list("bans", max_saved_bans, [&](const codec::BencodeNode& item) { return read_ban(item, record.bans); });
    in.list("queue", max_saved_torrents, [&](const codec::BencodeNode& item) {
        const auto hash = item.string();
        if (!hash || (hash->size() != 20 && hash->size() != 32)) return false;
        record.queue.push_back(to_vector(*hash));
        return true;
    });
    in.list("settings", max_saved_settings,
            [&](const codec::BencodeNode& item) { return read_setting(item, record.settings); });
    const Bytes times = in.table("times", times_bytes, max_saved_torrents);
    for (std::size_t at = 0; at < times.size(); at += times_bytes)
        record.times.push_back(
            {load_be<std::uint64_t>(times.data() + at), load_be<std::uint64_t>(times.data() + at + 8)});
    in.totals(record.totals);
    if (!in.ok()) return in.error();
    return record;
}

}  // namespace jst::storage
