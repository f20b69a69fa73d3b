#include "runtime_sim/disk_faults.hpp"

namespace jst::runtime_sim {
namespace {

using runtime::DiskAction;

// The next name of a path, past slashes and "."; empty at the end.
std::string_view next_name(std::string_view& path) noexcept {
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        const auto name = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (!name.empty() && name != ".") return name;
    }
    return {};
}

template <class Spans>
std::uint64_t size_of(const Spans& spans) noexcept {
    std::uint64_t total = 0;
    for (const auto& span : spans) total += span.size();
    return total;
}

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = ~std::uint64_t{0};
};

// The bytes that an operation touches; all of them where it is not about bytes.
Range range_of(const runtime::DiskOp& op) noexcept {
    switch (op.action) {
        case DiskAction::read:
            return {op.offset, op.offset + size_of(op.into)};
        case DiskAction::write:
            return {op.offset, op.offset + size_of(op.from)};
        case DiskAction::truncate:
            return {.begin = op.offset};
        case DiskAction::allocate:
            return {.end = op.offset};
        default:
            return {};
    }
}

}  // namespace

bool is_at_or_below(std::string_view path, std::string_view directory) noexcept {
    for (auto wanted = next_name(directory); !wanted.empty(); wanted = next_name(directory))
        if (next_name(path) != wanted) return false;
    return true;
}

DiskFaults::Id DiskFaults::add(DiskFault fault) {
    faults_.emplace(next_, std::move(fault));
    return next_++;
}

const DiskFault* DiskFaults::find(Id id) const {
    const auto found = faults_.find(id);
    return found == faults_.end() ? nullptr : &found->second;
}

bool DiskFaults::touches(const DiskFault& fault, const runtime::DiskOp& op, std::string_view path) noexcept {
    if ((fault.actions & bit_of(op.action)) == 0) return false;
    const bool is_there =
        is_at_or_below(path, fault.path) || (op.action == DiskAction::rename && is_at_or_below(op.path_to, fault.path));
    const Range range = range_of(op);
    return is_there && range.begin < fault.high && fault.low < range.end;
}

bool DiskFaults::is_due(DiskFault& fault) noexcept {
    if (++fault.seen < fault.nth) return false;
    return fault.times == 0 || fault.hits < fault.times;
}

Duration DiskFaults::delay(const runtime::DiskOp& op, std::string_view path) {
    Duration total;
    for (auto& [id, fault] : faults_) {
        if (fault.delay.ns == 0 || !touches(fault, op, path) || !is_due(fault)) continue;
        ++fault.hits;
        total = total + fault.delay;
    }
    return total;
}

std::optional<DiskFaults::Strike> DiskFaults::strike(const runtime::DiskOp& op, std::string_view path) {
    std::optional<Strike> chosen;
    for (auto& [id, fault] : faults_) {
        const bool strikes = fault.error != Errc::ok || fault.is_short;
        if (!strikes || !touches(fault, op, path) || !is_due(fault) || chosen) continue;
        ++fault.hits;
        chosen = {fault.error, fault.is_short};
    }
    return chosen;
}

}  // namespace jst::runtime_sim
