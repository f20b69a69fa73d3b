// The laboratory's door to the values of the wire room: frames, handshakes, extension messages.
#include "bind/lab_wire.hpp"
#include "wire/extended.hpp"
#include "wire/handshake.hpp"
#include "wire/message_codec.hpp"
#include "wire/ut_metadata.hpp"

namespace jst::bind {
namespace {

using namespace wire;

struct ToTuple {
    template <class... Args>
    static py::tuple named(const char* name, const Args&... args) {
        return py::make_tuple(name, args...);
    }
    static py::tuple block(const char* name, const Block& b) { return named(name, b.piece.value, b.begin, b.length); }
    static py::tuple range(const char* name, const HashRange& r) {
        return named(name, to_python(r.pieces_root.view()), r.base_layer, r.index, r.length, r.proof_layers);
    }

    py::tuple operator()(const KeepAlive&) const { return named("keep_alive"); }
    py::tuple operator()(const Choke&) const { return named("choke"); }
    py::tuple operator()(const Unchoke&) const { return named("unchoke"); }
    py::tuple operator()(const Interested&) const { return named("interested"); }
    py::tuple operator()(const NotInterested&) const { return named("not_interested"); }
    py::tuple operator()(const HaveAll&) const { return named("have_all"); }
    py::tuple operator()(const HaveNone&) const { return named("have_none"); }
    py::tuple operator()(const Have& m) const { return named("have", m.piece.value); }
    py::tuple operator()(const Suggest& m) const { return named("suggest", m.piece.value); }
    py::tuple operator()(const AllowedFast& m) const { return named("allowed_fast", m.piece.value); }
    py::tuple operator()(const BitfieldMessage& m) const { return named("bitfield", to_python(m.bits)); }
    py::tuple operator()(const Request& m) const { return block("request", m.block); }
    py::tuple operator()(const Cancel& m) const { return block("cancel", m.block); }
    py::tuple operator()(const Reject& m) const { return block("reject", m.block); }
    py::tuple operator()(const PieceMessage& m) const {
        return named("piece", m.piece.value, m.begin, to_python(m.data));
    }
    py::tuple operator()(const Port& m) const { return named("port", m.port); }
    py::tuple operator()(const Extended& m) const { return named("extended", m.id, to_python(m.payload)); }
    py::tuple operator()(const HashRequest& m) const { return range("hash_request", m.range); }
    py::tuple operator()(const HashReject& m) const { return range("hash_reject", m.range); }
    py::tuple operator()(const Hashes& m) const {
        return range("hashes", m.range) + py::make_tuple(to_python(m.hashes));
    }
    py::tuple operator()(const Unknown& m) const { return named("unknown", m.id, m.length); }
};

std::uint32_t number(const py::tuple& t, std::size_t at) { return t[at].cast<std::uint32_t>(); }
Bytes bytes_at(const py::tuple& t, std::size_t at) { return view_of(t[at].cast<py::bytes>()); }
Block block_of(const py::tuple& t) { return {PieceIndex{number(t, 1)}, number(t, 2), number(t, 3)}; }
HashRange range_of(const py::tuple& t) {
    return {Sha256Digest::from(bytes_at(t, 1)), number(t, 2), number(t, 3), number(t, 4), number(t, 5)};
}

py::object optional_address(const std::optional<IpAddress>& address) {
    if (!address) return py::none();
    return py::str(address->to_string());
}

py::dict extended_to_dict(const ExtendedHandshake& h) {
    py::dict ids;
    for (std::size_t i = 0; i < extension_count; ++i)
        if (h.ids[i]) ids[py::str(std::string(name_of(static_cast<Extension>(i))))] = *h.ids[i];
    py::dict out;
    out["m"] = ids;
    out["v"] = h.client;
    out["reqq"] = h.reqq;
    out["metadata_size"] = h.metadata_size;
    out["p"] = h.listen_port;
    out["upload_only"] = h.upload_only;
    out["yourip"] = optional_address(h.your_ip);
    out["ipv4"] = optional_address(h.ipv4);
    out["ipv6"] = optional_address(h.ipv6);
    return out;
}

template <class T>
void read_field(const py::dict& from, const char* key, std::optional<T>& to) {
    if (from.contains(key)) to = from[key].cast<std::optional<T>>();
}

void read_address(const py::dict& from, const char* key, std::optional<IpAddress>& to) {
    std::optional<std::string> text;
    read_field(from, key, text);
    if (text) to = value_or_raise(IpAddress::parse(*text));
}

ExtendedHandshake extended_from_dict(const py::dict& from) {
    ExtendedHandshake h;
    if (from.contains("m"))
        for (const auto& [name, id] : from["m"].cast<py::dict>())
            for (std::size_t i = 0; i < extension_count; ++i)
                if (name_of(static_cast<Extension>(i)) == name.cast<std::string>()) h.ids[i] = id.cast<Byte>();
    if (from.contains("v")) h.client = from["v"].cast<std::string>();
    read_field(from, "reqq", h.reqq);
    read_field(from, "metadata_size", h.metadata_size);
    read_field(from, "p", h.listen_port);
    read_field(from, "upload_only", h.upload_only);
    read_address(from, "yourip", h.your_ip);
    read_address(from, "ipv4", h.ipv4);
    read_address(from, "ipv6", h.ipv6);
    return h;
}

py::tuple metadata_to_tuple(const MetadataMessage& message) {
    if (const auto* m = std::get_if<MetadataRequest>(&message)) return py::make_tuple("request", m->piece);
    if (const auto* m = std::get_if<MetadataReject>(&message)) return py::make_tuple("reject", m->piece);
    if (const auto* m = std::get_if<MetadataData>(&message))
        return py::make_tuple("data", m->piece, m->total_size, to_python(m->data));
    return py::make_tuple("unknown", std::get<MetadataUnknown>(message).type);
}

MetadataMessage metadata_from_tuple(const py::tuple& t) {
    const auto name = t[0].cast<std::string>();
    if (name == "request") return MetadataRequest{number(t, 1)};
    if (name == "reject") return MetadataReject{number(t, 1)};
    if (name == "data") return MetadataData{number(t, 1), number(t, 2), bytes_at(t, 3)};
    return MetadataUnknown{t[1].cast<std::int64_t>()};
}

py::dict flags_of(const Reserved& reserved) {
    py::dict out;
    out["fast"] = reserved.fast();
    out["extended"] = reserved.extended();
    out["dht"] = reserved.dht();
    out["v2"] = reserved.v2();
    return out;
}

py::bytes encode_handshake(const std::vector<std::string>& flags, const py::bytes& info_hash, const py::bytes& id) {
    Reserved reserved;
    for (const auto& flag : flags) {
        if (flag == "fast") reserved.set_fast();
        if (flag == "extended") reserved.set_extended();
        if (flag == "dht") reserved.set_dht();
        if (flag == "v2") reserved.set_v2();
    }
    const Handshake h{reserved, Sha1Digest::from(view_of(info_hash)), PeerId::from(view_of(id))};
    return to_python(h.encode());
}

void bind_handshake(py::module_& lab) {
    lab.def("encode_handshake", &encode_handshake);
    py::class_<HandshakeParser>(lab, "HandshakeParser")
        .def(py::init<>())
        .def("take", [](HandshakeParser& p, const py::bytes& in) { return value_or_raise(p.take(view_of(in))); })
        .def_property_readonly("has_preamble", &HandshakeParser::has_preamble)
        .def_property_readonly("complete", &HandshakeParser::complete)
        .def("preamble",
             [](const HandshakeParser& p) {
                 const auto value = p.preamble();
                 return py::make_tuple(flags_of(value.reserved), to_python(value.info_hash.view()));
             })
        .def("handshake", [](const HandshakeParser& p) {
            const auto value = p.handshake();
            return py::make_tuple(flags_of(value.reserved), to_python(value.info_hash.view()),
                                  to_python(value.peer_id.view()));
        });
}

}  // namespace

py::tuple message_to_tuple(const Message& message) { return std::visit(ToTuple{}, message); }

Message message_from_tuple(const py::tuple& t) {
    const auto name = t[0].cast<std::string>();
    if (name == "keep_alive") return KeepAlive{};
    if (name == "choke") return Choke{};
    if (name == "unchoke") return Unchoke{};
    if (name == "interested") return Interested{};
    if (name == "not_interested") return NotInterested{};
    if (name == "have_all") return HaveAll{};
    if (name == "have_none") return HaveNone{};
    if (name == "have") return Have{PieceIndex{number(t, 1)}};
    if (name == "suggest") return Suggest{PieceIndex{number(t, 1)}};
    if (name == "allowed_fast") return AllowedFast{PieceIndex{number(t, 1)}};
    if (name == "bitfield") return BitfieldMessage{bytes_at(t, 1)};
    if (name == "request") return Request{block_of(t)};
    if (name == "cancel") return Cancel{block_of(t)};
    if (name == "reject") return Reject{block_of(t)};
    if (name == "piece") return PieceMessage{PieceIndex{number(t, 1)}, number(t, 2), bytes_at(t, 3)};
    if (name == "port") return Port{t[1].cast<std::uint16_t>()};
    if (name == "extended") return Extended{t[1].cast<Byte>(), bytes_at(t, 2)};
    if (name == "hash_request") return HashRequest{range_of(t)};
    if (name == "hash_reject") return HashReject{range_of(t)};
    if (name == "hashes") return Hashes{range_of(t), bytes_at(t, 6)};
    if (name == "unknown") return Unknown{t[1].cast<Byte>(), number(t, 2)};
    throw py::value_error("no such message: " + name);
}

void bind_lab_wire(py::module_& module) {
    py::module_ lab = module.def_submodule("lab");
    bind_handshake(lab);
    lab.def("encode_message", [](const py::tuple& t) { return to_python(encode_message(message_from_tuple(t))); });
    lab.def("decode_message",
            [](const py::bytes& body) { return message_to_tuple(value_or_raise(decode_message(view_of(body)))); });
    lab.def("frame_needs", [](const py::bytes& prefix, std::uint32_t max_message_size) {
        return value_or_raise(frame_needs(view_of(prefix), max_message_size));
    });
    lab.def("parse_extended_handshake", [](const py::bytes& payload) {
        return extended_to_dict(value_or_raise(parse_extended_handshake(view_of(payload))));
    });
    lab.def("write_extended_handshake",
            [](const py::dict& from) { return to_python(write_extended_handshake(extended_from_dict(from))); });
    lab.def("merge_extended_handshakes", [](const py::bytes& first, const py::bytes& later) {
        auto known = value_or_raise(parse_extended_handshake(view_of(first)));
        known.merge(value_or_raise(parse_extended_handshake(view_of(later))));
        return extended_to_dict(known);
    });
    lab.def("extension_of", [](Byte id) -> py::object {
        const auto extension = extension_of(id);
        return extension ? py::object(py::str(std::string(name_of(*extension)))) : py::none();
    });
    lab.def("parse_ut_metadata", [](const py::bytes& payload) {
        return metadata_to_tuple(value_or_raise(parse_ut_metadata(view_of(payload))));
    });
    lab.def("write_ut_metadata",
            [](const py::tuple& t) { return to_python(write_ut_metadata(metadata_from_tuple(t))); });
    lab.attr("max_message_size") = default_max_message_size;
    lab.attr("max_block_length") = max_block_length;
    lab.attr("max_reqq") = max_reqq;
    lab.attr("max_client_name") = max_client_name;
    lab.attr("max_advertised_metadata") = max_advertised_metadata;
    lab.attr("max_metadata_pieces") = max_metadata_pieces;
}

}  // namespace jst::bind
