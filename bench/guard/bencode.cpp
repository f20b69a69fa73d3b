// A torrent of 5,000 files and 10,000 pieces is read, looked at and written again.
#include <string>

#include "codec/metainfo_writer.hpp"
#include "guard/scenarios.hpp"

namespace jst::bench {

Work bencode_work() {
    constexpr std::uint32_t files = 5000;
    constexpr std::uint32_t piece_length = 65536;
    codec::NewTorrent made;
    made.name = "many";
    made.piece_length = piece_length;
    for (std::uint32_t i = 0; i < files; ++i) {
        made.files.push_back({{"folder" + std::to_string(i / 100), "file" + std::to_string(i)}, piece_length * 2});
    }
    made.piece_hashes.resize(std::size_t{files} * 2 * 20, 0x5a);
    auto info = codec::write_info(made);
    demand(info.has_value());
    return [info = std::move(*info)] {
        for (int i = 0; i < 3; ++i) {
            const auto read = codec::parse_info(info);
            demand(read.has_value());
            demand(codec::write_torrent(*read).size() > info.size());
        }
    };
}

}  // namespace jst::bench
