// LabHost's files and hashes.
#include <array>
#include <string_view>

#include "bind/lab_runtime.hpp"
#include "bind/lab_runtime_operation.hpp"

namespace jst::bind {

using namespace runtime;

namespace {

constexpr std::array<std::string_view, 18> action_names{
    "open",     "close",      "stat", "list",  "mkdirs",    "rename",   "unlink",  "rmdir", "truncate",
    "allocate", "free_space", "read", "write", "sync_file", "sync_dir", "extents", "lock",  "digest"};
constexpr std::array<std::string_view, 3> mode_names{"read", "write", "create"};
constexpr std::array<const char*, 5> kind_names{"missing", "file", "directory", "symlink", "other"};

template <std::size_t N>
std::size_t index_of(const std::array<std::string_view, N>& names, const std::string& name) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name) return i;
    throw py::value_error(name);
}

const char* name_of(FileKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

}  // namespace

template <>
struct LabHost::Operation<HashOp> final : LabHost::Pending {
    HashOp op;
    std::vector<Sha256Digest> leaves;
    void fill(LabEvent& event) override {
        py::dict found;
        if (op.want_sha1) found["sha1"] = to_python(op.sha1.view());
        if (op.want_sha256) found["sha256"] = to_python(op.sha256.view());
        py::list digests;
        for (const auto& leaf : leaves) digests.append(to_python(leaf.view()));
        found["leaves"] = digests;
        event.data = found;
    }
};

template <>
void LabHost::Operation<HashMoreOp>::fill(LabEvent& event) {
    if (op.last) event.data = to_python(op.sha1.view());
}

template <>
void LabHost::Operation<DiskOp>::fill(LabEvent& event) {
    py::dict found;
    switch (op.action) {
        case DiskAction::open:
        case DiskAction::lock:
            event.value = op.file.value;
            return;
        case DiskAction::free_space:
            event.value = op.offset;
            return;
        case DiskAction::write:
            event.value = op.transferred;
            return;
        case DiskAction::read:
            event.value = op.transferred;
            event.data = op.lent ? py::object(to_python(op.lent.bytes)) : taken(op.transferred);
            event.lent = std::exchange(op.lent, {});
            return;
        case DiskAction::digest: {
            py::list digests;
            for (const auto& digest : op.digests.sha1) digests.append(to_python(digest.view()));
            event.value = op.transferred;
            event.data = digests;
            return;
        }
        case DiskAction::stat:
            found["kind"] = name_of(op.stat.kind);
            found["size"] = op.stat.size;
            found["allocated"] = op.stat.allocated;
            found["id"] = py::make_tuple(op.stat.id.device, op.stat.id.number);
            found["modified_ns"] = op.stat.modified_ns;
            event.data = found;
            return;
        case DiskAction::extents: {
            py::list ranges;
            for (const auto& range : op.ranges) ranges.append(py::make_tuple(range.begin, range.end));
            event.data = ranges;
            return;
        }
        case DiskAction::list:
            for (const auto& entry : op.entries) found[py::str(entry.name)] = name_of(entry.kind);
            event.data = found;
            return;
        default:
            return;
    }
}

std::uint64_t LabHost::disk(const std::string& action, const py::dict& arguments) {
    const auto index = index_of(action_names, action);
    auto& operation = make<DiskOp>(action_names[index].data(), py::none());
    auto& op = operation.op;
    op.action = static_cast<DiskAction>(index);
    for (const auto& [key, value] : arguments) {
        const auto name = key.cast<std::string>();
        if (name == "path")
            op.path = value.cast<std::string>();
        else if (name == "path_to")
            op.path_to = value.cast<std::string>();
        else if (name == "mode")
            op.mode = static_cast<OpenMode>(index_of(mode_names, value.cast<std::string>()));
        else if (name == "bulk")
            op.bulk = value.cast<bool>();
        else if (name == "ahead")
            op.ahead = value.cast<std::uint32_t>();
        else if (name == "may_lend")
            op.may_lend = value.cast<bool>();
        else if (name == "trusted")
            op.trusted_prefix = value.cast<std::size_t>();
        else if (name == "file")
            op.file = {value.cast<std::uint64_t>()};
        else if (name == "offset")
            op.offset = value.cast<std::uint64_t>();
        else if (name == "data")
            operation.give(value.cast<std::vector<py::bytes>>());
        else if (name == "sizes")
            operation.make_room(value.cast<std::vector<std::size_t>>());
        else if (name == "each")
            op.digests.each = value.cast<std::uint32_t>();
        else if (name == "length")
            op.digests.length = value.cast<std::uint64_t>();
        else if (name == "then")
            operation.then = py::reinterpret_borrow<py::object>(value);
        else
            throw py::type_error(name);
    }
    op.from = operation.from;
    op.into = operation.into;
    if (op.digests.each > 0) {
        operation.sha1.resize((op.digests.length + op.digests.each - 1) / op.digests.each);
        op.digests.sha1 = operation.sha1;
    }
    submit([&] { world_->seam().disk.submit(op); });
    return operation.id;
}

std::uint64_t LabHost::hash(const std::vector<py::bytes>& spans, bool sha1, bool sha256, bool leaves, bool bulk,
                            runtime::Patience patience) {
    auto& operation = make<HashOp>("hash", py::none());
    auto& op = operation.op;
    operation.give(spans);
    if (leaves) operation.leaves.resize(spans.size());
    op.spans = operation.from;
    op.want_sha1 = sha1;
    op.want_sha256 = sha256;
    op.bulk = bulk;
    op.patience = patience;
    op.leaves = operation.leaves;
    submit([&] { world_->seam().compute.hash(op); });
    return operation.id;
}

void LabHost::spoil(std::uint64_t op) { operations_.at(op)->blocks.at(0).at(0) ^= 1; }

std::uint64_t LabHost::new_state() {
    states_.emplace(++last_id_, world_->seam().compute.new_state());
    return last_id_;
}

std::uint64_t LabHost::hash_more(std::uint64_t state, const std::vector<py::bytes>& spans, bool last, bool bulk) {
    auto& operation = make<HashMoreOp>("hash_more", py::none());
    auto& op = operation.op;
    operation.give(spans);
    op.state = states_.at(state).get();
    op.spans = operation.from;
    op.last = last;
    op.bulk = bulk;
    submit([&] { world_->seam().compute.hash_more(op); });
    return operation.id;
}

}  // namespace jst::bind
