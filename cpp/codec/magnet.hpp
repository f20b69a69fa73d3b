// Magnet links: BEP 9 (v1, hex and base32), BEP 52 (btmh multihash), BEP 53 (so=), x.pe and ws.
//
// Parses, bounds and prints them. What is unknown in a link is passed over; a link without a usable xt is an error.
// Invariants: 1. at least one info-hash; 2. select_only is sorted ranges that do not touch; 3. printing what was parsed
// and parsing it again gives the same value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/host_port.hpp"
#include "codec/info_hash.hpp"

namespace jst::codec {

struct MagnetLimits {
    std::uint32_t max_size = 1u << 16;       ///< bytes of the link
    std::uint32_t max_name_size = 1024;      ///< longer names are cut
    std::uint32_t max_trackers = 256;        ///< more are left out
    std::uint32_t max_peers = 256;           ///< more are left out
    std::uint32_t max_web_seeds = 256;       ///< more are left out
    std::uint32_t max_url_size = 2048;       ///< longer ones are left out
    std::uint32_t max_file_index = 399'999;  ///< of so=; MetainfoLimits::max_files - 1
};

struct FileRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  ///< inclusive

    friend auto operator<=>(const FileRange&, const FileRange&) noexcept = default;
};

struct Magnet {
    InfoHashes hashes;
    std::string name;  ///< UTF-8 repaired, empty when the link has none
    std::vector<std::string> trackers;
    std::vector<HostPort> peers;
    std::vector<std::string> web_seeds;
    std::vector<FileRange> select_only;  ///< empty: all files

    static Result<Magnet> parse(std::string_view link, const MagnetLimits& limits = {});
    std::string to_string() const;

    friend bool operator==(const Magnet&, const Magnet&) = default;
};

}  // namespace jst::codec
