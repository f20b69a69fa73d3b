// Who is where and what lies between: addresses, access lines, links, and what is cut.
//
// A link is one direction between two nodes, with its own settings, made when it is first used. A line serialises bytes
// at a rate. Knows nothing of connections and datagrams; those ask here how long and how fast.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/endpoint.hpp"
#include "base/prng.hpp"
#include "base/time.hpp"
#include "runtime_sim/op_kind.hpp"

namespace jst::runtime_sim {

inline constexpr std::uint64_t default_window = 256 * 1024;
inline constexpr std::uint64_t most_window = 256ull << 20;

struct LinkSettings {
    Duration latency = milliseconds(10);
    Duration jitter;
    std::uint64_t rate = 10'000'000;  // bytes per second; 0: no limit
    std::uint64_t window = 0;         // 0: 256 KiB, and at least 2 x rate x round trip when the link was set
    std::uint32_t loss_ppm = 0;       // these three: datagrams
    std::uint32_t duplicate_ppm = 0;
    std::uint32_t reorder_ppm = 0;
};

struct AccessSettings {
    std::uint64_t up = 0;  // bytes per second; 0: no limit
    std::uint64_t down = 0;
    Duration latency;
    Duration jitter;
};

enum class Traffic : std::uint8_t { all, streams, datagrams };

/// Bytes at a rate, one after another.
struct Line {
    std::uint64_t rate = 0;
    Time free_at;

    /// When the last of `bytes` is through, if they stand in line from `from` on.
    Time reserve(Time from, std::uint64_t bytes) noexcept;
};

/// How connections between two nodes end in the middle of a byte stream.
enum class CutHow : std::uint8_t {
    fin,        // both sides read what was delivered, then the end of the stream
    rst,        // both sides read what was delivered, then a reset
    blackhole,  // neither side hears anything any more
};

struct Cut {
    std::uint64_t left = 0;  // bytes that are still to be delivered
    CutHow how = CutHow::rst;
};

struct Link {
    NodeId from;
    NodeId to;
    LinkSettings settings;
    bool was_set = false;
    bool streams_cut = false;
    bool datagrams_cut = false;
    bool held = false;
    Line line;
    std::uint64_t window = default_window;
    std::uint64_t quantum = 65536;         // the longest segment
    std::vector<std::uint32_t> fragments;  // not empty: segments have these sizes, the seed choosing
    std::uint64_t split_in = 0;            // a segment ends when so many more bytes were sent; 0: none has to
    bool was_split = false;
    Prng luck;
    std::optional<Cut> cut;     // of streams, when so many more bytes were delivered
    std::uint64_t corrupt = 0;  // each byte of a stream changes with the chance corrupt / 2^64
    Prng noise;                 // the luck of `corrupt` alone
};

struct Access {
    AccessSettings settings;
    bool was_set = false;
    Line up;
    Line down;
};

class Topology {
  public:
    explicit Topology(std::uint64_t seed) noexcept : seed_(seed) {}

    void add_node(NodeId id, const IpAddress& host, std::string_view name);
    const IpAddress& host(NodeId id) const { return nodes_[id.value].host; }
    /// Nodes at an address, in order of creation; more than one when they share it.
    const std::vector<NodeId>& nodes_at(const IpAddress& host) const;
    /// The address of the node of that name.
    const IpAddress* find_name(std::string_view name) const;

    Link& link(NodeId from, NodeId to);
    Access& access(NodeId id) { return nodes_[id.value].access; }
    /// Of one direction; the caller sets both.
    void set_link(NodeId from, NodeId to, const LinkSettings& settings);
    void set_access(NodeId id, const AccessSettings& settings);
    void set_fragments(NodeId from, NodeId to, std::vector<std::uint32_t> sizes);
    /// What is sent after so many more bytes arrives by itself.
    void split(NodeId from, NodeId to, std::uint64_t bytes);
    void cut(NodeId from, NodeId to, Traffic traffic);
    void set_corrupt(NodeId from, NodeId to, std::uint64_t chance) { link(from, to).corrupt = chance; }
    void set_held(NodeId from, NodeId to, bool held) { link(from, to).held = held; }
    /// Undoes cut(), set_corrupt() and cuts that wait for their bytes.
    void heal();

    /// Propagation time of one packet, jitter included (the seed's).
    Duration latency(Link& link);

  private:
    struct Place {
        IpAddress host;
        std::uint64_t luck_key = 0;
        Access access;
    };
    void refresh();
    void refresh(Link& link);

    std::uint64_t seed_;
    std::vector<Place> nodes_;
    std::map<IpAddress, std::vector<NodeId>> by_host_;
    std::map<std::string, IpAddress, std::less<>> by_name_;
    std::deque<Link> links_;
    std::unordered_map<std::uint64_t, std::size_t> by_ends_;  // looked up, never walked
};

}  // namespace jst::runtime_sim
