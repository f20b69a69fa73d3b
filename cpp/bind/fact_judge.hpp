// Follows the facts of engines in a simulated world: at the moment when a piece counts as verified, and when a HAVE of
// it is sent, its bytes are on the simulated disk and are the truth.
//
// Each piece is read once in a life, so that following costs one comparison for each piece. It only suspects: whoever
// asks knows what excuses (files moved, skipped, changed by hand). Bounded: the first max_suspicions are kept, all are
// counted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "runtime_fault/instruments.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {

inline constexpr std::size_t max_suspicions = 1000;

/// What a torrent is, and where its files lie on one node.
struct JudgedTorrent {
    std::uint64_t key = 0;
    std::uint64_t piece_length = 0;
    std::uint64_t total_size = 0;
    struct File {
        std::string path;
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
    };
    std::vector<File> files;
    std::string part_file;  // where it is, bytes of skipped files may be there: nothing is suspected
};

struct Suspicion {
    Time time;
    std::string node;
    Sha1Digest torrent;
    std::uint32_t piece = 0;
    bool is_have = false;  // a HAVE was sent; else: it counted as verified
    std::string path;
};

class FactJudge final : public runtime_fault::Watcher, public std::enable_shared_from_this<FactJudge> {
  public:
    explicit FactJudge(std::shared_ptr<runtime_sim::World> world) : world_(std::move(world)) {}

    void expect(const std::string& node, const Sha1Digest& torrent, JudgedTorrent facts);
    std::uint64_t count() const noexcept { return count_; }
    const std::vector<Suspicion>& suspicions() const noexcept { return suspicions_; }
    std::uint64_t pieces_read() const noexcept { return pieces_read_; }

    std::unique_ptr<runtime::Probe> watch(const std::string& node, runtime::Runtime& world) override;

  private:
    class Follower;
    /// The path of a file whose bytes are not those of the piece; empty: all is well.
    std::string look(runtime_sim::NodeId node, const JudgedTorrent& torrent, std::uint32_t piece);
    void suspect(Suspicion found);

    std::shared_ptr<runtime_sim::World> world_;
    std::map<std::pair<std::string, Sha1Digest>, JudgedTorrent> torrents_;
    std::vector<Suspicion> suspicions_;
    std::uint64_t count_ = 0;
    std::uint64_t pieces_read_ = 0;
    std::vector<char> truth_;
};

}  // namespace jst::bind
