#include "storage/resume.hpp"

#include "codec/utf8.hpp"
#include "storage/file_map.hpp"
#include "storage/record_fields.hpp"
#include "storage/record_frame.hpp"
#include "storage/safe_path.hpp"

namespace jst::storage {
namespace {

constexpr char torrent_kind = 't';
constexpr std::size_t stamp_bytes = 17;
constexpr std::size_t peer_bytes = 18;
constexpr std::size_t straightened_bytes = 8;
constexpr std::size_t max_straightened = 2 * std::size_t{max_files};  // the first and the last piece of each
constexpr codec::BencodeLimits record_limits{.max_size = max_record_bytes, .max_depth = 8, .max_tokens = 3'000'000};

void put_stamp(ByteWriter& out, const FileStamp& stamp) {
    out.u8(stamp.exists ? 1 : 0).u64(stamp.size).u64(static_cast<std::uint64_t>(stamp.mtime_ns));
}

std::optional<FileStamp> stamp_of(const Byte* at) {
    const FileStamp stamp{at[0] == 1, load_be<std::uint64_t>(at + 1), load_be<std::int64_t>(at + 9)};
    if (at[0] > 1 || stamp.size > max_total_size) return std::nullopt;
    return stamp;
}

void put_tiers(FieldWriter& out, const std::vector<std::vector<std::string>>& tiers) {
    if (tiers.empty()) return;
    auto& writer = out.raw().key("trackers").begin_list();
    std::size_t left = max_saved_trackers;
    for (const auto& tier : tiers) {
        if (left == 0) break;
        writer.begin_list();
        for (std::size_t i = 0; i < tier.size() && left > 0; ++i, --left) writer.string(tier[i]);
        writer.end();
    }
    writer.end();
}

void put_texts(FieldWriter& out, std::string_view key, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    auto& writer = out.raw().key(key).begin_list();
    for (std::size_t i = 0; i < texts.size() && i < max_saved_trackers; ++i) writer.string(texts[i]);
    writer.end();
}

void put_limits(FieldWriter& out, const SavedLimits& limits) {
    if (limits == SavedLimits{}) return;
    ByteVector body;
    FieldWriter fields(body);
    fields.maybe("connections", limits.max_connections);
    fields.maybe("down", limits.download_rate);
    fields.maybe("ratio", limits.seed_ratio_permille);
    fields.maybe("seed_time", limits.seed_time_ns);
    fields.maybe("slots", limits.upload_slots);
    fields.maybe("up", limits.upload_rate);
    fields.finish();
    out.raw().key("limits").raw(body);
}

void put_renamed(FieldWriter& out, std::string_view key, const std::vector<RenamedFile>& renamed) {
    if (renamed.empty()) return;
    auto& writer = out.raw().key(key).begin_list();
    for (const auto& one : renamed) writer.begin_list().integer(one.file).string(one.path).end();
    writer.end();
}

void put_wishes(FieldWriter& out, const std::vector<FileWish>& wishes) {
    if (wishes.empty()) return;
    auto& writer = out.raw().key("wishes").begin_list();
    for (std::size_t i = 0; i < wishes.size() && i < max_wishes; ++i) {
        writer.begin_list();
        if (wishes[i].file)
            writer.integer(*wishes[i].file);
        else
            writer.string(wishes[i].glob);
        writer.integer(wishes[i].priority).end();
    }
    writer.end();
}

void put_partial(FieldWriter& out, const std::vector<PartialPiece>& partial) {
    if (partial.empty()) return;
    auto& writer = out.raw().key("partial").begin_list();
    for (std::size_t i = 0; i < partial.size() && i < max_saved_partials; ++i)
        if (partial[i].blocks.size() <= max_partial_bytes)
            writer.begin_list().integer(partial[i].piece).string(Bytes(partial[i].blocks)).end();
    writer.end();
}

ByteVector stamps_table(const TorrentRecord& record) {
    ByteVector table;
    ByteWriter writer(table);
    for (const auto& stamp : record.files) put_stamp(writer, stamp);
    return table;
}

ByteVector peers_table(const TorrentRecord& record) {
    ByteVector table;
    ByteWriter writer(table);
    for (std::size_t i = 0; i < record.peers.size() && i < max_saved_peers; ++i) {
        writer.bytes(record.peers[i].host.bytes).u16(record.peers[i].port);
    }
    return table;
}

// One reader for each group of fields.

void read_have(FieldReader& in, TorrentRecord& record) {
    const auto pieces = static_cast<std::uint32_t>(in.number("pieces", max_pieces));
    const auto node = in.find("have");
    if (!node) {
        if (pieces != 0) record.have = Bitfield(pieces);
        return;
    }
    auto have = Bitfield::from_wire(in.bytes("have"), pieces);
    if (!have) return in.wrong(*node);
    record.have = std::move(*have);
}

void read_renamed(FieldReader& in, std::string_view key, std::vector<RenamedFile>& into) {
    in.list(key, max_files, [&](const codec::BencodeNode& item) {
        if (!item.is_list() || item.count() != 2) return false;
        auto part_of = item.begin();
        const auto file = (*part_of).integer();
        const auto path = (*++part_of).string();
        if (!file || *file < 0 || *file >= max_files || !path || !is_inside(as_text(*path))) return false;
        into.push_back({static_cast<std::uint32_t>(*file), std::string(as_text(*path))});
        return true;
    });
}

void read_files(FieldReader& in, TorrentRecord& record) {
    const Bytes stamps = in.table("files", stamp_bytes, max_files);
    for (std::size_t at = 0; at < stamps.size(); at += stamp_bytes) {
        const auto stamp = stamp_of(stamps.data() + at);
        if (!stamp) return in.wrong(*in.find("files"));
        record.files.push_back(*stamp);
    }
    const Bytes part = in.table("part_file", stamp_bytes, 1);
    if (!part.empty()) {
        const auto stamp = stamp_of(part.data());
        if (!stamp) return in.wrong(*in.find("part_file"));
        record.part_file = *stamp;
    }
    for (const Byte flag : in.table("in_parts", 1, max_files)) {
        if (flag > 1) return in.wrong(*in.find("in_parts"));
        record.in_parts.push_back(flag == 1);
    }
    const Bytes straightened = in.table("straightened", straightened_bytes, max_straightened);
    for (const Byte* at = straightened.data(); at != straightened.data() + straightened.size();
         at += straightened_bytes)
        record.straightened.emplace(load_be<std::uint32_t>(at), load_be<std::uint32_t>(at + 4));
    read_renamed(in, "renamed", record.renamed);
    read_renamed(in, "renaming", record.renaming);
}

void read_partial(FieldReader& in, TorrentRecord& record) {
    in.list("partial", max_saved_partials, [&](const codec::BencodeNode& item) {
        if (!item.is_list() || item.count() != 2) return false;
        auto part_of = item.begin();
        const auto piece = (*part_of).integer();
        const auto blocks = (*++part_of).string();
        if (!piece || *piece < 0 || *piece >= max_pieces || !blocks || blocks->size() > max_partial_bytes) return false;
        record.partial.push_back({static_cast<std::uint32_t>(*piece), to_vector(*blocks)});
        return true;
    });
}

void read_wishes(FieldReader& in, TorrentRecord& record) {
    in.list("wishes", max_wishes, [&](const codec::BencodeNode& item) {
        if (!item.is_list() || item.count() != 2) return false;
        auto part_of = item.begin();
        const auto file = (*part_of).integer();
        const auto glob = (*part_of).string();
        const auto priority = (*++part_of).integer();
        if (!priority || *priority < 0 || *priority > max_priority || (!file && !glob)) return false;
        FileWish wish;
        if (file && (*file < 0 || *file >= max_files)) return false;
        if (file) wish.file = static_cast<std::uint32_t>(*file);
        if (glob) wish.glob = as_text(*glob);
        if (wish.glob.size() > max_glob_bytes) return false;
        wish.priority = static_cast<std::uint8_t>(*priority);
        record.wishes.push_back(std::move(wish));
        return true;
    });
}

void read_priorities(FieldReader& in, std::string_view key, std::size_t most, bool may_be_unsaid,
                     std::vector<std::uint8_t>& out) {
    const Bytes table = in.table(key, 1, most);
    for (const Byte priority : table) {
        const bool unsaid = may_be_unsaid && priority == as_the_files_say;
        if (priority > max_priority && !unsaid) return in.wrong(*in.find(key));
    }
    out = to_vector(table);
}

void read_sources(FieldReader& in, TorrentRecord& record) {
    std::size_t total = 0;
    const auto url = [&](std::vector<std::string>& into) {
        return [&](const codec::BencodeNode& item) {
            const auto text = item.string();
            if (!text || ++total > max_saved_trackers) return false;
            // A torrent could once bring others along, which nobody can be asked at or shown.
            if (codec::is_utf8(as_text(*text))) into.emplace_back(as_text(*text));
            return true;
        };
    };
    in.list("trackers", max_saved_trackers, [&](const codec::BencodeNode& tier) {
        if (!tier.is_list()) return false;
        auto add = url(record.trackers.emplace_back());
        for (const auto item : tier) {
            if (!add(item)) return false;
        }
        return true;
    });
    total = 0;
    in.list("web_seeds", max_saved_trackers, url(record.web_seeds));
    const Bytes peers = in.table("peers", peer_bytes, max_saved_peers);
    for (std::size_t at = 0; at < peers.size(); at += peer_bytes) {
        record.peers.push_back({IpAddress::v6(peers.subspan(at, 16)), load_be<std::uint16_t>(peers.data() + at + 16)});
    }
}

void read_limits(FieldReader& in, std::uint64_t base, SavedLimits& limits) {
    const auto node = in.find("limits");
    if (!node) return;
    FieldReader fields(*node, base);
    limits.max_connections = fields.maybe("connections");
    limits.download_rate = fields.maybe("down");
    limits.seed_ratio_permille = fields.maybe("ratio");
    limits.seed_time_ns = fields.maybe("seed_time");
    limits.upload_slots = fields.maybe("slots");
    limits.upload_rate = fields.maybe("up");
    if (!fields.ok()) in.wrong(*node);
}

}  // namespace

ByteVector encode(const TorrentRecord& record) {
    ByteVector body;
    FieldWriter out(body);
    out.moment("added_at", record.added_at);
    out.moment("completed_at", record.completed_at);
    out.number("epoch", record.epoch);
    out.bytes("file_priorities", record.file_priorities);
    out.bytes("files", stamps_table(record));
    out.bytes("have", record.have.wire());
    ByteVector flags;
    for (const bool parted : record.in_parts) flags.push_back(parted ? 1 : 0);
    out.bytes("in_parts", flags);
    if (record.info_hash) out.bytes("info_hash", record.info_hash->view());
    if (record.info_hash_v2) out.bytes("info_hash_v2", record.info_hash_v2->view());
    put_limits(out, record.limits);
    out.text("magnet", record.magnet);
    out.bytes("metainfo", record.metainfo);
    out.text("move_to", record.move_to);
    ByteVector part;
    ByteWriter part_writer(part);
    put_stamp(part_writer, record.part_file);
    if (record.part_file != FileStamp{}) out.bytes("part_file", part);
    put_partial(out, record.partial);
    out.bytes("peers", peers_table(record));
    out.bytes("piece_priorities", record.piece_priorities);
    out.number("pieces", record.have.size());
    out.number("queue", record.queue_position);
    put_renamed(out, "renamed", record.renamed);
    put_renamed(out, "renaming", record.renaming);
    out.text("save_path", record.save_path);
    out.number("sequential", record.sequential ? 1 : 0);
    ByteVector straightened;
    for (const auto& [file, piece] : record.straightened) ByteWriter(straightened).u32(file).u32(piece);
    out.bytes("straightened", straightened);
    out.totals(record.totals);
    put_tiers(out, record.trackers);
    out.number("wanted", static_cast<std::uint64_t>(record.wanted));
    put_texts(out, "web_seeds", record.web_seeds);
    put_wishes(out, record.wishes);
    out.number("writing", record.writing ? 1 : 0);
    out.finish();
    return frame_record(torrent_kind, record_version, body);
}

Result<TorrentRecord> decode_torrent_record(Bytes bytes) {
    JST_TRY(body, unframe_record(torrent_kind, record_version, max_record_bytes, bytes));
    const auto document = codec::BencodeDocument::parse(body, codec::BencodeMode::strict, record_limits);
    if (!document) return fail(Errc::bad_record, frame_header_bytes + document.error().detail);
    FieldReader in(document->root(), frame_header_bytes);
    TorrentRecord record;
    record.added_at = in.moment("added_at").value_or(WallTime{});
    record.completed_at = in.moment("completed_at");
    record.info_hash = in.digest<20>("info_hash");
    record.info_hash_v2 = in.digest<32>("info_hash_v2");
    if (in.ok() && !record.info_hash && !record.info_hash_v2) in.wrong(document->root());
    record.magnet = in.text("magnet");
    record.metainfo = to_vector(in.bytes("metainfo"));
    record.move_to = in.text("move_to");
    record.save_path = in.text("save_path");
    record.sequential = in.number("sequential", 1) == 1;
    record.queue_position = static_cast<std::uint32_t>(in.number("queue", 0xFFFFFFFFu));
    record.wanted = static_cast<WantedState>(in.number("wanted", static_cast<std::uint64_t>(WantedState::stopped)));
    record.epoch = in.number("epoch");
    record.writing = in.number("writing", 1) == 1;
    read_have(in, record);
    read_partial(in, record);
    read_files(in, record);
    read_priorities(in, "file_priorities", max_files, false, record.file_priorities);
    read_priorities(in, "piece_priorities", max_pieces, true, record.piece_priorities);
    read_wishes(in, record);
    read_sources(in, record);
    read_limits(in, frame_header_bytes, record.limits);
    in.totals(record.totals);
    if (!in.ok()) return in.error();
    return record;
}

}  // namespace jst::storage
