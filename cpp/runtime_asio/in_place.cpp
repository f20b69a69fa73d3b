#include "runtime_asio/in_place.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "codec/sha.hpp"
#include "runtime_asio/guarded_mapping.hpp"
#include "runtime_asio/hashing.hpp"

namespace jst::runtime_asio {
namespace {

/// False: nothing is known of them.
bool digest_group(int fd, std::uint64_t offset, std::size_t length, std::size_t each, std::span<Sha1Digest> sha1) {
    const auto mapping = GuardedMapping::of(fd, offset, length);
    if (!mapping) return false;
    std::array<Bytes, runtime::max_digests> parts;
    for (std::size_t i = 0; i < sha1.size(); ++i)
        parts[i] = mapping->bytes().subspan(i * each, std::min(each, length - i * each));
    codec::sha1_many(std::span<const Bytes>(parts).first(sha1.size()), sha1);
    return mapping->is_whole();
}

}  // namespace

void digest_in_place(runtime::DiskOp& op, int fd) noexcept {
    const runtime::Digests& asked = op.digests;
    if (asked.empty()) return;
    const auto group = std::clamp<std::size_t>(mapped_at_once / asked.each, most_lanes, runtime::max_digests);
    try {
        for (std::size_t at = 0; at < asked.sha1.size(); at += group) {
            const auto sha1 = asked.sha1.subspan(at, std::min(group, asked.sha1.size() - at));
            const auto length =
                std::min<std::uint64_t>(asked.length - op.transferred, std::uint64_t{group} * asked.each);
            if (!digest_group(fd, op.offset + op.transferred, length, asked.each, sha1)) return;
            op.transferred += length;
        }
    } catch (const std::bad_alloc&) {
        // The rest is read.
    }
}

}  // namespace jst::runtime_asio
