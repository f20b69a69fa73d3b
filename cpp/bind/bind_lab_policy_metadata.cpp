// Doors to what is decided while the metadata is not there: whom to ask for it, and what claims mean later.
#include "bind/lab_policy.hpp"
#include "policy/early_claims.hpp"
#include "policy/metadata_plan.hpp"

namespace jst::bind {
namespace {

using namespace policy;

const char* name_of(MetadataOffer offer) {
    static constexpr const char* names[] = {"taken", "known", "changed", "too_large"};
    return names[static_cast<int>(offer)];
}

const char* name_of(MetadataVerdict verdict) {
    static constexpr const char* names[] = {"stored", "whole", "redundant", "unasked", "lie"};
    return names[static_cast<int>(verdict)];
}

void bind_plan(py::module_& lab) {
    py::class_<MetadataPlan>(lab, "MetadataPlan")
        .def(py::init([](std::uint64_t max_size, double timeout) {
                 return MetadataPlan({max_size, from_seconds(timeout)});
             }),
             py::arg("max_size") = std::uint64_t{32} << 20, py::arg("timeout") = 10.0)
        .def("on_offer",
             [](MetadataPlan& plan, std::uint64_t peer, const std::string& host, std::uint32_t size, double now) {
                 return name_of(plan.on_offer(to_peer(peer), to_host(host), size, to_time(now)));
             })
        .def("on_leave",
             [](MetadataPlan& plan, std::uint64_t peer, double now) { plan.on_leave(to_peer(peer), to_time(now)); })
        .def("on_data",
             [](MetadataPlan& plan, std::uint64_t peer, std::uint32_t piece, std::uint32_t size, double now) {
                 const auto arrival = plan.on_data(to_peer(peer), piece, size, to_time(now));
                 return py::make_tuple(name_of(arrival.verdict), arrival.attempt);
             })
        .def("on_reject", [](MetadataPlan& plan, std::uint64_t peer, std::uint32_t piece,
                             double now) { plan.on_reject(to_peer(peer), piece, to_time(now)); })
        .def("expire", [](MetadataPlan& plan, double now) { plan.expire(to_time(now)); })
        .def("on_false",
             [](MetadataPlan& plan, std::uint32_t attempt, double now) {
                 std::vector<std::string> hosts;
                 for (const auto& host : plan.on_false(attempt, to_time(now))) hosts.push_back(host.to_string());
                 return hosts;
             })
        .def("ask",
             [](MetadataPlan& plan, double now) {
                 std::vector<std::pair<std::uint64_t, std::uint32_t>> out;
                 for (const auto& ask : plan.ask(to_time(now))) out.emplace_back(ask.peer.packed(), ask.piece);
                 return out;
             })
        .def("take_dropped", &MetadataPlan::take_dropped)
        .def("deadline", [](const MetadataPlan& plan, double now) { return to_seconds(plan.deadline(to_time(now))); })
        .def("progress", &MetadataPlan::progress)
        .def("held", &MetadataPlan::held)
        .def_property_readonly("num_sources", &MetadataPlan::num_sources)
        .def("serves", [](const MetadataPlan& plan, std::uint64_t peer) { return plan.serves(to_peer(peer)); })
        .def("asked_of", [](const MetadataPlan& plan, std::uint64_t peer) { return plan.asked_of(to_peer(peer)); });
}

void bind_claims(py::module_& lab) {
    py::class_<EarlyClaims>(lab, "EarlyClaims")
        .def(py::init<>())
        .def("on_bitfield",
             [](EarlyClaims& claims, const py::bytes& bits) { return claims.on_bitfield(view_of(bits)); })
        .def("on_have", [](EarlyClaims& claims, std::uint32_t piece) { return claims.on_have(PieceIndex{piece}); })
        .def("on_all", &EarlyClaims::on_all)
        .def("on_allowed_fast",
             [](EarlyClaims& claims, std::uint32_t piece) { claims.on_allowed_fast(PieceIndex{piece}); })
        .def("is_within",
             [](const EarlyClaims& claims, const py::bytes& bits) { return claims.is_within(view_of(bits)); })
        .def("judge",
             [](const EarlyClaims& claims, std::uint32_t pieces) -> std::optional<std::vector<std::uint32_t>> {
                 const auto have = claims.judge(pieces);
                 if (!have) return std::nullopt;
                 std::vector<std::uint32_t> out;
                 for (auto i = have->next_set(PieceIndex{0}); i.value < pieces; i = have->next_set(++i))
                     out.push_back(i.value);
                 return out;
             })
        .def_property_readonly("allowed_fast",
                               [](const EarlyClaims& claims) { return to_numbers(claims.allowed_fast()); })
        .def_property_readonly("memory", &EarlyClaims::memory);
}

}  // namespace

void bind_lab_policy_metadata(py::module_& lab) {
    lab.attr("max_early_pieces") = max_early_pieces;
    bind_plan(lab);
    bind_claims(lab);
}

}  // namespace jst::bind
