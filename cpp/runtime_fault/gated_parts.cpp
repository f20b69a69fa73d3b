#include "runtime_fault/gated_parts.hpp"

#include <utility>

namespace jst::runtime_fault {
namespace {

using runtime::DiskAction;
using runtime::DiskOp;
using runtime::Point;

GatePoint gate_of(Point point) noexcept {
    switch (point) {
        case Point::request_sent:
            return GatePoint::request_sent;
        case Point::block_received:
            return GatePoint::block_received;
        case Point::piece_verified:
            return GatePoint::piece_verified;
        case Point::have_sent:
            break;
    }
    return GatePoint::have_sent;
}

std::string_view word(DiskAction action) noexcept {
    switch (action) {
        case DiskAction::open:
            return "open";
        case DiskAction::close:
            return "close";
        case DiskAction::stat:
            return "stat";
        case DiskAction::list:
            return "list";
        case DiskAction::mkdirs:
            return "mkdirs";
        case DiskAction::rename:
            return "rename";
        case DiskAction::unlink:
            return "unlink";
        case DiskAction::rmdir:
            return "rmdir";
        case DiskAction::truncate:
            return "truncate";
        case DiskAction::allocate:
            return "allocate";
        case DiskAction::free_space:
            return "free_space";
        case DiskAction::read:
            return "read";
        case DiskAction::write:
            return "write";
        case DiskAction::sync_file:
            return "sync";
        case DiskAction::sync_dir:
            return "sync_dir";
        case DiskAction::extents:
            return "extents";
        case DiskAction::lock:
            return "lock";
        case DiskAction::digest:
            return "digest";
    }
    return "other";
}

struct DiskPoints {
    GatePoint start;
    GatePoint done;
};

std::optional<DiskPoints> points_of(DiskAction action) noexcept {
    switch (action) {
        case DiskAction::read:
            return DiskPoints{GatePoint::disk_read, GatePoint::disk_read_done};
        case DiskAction::write:
            return DiskPoints{GatePoint::disk_write, GatePoint::disk_write_done};
        case DiskAction::sync_file:
        case DiskAction::sync_dir:
            return DiskPoints{GatePoint::disk_sync, GatePoint::disk_sync_done};
        default:
            return std::nullopt;
    }
}

std::optional<std::uint32_t> known(std::uint32_t number) noexcept {
    return number == runtime::no_index ? std::nullopt : std::optional(number);
}

/// The operation is about an open file.
bool is_on_file(DiskAction action) noexcept {
    switch (action) {
        case DiskAction::close:
        case DiskAction::truncate:
        case DiskAction::allocate:
        case DiskAction::read:
        case DiskAction::write:
        case DiskAction::sync_file:
        case DiskAction::digest:
            return true;
        default:
            return false;
    }
}

std::uint64_t end_of(const DiskOp& op) noexcept {
    std::uint64_t end = op.offset;
    for (const auto& span : op.into) end += op.action == DiskAction::read ? span.size() : 0;
    for (const auto& span : op.from) end += op.action == DiskAction::write ? span.size() : 0;
    return end;
}

bool moves_bytes(DiskAction action) noexcept { return action == DiskAction::read || action == DiskAction::write; }

}  // namespace

bool must_follow(const DiskOp& first, const DiskOp& second) noexcept {
    if (!is_on_file(first.action) || !is_on_file(second.action) || first.file != second.file) return false;
    if (!moves_bytes(first.action) || !moves_bytes(second.action)) return true;
    if (first.action == DiskAction::read && second.action == DiskAction::read) return false;
    return first.offset < end_of(second) && second.offset < end_of(first);
}

// ---- what gates are asked ----

GateVerdict Gated::ask(GatePoint point, const runtime::Tag& tag, std::string path, std::string_view op,
                       const std::optional<Endpoint>& peer) {
    if (!instruments_->gates.watches(point)) return {};
    const auto keys = gate_points()[static_cast<std::size_t>(point)].keys;
    const auto has = [&](char key) { return keys.find(key) != std::string_view::npos; };
    GateFacts facts;
    facts.time = around_.now();
    facts.node = around_.node;
    if (const auto found = torrents_.find(tag.torrent); has('t') && found != torrents_.end())
        facts.torrent = found->second;
    if (has('p')) facts.piece = known(tag.piece);
    if (has('b')) facts.begin = known(tag.begin);
    if (const auto found = peers_.find(tag.peer); has('a') && found != peers_.end()) facts.peer = found->second;
    if (peer) facts.peer = peer;
    facts.path = std::move(path);
    if (has('o')) facts.op = op;
    return instruments_->gates.ask(point, facts);
}

std::string Gated::path_of(const DiskOp& op) const {
    if (!is_on_file(op.action)) return op.path;
    const auto found = paths_.find(op.file);
    return found == paths_.end() ? std::string() : found->second;
}

GateVerdict Gated::ask_disk(GatePoint point, const DiskOp& op) {
    if (!instruments_->gates.watches(point)) return {};
    return ask(point, op.tag, path_of(op), word(op.action));
}

GateVerdict Gated::ask_start(const Passage& passage) {
    if (passage.kind == Kind::accept) return {};
    if (passage.kind == Kind::announce) return ask_announce(passage);
    if (passage.kind != Kind::disk) return ask(GatePoint::hash_start, passage.op->tag);
    const auto& op = static_cast<const DiskOp&>(*passage.op);
    if (op.tag.purpose == runtime::Purpose::resume_save) return ask(GatePoint::resume_save, op.tag);
    const auto points = points_of(op.action);
    return points ? ask_disk(points->start, op) : GateVerdict{};
}

GateVerdict Gated::ask_announce(const Passage& passage) {
    const auto literal = IpAddress::parse(passage.host);
    const auto& op = static_cast<const runtime::ResolveOp&>(*passage.op);
    return ask(GatePoint::announce_sent, op.tag, {}, {},
               literal ? std::optional(Endpoint{*literal, op.port}) : std::nullopt);
}

GateVerdict Gated::ask_done(const Passage& passage, Errc error) {
    if (passage.kind == Kind::accept) {
        if (error != Errc::ok) return {};
        const auto& op = static_cast<const runtime::AcceptOp&>(*passage.op);
        return ask(GatePoint::peer_accept, op.tag, {}, {}, op.stream->remote());
    }
    if (passage.kind == Kind::announce) return {};
    if (passage.kind != Kind::disk) return ask(GatePoint::hash_done, passage.op->tag);
    const auto& op = static_cast<const DiskOp&>(*passage.op);
    GateVerdict verdict;
    if (const auto points = points_of(op.action)) verdict = ask_disk(points->done, op);
    if (error == Errc::ok) {
        const GateVerdict any = ask_disk(GatePoint::disk_done, op);
        if (verdict.action == GateAction::observe) verdict = any;
    }
    note_files(op, error);
    return verdict;
}

void Gated::note_files(const DiskOp& op, Errc error) {
    if (op.action == DiskAction::close) paths_.erase(op.file);
    const bool opens = op.action == DiskAction::open || op.action == DiskAction::lock;
    if (opens && error == Errc::ok) paths_[op.file] = op.path;
}

// ---- faces ----

// The operation goes to the listener itself, so it passes here without a start.
void Gated::Listener::accept(runtime::AcceptOp& op) {
    if (room_.crashed_) return;
    room_.enter(op, Kind::accept);
    op_ = &op;
    below_->accept(op);
}

void Gated::Listener::close() {
    below_->close();
    if (op_ != nullptr && !room_.crashed_) room_.accept_canceled(*op_);
}

Gated::Listener::~Listener() {
    if (op_ != nullptr) room_.accept_dropped(*op_);
}

// Whoever announces looks up the tracker's name first, also when it is an address: there an announce is still whole.
void Gated::Net::resolve(runtime::ResolveOp& op, std::string_view host) {
    if (op.tag.purpose != runtime::Purpose::announce) return below().resolve(op, host);
    room_.submit(op, Kind::announce, host);
}

Result<std::unique_ptr<runtime::Listener>> Gated::Net::listen(const Endpoint& at) {
    JST_TRY(bound, below().listen(at));
    return std::unique_ptr<runtime::Listener>(std::make_unique<Listener>(room_, std::move(bound)));
}

void Gated::Fan::add(std::unique_ptr<runtime::Probe> probe) {
    if (!probe) return;
    others_.add(*probe);
    owned_.push_back(std::move(probe));
}

void Gated::Fan::point(Point id, const runtime::Tag& tag) {
    if (room_.crashed_) return;
    const GateVerdict verdict = room_.ask(gate_of(id), tag);
    if (verdict.action == GateAction::crash) return room_.crash(verdict.mode);
    others_.point(id, tag);
}

void Gated::Fan::on_torrent(std::uint32_t number, const Sha1Digest& wire_id) {
    const auto bytes = wire_id.view();
    room_.torrents_[number] = std::string(bytes.begin(), bytes.end());
    others_.on_torrent(number, wire_id);
}

void Gated::Fan::on_peer(std::uint32_t number, const Endpoint& address) {
    room_.peers_[number] = address;
    others_.on_peer(number, address);
}

}  // namespace jst::runtime_fault
