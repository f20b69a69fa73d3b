#include "engine/checker.hpp"

#include <algorithm>
#include <new>

#include "base/check.hpp"
#include "base/planted.hpp"
#include "codec/merkle.hpp"
#include "engine/file_sweeps.hpp"

namespace jst::engine {

namespace {

constexpr std::align_val_t page{4096};  // what begins at a page is copied and hashed a third quicker

struct Release {
    void operator()(Byte* at) const noexcept { ::operator delete(at, page); }
};

// What was fetched was judged by its SHA-1 alone where there is one. A hybrid whose halves disagree would otherwise be
// complete, lose at each check what it has, and fetch it again.
storage::PieceExpectation asked_of(const codec::Metainfo& metainfo, PieceIndex piece) {
    storage::PieceExpectation expected = storage::expectation_of(metainfo, piece);
    if (expected.sha1) expected.root.reset();
    return expected;
}

bool said_good(bool right) noexcept { return planted<Plant::check_finds_all_good>() || right; }

}  // namespace

// A lane works on one piece: read a chunk -> hash it -> next chunk ... -> compare.
struct Checker::Lane {
    Checker* checker = nullptr;
    bool busy = false;
    bool hole = false;
    PieceIndex piece;
    storage::PieceExpectation expected;
    std::uint32_t next_span = 0;  // of the piece; spans before it are hashed
    std::uint32_t chunk_spans = 0;
    std::uint32_t chunk_begin = 0;
    std::uint32_t chunk_bytes = 0;
    int hashing = 0;  // operations out
    Sha1Digest sha1;
    std::vector<Sha256Digest> leaves;
    std::unique_ptr<Byte, Release> memory;
    MutableBytes buffer;
    MutableBytes into;
    std::vector<Bytes> spans;
    StoreJob job;
    runtime::HashOp hash;
    runtime::HashMoreOp more;
    std::unique_ptr<runtime::HashState> state;

    void take_memory(std::size_t size) {
        if (buffer.size() == size) return;
        drop_memory();
        memory.reset(static_cast<Byte*>(::operator new(size, page)));
        buffer = {memory.get(), size};
    }
    void drop_memory() noexcept {
        buffer = {};
        memory.reset();
    }
    bool last_chunk() const { return next_span + chunk_spans == expected.span_count(); }
    bool whole() const { return chunk_begin == 0 && chunk_bytes == expected.piece_size; }
};

Checker::Checker(FileStore& store, runtime::Compute& compute, std::shared_ptr<const codec::Metainfo> metainfo,
                 runtime::Tag tag, std::uint64_t budget)
    : store_(store),
      compute_(compute),
      metainfo_(std::move(metainfo)),
      tag_(tag),
      budget_(budget),
      run_(store, *metainfo_, on_run, this) {}

Checker::~Checker() = default;

void Checker::start(Bitfield pieces, Bitfield holes) {
    JST_CHECK(!running_, "a check is started twice");
    JST_CHECK(pieces.size() == store_.map().num_pieces(), "a check of another torrent's pieces");
    canceled_ = false;
    error_ = Errc::ok;
    error_path_.clear();
    pieces_ = std::move(pieces);
    holes_ = std::move(holes);
    next_ = PieceIndex{};
    read_to_ = PieceIndex{};
    checked_ = 0;
    unreadable_ = 0;
    zero_sha1_.reset();
    zero_root_.reset();
    lane_bytes_ = chunk_for_budget();
    const auto count = std::clamp<std::uint64_t>(budget_ / lane_bytes_, 1, max_check_lanes);
    while (lanes_.size() < count) {
        lanes_.push_back(std::make_unique<Lane>());
        Lane& lane = *lanes_.back();
        lane.checker = this;
        lane.job.on_done = on_read;
        lane.job.owner = &lane;
        lane.job.bulk = true;
        lane.hash.on_done = on_hash;
        lane.hash.owner = &lane;
        lane.hash.bulk = true;
        lane.more.on_done = on_hash;
        lane.more.owner = &lane;
        lane.more.bulk = true;
    }
    ready_.reserve(lanes_.size());
    // What is checked is what the paths name now, not what was opened under them before.
    store_.close_files();
    wake_later();
    running_ = true;
}

/// Rather many lanes of small chunks than few of large ones: only many are hashed side by side.
std::size_t Checker::chunk_for_budget() const {
    const std::uint64_t share = budget_ / max_check_lanes / block_size * block_size;
    const auto chunk = std::clamp<std::uint64_t>(share, block_size, check_chunk_bytes);
    return static_cast<std::size_t>(std::min<std::uint64_t>(chunk, store_.map().piece_length()));
}

void Checker::wake_later() {
    wake_.on_done = [](runtime::Op& op, Time now) { static_cast<Checker*>(op.owner)->pump(now); };
    wake_.owner = this;
    wake_.tag = tag_;
    wake_.action = runtime::DiskAction::stat;
    wake_.path = store_.save_path();
    store_.disk().submit(wake_);
}

std::uint64_t Checker::buffered() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& lane : lanes_) sum += lane->buffer.size();
    return sum;
}

