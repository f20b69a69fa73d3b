// Doors to what is asked for, by us and of us: geometry, availability, ledger, picker, endgame, pipeline, upload queue.
#include "base/prng.hpp"
#include "bind/lab_policy.hpp"
#include "policy/endgame.hpp"
#include "policy/piece_picker.hpp"
#include "policy/pipeline.hpp"
#include "policy/request_ledger.hpp"
#include "policy/upload_queue.hpp"

namespace jst::bind {
namespace {

using namespace policy;
using Pieces = std::vector<std::uint32_t>;

const char* name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
            return "accepted";
        case Verdict::late:
            return "late";
        case Verdict::duplicate:
            return "duplicate";
        case Verdict::unrequested:
            return "unrequested";
        case Verdict::unwanted:
            return "unwanted";
        case Verdict::wrong_shape:
            return "wrong_shape";
    }
    return "";
}

const char* name_of(PayloadBucket bucket) {
    switch (bucket) {
        case PayloadBucket::partial:
            return "partial";
        case PayloadBucket::redundant:
            return "redundant";
        case PayloadBucket::discarded:
            return "discarded";
    }
    return "";
}

py::dict to_dict(const Arrival& arrival) {
    py::dict d;
    d["verdict"] = name_of(arrival.verdict);
    d["bucket"] = name_of(arrival.bucket());
    d["asked"] = arrival.asked;
    d["complete"] = arrival.piece_complete;
    d["revoked"] = arrival.revoked.packed();
    d["waited"] = arrival.waited.seconds();
    d["cancels"] = to_packed(arrival.cancels());
    return d;
}

py::dict to_dict(const ActiveStatus& status) {
    static constexpr const char* names[] = {"inactive", "downloading", "verifying"};
    py::dict d;
    d["progress"] = names[static_cast<int>(status.progress)];
    d["total"] = status.blocks_total;
    d["received"] = status.blocks_received;
    d["missing"] = status.blocks_missing;
    d["pending"] = status.pending_requests;
    d["exclusive"] = status.exclusive.packed();
    return d;
}

void bind_geometry(py::module_& lab) {
    py::class_<Geometry>(lab, "Geometry")
        .def(py::init([](std::uint32_t num_pieces, std::uint32_t piece_length, std::uint64_t total_size) {
                 return Geometry{num_pieces, piece_length, total_size};
             }),
             py::arg("num_pieces"), py::arg("piece_length"), py::arg("total_size"))
        .def("is_consistent", &Geometry::is_consistent)
        .def("piece_size", [](const Geometry& g, std::uint32_t i) { return g.piece_size(PieceIndex{i}); })
        .def("blocks_in", [](const Geometry& g, std::uint32_t i) { return g.blocks_in(PieceIndex{i}); })
        .def("block",
             [](const Geometry& g, std::uint32_t i, std::uint32_t n) { return to_tuple(g.block(PieceIndex{i}, n)); })
        .def("block_number", [](const Geometry& g, const BlockTuple& b) { return g.block_number(to_block(b)); });
}

