#include "codec/file_list.hpp"

#include <algorithm>

namespace jst::codec {
namespace {

constexpr std::string_view bitcomet_pad = "_____padding_file_";

Result<std::uint64_t> read_size(BencodeNode node, const MetainfoLimits& limits) {
    JST_TRY(size, node.integer());
    if (size < 0 || static_cast<std::uint64_t>(size) > limits.max_total_size)
        return fail(Errc::bad_value, node.offset());
    return static_cast<std::uint64_t>(size);
}

Result<std::string> read_component(BencodeNode node, const MetainfoLimits& limits) {
    JST_TRY(text, node.string());
    if (text.size() > limits.max_component_size) return fail(Errc::bad_path, node.offset());
    return std::string(as_text(text));
}

Result<std::vector<std::string>> read_path(BencodeNode list, const MetainfoLimits& limits) {
    if (!list.is_list()) return fail(Errc::wrong_type, list.offset());
    std::vector<std::string> path;
    for (const BencodeNode item : list) {
        if (path.size() >= limits.max_path_components) return fail(Errc::bad_path, item.offset());
        JST_TRY(component, read_component(item, limits));
        path.push_back(std::move(component));
    }
    return path;
}

// BEP 47. A symlink is kept as an entry without data whatever length it claims.
Result<void> read_attributes(BencodeNode file, FileEntry& entry, const MetainfoLimits& limits) {
    if (const auto attributes = file.find("attr"); attributes && attributes->is_string()) {
        const auto text = as_text(*attributes->string());
        entry.is_pad = text.find('p') != std::string_view::npos;
        entry.is_executable = text.find('x') != std::string_view::npos;
        entry.is_hidden = text.find('h') != std::string_view::npos;
        entry.is_symlink = text.find('l') != std::string_view::npos;
    }
    if (!entry.is_symlink) return {};
    entry.size = 0;
    if (const auto target = file.find("symlink path")) {
        JST_TRY(path, read_path(*target, limits));
        entry.symlink_target = std::move(path);
    }
    return {};
}

Result<void> append(FileList& list, FileEntry&& entry, std::uint64_t step, std::size_t offset,
                    const MetainfoLimits& limits) {
    if (list.files.size() >= limits.max_files) return fail(Errc::too_many_files, offset);
    for (const auto& component : entry.raw_path) list.path_bytes += component.size() + 32;
    if (list.path_bytes > limits.max_path_bytes) return fail(Errc::too_large, offset);
    entry.offset = list.extent;
    list.size += entry.size;
    list.extent += step;  // both operands are at most 2^50 or so: no overflow before the check
    if (list.extent > limits.max_total_size) return fail(Errc::bad_value, offset);
    list.files.push_back(std::move(entry));
    return {};
}

Result<void> read_v1_file(BencodeNode file, FileList& list, const MetainfoLimits& limits) {
    if (!file.is_dict()) return fail(Errc::wrong_type, file.offset());
    FileEntry entry;
    JST_TRY_VOID(read_attributes(file, entry, limits));
    const auto length = file.find("length");
    if (!length && !entry.is_symlink) return fail(Errc::missing_field, file.offset());
    if (length) {
        JST_TRY(size, read_size(*length, limits));
        if (!entry.is_symlink) entry.size = size;
    }
    auto path = file.find("path.utf-8");
    if (!path || !path->is_list()) path = file.find("path");
    if (!path) return fail(Errc::missing_field, file.offset());
    JST_TRY(components, read_path(*path, limits));
    if (components.empty()) return fail(Errc::bad_path, path->offset());
    entry.is_pad = entry.is_pad || components.back().starts_with(bitcomet_pad);
    entry.raw_path = std::move(components);
    const std::uint64_t step = entry.size;
    return append(list, std::move(entry), step, file.offset(), limits);
}

// The tree is walked with a stack of its own: its depth is bounded by the limits, not by ours.
class TreeReader {
  public:
    TreeReader(std::uint32_t piece_length, const MetainfoLimits& limits) noexcept
        : piece_length_(piece_length), limits_(limits) {}

    Result<FileList> read(BencodeNode tree) {
        if (!tree.is_dict()) return fail(Errc::wrong_type, tree.offset());
        open_.push_back({tree.begin(), tree.end()});
        while (!open_.empty()) {
            if (open_.back().at == open_.back().end) {
                open_.pop_back();
                if (!path_.empty()) path_.pop_back();
                continue;
            }
            JST_TRY_VOID(entry());
        }
        return std::move(list_);
    }

  private:
    struct Directory {
        BencodeNode::Iterator at;
        BencodeNode::Iterator end;
    };

