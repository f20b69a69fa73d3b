#include "engine/upload.hpp"

#include <algorithm>
#include <utility>

namespace jst::engine {

/// One read under way: neighbouring blocks for one peer.
struct Upload::Run {
    explicit Run(Upload& owner) {
        job.owner = this;
        job.on_done = [](StoreJob& done, Time now) {
            auto& run = *static_cast<Run*>(done.owner);
            run.upload->finish(run, now);
        };
        job.may_lend = true;
        upload = &owner;
    }
    Upload* upload;
    PeerKey peer;
    StoreJob job;
    std::vector<Block> blocks;
    std::vector<BlockBuffer> buffers;
    std::vector<MutableBytes> room;
};

Upload::Upload(Core& core, FileStore& files, const policy::Geometry& geometry, const Throttle& throttle, Client& client,
               std::uint32_t number)
    : core_(core), files_(files), geometry_(geometry), throttle_(throttle), client_(client) {
    tag_.torrent = number;
}

Upload::~Upload() = default;

bool Upload::is_idle() const noexcept {
    return std::none_of(runs_.begin(), runs_.end(), [](const auto& run) { return run->job.is_pending(); });
}

bool Upload::refuse(Peer& peer, const Block& block) {
    if (!peer.fast()) return true;
    if (!peer.may_ask()) return false;
    peer.send(wire::Reject{block});
    return true;
}

bool Upload::on_request(Peer& peer, const Block& block, const Bitfield& have) {
    const std::uint64_t end = std::uint64_t{block.begin} + block.length;
    const bool nonsense = !geometry_.contains(block.piece) || block.length == 0 || block.length > longest_request ||
                          end > geometry_.piece_size(block.piece);
    if (nonsense) return false;
    if (!have[block.piece] || block.length > block_size) {
        if (!refuse(peer, block)) return false;
        if (taken_back_.contains(block.piece)) return true;  // the peer was told that we have it
        return ++peer.traffic.bad_requests <= max_bad_requests;
    }
    if (peer.choking.am_choking) {
        if (!refuse(peer, block)) return false;
        const bool was_unchoked = peer.choking.changed_at > peer.began;
        if (was_unchoked && core_.now() < peer.choking.changed_at + choke_is_news) return true;
        return ++peer.traffic.bad_requests <= max_bad_requests;
    }
    auto& up = peer.uploads;
    if (up.queued.size() + up.reading.size() + peer.link->out().pending_blocks() >= core_.settings.max_queued_requests)
        return refuse(peer, block);
    if (up.queued.push(block)) core_.touch(peer);
    return true;
}

bool Upload::on_cancel(Peer& peer, const Block& block) {
    auto& up = peer.uploads;
    if (up.queued.take(block)) return refuse(peer, block);
    if (const auto found = std::find(up.reading.begin(), up.reading.end(), block); found != up.reading.end()) {
        up.reading.erase(found);
        return refuse(peer, block);
    }
    const auto token = peer.link->out().cancel(block);
    if (!token) return true;
    peer.link->release(*token);
    return refuse(peer, block);
}

void Upload::drop(Peer& peer) {
    auto& up = peer.uploads;
    for (; !up.queued.empty(); up.queued.pop_front()) refuse(peer, up.queued.front());
    for (const Block& block : up.reading) refuse(peer, block);
    up.queued.clear();
    up.reading.clear();
    std::vector<wire::QueuedBlock> dropped;
    peer.link->out().drop_blocks(dropped);
    for (const auto& d : dropped) {
        peer.link->release(d.token);
        refuse(peer, d.block);
    }
}

void Upload::on_leave(Peer& peer) {
    peer.uploads.queued.clear();
    peer.uploads.reading.clear();
}

// What is queued goes before the requests that we make next: under a rate limit no more than half a second of it.
std::uint64_t Upload::most_ahead() const noexcept {
    if (is_barred()) return 0;
    std::uint64_t most = core_.settings.max_send_buffer;
    for (const Throttle* throttle : {&std::as_const(core_.throttle), &throttle_})
        if (throttle->up.is_limited()) most = std::min(most, throttle->up.burst());
    return std::max<std::uint64_t>(most, block_size);
}

// A short block counts as a whole one: it takes a buffer all the same, and who cancels has each of them looked at.
std::uint64_t Upload::ahead_of(const Peer& peer) noexcept {
    const auto& out = peer.link->out();
    const std::uint64_t whole = std::max<std::uint64_t>(out.pending_blocks(), 1) - 1;
    return std::max(out.pending_payload(), whole * block_size) + peer.uploads.reading.size() * block_size;
}

void Upload::hold(Peer& peer) {
    if (peer.choking.am_choking) return drop(peer);  // it was on its way when the choke came
    std::vector<wire::QueuedBlock> held;
    peer.link->out().drop_blocks(held);
    std::vector<Block> again;
    for (const auto& one : held) {
        peer.link->release(one.token);
        again.push_back(one.block);
    }
    peer.uploads.queued.put_back(again);
}

void Upload::pump(Peer& peer) {
    if (!peer.is_connected() || peer.choking.am_choking || peer.uploads.queued.empty()) return;
    if (core_.upload_turns.is_short()) return core_.upload_turns.wait(peer);
    // Reads of whole runs, also when the socket takes a little at a time; a small buffer is read in halves.
    const std::uint64_t most = most_ahead();
    const std::uint64_t run = std::clamp<std::uint64_t>(most / block_size / 2, 1, max_run);
    while (!peer.uploads.queued.empty()) {
        if (ahead_of(peer) + run * block_size > most) return;
        if (!start_run(peer, static_cast<std::size_t>(run))) return;
    }
}

void Upload::take_turn(Peer& peer) {
    auto& turns = core_.upload_turns;
    if (!peer.is_connected() || peer.choking.am_choking) return;
    const std::uint64_t most = most_ahead();
    while (!peer.uploads.queued.empty()) {
        const std::uint64_t held = UploadTurns::held(peer);
        const std::uint64_t ahead = ahead_of(peer);
        if (held >= turns.share() || ahead + block_size > most) return;
        const std::uint64_t room = std::min(turns.share() - held, (most - ahead) / block_size);
        if (!start_run(peer, static_cast<std::size_t>(std::min<std::uint64_t>(room, max_run)))) return;
    }
}

void Upload::give_back(Peer& peer) {
    hold(peer);
    if (UploadTurns::held(peer) > core_.upload_turns.share()) peer.link->take_back();
    pump(peer);
}

Upload::Run* Upload::free_run() {
    for (const auto& run : runs_)
        if (!run->job.is_pending()) return run.get();
    return runs_.emplace_back(std::make_unique<Run>(*this)).get();
}

bool Upload::start_run(Peer& peer, std::size_t most) {
    auto& queued = peer.uploads.queued;
    Run& run = *free_run();
    run.peer = peer.key;
    run.blocks.clear();
    run.buffers.clear();
    run.room.clear();
    while (run.blocks.size() < most && !queued.empty()) {
        const Block block = queued.front();
        if (!run.blocks.empty()) {
            const Block& last = run.blocks.back();
            if (block.piece != last.piece || block.begin != last.begin + last.length) break;
        }
        BlockBuffer buffer = core_.upload_turns.acquire();
        if (!buffer) break;
        run.room.push_back(buffer.span(block.length));
        run.buffers.push_back(std::move(buffer));
        run.blocks.push_back(block);
        queued.pop_front();
    }
    if (run.blocks.empty()) {
        core_.upload_turns.wait(peer);
        return false;
    }
    peer.uploads.reading.insert(peer.uploads.reading.end(), run.blocks.begin(), run.blocks.end());
    run.job.tag = tag_;
    run.job.tag.peer = peer.number;
    run.job.tag.piece = run.blocks.front().piece.value;
    run.job.tag.begin = run.blocks.front().begin;
    run.job.piece = run.blocks.front().piece;
    run.job.begin = run.blocks.front().begin;
    run.job.into = run.room;
    files_.submit(run.job);
    return true;
}

void Upload::finish(Run& run, Time now) {
    Peer* const peer = core_.peer(run.peer);
    runtime::Lent lent = std::exchange(run.job.lent, {});
    if (peer != nullptr && peer->is_connected()) {
        for (std::size_t i = 0; i < run.blocks.size(); ++i) {
            const std::uint32_t at = run.blocks[i].begin - run.blocks.front().begin;
            auto& reading = peer->uploads.reading;
            const auto wanted = std::find(reading.begin(), reading.end(), run.blocks[i]);
            if (wanted == reading.end()) continue;  // cancelled or choked meanwhile
            reading.erase(wanted);
            if (run.job.error != Errc::ok) {
                refuse(*peer, run.blocks[i]);
            } else if (is_barred()) {
                peer->uploads.queued.push(run.blocks[i]);
            } else if (lent) {
                peer->link->send_block(run.blocks[i], {lent.bytes.subspan(at, run.blocks[i].length), lent.keeper});
            } else {
                peer->link->send_block(run.blocks[i], std::move(run.buffers[i]));
            }
        }
        core_.touch(*peer);
    }
    for (const auto& unused : run.buffers)
        if (unused) core_.upload_turns.release();
    run.buffers.clear();
    if (run.job.error != Errc::ok)
        client_.on_upload_error(run.blocks.front().piece, run.peer, run.job.error, run.job.path, now);
}

}  // namespace jst::engine
