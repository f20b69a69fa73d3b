#include "engine/state_store.hpp"

#include <algorithm>
#include <new>

#include "base/check.hpp"
#include "base/undo.hpp"
#include "engine/state_load.hpp"

namespace jst::engine {

using runtime::DiskAction;

namespace {

constexpr std::string_view session_name = "session.jst";

bool is_in_the_way(Errc error) noexcept {
    return error == Errc::not_a_file || error == Errc::is_directory || error == Errc::symlink ||
           error == Errc::permission;
}

Bytes hash_of(const storage::TorrentRecord& record) {
    JST_CHECK(record.info_hash || record.info_hash_v2, "a record without a name");
    return record.info_hash ? record.info_hash->view() : record.info_hash_v2->view();
}

}  // namespace

// Writing: opened -> emptied -> written -> synced -> closed -> renamed -> the directory synced. Deleting: unlinked ->
// the directory synced. One at a time: records are small, and the disk orders them anyway.
struct StateStore::Save {
    bool active = false;
    bool releasing = false;  // the operation gives up the lock
    bool clearing = false;   // ... takes away what has the name of the file
    bool cleared = false;    // that was tried
    std::string name;
    Pending what;
    Bytes from;
    Errc failure = Errc::ok;
    runtime::DiskOp op;
};

StateStore::StateStore(runtime::Disk& disk, std::string dir)
    : disk_(disk), dir_(std::move(dir)), save_(std::make_unique<Save>()) {
    while (dir_.size() > 1 && dir_.back() == '/') dir_.pop_back();
}

StateStore::~StateStore() = default;

std::string StateStore::record_name(Bytes info_hash) { return to_hex(info_hash) + ".jst"; }

void StateStore::open() {
    JST_CHECK(!load_, "a state_dir is opened twice");
    load_ = std::make_unique<Load>(disk_, dir_);
    load_->owner = this;
    load_->on_done = [](Sweep& sweep, Time now) { static_cast<StateStore*>(sweep.owner)->finish_open(now); };
    load_->start();
}

void StateStore::finish_open(Time now) {
    error_ = load_->error();
    error_path_ = load_->error_path();
    open_ = error_ == Errc::ok;
    lock_ = load_->lock();
    torrents_ = load_->torrents();
    session_ = std::move(load_->session);
    problems_ = std::move(load_->problems);
    journals_ = std::move(load_->journals);
    if (closing_ || !open_) release_lock();
    if (on_opened != nullptr) on_opened(*this, now);
}

void StateStore::save(const storage::TorrentRecord& record, const runtime::Tag& tag) {
    runtime::Tag named = tag;
    named.purpose = runtime::Purpose::resume_save;
    enqueue("torrents/" + record_name(hash_of(record)), storage::encode(record), named);
}

void StateStore::save(const storage::SessionRecord& record) {
    enqueue(std::string(session_name), storage::encode(record));
}

void StateStore::forget(Bytes info_hash) { enqueue("torrents/" + record_name(info_hash), std::nullopt); }

void StateStore::enqueue(const std::string& name, std::optional<ByteVector> bytes, const runtime::Tag& tag) {
    JST_CHECK(open_ && !closing_, "a state_dir that is not open is written to");
    const auto [entry, fresh] = pending_.try_emplace(name);
    if (fresh) {
        Undo undo([&] { pending_.erase(entry); });  // one is not without the other
        order_.emplace(tickets_ + 1, name);
        undo.keep();
        entry->second.ticket = tickets_ + 1;
    }
    ++tickets_;
    entry->second.bytes = std::move(bytes);
    entry->second.tag = tag;
    pump();
}

void StateStore::pump() {
    if (save_->active) return;
    if (pending_.empty()) {
        if (closing_) release_lock();
        return;
    }
    // The one that waits longest.
    const auto waiting = pending_.find(order_.begin()->second);
    std::string path = dir_ + '/' + waiting->first;
    const std::size_t prefix = path.rfind('/');  // what has the name of a record may be a link
    if (waiting->second.bytes) path += ".tmp";
    save_->active = true;  // all that may throw lies above
    save_->name = std::move(order_.begin()->second);
    save_->what = std::move(waiting->second);
    save_->failure = Errc::ok;
    save_->clearing = save_->cleared = false;
    order_.erase(order_.begin());
    pending_.erase(waiting);
    save_->op.path = std::move(path);
    save_->op.tag = save_->what.tag;
    save_->op.trusted_prefix = prefix;
    if (save_->what.bytes) {
        save_->op.mode = runtime::OpenMode::create;
        submit_save(DiskAction::open);
    } else {
        submit_save(DiskAction::unlink);
    }
}

void StateStore::submit_save(DiskAction action) {
    save_->op.on_done = on_save_op;
    save_->op.owner = this;
    save_->op.action = action;
    // Syncing is slow: never on the engine thread.
    save_->op.bulk = true;
    disk_.submit(save_->op);
}

void StateStore::on_save_op(runtime::Op& op, Time now) {
    StateStore& store = *static_cast<StateStore*>(op.owner);
    if (!store.save_->releasing) {
        try {
            return store.advance_save(now);
        } catch (const std::bad_alloc&) {  // an error of this save as any other
        }
        return store.break_off(now);
    }
    store.save_->releasing = false;
    store.save_->active = false;
}

void StateStore::advance_save(Time now) {
    runtime::DiskOp& op = save_->op;
    ++num_answers_;
    op.tag.purpose = runtime::Purpose::none;  // its first operation began the save
    if (clear_the_way()) return;
    const bool gone = op.action == DiskAction::unlink && op.error == Errc::not_found;
    if (op.error != Errc::ok && !gone) {
        if (save_->failure == Errc::ok) save_->failure = op.error;
        const bool is_open =
            op.action == DiskAction::truncate || op.action == DiskAction::write || op.action == DiskAction::sync_file;
        return is_open ? submit_save(DiskAction::close) : end_save(save_->failure, now);
    }
    switch (op.action) {
        case DiskAction::open:
            op.offset = 0;
            return submit_save(DiskAction::truncate);
        case DiskAction::truncate:
            save_->from = *save_->what.bytes;
            op.from = std::span(&save_->from, 1);
            return submit_save(DiskAction::write);
        case DiskAction::write:
            return submit_save(DiskAction::sync_file);
        case DiskAction::sync_file:
            return submit_save(DiskAction::close);
        case DiskAction::close:
            if (save_->failure != Errc::ok) return end_save(save_->failure, now);
            op.path_to = dir_ + '/' + save_->name;
            return submit_save(DiskAction::rename);
        case DiskAction::rename:
        case DiskAction::unlink:
            op.path = dir_ + '/' + save_->name;
            op.path.resize(op.path.rfind('/'));
            return submit_save(DiskAction::sync_dir);
        default:
            return end_save(Errc::ok, now);
    }
}

// A pipe, a link or an empty directory has the name that the record is written under, which is ours alone: it goes.
// When that is not enough, opening once more says why.
bool StateStore::clear_the_way() {
    if (std::exchange(save_->clearing, false)) {
        submit_save(DiskAction::open);
        return true;
    }
    const bool clears =
        save_->op.action == DiskAction::open && is_in_the_way(save_->op.error) && !std::exchange(save_->cleared, true);
    if (!clears) return false;
    save_->clearing = true;
    submit_save(save_->op.error == Errc::is_directory ? DiskAction::rmdir : DiskAction::unlink);
    return true;
}

void StateStore::break_off(Time now) {
    if (save_->active && !save_->op.pending) return end_save(Errc::out_of_memory, now);
    pump();
    if (on_saved != nullptr) on_saved(*this, now);
}

void StateStore::end_save(Errc error, Time now) {
    save_->active = false;
    if (error == Errc::ok) {
        save_errors_.erase(save_->name);
    } else {
        save_errors_[save_->name] = {fail(error), dir_ + '/' + save_->name};
    }
    save_->what = {};
    const std::uint64_t reached = order_.empty() ? tickets_ : order_.begin()->first - 1;
    const bool grew = reached > done_;
    done_ = std::max(done_, reached);
    pump();
    if (grew && on_saved != nullptr) on_saved(*this, now);
}

std::optional<std::pair<Error, std::string>> StateStore::save_error() const {
    if (save_errors_.empty()) return std::nullopt;
    return save_errors_.begin()->second;
}

bool StateStore::has_failed(Bytes info_hash) const {
    return save_errors_.contains("torrents/" + record_name(info_hash));
}

bool StateStore::has_session_failed() const { return save_errors_.contains(std::string(session_name)); }

std::string StateStore::journal_path(Bytes info_hash) const {
    return dir_ + "/torrents/" + to_hex(info_hash) + std::string(journal_suffix);
}

bool StateStore::is_loading() const noexcept { return load_ && load_->is_running(); }

void StateStore::close() {
    closing_ = true;
    if (open_) pump();
}

void StateStore::release_lock() {
    if (!lock_ || save_->active) return;
    save_->active = true;
    save_->releasing = true;
    save_->op.tag = {};
    save_->op.file = std::exchange(lock_, {});
    open_ = false;
    submit_save(DiskAction::close);
}

bool StateStore::is_idle() const noexcept {
    return !save_->active && pending_.empty() && (!load_ || !load_->is_running()) && !(closing_ && lock_);
}

}  // namespace jst::engine
