// Resume records as Python dictionaries, for tests: what is left out has its default.
#include <tuple>
#include <variant>

#include "bind/lab_storage.hpp"
#include "storage/record_frame.hpp"
#include "storage/resume.hpp"

namespace jst::bind {
namespace {

using namespace storage;
using Stamp = std::tuple<bool, std::uint64_t, std::int64_t>;

template <class T, class Set>
void take(const py::dict& from, const char* key, Set&& set) {
    if (from.contains(key)) set(from[key].cast<T>());
}

template <class T>
void take_into(const py::dict& from, const char* key, T& into) {
    take<T>(from, key, [&](T value) { into = std::move(value); });
}

using Wish = std::tuple<std::variant<std::uint32_t, std::string>, std::uint8_t>;

std::vector<FileWish> wishes_from(const std::vector<Wish>& wishes) {
    std::vector<FileWish> out;
    for (const auto& [which, priority] : wishes) {
        FileWish& wish = out.emplace_back();
        wish.priority = priority;
        if (const auto* file = std::get_if<std::uint32_t>(&which))
            wish.file = *file;
        else
            wish.glob = std::get<std::string>(which);
    }
    return out;
}

FileStamp stamp_from(const Stamp& stamp) { return {std::get<0>(stamp), std::get<1>(stamp), std::get<2>(stamp)}; }
Stamp stamp_to(const FileStamp& stamp) { return {stamp.exists, stamp.size, stamp.mtime_ns}; }

template <class Record, class Visit>
void each_total(Record& record, Visit&& visit) {
    visit("payload_received", record.totals.payload_received);
    visit("payload_verified", record.totals.payload_verified);
    visit("payload_failed", record.totals.payload_failed);
    visit("payload_redundant", record.totals.payload_redundant);
    visit("payload_discarded", record.totals.payload_discarded);
    visit("payload_sent", record.totals.payload_sent);
    visit("wire_received", record.totals.wire_received);
    visit("wire_sent", record.totals.wire_sent);
    visit("pieces_failed", record.totals.pieces_failed);
    visit("active_ns", record.totals.active_ns);
    visit("seeding_ns", record.totals.seeding_ns);
}

template <class Record, class Visit>
void each_limit(Record& record, Visit&& visit) {
    visit("download_rate", record.limits.download_rate);
    visit("upload_rate", record.limits.upload_rate);
    visit("max_connections", record.limits.max_connections);
    visit("upload_slots", record.limits.upload_slots);
    visit("seed_ratio_permille", record.limits.seed_ratio_permille);
    visit("seed_time_ns", record.limits.seed_time_ns);
}

void take_names(const py::dict& from, TorrentRecord& record) {
    take<py::bytes>(from, "info_hash", [&](const py::bytes& b) { record.info_hash = Sha1Digest::from(view_of(b)); });
    take<py::bytes>(from, "info_hash_v2",
                    [&](const py::bytes& b) { record.info_hash_v2 = Sha256Digest::from(view_of(b)); });
    take<py::bytes>(from, "metainfo", [&](const py::bytes& b) { record.metainfo = to_vector(view_of(b)); });
    take_into(from, "magnet", record.magnet);
    take_into(from, "save_path", record.save_path);
    take_into(from, "move_to", record.move_to);
    take<int>(from, "wanted", [&](int value) { record.wanted = static_cast<WantedState>(value); });
    take_into(from, "sequential", record.sequential);
    take_into(from, "queue_position", record.queue_position);
    take_into(from, "added_at", record.added_at.ns);
    take<std::int64_t>(from, "completed_at", [&](std::int64_t ns) { record.completed_at = WallTime{ns}; });
    take_into(from, "epoch", record.epoch);
    take_into(from, "writing", record.writing);
    take<std::vector<std::pair<std::uint32_t, py::bytes>>>(from, "partial", [&](const auto& partial) {
        for (const auto& [piece, blocks] : partial) record.partial.push_back({piece, to_vector(view_of(blocks))});
    });
}

}  // namespace

TorrentRecord record_from_python(const py::dict& from) {
    TorrentRecord record;
    take_names(from, record);
    take<std::vector<bool>>(from, "have", [&](const std::vector<bool>& bits) {
        record.have = Bitfield(static_cast<std::uint32_t>(bits.size()));
        for (std::uint32_t i = 0; i < record.have.size(); ++i) {
            if (bits[i]) record.have.set(PieceIndex{i});
        }
    });
    take<std::vector<Stamp>>(from, "files", [&](const auto& stamps) {
        for (const auto& stamp : stamps) record.files.push_back(stamp_from(stamp));
    });
    take<Stamp>(from, "part_file", [&](const Stamp& stamp) { record.part_file = stamp_from(stamp); });
    take_into(from, "in_parts", record.in_parts);
    take_into(from, "straightened", record.straightened);
    take_into(from, "file_priorities", record.file_priorities);
    take_into(from, "piece_priorities", record.piece_priorities);
    const auto take_renamed = [&](const char* key, std::vector<RenamedFile>& into) {
        take<std::vector<std::pair<std::uint32_t, std::string>>>(from, key, [&](const auto& renamed) {
            for (const auto& [file, path] : renamed) into.push_back({file, path});
        });
    };
    take_renamed("renamed", record.renamed);
    take_renamed("renaming", record.renaming);
    take<std::vector<Wish>>(from, "wishes", [&](const auto& wishes) { record.wishes = wishes_from(wishes); });
    take_into(from, "trackers", record.trackers);
    take_into(from, "web_seeds", record.web_seeds);
    take<std::vector<std::string>>(from, "peers", [&](const auto& peers) {
        for (const auto& peer : peers) record.peers.push_back(value_or_raise(Endpoint::parse(peer)));
    });
    take<py::dict>(from, "totals", [&](const py::dict& totals) {
        each_total(record, [&](const char* key, std::uint64_t& value) { take_into(totals, key, value); });
    });
    take<py::dict>(from, "limits", [&](const py::dict& limits) {
        each_limit(record, [&](const char* key, auto& value) { take_into(limits, key, value); });
    });
    return record;
}

py::dict record_to_python(const TorrentRecord& record) {
    py::dict out;
    if (record.info_hash) out["info_hash"] = to_python(record.info_hash->view());
    if (record.info_hash_v2) out["info_hash_v2"] = to_python(record.info_hash_v2->view());
    out["metainfo"] = to_python(record.metainfo);
    out["magnet"] = record.magnet;
    out["save_path"] = record.save_path;
    out["move_to"] = record.move_to;
    out["wanted"] = static_cast<int>(record.wanted);
    out["sequential"] = record.sequential;
    out["queue_position"] = record.queue_position;
    out["added_at"] = record.added_at.ns;
    if (record.completed_at) out["completed_at"] = record.completed_at->ns;
    std::vector<bool> have;
    for (std::uint32_t i = 0; i < record.have.size(); ++i) have.push_back(record.have[PieceIndex{i}]);
    out["have"] = have;
    out["epoch"] = record.epoch;
    out["writing"] = record.writing;
    py::list partial;
    for (const auto& one : record.partial) partial.append(py::make_tuple(one.piece, to_python(one.blocks)));
    out["partial"] = partial;
    std::vector<Stamp> files;
    for (const auto& stamp : record.files) files.push_back(stamp_to(stamp));
    out["files"] = files;
    out["part_file"] = stamp_to(record.part_file);
    out["in_parts"] = record.in_parts;
    out["straightened"] = record.straightened;
    out["file_priorities"] = record.file_priorities;
    out["piece_priorities"] = record.piece_priorities;
    const auto pairs_of = [](const std::vector<RenamedFile>& renamed) {
        std::vector<std::pair<std::uint32_t, std::string>> pairs;
        for (const auto& one : renamed) pairs.emplace_back(one.file, one.path);
        return pairs;
    };
    out["renamed"] = pairs_of(record.renamed);
    out["renaming"] = pairs_of(record.renaming);
    std::vector<Wish> wishes;
    for (const auto& wish : record.wishes) {
        if (wish.file)
            wishes.emplace_back(*wish.file, wish.priority);
        else
            wishes.emplace_back(wish.glob, wish.priority);
    }
    out["wishes"] = wishes;
    out["trackers"] = record.trackers;
    out["web_seeds"] = record.web_seeds;
    std::vector<std::string> peers;
    for (const auto& peer : record.peers) peers.push_back(peer.to_string());
    out["peers"] = peers;
    py::dict totals;
    each_total(record, [&](const char* key, std::uint64_t value) { totals[key] = value; });
    out["totals"] = totals;
    py::dict limits;
    each_limit(record, [&](const char* key, const auto& value) {
        if (value) limits[key] = *value;
    });
    out["limits"] = limits;
    return out;
}

namespace {

using Ban = std::tuple<std::string, std::string, std::int64_t, std::optional<std::int64_t>>;

using Times = std::pair<std::uint64_t, std::uint64_t>;
using Setting = std::pair<std::string, std::optional<std::uint64_t>>;

py::bytes encode_session(const std::vector<Ban>& bans, const std::vector<py::bytes>& queue,
                         const std::vector<Setting>& settings, const std::vector<std::uint64_t>& totals,
                         const std::vector<Times>& times) {
    SessionRecord record;
    for (const auto& [host, reason, since, until] : bans) {
        SavedBan ban{value_or_raise(IpAddress::parse(host)), reason, WallTime{since}, std::nullopt};
        if (until) ban.until = WallTime{*until};
        record.bans.push_back(std::move(ban));
    }
    for (const auto& hash : queue) record.queue.push_back(to_vector(view_of(hash)));
    for (const auto& [active, seeding] : times) record.times.push_back({active, seeding});
    for (const auto& [name, value] : settings) record.settings.push_back({name, value});
    auto total = totals.begin();
    each_total(record, [&](const char*, std::uint64_t& value) {
        if (total != totals.end()) value = *total++;
    });
    return to_python(encode(record));
}

py::tuple decode_session(const py::bytes& bytes) {
    const auto record = value_or_raise(decode_session_record(view_of(bytes)));
    std::vector<Ban> bans;
    for (const auto& ban : record.bans) {
        bans.emplace_back(ban.host.to_string(), ban.reason, ban.since.ns,
                          ban.until ? std::optional(ban.until->ns) : std::nullopt);
    }
    py::list queue;
    for (const auto& hash : record.queue) queue.append(to_python(hash));
    std::vector<Setting> settings;
    for (const auto& one : record.settings) settings.emplace_back(one.name, one.value);
    std::vector<std::uint64_t> totals;
    each_total(record, [&](const char*, std::uint64_t value) { totals.push_back(value); });
    std::vector<Times> times;
    for (const auto& one : record.times) times.emplace_back(one.active_ns, one.seeding_ns);
    return py::make_tuple(bans, queue, settings, totals, times);
}

}  // namespace

void bind_lab_resume(py::module_& storage) {
    storage.def("encode_torrent_record",
                [](const py::dict& from) { return to_python(encode(record_from_python(from))); });
    storage.def("decode_torrent_record", [](const py::bytes& bytes) {
        return record_to_python(value_or_raise(decode_torrent_record(view_of(bytes))));
    });
    storage.def("glob_matches", glob_matches);
    storage.def("wished_priorities",
                [](const std::vector<std::string>& paths,
                   const std::vector<std::pair<std::uint32_t, std::uint32_t>>& only, const std::vector<Wish>& wishes) {
                    std::vector<codec::FileRange> ranges;
                    for (const auto& [first, last] : only) ranges.push_back({first, last});
                    const auto priorities = wished_priorities(paths, ranges, wishes_from(wishes));
                    return std::vector<int>(priorities.begin(), priorities.end());
                });
    storage.attr("max_wishes") = max_wishes;
    storage.def("encode_session_record", encode_session, py::arg("bans"), py::arg("queue"),
                py::arg("settings") = std::vector<Setting>{}, py::arg("totals") = std::vector<std::uint64_t>{},
                py::arg("times") = std::vector<Times>{});
    storage.attr("max_saved_settings") = max_saved_settings;
    storage.def("decode_session_record", decode_session);
    storage.def("frame_record", [](char kind, std::uint32_t version, const py::bytes& body) {
        return to_python(frame_record(kind, version, view_of(body)));
    });
    storage.attr("record_version") = record_version;
    storage.attr("max_saved_partials") = max_saved_partials;
    storage.attr("max_partial_bytes") = max_partial_bytes;
    storage.attr("max_saved_peers") = max_saved_peers;
    storage.attr("max_saved_trackers") = max_saved_trackers;
}

}  // namespace jst::bind