    Result<void> entry() {
        auto& at = open_.back().at;
        const BencodeNode key = *at;
        ++at;
        const BencodeNode value = *at;
        ++at;
        JST_TRY(name, read_component(key, limits_));
        if (name.empty()) return fail(Errc::bad_path, key.offset());
        if (path_.size() >= limits_.max_path_components) return fail(Errc::bad_path, key.offset());
        if (!value.is_dict()) return fail(Errc::wrong_type, value.offset());
        path_.push_back(std::move(name));
        const auto leaf = value.find("");
        if (!leaf) {
            open_.push_back({value.begin(), value.end()});
            return {};
        }
        if (value.count() != 1) return fail(Errc::bad_path, value.offset());  // a file and a directory at once
        JST_TRY_VOID(file(*leaf));
        path_.pop_back();
        return {};
    }

    Result<void> file(BencodeNode facts) {
        if (!facts.is_dict()) return fail(Errc::wrong_type, facts.offset());
        FileEntry entry;
        JST_TRY_VOID(read_attributes(facts, entry, limits_));
        const auto length = facts.find("length");
        if (!length && !entry.is_symlink) return fail(Errc::missing_field, facts.offset());
        if (length) {
            JST_TRY(size, read_size(*length, limits_));
            if (!entry.is_symlink) entry.size = size;
        }
        if (entry.size > 0) {
            JST_TRY(root, read_root(facts));
            entry.pieces_root = root;
        }
        entry.raw_path = path_;
        const std::uint64_t pieces = entry.size / piece_length_ + (entry.size % piece_length_ != 0 ? 1 : 0);
        return append(list_, std::move(entry), pieces * piece_length_, facts.offset(), limits_);
    }

    static Result<Sha256Digest> read_root(BencodeNode facts) {
        const auto node = facts.find("pieces root");
        if (!node) return fail(Errc::missing_field, facts.offset());
        JST_TRY(bytes, node->string());
        if (bytes.size() != Sha256Digest::size) return fail(Errc::bad_merkle, node->offset());
        const auto root = Sha256Digest::from(bytes);
        if (root == Sha256Digest{}) return fail(Errc::bad_merkle, node->offset());
        return root;
    }

    std::uint32_t piece_length_;
    const MetainfoLimits& limits_;
    FileList list_;
    std::vector<Directory> open_;
    std::vector<std::string> path_;
};

}  // namespace

Result<FileList> read_v1_files(BencodeNode info, const std::string& raw_name, const MetainfoLimits& limits) {
    FileList list;
    if (const auto files = info.find("files")) {
        if (!files->is_list()) return fail(Errc::wrong_type, files->offset());
        for (const BencodeNode file : *files) JST_TRY_VOID(read_v1_file(file, list, limits));
        return list;
    }
    const auto length = info.find("length");
    if (!length) return fail(Errc::missing_field, info.offset());
    list.single_file = true;
    FileEntry entry;
    JST_TRY(size, read_size(*length, limits));
    entry.size = size;
    JST_TRY_VOID(read_attributes(info, entry, limits));
    entry.raw_path = {raw_name};
    const std::uint64_t step = entry.size;
    JST_TRY_VOID(append(list, std::move(entry), step, length->offset(), limits));
    return list;
}

Result<FileList> read_v2_files(BencodeNode info, const std::string& raw_name, std::uint32_t piece_length,
                               const MetainfoLimits& limits) {
    const auto tree = info.find("file tree");
    if (!tree) return fail(Errc::missing_field, info.offset());
    JST_TRY(list, TreeReader(piece_length, limits).read(*tree));
    list.single_file =
        list.files.size() == 1 && list.files[0].raw_path.size() == 1 && list.files[0].raw_path[0] == raw_name;
    return list;
}

Result<void> join_halves(FileList& v1, const FileList& v2, std::size_t offset) {
    std::size_t next = 0;
    for (FileEntry& file : v1.files) {
        if (file.is_pad) continue;
        if (next >= v2.files.size()) return fail(Errc::hybrid_mismatch, offset);
        const FileEntry& twin = v2.files[next++];
        const bool same_place = file.size == 0 || file.offset == twin.offset;
        if (file.size != twin.size || !same_place || file.raw_path != twin.raw_path)
            return fail(Errc::hybrid_mismatch, offset);
        file.pieces_root = twin.pieces_root;
    }
    // A tree does not tell one file in a directory of its own name from that file alone: the v1 half does.
    return next == v2.files.size() ? Result<void>() : fail(Errc::hybrid_mismatch, offset);
}

}  // namespace jst::codec