void bind_ledger_facts(py::class_<RequestLedger>& c) {
    c.def(
         "on_join",
         [](RequestLedger& l, std::uint64_t peer, const std::string& host, bool fast) {
             l.on_join(to_peer(peer), to_host(host), fast);
         },
         py::arg("peer"), py::arg("host") = "10.0.0.1", py::arg("fast") = false)
        .def("on_disconnect", [](RequestLedger& l, std::uint64_t peer) { l.on_disconnect(to_peer(peer)); })
        .def("on_choke", [](RequestLedger& l, std::uint64_t peer) { l.on_choke(to_peer(peer)); })
        .def("on_unchoke", [](RequestLedger& l, std::uint64_t peer) { l.on_unchoke(to_peer(peer)); })
        .def("start",
             [](RequestLedger& l, std::uint32_t piece, double now) { l.start(PieceIndex{piece}, to_time(now)); })
        .def("request_missing",
             [](RequestLedger& l, std::uint32_t piece, std::uint64_t peer, std::uint32_t n, bool others, double now) {
                 std::vector<Block> out;
                 l.request_missing(PieceIndex{piece}, to_peer(peer), n, others, to_time(now), out);
                 return to_tuples(out);
             })
        .def("request_copies",
             [](RequestLedger& l, std::uint32_t piece, std::uint64_t peer, std::uint32_t copies, std::uint32_t n,
                double now) {
                 std::vector<Block> out;
                 l.request_copies(PieceIndex{piece}, to_peer(peer), copies, n, Time::never(), to_time(now), out);
                 return to_tuples(out);
             })
        .def("on_request", [](RequestLedger& l, std::uint64_t peer, const BlockTuple& b,
                              double now) { return l.on_request(to_peer(peer), to_block(b), to_time(now)); })
        .def("on_block", [](RequestLedger& l, std::uint64_t peer, const BlockTuple& b, bool have,
                            double now) { return to_dict(l.on_block(to_peer(peer), to_block(b), have, to_time(now))); })
        .def("on_reject", [](RequestLedger& l, std::uint64_t peer, const BlockTuple& b,
                             double now) { return l.on_reject(to_peer(peer), to_block(b), to_time(now)); })
        .def("cancel", [](RequestLedger& l, std::uint64_t peer,
                          const BlockTuple& b) { return l.cancel(to_peer(peer), to_block(b)); })
        .def("cancel_piece",
             [](RequestLedger& l, std::uint32_t piece) {
                 std::vector<PeerBlock> out;
                 l.cancel_piece(PieceIndex{piece}, out);
                 return to_tuples(out);
             })
        .def("expire",
             [](RequestLedger& l, double now, double timeout) {
                 std::vector<PeerBlock> out;
                 l.expire(to_time(now), from_seconds(timeout), out);
                 return to_tuples(out);
             })
        .def("lease", [](RequestLedger& l, std::uint64_t peer,
                         const BlockTuple& b) { return l.lease(to_peer(peer), to_block(b)); })
        .def("release_lease", [](RequestLedger& l, std::uint64_t peer,
                                 const BlockTuple& b) { l.release_lease(to_peer(peer), to_block(b)); })
        .def("on_verified", [](RequestLedger& l, std::uint32_t piece) { return l.on_verified(PieceIndex{piece}); })
        .def("on_hash_failed",
             [](RequestLedger& l, std::uint32_t piece) { return l.on_hash_failed(PieceIndex{piece}); })
        .def("abandon",
             [](RequestLedger& l, std::uint32_t piece) {
                 std::vector<PeerBlock> cancels;
                 std::vector<PeerBlock> revoked;
                 const auto bytes = l.abandon(PieceIndex{piece}, cancels, revoked);
                 return py::make_tuple(bytes, to_tuples(cancels), to_tuples(revoked));
             })
        .def("set_exclusive", [](RequestLedger& l, std::uint32_t piece, std::uint64_t peer) {
            l.set_exclusive(PieceIndex{piece}, to_peer(peer));
        });
}

void bind_ledger_questions(py::class_<RequestLedger>& c) {
    c.def("next_deadline",
          [](const RequestLedger& l, double timeout) { return to_seconds(l.next_deadline(from_seconds(timeout))); })
        .def("deadline", [](const RequestLedger& l, std::uint64_t peer,
                            double timeout) { return to_seconds(l.deadline(to_peer(peer), from_seconds(timeout))); })
        .def("outstanding",
             [](const RequestLedger& l, std::uint64_t peer) {
                 std::vector<BlockTuple> out;
                 for (const auto& r : l.outstanding(to_peer(peer))) out.push_back(to_tuple(r.block));
                 return out;
             })
        .def("is_active", [](const RequestLedger& l, std::uint32_t piece) { return l.is_active(PieceIndex{piece}); })
        .def("is_received", [](const RequestLedger& l, const BlockTuple& b) { return l.is_received(to_block(b)); })
        .def("is_proven", [](const RequestLedger& l, std::uint64_t peer) { return l.is_proven(to_peer(peer)); })
        .def("status", [](const RequestLedger& l, std::uint32_t piece) { return to_dict(l.status(PieceIndex{piece})); })
        .def("requested_from",
             [](const RequestLedger& l, std::uint32_t piece) {
                 std::vector<PeerKey> out;
                 l.requested_from(PieceIndex{piece}, out);
                 return to_packed(out);
             })
        .def("contributions",
             [](const RequestLedger& l, std::uint32_t piece) {
                 std::vector<Contribution> all;
                 l.contributions(PieceIndex{piece}, all);
                 py::list out;
                 for (const auto& one : all)
                     out.append(py::make_tuple(to_tuple(one.block), one.peer.packed(), one.host.to_string()));
                 return out;
             })
        .def_property_readonly("active", [](const RequestLedger& l) { return to_numbers(l.active()); })
        .def_property_readonly("open", [](const RequestLedger& l) { return to_numbers(l.open()); })
        .def_property_readonly("partial_bytes", &RequestLedger::partial_bytes)
        .def_property_readonly("total_outstanding", &RequestLedger::total_outstanding)
        .def("check", py::overload_cast<>(&RequestLedger::check, py::const_));
}

