#include <algorithm>
#include <bit>

#include "codec/envelope.hpp"
#include "codec/file_list.hpp"
#include "codec/merkle.hpp"
#include "codec/metainfo.hpp"
#include "codec/sha.hpp"
#include "codec/utf8.hpp"

namespace jst::codec {

class MetainfoParser {
  public:
    explicit MetainfoParser(const MetainfoLimits& limits) noexcept : limits_(limits) {}

    Result<Metainfo> torrent(Bytes bytes) {
        JST_TRY(document, BencodeDocument::parse(bytes, BencodeMode::lenient, limits_.bencode));
        const BencodeNode root = document.root();
        if (!root.is_dict()) return fail(Errc::wrong_type, root.offset());
        const auto info = root.find("info");
        if (!info) return fail(Errc::missing_field, root.offset());
        JST_TRY_VOID(read_info(*info));
        if (out_.hashes_.v2) JST_TRY_VOID(read_layers(root.find("piece layers"), limits_.layers_required));
        out_.envelope_ = read_envelope(root, limits_);
        return std::move(out_);
    }

    Result<Metainfo> bare(Bytes bytes) {
        JST_TRY(document, BencodeDocument::parse(bytes, BencodeMode::lenient, limits_.bencode));
        JST_TRY_VOID(read_info(document.root()));
        if (out_.hashes_.v2) JST_TRY_VOID(read_layers(std::nullopt, false));
        return std::move(out_);
    }

  private:
    Result<void> read_info(BencodeNode info) {
        if (!info.is_dict()) return fail(Errc::wrong_type, info.offset());
        JST_TRY_VOID(read_version(info));
        JST_TRY_VOID(read_name(info));
        JST_TRY_VOID(read_piece_length(info));
        JST_TRY_VOID(read_files(info));
        if (out_.hashes_.v1) JST_TRY_VOID(read_hashes(info));
        if (const auto flag = info.find("private"); flag && flag->is_integer()) out_.private_ = *flag->integer() != 0;
        if (const auto source = info.find("source"); source && source->is_string())
            out_.source_ = std::optional(repair_utf8(as_text(*source->string())));
        out_.info_ = to_vector(info.raw());
        return {};
    }

    Result<void> read_version(BencodeNode info) {
        std::int64_t version = 1;
        const auto node = info.find("meta version");
        if (node) {
            JST_TRY(value, node->integer());
            if (value != 1 && value != 2) return fail(Errc::bad_value, node->offset());
            version = value;
        }
        const bool has_v1 = info.find("pieces").has_value();
        if (version == 1 && !has_v1) return fail(Errc::missing_field, info.offset());
        if (has_v1) out_.hashes_.v1 = sha1(info.raw());
        if (version == 2) out_.hashes_.v2 = sha256(info.raw());
        return {};
    }

    Result<void> read_name(BencodeNode info) {
        auto node = info.find("name.utf-8");
        if (!node || !node->is_string()) node = info.find("name");
        if (node) {
            JST_TRY(text, node->string());
            if (text.size() > limits_.max_component_size) return fail(Errc::bad_path, node->offset());
            out_.raw_name_ = as_text(text);
        }
        if (out_.raw_name_.empty())
            out_.raw_name_ = out_.hashes_.v1 ? to_hex(out_.hashes_.v1->view()) : to_hex(out_.hashes_.v2->view());
        if (auto repaired = repair_utf8(out_.raw_name_); repaired != out_.raw_name_)
            out_.repaired_name_ = std::move(repaired);
        return {};
    }

    Result<void> read_piece_length(BencodeNode info) {
        const auto node = info.find("piece length");
        if (!node) return fail(Errc::missing_field, info.offset());
        JST_TRY(length, node->integer());
        if (length <= 0 || length > limits_.max_piece_length) return fail(Errc::bad_piece_length, node->offset());
        out_.piece_length_ = static_cast<std::uint32_t>(length);
        const bool whole_tree = std::has_single_bit(out_.piece_length_) && out_.piece_length_ >= block_size;
        if (out_.hashes_.v2 && !whole_tree) return fail(Errc::bad_piece_length, node->offset());
        return {};
    }

    Result<void> read_files(BencodeNode info) {
        FileList list;
        if (out_.hashes_.v1) {
            JST_TRY(v1, read_v1_files(info, out_.raw_name_, limits_));
            list = std::move(v1);
        }
        std::uint64_t extent = list.extent;
        if (out_.hashes_.v2) {
            JST_TRY(v2, read_v2_files(info, out_.raw_name_, out_.piece_length_, limits_));
            extent = v2.extent;
            if (out_.hashes_.v1) {
                if (pieces_in(list.extent) != pieces_in(extent)) return fail(Errc::hybrid_mismatch, info.offset());
                JST_TRY_VOID(join_halves(list, v2, info.offset()));
            } else {
                list = std::move(v2);
            }
        }
        if (list.size == 0) return fail(Errc::bad_value, info.offset());
        if (pieces_in(extent) > limits_.max_pieces) return fail(Errc::too_many_pieces, info.offset());
        out_.num_pieces_ = static_cast<std::uint32_t>(pieces_in(extent));
        out_.total_size_ = list.size;
        out_.single_file_ = list.single_file;
        out_.files_ = std::move(list.files);
        out_.files_.shrink_to_fit();
        return {};
    }

