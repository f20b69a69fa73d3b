// What a laboratory hears of an engine from inside: facts within a turn, and who is behind the numbers of a Tag.
//
// Runtime::probe is one pointer, null in a plain Session: a point costs a test of it and nothing else. A Probe is
// called on the engine thread, inside a turn, and may only look (or crash the node). ProbeFan lets several look.
// Invariants: 1. on_torrent and on_peer come before the first tag with that number; 2. numbers are never reused within
// the life of a session, and begin anew in the next one.
#pragma once

#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "runtime/op.hpp"

namespace jst::runtime {

/// Facts inside a turn. Their tags are full: torrent and peer (not piece_verified), piece, begin (the two of blocks).
enum class Point : std::uint8_t {
    request_sent,    // a REQUEST was queued for the peer
    block_received,  // a block was asked for, arrived whole and was taken
    piece_verified,  // the piece passed its hash and is on disk; its have bit is set right after
    have_sent,       // a HAVE was queued for the peer
};

class Probe {
  public:
    virtual ~Probe() = default;
    virtual void point(Point id, const Tag& tag) = 0;
    /// `wire_id`: the info-hash, that of v2 cut to 20 bytes.
    virtual void on_torrent(std::uint32_t number, const Sha1Digest& wire_id) = 0;
    virtual void on_peer(std::uint32_t number, const Endpoint& address) = 0;
};

/// Tells all of its probes, in the order in which they were added.
class ProbeFan final : public Probe {
  public:
    void add(Probe& probe) { probes_.push_back(&probe); }

    void point(Point id, const Tag& tag) override {
        for (Probe* probe : probes_) probe->point(id, tag);
    }
    void on_torrent(std::uint32_t number, const Sha1Digest& wire_id) override {
        for (Probe* probe : probes_) probe->on_torrent(number, wire_id);
    }
    void on_peer(std::uint32_t number, const Endpoint& address) override {
        for (Probe* probe : probes_) probe->on_peer(number, address);
    }

  private:
    std::vector<Probe*> probes_;
};

}  // namespace jst::runtime