PiecePicker make_picker(const Geometry& g, bool sequential) {
    return PiecePicker(g, sequential ? Order::sequential : Order::rarest);
}

void bind_picker(py::module_& lab) {
    py::class_<PiecePicker>(lab, "PiecePicker")
        .def(py::init(&make_picker), py::arg("geometry"), py::arg("sequential") = false)
        .def("on_join",
             [](PiecePicker& p, const Pieces& has) {
                 return p.on_join(to_bitfield(has, p.geometry().num_pieces)) == Counted::as_seed;
             })
        .def("on_leave",
             [](PiecePicker& p, const Pieces& has, bool as_seed) {
                 p.on_leave(to_bitfield(has, p.geometry().num_pieces), as_seed ? Counted::as_seed : Counted::by_piece);
             })
        .def("on_have", [](PiecePicker& p, std::uint32_t piece) { p.on_have(PieceIndex{piece}); })
        .def(
            "reset", [](PiecePicker& p, const Pieces& have) { p.reset(to_bitfield(have, p.geometry().num_pieces)); },
            py::arg("have"))
        .def("set_sequential", [](PiecePicker& p, bool on) { p.set_order(on ? Order::sequential : Order::rarest); })
        .def("set_priority",
             [](PiecePicker& p, std::uint32_t piece, std::uint8_t to) { p.set_priority(PieceIndex{piece}, to); })
        .def("on_verified", [](PiecePicker& p, std::uint32_t piece) { p.on_verified(PieceIndex{piece}); })
        .def("on_lost", [](PiecePicker& p, std::uint32_t piece) { p.on_lost(PieceIndex{piece}); })
        .def("on_returned", [](PiecePicker& p, std::uint32_t piece) { p.on_returned(PieceIndex{piece}); })
        .def(
            "pick",
            [](PiecePicker& p, std::uint64_t peer, const Pieces& has, std::uint32_t n, std::uint32_t max_active,
               RequestLedger& ledger, std::uint64_t seed, double now, bool on_parole) {
                const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                Prng prng(seed);
                std::vector<Block> out;
                const auto picked =
                    p.pick({to_peer(peer), &bits, on_parole}, n, max_active, ledger, prng, to_time(now), out);
                JST_CHECK(picked.count == out.size(), "the count is what was appended");
                return py::make_tuple(to_tuples(out), picked.capped);
            },
            py::arg("peer"), py::arg("has"), py::arg("n"), py::arg("max_active"), py::arg("ledger"),
            py::arg("seed") = 0, py::arg("now") = 0.0, py::arg("on_parole") = false)
        .def("pick_among",
             [](PiecePicker& p, const Pieces& pieces, std::uint64_t peer, const Pieces& has, std::uint32_t n,
                std::uint32_t max_active, RequestLedger& ledger, double now) {
                 const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                 std::vector<PieceIndex> among;
                 for (const auto piece : pieces) among.emplace_back(piece);
                 std::vector<Block> out;
                 const auto picked =
                     p.pick_among(among, {to_peer(peer), &bits}, n, max_active, ledger, to_time(now), out);
                 return py::make_tuple(to_tuples(out), picked.capped);
             })
        .def("stranded",
             [](const PiecePicker& p, const RequestLedger& ledger, double now) -> std::optional<std::uint32_t> {
                 const auto piece = p.stranded(ledger, to_time(now));
                 return piece ? std::optional(piece->value) : std::nullopt;
             })
        .def("held_up",
             [](const PiecePicker& p, std::uint64_t peer, const Pieces& has, const RequestLedger& ledger,
                double now) -> std::optional<std::uint32_t> {
                 const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                 const auto piece = p.held_up({to_peer(peer), &bits}, ledger, to_time(now));
                 return piece ? std::optional(piece->value) : std::nullopt;
             })
        .def("is_sole_source",
             [](const PiecePicker& p, const Pieces& has, const RequestLedger& ledger) {
                 return p.is_sole_source(to_bitfield(has, p.geometry().num_pieces), ledger);
             })
        .def("wants_any", [](const PiecePicker& p,
                             const Pieces& has) { return p.wants_any(to_bitfield(has, p.geometry().num_pieces)); })
        .def("count_wanted",
             [](const PiecePicker& p, const Pieces& has) {
                 return p.count_wanted(to_bitfield(has, p.geometry().num_pieces));
             })
        .def("availability",
             [](const PiecePicker& p) {
                 std::vector<std::uint32_t> out;
                 for (PieceIndex i{0}; i.value < p.geometry().num_pieces; ++i) out.push_back(p.availability().count(i));
                 return out;
             })
        .def("priority", [](const PiecePicker& p, std::uint32_t piece) { return p.priority(PieceIndex{piece}); })
        .def("is_wanted", [](const PiecePicker& p, std::uint32_t piece) { return p.is_wanted(PieceIndex{piece}); })
        .def("has_reachable_candidate", &PiecePicker::has_reachable_candidate)
        .def_property_readonly("is_complete", &PiecePicker::is_complete)
        .def_property_readonly("wanted_bytes", &PiecePicker::wanted_bytes)
        .def_property_readonly("wanted_left", &PiecePicker::wanted_left)
        .def_property_readonly("memory", &PiecePicker::memory);
}

