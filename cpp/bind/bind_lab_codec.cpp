// The laboratory's door to the codec room: what has no public name of its own.
#include "bind/bencode_python.hpp"
#include "bind/buffer_view.hpp"
#include "bind/metainfo_handle.hpp"
#include "codec/magnet.hpp"
#include "codec/merkle.hpp"
#include "codec/sha.hpp"
#include "codec/url_check.hpp"
#include "codec/utf8.hpp"

namespace jst::bind {
namespace {

using Chunks = std::vector<std::string>;

std::vector<Sha256Digest> digests_of(const std::vector<py::bytes>& list) {
    std::vector<Sha256Digest> out;
    for (const auto& item : list) out.push_back(Sha256Digest::from(view_of(item)));
    return out;
}

template <std::size_t N>
py::list to_list(const std::vector<Digest<N>>& digests) {
    py::list out;
    for (const auto& digest : digests) out.append(to_python(digest.view()));
    return out;
}

// Each message is a list of parts.
template <class D, class Many>
py::list hash_many(const std::vector<Chunks>& messages, Many many) {
    std::vector<std::vector<Bytes>> parts;
    for (const auto& message : messages) {
        auto& views = parts.emplace_back();
        for (const auto& part : message) views.push_back(as_bytes(part));
    }
    const std::vector<codec::Message> views(parts.begin(), parts.end());
    std::vector<D> out(views.size());
    many(std::span<const codec::Message>(views), std::span<D>(out));
    return to_list(out);
}

// Updates part by part, goes on in a copy after each part, and finishes the original after the copy.
template <std::size_t N>
py::tuple hash_incremental(const Chunks& parts) {
    codec::HashState<N> state;
    for (const auto& part : parts) {
        codec::HashState<N> copy(state);
        copy.update(as_bytes(part));
        state.update(as_bytes("goes astray"));
        state = copy;
    }
    codec::HashState<N> fork(state);
    fork.update(as_bytes("more"));
    const auto forked = fork.finish();
    const auto first = state.finish();
    return py::make_tuple(to_python(first.view()), to_python(forked.view()), to_python(state.finish().view()));
}

codec::BencodeLimits limits_of(std::uint64_t max_size, std::uint32_t max_depth, std::uint32_t max_tokens) {
    return {max_size, max_depth, max_tokens};
}

void bind_lab_bencode(py::module_& codec_lab) {
    const codec::BencodeLimits defaults;
    codec_lab.def(
        "bdecode",
        [](const py::bytes& data, bool lenient, bool prefix, std::uint64_t size, std::uint32_t depth,
           std::uint32_t tokens) {
            const auto mode = lenient ? codec::BencodeMode::lenient : codec::BencodeMode::strict;
            const auto limits = limits_of(size, depth, tokens);
            const auto document =
                value_or_raise(prefix ? codec::BencodeDocument::parse_prefix(view_of(data), mode, limits)
                                      : codec::BencodeDocument::parse(view_of(data), mode, limits));
            return py::make_tuple(to_python(document.root()), document.size(), document.token_count());
        },
        py::arg("data"), py::kw_only(), py::arg("lenient") = false, py::arg("prefix") = false,
        py::arg("max_size") = defaults.max_size, py::arg("max_depth") = defaults.max_depth,
        py::arg("max_tokens") = defaults.max_tokens);
    codec_lab.def(
        "raw_of",
        [](const py::bytes& data, const std::string& key) -> py::object {
            const auto document =
                value_or_raise(codec::BencodeDocument::parse(view_of(data), codec::BencodeMode::lenient));
            const auto node = document.root().find(key);
            if (!node) return py::none();
            return to_python(node->raw());
        },
        py::arg("data"), py::arg("key"));
}

void bind_lab_hashes(py::module_& codec_lab) {
    codec_lab.def("sha1", [](const py::bytes& data) { return to_python(codec::sha1(view_of(data)).view()); });
    codec_lab.def("sha256", [](const py::bytes& data) { return to_python(codec::sha256(view_of(data)).view()); });
    codec_lab.def("sha1_many", [](const std::vector<Chunks>& messages) {
        return hash_many<Sha1Digest>(messages, [](auto in, auto out) { codec::sha1_many(in, out); });
    });
    codec_lab.def("sha256_many", [](const std::vector<Chunks>& messages) {
        return hash_many<Sha256Digest>(messages, [](auto in, auto out) { codec::sha256_many(in, out); });
    });
    codec_lab.def("sha1_incremental", &hash_incremental<20>);
    codec_lab.def("sha256_incremental", &hash_incremental<32>);
}

void bind_lab_merkle(py::module_& codec_lab) {
    codec_lab.def("merkle_pad", [](std::uint32_t height) { return to_python(codec::merkle_pad(height).view()); });
    codec_lab.def("merkle_root", [](const std::vector<py::bytes>& nodes, std::uint64_t width, const py::bytes& pad) {
        const auto root = codec::merkle_root(digests_of(nodes), width, Sha256Digest::from(view_of(pad)));
        return to_python(root.view());
    });
    codec_lab.def("merkle_layer", [](const std::vector<py::bytes>& leaves, std::uint64_t leaves_per_node) {
        return to_list(codec::merkle_layer(digests_of(leaves), leaves_per_node));
    });
    codec_lab.def("merkle_leaves", [](const py::bytes& data) { return to_list(codec::merkle_leaves(view_of(data))); });
    codec_lab.def("merkle_verify", [](const py::bytes& node, std::uint64_t index, const std::vector<py::bytes>& uncles,
                                      std::uint32_t height, const py::bytes& root) {
        return codec::merkle_verify(Sha256Digest::from(view_of(node)), index, digests_of(uncles), height,
                                    Sha256Digest::from(view_of(root)));
    });
}

void bind_lab_metainfo(py::module_& codec_lab) {
    codec_lab.def(
        "parse_metainfo",
        [](const py::bytes& data, const py::dict& changed) {
            codec::MetainfoLimits limits;
            const auto set = [&](const char* name, auto& field) {
                if (changed.contains(name)) field = changed[name].cast<std::decay_t<decltype(field)>>();
            };
            set("max_pieces", limits.max_pieces);
            set("max_piece_length", limits.max_piece_length);
            set("max_files", limits.max_files);
            set("max_path_components", limits.max_path_components);
            set("max_component_size", limits.max_component_size);
            set("max_path_bytes", limits.max_path_bytes);
            set("max_total_size", limits.max_total_size);
            set("max_trackers", limits.max_trackers);
            set("max_web_seeds", limits.max_web_seeds);
            set("max_nodes", limits.max_nodes);
            set("max_url_size", limits.max_url_size);
            set("layers_required", limits.layers_required);
            auto parsed = value_or_raise(codec::parse_metainfo(view_of(data), limits));
            return MetainfoHandle{std::make_shared<const codec::Metainfo>(std::move(parsed))};
        },
        py::arg("data"), py::arg("limits") = py::dict());
    codec_lab.def("piece_tree", [](const MetainfoHandle& m, std::uint32_t piece) {
        const auto* root = m->piece_root(PieceIndex(piece));
        return py::make_tuple(root == nullptr ? py::object(py::none()) : py::object(to_python(root->view())),
                              m->piece_tree_width(PieceIndex(piece)), m->piece_tree_size(PieceIndex(piece)));
    });
    codec_lab.def("raw_paths", [](const MetainfoHandle& m) {
        py::list out;
        for (const auto& file : m->files()) {
            py::list components;
            for (const auto& component : file.raw_path) components.append(py::bytes(component));
            out.append(py::tuple(components));
        }
        return out;
    });
    codec_lab.def("repair_utf8", [](const py::bytes& text) { return codec::repair_utf8(as_text(view_of(text))); });
    codec_lab.def("showable_utf8", [](const py::bytes& text) { return codec::showable_utf8(as_text(view_of(text))); });
    codec_lab.def("is_utf8", [](const py::bytes& text) { return codec::is_utf8(as_text(view_of(text))); });
    codec_lab.def("is_tracker_url", [](const std::string& url) { return codec::is_tracker_url(url, 2048); });
}

}  // namespace

void bind_lab_codec(py::module_& module) {
    auto lab = module.def_submodule("lab");
    auto codec_lab = lab.def_submodule("codec");
    bind_lab_bencode(codec_lab);
    bind_lab_hashes(codec_lab);
    bind_lab_merkle(codec_lab);
    bind_lab_metainfo(codec_lab);
}

}  // namespace jst::bind