void Checker::pump(Time now) {
    std::uint32_t shortcuts = 0;
    for (auto& lane : lanes_) {
        while (!lane->busy && !canceled_ && error_ == Errc::ok && shortcuts < max_shortcuts_per_turn) {
            lane->piece = pieces_.next_set(next_);
            if (lane->piece.value >= pieces_.size() || goes_in_run(lane->piece)) break;
            next_ = PieceIndex{lane->piece.value + 1};
            lane->expected = asked_of(*metainfo_, lane->piece);
            lane->hole = holes_[lane->piece];
            if (const auto good = known_without_reading(*lane)) {
                ++shortcuts;
                report(lane->piece, *good, now);
            } else if (!begins_piece(*lane)) {
                error_ = Errc::out_of_memory;
            }
        }
    }
    if (active_ != 0 || run_.is_running()) return;
    const bool more = pieces_.next_set(next_).value < pieces_.size();
    if (more && !canceled_ && error_ == Errc::ok) return wake_later();
    running_ = false;
    if (canceled_ && error_ == Errc::ok) error_ = Errc::canceled;
    for (auto& lane : lanes_) lane->drop_memory();
    if (on_done != nullptr) on_done(*this, now);
}

/// The piece waits for what is said about it and those behind it.
bool Checker::goes_in_run(PieceIndex piece) {
    if (piece < read_to_) return false;
    if (run_.is_running()) return true;
    try {
        if (run_.begin(piece, pieces_, holes_, tag_)) return true;
    } catch (const std::bad_alloc&) {
        // Then it is read.
    }
    read_to_ = PieceIndex{piece.value + 1};
    return false;
}

void Checker::on_run(PieceRun& run, Time now) {
    auto& checker = *static_cast<Checker*>(run.owner());
    const auto digests = run.digests();
    checker.read_to_ = run.end();
    for (std::uint32_t i = 0; i < digests.size() && !checker.canceled_; ++i) {
        const PieceIndex piece{run.first().value + i};
        checker.next_ = PieceIndex{piece.value + 1};
        checker.report(piece, said_good(digests[i] == Sha1Digest::from(checker.metainfo_->piece_hash(piece))), now);
    }
    checker.pump(now);
}

void Checker::report(PieceIndex piece, bool good, Time now) {
    ++checked_;
    if (on_piece != nullptr) on_piece(*this, piece, good, now);
}

namespace {

/// The piece is as long as most, and its tree covers all of it.
bool is_plain(const storage::PieceExpectation& expected, std::uint32_t piece_length) {
    return expected.piece_size == piece_length && (!expected.root || expected.tree_size == piece_length);
}

}  // namespace

std::optional<bool> Checker::known_without_reading(const Lane& lane) const {
    const auto& expected = lane.expected;
    if (!expected.is_known()) return false;
    if (!lane.hole || !is_plain(expected, store_.map().piece_length())) return std::nullopt;
    if (expected.sha1 && !zero_sha1_) return std::nullopt;
    if (expected.root && (!zero_root_ || zero_width_ != expected.tree_width)) return std::nullopt;
    return (!expected.sha1 || *expected.sha1 == *zero_sha1_) && (!expected.root || *expected.root == *zero_root_);
}

void Checker::learn_zeros(const Lane& lane) {
    if (!lane.hole || !is_plain(lane.expected, store_.map().piece_length())) return;
    if (lane.expected.sha1) zero_sha1_ = lane.sha1;
    if (!lane.expected.root) return;
    zero_width_ = lane.expected.tree_width;
    zero_root_ = codec::merkle_root(lane.leaves, zero_width_, codec::merkle_pad(0));
}