void bind_endgame(py::module_& lab) {
    py::class_<Endgame>(lab, "Endgame")
        .def(py::init([](double fraction, std::uint64_t bytes, std::uint32_t copies, bool prefer_proven) {
                 return Endgame({static_cast<std::uint32_t>(fraction * 1e6), bytes, copies, prefer_proven});
             }),
             py::arg("fraction") = 1.0, py::arg("bytes") = ~std::uint64_t{0}, py::arg("copies") = 2,
             py::arg("prefer_proven") = true)
        .def("in_endgame", [](Endgame& e, const PiecePicker& p, const RequestLedger& l,
                              double now) { return e.in_endgame(p, l, to_time(now)); })
        .def(
            "pick_duplicates",
            [](Endgame& e, std::uint64_t peer, const Pieces& has, std::uint32_t n, const PiecePicker& p,
               RequestLedger& l, double now, bool on_parole) {
                const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                std::vector<Block> out;
                e.pick_duplicates({to_peer(peer), &bits, on_parole}, n, p, l, to_time(now), out);
                return to_tuples(out);
            },
            py::arg("peer"), py::arg("has"), py::arg("n"), py::arg("picker"), py::arg("ledger"), py::arg("now") = 0.0,
            py::arg("on_parole") = false)
        .def("pick_overdue",
             [](const Endgame& e, std::uint64_t peer, const Pieces& has, std::uint32_t n, const PiecePicker& p,
                RequestLedger& l, double now) {
                 const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                 std::vector<Block> out;
                 e.pick_overdue({to_peer(peer), &bits}, n, p, l, to_time(now), out);
                 return to_tuples(out);
             })
        .def(
            "pick_stuck",
            [](const Endgame& e, std::uint64_t peer, std::uint64_t owner, const Pieces& has, std::uint32_t n,
               const PiecePicker& p, RequestLedger& l, double now, bool on_parole) {
                const Bitfield bits = to_bitfield(has, p.geometry().num_pieces);
                std::vector<Block> out;
                e.pick_stuck({to_peer(peer), &bits, on_parole}, to_peer(owner), n, p, l, to_time(now), out);
                return to_tuples(out);
            },
            py::arg("peer"), py::arg("owner"), py::arg("has"), py::arg("n"), py::arg("picker"), py::arg("ledger"),
            py::arg("now") = 0.0, py::arg("on_parole") = false)
        .def_property_readonly("deadline", [](const Endgame& e) { return to_seconds(e.deadline()); });
}