    std::uint64_t pieces_in(std::uint64_t extent) const noexcept {
        return extent / out_.piece_length_ + (extent % out_.piece_length_ != 0 ? 1 : 0);
    }

    Result<void> read_hashes(BencodeNode info) {
        const BencodeNode node = *info.find("pieces");
        JST_TRY(hashes, node.string());
        if (hashes.size() != std::uint64_t{out_.num_pieces_} * Sha1Digest::size)
            return fail(Errc::bad_pieces, node.offset());
        out_.hashes_at_ = static_cast<std::size_t>(hashes.data() - info.raw().data());
        return {};
    }

    struct Layer {
        Bytes root;
        Bytes hashes;
        std::size_t offset = 0;
        bool used = false;
    };

    Result<void> read_layers(std::optional<BencodeNode> node, bool required) {
        JST_TRY(layers, list_layers(node));
        Metainfo::Layers& known = out_.layers_.own();
        known.roots.resize(out_.num_pieces_);
        known.known.resize(out_.num_pieces_);
        for (std::uint32_t i = 0; i < out_.files_.size(); ++i) {
            const FileEntry& file = out_.files_[i];
            if (!*file.pieces_root) continue;
            known.files.push_back(i);
            JST_TRY_VOID(file_layer(file, layers, required));
        }
        for (const Layer& layer : layers)
            if (!layer.used) return fail(Errc::bad_merkle, layer.offset);
        return {};
    }

    static Result<std::vector<Layer>> list_layers(std::optional<BencodeNode> node) {
        std::vector<Layer> layers;
        if (!node) return layers;
        if (!node->is_dict()) return fail(Errc::wrong_type, node->offset());
        for (auto at = node->begin(); at != node->end(); ++at) {
            const std::size_t offset = (*at).offset();
            const Bytes root = *(*at).string();
            ++at;
            JST_TRY(hashes, (*at).string());
            if (root.size() != Sha256Digest::size) return fail(Errc::bad_merkle, offset);
            layers.push_back({root, hashes, offset, false});
        }
        const auto less = [](const Layer& a, const Layer& b) { return as_text(a.root) < as_text(b.root); };
        std::stable_sort(layers.begin(), layers.end(), less);
        for (std::size_t i = 1; i < layers.size(); ++i)
            if (as_text(layers[i].root) == as_text(layers[i - 1].root)) return fail(Errc::bad_merkle, layers[i].offset);
        return layers;
    }

    Result<void> file_layer(const FileEntry& file, std::vector<Layer>& layers, bool required) {
        const auto [first, last] = out_.pieces_of(file);
        if (file.size <= out_.piece_length_) {
            put_root(first.value, **file.pieces_root);
            return {};
        }
        const auto root = as_text((*file.pieces_root)->view());
        const auto at = std::lower_bound(layers.begin(), layers.end(), root,
                                         [](const Layer& l, std::string_view r) { return as_text(l.root) < r; });
        if (at == layers.end() || as_text(at->root) != root) {
            out_.layers_.own().complete = false;
            if (required) return fail(Errc::missing_field, 0);
            return {};
        }
        at->used = true;
        const std::size_t pieces = last.value - first.value;
        if (at->hashes.size() != pieces * Sha256Digest::size) return fail(Errc::bad_merkle, at->offset);
        std::vector<Sha256Digest> nodes(pieces);
        for (std::size_t i = 0; i < pieces; ++i)
            nodes[i] = Sha256Digest::from(at->hashes.subspan(i * Sha256Digest::size, Sha256Digest::size));
        const auto height = static_cast<std::uint32_t>(std::countr_zero(out_.piece_length_ / block_size));
        if (merkle_root(nodes, std::bit_ceil(pieces), merkle_pad(height)) != **file.pieces_root)
            return fail(Errc::bad_merkle, at->offset);
        for (std::size_t i = 0; i < pieces; ++i) put_root(first.value + i, nodes[i]);
        return {};
    }

    void put_root(std::size_t piece, const Sha256Digest& root) {
        out_.layers_.own().roots[piece] = root;
        out_.layers_.own().known[piece] = true;
    }

    const MetainfoLimits& limits_;
    Metainfo out_;
};

Result<Metainfo> parse_metainfo(Bytes torrent, const MetainfoLimits& limits) {
    return MetainfoParser(limits).torrent(torrent);
}

Result<Metainfo> parse_info(Bytes info, const MetainfoLimits& limits) { return MetainfoParser(limits).bare(info); }

}  // namespace jst::codec