// Memory that is short ends the check as an error of the disk does.
bool Checker::begins_piece(Lane& lane) {
    try {
        begin_piece(lane);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void Checker::begin_piece(Lane& lane) {
    lane.next_span = 0;
    lane.chunk_spans = 0;
    lane.chunk_begin = 0;
    lane.chunk_bytes = 0;
    lane.leaves.assign(lane.expected.root ? lane.expected.span_count() : 0, {});
    lane.state.reset();
    lane.take_memory(lane_bytes_);
    read_chunk(lane);
    lane.busy = true;  // last: nothing of it is out where memory was short
    ++active_;
}

void Checker::read_chunk(Lane& lane) {
    lane.chunk_begin = lane.expected.span(lane.next_span).first;
    lane.chunk_spans = 0;
    lane.chunk_bytes = 0;
    lane.spans.clear();
    for (std::uint32_t n = lane.next_span; n < lane.expected.span_count(); ++n) {
        const std::uint32_t length = lane.expected.span(n).second;
        if (lane.chunk_bytes + length > lane.buffer.size()) break;
        lane.spans.push_back(lane.buffer.subspan(lane.chunk_bytes, length));
        lane.chunk_bytes += length;
        ++lane.chunk_spans;
    }
    lane.into = lane.buffer.first(lane.chunk_bytes);
    lane.job.tag = tag_;
    lane.job.tag.piece = lane.piece.value;
    lane.job.tag.begin = lane.chunk_begin;
    lane.job.piece = lane.piece;
    lane.job.begin = lane.chunk_begin;
    lane.job.ahead = std::min(lane.expected.piece_size - lane.chunk_begin, check_ahead_bytes) - lane.chunk_bytes;
    lane.job.into = std::span(&lane.into, 1);
    store_.submit(lane.job);
    ++reading_;
}

void Checker::on_read(StoreJob& job, Time now) {
    Lane& lane = *static_cast<Lane*>(job.owner);
    Checker& checker = *lane.checker;
    --checker.reading_;
    const bool ended = checker.canceled_ || checker.error_ != Errc::ok;
    if (job.error == Errc::ok && !ended) checker.ready_.push_back(&lane);
    checker.hash_ready();
    if (ended) return checker.leave_piece(lane, now);
    if (job.error == Errc::ok) return;
    const bool unreadable = job.error == Errc::disk_io && ++checker.unreadable_ <= max_unreadable_pieces;
    if (unreadable || job.error == Errc::short_read || is_absence(job.error))
        return checker.end_piece(lane, false, now);
    checker.error_ = job.error;
    checker.error_path_ = job.path;
    checker.leave_piece(lane, now);
}

/// Messages are hashed side by side for the price of one or two: so wait for half of the lanes, while others are read.
void Checker::hash_ready() {
    if (reading_ != 0 && ready_.size() * 2 < lanes_.size()) return;
    for (Lane* const lane : ready_) hash_chunk(*lane);
    ready_.clear();
}

void Checker::hash_chunk(Lane& lane) {
    const auto& expected = lane.expected;
    lane.hash.tag = lane.job.tag;
    lane.more.tag = lane.job.tag;
    lane.hashing = 0;
    const bool whole = lane.whole();
    if (expected.sha1 && !whole) {
        if (!lane.state) lane.state = compute_.new_state();
        lane.more.state = lane.state.get();
        lane.more.spans = lane.spans;
        lane.more.last = lane.last_chunk();
        ++lane.hashing;
        compute_.hash_more(lane.more);
    }
    // Of a whole piece one operation gives everything; of a chunk it gives the leaves only.
    lane.hash.want_sha1 = whole && expected.sha1.has_value();
    const std::uint32_t leaves_end = std::min(lane.next_span + lane.chunk_spans, expected.leaf_count);
    const std::uint32_t leaves = whole ? lane.chunk_spans : leaves_end - std::min(lane.next_span, leaves_end);
    lane.hash.leaves = {};
    lane.hash.spans = lane.spans;
    if (expected.root && leaves > 0) {
        lane.hash.leaves = std::span(lane.leaves).subspan(lane.next_span, leaves);
        lane.hash.spans = std::span(lane.spans).first(leaves);
    }
    if (!lane.hash.want_sha1 && lane.hash.leaves.empty()) {
        JST_CHECK(lane.hashing > 0, "padding without a SHA-1 that covers it");
        return;
    }
    ++lane.hashing;
    compute_.hash(lane.hash);
}

void Checker::on_hash(runtime::Op& op, Time now) {
    Lane& lane = *static_cast<Lane*>(op.owner);
    if (--lane.hashing == 0) lane.checker->chunk_hashed(lane, now);
}

void Checker::chunk_hashed(Lane& lane, Time now) {
    if (canceled_ || error_ != Errc::ok) return leave_piece(lane, now);
    if (lane.hash.error != Errc::ok || lane.more.error != Errc::ok) {
        error_ = lane.hash.error != Errc::ok ? lane.hash.error : lane.more.error;
        return leave_piece(lane, now);
    }
    if (!lane.last_chunk()) {
        lane.next_span += lane.chunk_spans;
        try {
            return read_chunk(lane);
        } catch (const std::bad_alloc&) {
            error_ = Errc::out_of_memory;
        }
        return leave_piece(lane, now);
    }
    lane.sha1 = lane.whole() ? lane.hash.sha1 : lane.more.sha1;
    learn_zeros(lane);
    end_piece(lane, said_good(storage::passes(lane.expected, lane.sha1, lane.leaves)), now);
}

void Checker::end_piece(Lane& lane, bool good, Time now) {
    report(lane.piece, good, now);
    leave_piece(lane, now);
}

void Checker::leave_piece(Lane& lane, Time now) {
    lane.busy = false;
    lane.state.reset();
    --active_;
    pump(now);
}

}  // namespace jst::engine