void bind_pipeline(py::module_& lab) {
    py::class_<Pipeline>(lab, "Pipeline")
        .def(py::init<std::uint32_t>(), py::arg("limit") = 2000)
        .def("set_limit", &Pipeline::set_limit)
        .def("on_reqq", &Pipeline::on_reqq)
        .def("on_unchoke", &Pipeline::on_unchoke)
        .def("on_block", [](Pipeline& p, std::uint32_t bytes, double waited,
                            double now) { p.on_block(bytes, from_seconds(waited), to_time(now)); })
        .def("on_late_block", [](Pipeline& p, double now) { p.on_late_block(to_time(now)); })
        .def("time_limit", [](Pipeline& p, double timeout) { return p.time_limit(from_seconds(timeout)).seconds(); })
        .def(
            "on_timeout",
            [](Pipeline& p, double now, double timeout, std::uint32_t blocks) {
                p.on_timeout(to_time(now), from_seconds(timeout), blocks);
            },
            py::arg("now"), py::arg("timeout"), py::arg("blocks") = 1)
        .def("on_asked", &Pipeline::on_asked)
        .def("on_choke", [](Pipeline& p, double now) { p.on_choke(to_time(now)); })
        .def("on_reject", [](Pipeline& p, double now) { p.on_reject(to_time(now)); })
        .def(
            "refill",
            [](const Pipeline& p, std::uint32_t outstanding, double now, std::uint32_t most) {
                return p.refill(outstanding, to_time(now), most);
            },
            py::arg("outstanding"), py::arg("now"), py::arg("most") = UINT32_MAX)
        .def_property_readonly("window", &Pipeline::window)
        .def_property_readonly("is_probing", &Pipeline::is_probing)
        .def_property_readonly("is_silent", &Pipeline::is_silent)
        .def_property_readonly("best_rate", &Pipeline::best_rate)
        .def_property_readonly("stuck_after", [](const Pipeline& p) { return p.stuck_after().seconds(); })
        .def_property_readonly("patient_until", [](const Pipeline& p) { return to_seconds(p.patient_until()); })
        .def_property_readonly("paused_until", [](const Pipeline& p) { return to_seconds(p.paused_until()); });
}

void bind_upload_queue(py::module_& lab) {
    py::class_<UploadQueue>(lab, "UploadQueue")
        .def(py::init<std::uint64_t>(), py::arg("secret") = 0)
        .def("push", [](UploadQueue& q, const BlockTuple& b) { return q.push(to_block(b)); })
        .def("put_back",
             [](UploadQueue& q, const std::vector<BlockTuple>& all) {
                 std::vector<Block> blocks;
                 for (const auto& b : all) blocks.push_back(to_block(b));
                 q.put_back(blocks);
             })
        .def("pop_front",
             [](UploadQueue& q) {
                 const Block block = q.front();
                 q.pop_front();
                 return to_tuple(block);
             })
        .def("take", [](UploadQueue& q, const BlockTuple& b) { return q.take(to_block(b)); })
        .def("clear", &UploadQueue::clear)
        .def("__contains__", [](const UploadQueue& q, const BlockTuple& b) { return q.contains(to_block(b)); })
        .def("__len__", &UploadQueue::size);
}

}  // namespace

void bind_lab_policy_transfer(py::module_& lab) {
    lab.attr("max_copies") = max_copies;
    lab.attr("max_withdrawn") = max_withdrawn;
    lab.attr("picker_probes") = PiecePicker::probes;
    bind_geometry(lab);
    py::class_<RequestLedger> ledger(lab, "RequestLedger");
    ledger.def(py::init<const Geometry&>());
    bind_ledger_facts(ledger);
    bind_ledger_questions(ledger);
    bind_picker(lab);
    bind_endgame(lab);
    bind_pipeline(lab);
    bind_upload_queue(lab);
}

}  // namespace jst::bind
