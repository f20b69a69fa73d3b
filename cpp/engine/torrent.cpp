#include "engine/torrent.hpp"

#include <algorithm>

#include "base/effort.hpp"
#include "base/planted.hpp"
#include "engine/rivals.hpp"

namespace jst::engine {
namespace {

policy::Geometry geometry_of(const codec::Metainfo* m) {
    return m == nullptr ? policy::Geometry{} : policy::Geometry{m->num_pieces(), m->piece_length(), m->total_size()};
}

/// Before the metadata there are no files; the part file is called as it will be.
std::shared_ptr<const storage::Layout> layout_of(TorrentSetup& setup) {
    if (setup.layout) return std::move(setup.layout);
    storage::Layout none;
    none.hashes = setup.magnet.hashes;
    return std::make_shared<const storage::Layout>(std::move(none));
}

/// Also when a rule is broken on the way.
template <class F>
struct Finally {
    explicit Finally(F f) : then(std::move(f)) {}
    ~Finally() { then(); }
    F then;
};

}  // namespace

Torrent::Torrent(Core& core, HandleCache& handles, TorrentSetup setup, std::uint32_t number)
    : core_(core),
      number_(number),
      metainfo_(std::move(setup.metainfo)),
      geometry_(geometry_of(metainfo_.get())),
      files_(core.rt.disk, handles, layout_of(setup), std::move(setup.save_path), number),
      download_(core, files_, metainfo_.get(), geometry_, counters_, *this, number),
      conversation_(core, *this),
      swarm_(core, *this),
      announcer_(core, *this, std::move(setup.trackers)),
      books_(core.rt.disk, tag(), setup),
      wanted_(setup.wanted),
      keeps_record_(setup.keeps_record),
      sequential_(setup.sequential),
      record_(std::move(setup.record)),
      file_priorities_(std::move(setup.file_priorities)),
      web_seeds_(std::move(setup.web_seeds)),
      added_at_(core.unix_now()),
      times_{{}, {}, core.now()},
      running_since_(core.now()) {
    files_.watcher = this;
    files_.set_reserving(core.settings.allocation != "sparse");
    files_.on_begin = [](void* watcher) { return static_cast<Torrent*>(watcher)->disk_begins(); };
    file_priorities_.resize(files_.num_files(), storage::default_priority);
    if (!metainfo_) {
        origin_ = std::make_unique<MagnetOrigin>(*this, std::move(setup.magnet), std::move(setup.wishes));
        origin_->begin();
    }
    if (record_) {
        restore(*record_);
        dirty_ = urgent_ = false;  // it is on disk
    }
    apply_priorities();
}

Torrent::~Torrent() = default;

Upload& Torrent::upload() {
    if (!upload_) upload_ = std::make_unique<Upload>(core_, files_, geometry_, throttle(), *this, number_);
    return *upload_;
}

Alarms& Torrent::alarms() {
    if (alarms_) return *alarms_;
    alarms_.reset(new Alarms{{core_.timers, [](Timer& t, Time now) { t.owner<Torrent>().update_state(now); }, this},
                             {core_.timers, [](Timer& t, Time now) { t.owner<Torrent>().watch_goals(now); }, this}});
    alarms_->stall.tag = alarms_->goal.tag = tag();
    return *alarms_;
}

/// Of an idle torrent: what only a busy one needs is made when it is needed (FileWork, Swarm::Company).
static_assert(sizeof(Torrent) <= 1280, "each torrent of thousands that wait for peers pays for this");

runtime::Tag Torrent::tag() const noexcept {
    runtime::Tag tag;
    tag.torrent = number_;
    return tag;
}

const codec::InfoHashes& Torrent::hashes() const noexcept {
    return metainfo_ ? metainfo_->hashes() : origin_->link().hashes;
}

bool Torrent::uploads_allowed() const noexcept {
    return networking_ && knows_pieces() && wanted_ == storage::WantedState::running;
}

void Torrent::on_added(TorrentKey key, Time now) {
    key_ = key;
    state_ = derive_state(now);
    core_.queue_news.about(key_);
    core_.touch(*this);
    // Paused, it waits for no place in the queue.
    if (wants_move() || (!metainfo_ && wanted_ == storage::WantedState::paused)) evaluate(now);
}

// -- commands ---------------------------------------------------------------------------------------------------------

void Torrent::set_wanted(storage::WantedState wanted, Time now) {
    if (removed_) return;
    if (trouble_) trouble_->retry.on_user();
    leave_error();
    const bool started = wanted_ == storage::WantedState::stopped && wanted == storage::WantedState::running;
    if (started) announcer_.request(now);  // a back-off of before is no answer to a user
    wanted_ = wanted;
    dirty_ = urgent_ = true;
    // Paused, it kept its links without a place in the queue: it keeps them until the queue has said whether it gets
    // one.
    if (networking_ && wanted == storage::WantedState::running && !has_place()) place_ = policy::Wish::download;
    evaluate(now);
}

void Torrent::recheck(Time now) {
    books_.check_all = true;
    if (trouble_) trouble_->retry.on_user();
    leave_error();
    record_.reset();
    if (phase_ == Phase::checking) work_.cancel_check();
    if (phase_ == Phase::ready) phase_ = Phase::unchecked;
    evaluate(now);
}

void Torrent::remove(bool delete_files, Time now) {
    if (removed_) return;
    removed_ = true;
    delete_files_ = delete_files;
    if (books_.journal) books_.journal->drop();
    evaluate(now);
}

void Torrent::shut_down(Time now) {
    shut_down_ = true;
    evaluate(now);
    if (books_.journal) books_.journal->end();
}

void Torrent::set_place(policy::Wish place, Time now) {
    if (place_ == place) return;
    place_ = place;
    evaluate(now);
}

policy::Wish Torrent::wish() const noexcept {
    if (removed_ || shut_down_ || error_ || wanted_ == storage::WantedState::stopped) return policy::Wish::nothing;
    const bool paused = wanted_ == storage::WantedState::paused;
    if (!metainfo_) return paused ? policy::Wish::nothing : policy::Wish::download;
    if (phase_ != Phase::ready) return policy::Wish::check;
    if (paused) return policy::Wish::nothing;
    return complete_ ? policy::Wish::seed : policy::Wish::download;
}

void Torrent::set_file_priorities(std::span<const storage::FilePriority> priorities, Time now) {
    for (const auto& [file, priority] : priorities) file_priorities_[file.value] = priority;
    dirty_ = urgent_ = true;
    apply_priorities();
    for (const auto& [file, priority] : priorities) drop_half_done(file, now);
    if (phase_ == Phase::ready) files_made_ = files_to_make().empty();
    update_completion(now);
    if (const auto file =
            phase_ != Phase::ready || complete_ ? std::nullopt : contested_file(core_, *this, file_priorities_))
        return fail(Errc::exists, files_.path_of(*file), now);
    evaluate(now);
}

void Torrent::set_piece_priority(PieceIndex piece, std::uint8_t priority, Time now) {
    auto& priorities = piece_priorities_.own();
    if (priorities.empty()) priorities.assign(geometry_.num_pieces, storage::as_the_files_say);
    priorities[piece.value] = priority;
    dirty_ = urgent_ = true;
    download_.set_priority(piece, priority, now);  // it overrules the files
    update_completion(now);
    evaluate(now);
}

void Torrent::on_unparked(Time now) {
    dirty_ = urgent_ = true;
    const Unparking& unparking = *work_.unparking;
    if (unparking.error() != Errc::ok) return fail(unparking.error(), unparking.error_path(), now);
    update_completion(now);
    evaluate(now);
}

// Files decide, the user's word for a single piece overrules them; bytes of skipped files go to the part file.
void Torrent::apply_priorities() {
    std::vector<bool> skipped(file_priorities_.size());
    for (std::size_t i = 0; i < skipped.size(); ++i) skipped[i] = file_priorities_[i] == 0;
    files_.set_skipped(skipped);
    effort(file_priorities_.size() + geometry_.num_pieces);
    auto priorities = storage::piece_priorities(files_.map(), file_priorities_);
    for (std::size_t i = 0; i < piece_priorities_->size(); ++i)
        if ((*piece_priorities_)[i] != storage::as_the_files_say) priorities[i] = (*piece_priorities_)[i];
    for (std::uint32_t i = 0; i < geometry_.num_pieces; ++i)
        download_.set_priority(PieceIndex{i}, priorities[i], core_.now());
}

void Torrent::set_sequential(bool on) {
    sequential_ = on;
    dirty_ = urgent_ = true;
    download_.set_sequential(on || core_.settings.piece_order == "sequential");
}

void Torrent::set_limits(const TorrentLimits& limits, Time now) {
    limits_ = limits;
    dirty_ = urgent_ = true;
    throttle().down.set_rate(limits.download_rate_limit, now);
    throttle().up.set_rate(limits.upload_rate_limit, now);
    swarm_.configure();
    watch_goals(now);
    conversation_.on_rates();
    evaluate(now);
    if (networking_) swarm_.dial_more(now);
}

void Torrent::set_trackers(std::vector<std::vector<std::string>> tiers, Time now) {
    announcer_.set_tiers(std::move(tiers), now);
    dirty_ = urgent_ = true;
}

void Torrent::set_web_seeds(std::vector<std::string> urls) {
    web_seeds_ = std::move(urls);
    dirty_ = urgent_ = true;
}

void Torrent::on_settings(Time now) {
    if (fetch() != nullptr) fetch()->configure(swarm_.links(), now);
    files_.set_reserving(core_.settings.allocation != "sparse");
    if (phase_ == Phase::ready) files_made_ = files_to_make().empty();
    download_.configure();
    set_sequential(sequential_);
    swarm_.configure();
    watch_goals(now);
    conversation_.on_rates();
    evaluate(now);
    if (networking_) swarm_.dial_more(now);
}

// -- the parts in line with the facts ---------------------------------------------------------------------------------

bool Torrent::may_run() const noexcept {
    return !removed_ && !shut_down_ && !error_ && !wants_move() && wanted_ != storage::WantedState::stopped;
}

// A stopped torrent that comes back looks once: where its files are as they were, it says what it has.
bool Torrent::may_look() const noexcept {
    if (!metainfo_ || phase_ != Phase::unchecked || !download_.is_idle() || work_.is_looking() || work_.is_checking())
        return false;
    if (may_run()) return has_place();
    return wanted_ == storage::WantedState::stopped && record_ && !books_.looked && !removed_ && !shut_down_ &&
           !error_ && !wants_move();
}

// Who had no network had no file open either: others may have changed them.
bool Torrent::may_glance(Time now) const noexcept {
    return phase_ == Phase::ready && !networking_ && now - books_.closed_since >= unwatched_after &&
           download_.is_idle() && !work_.is_running();
}

void Torrent::evaluate(Time now) {
    if (evaluating_) return;
    evaluating_ = true;
    const Finally done([this] { evaluating_ = false; });
    const bool run = may_run();
    const bool talks = phase_ == Phase::ready || !metainfo_;
    // A place for a check is none for traffic: the queue says in this round whether it gets that as well, and links
    // that outlived the check stay until then.
    const bool may_move = has_place() && (place_ != policy::Wish::check || !metainfo_ || networking_);
    const bool in_place = run && (may_move || (wanted_ == storage::WantedState::paused && talks));
    if (!run || (rereads() && phase_ != Phase::ready)) work_.cancel_check();
    fetched_ = fetched_ && run && phase_ != Phase::ready;
    if (may_look()) begin_look();
    const bool goes = (in_place && talks) || fetched_;
    if (goes && may_glance(now)) begin_look();
    const bool network = goes && !is_glancing();
    const bool before = std::exchange(networking_, network);
    if (before && !network) books_.closed_since = now;
    const bool running = network && wanted_ == storage::WantedState::running && phase_ == Phase::ready;
    if (!running && !planted<Plant::pause_goes_on>()) stop_traffic(network, now);
    if (before && !network) swarm_.stop(stop_reason(), now);
    if (!network) {
        download_.suspend(error_ || removed_ ? Keep::nothing : Keep::on_disk, now);
        files_.close_files();
    }
    if (network && !before) swarm_.start(now);
    steer_announcer(network, now);
    if (running) start_traffic(now);
    check_doubted(now);
    if (!removed_ && wants_move()) begin_move();
    if (phase_ == Phase::ready && books_.says_writing && !may_write()) dirty_ = urgent_ = true;
    core_.queue_news.about(key_);
    set_state(derive_state(now), now);
    core_.touch(*this);
}

// What takes the network away for a while trackers need not hear of: files that are checked or moved, an error after
// which it tries again by itself.
void Torrent::steer_announcer(bool network, Time now) {
    if (network) return announcer_.run(now);
    const bool tries_again = trouble_ && trouble_->again.is_set();
    const bool stays = !removed_ && !shut_down_ && wanted_ != storage::WantedState::stopped &&
                       (tries_again || (!error_ && has_place()));
    if (stays)
        announcer_.hold();
    else
        announcer_.stop(now);
}

CloseReason Torrent::stop_reason() const noexcept {
    if (removed_) return CloseReason::removed;
    return shut_down_ ? CloseReason::shutdown : CloseReason::stopped;
}

void Torrent::stop_traffic(bool keep, Time now) {
    if (keep)
        download_.suspend(Keep::in_memory, now);
    else
        download_.suspend(error_ || removed_ ? Keep::nothing : Keep::on_disk, now);
    for (const PeerKey key : std::vector<PeerKey>(swarm_.links())) {
        Peer* const peer = core_.peer(key);
        if (peer == nullptr || !peer->is_connected()) continue;
        swarm_.choke(*peer, true, now);
        download_.update_interest(*peer);
    }
}

void Torrent::start_traffic(Time now) {
    if (is_download_barred())
        download_.suspend(Keep::in_memory, now);
    else if (!complete_)
        download_.allow();
    if (!files_made_ && !work_.is_making()) begin_making();
    download_.refill_all(now);
    swarm_.rechoke(now);
    watch_goals(now);
}

// Wanted files of zero bytes, and all others that miss something when their space is to be taken at the start. Nothing:
// none.
std::vector<bool> Torrent::files_to_make() const {
    const bool full = core_.settings.allocation == "full";
    std::vector<bool> flags(file_priorities_.size());
    bool any = false;
    for (std::uint32_t f = 0; f < flags.size(); ++f) {
        const FileIndex file{f};
        if (file_priorities_[f] == 0 || !files_.layout().files[f].on_disk || files_.is_made(file)) continue;
        flags[f] = files_.layout().is_empty_file(f) ? !files_.exists(file) : full && file_pieces_left_[f] > 0;
        any = any || flags[f];
    }
    return any ? flags : std::vector<bool>{};
}

void Torrent::own(Peer& peer) {
    peer.owner = &conversation_;
    peer.torrent = key_;
    peer.torrent_number = number_;
    peer.torrent_counters = &counters_;
    peer.timer.tag = peer.tag();
    peer.link->name(peer.tag());
}

void Torrent::on_leave(Peer& peer, Time now) {
    const auto& c = peer.traffic.counters;
    const std::uint64_t uncounted = peer.wire.payload_received() - c.payload_received;
    peer.count(&Counters::payload_received, uncounted);  // of a block that never became whole
    peer.count(&Counters::payload_discarded, uncounted);
    download_.on_leave(peer, now);
    if (upload_) upload_->on_leave(peer);
    conversation_.forget_early(peer);
    if (fetch() != nullptr) fetch()->on_leave(peer, now);
}

void Torrent::on_round_end(Time now) {
    touched = false;
    if (origin_) origin_->on_round_end(networking_ && !metainfo_);
    if (origin_ && metainfo_ && origin_->fetch() == nullptr) origin_.reset();
    download_.free_ended();
    work_.free_ended();
    if (books_.journal) books_.journal->flush();
    if (download_.take_parked_changed() && !networking_) dirty_ = urgent_ = true;
    // What waited for the pieces that were under way.
    if (may_look()) evaluate(now);
    if (removed_ && is_quiet()) finish_files();
    if (downloads_allowed() && download_.is_hungry()) download_.refill_all(now);
    if (download_.take_memory_freed()) conversation_.read_on();
    swarm_.judge_interest(now);
    if (swarm_.wants_dial(now)) swarm_.dial_more(now);
    update_state(now);
    if (trouble_ && trouble_->is_over()) trouble_.reset();
    if (alarms_ && !alarms_->stall.is_set() && !alarms_->goal.is_set()) alarms_.reset();
}

bool Torrent::is_throttled(Time now) {
    const auto short_of = [&](policy::RateLimit& limit) { return limit.is_limited() && limit.available(now) == 0; };
    return short_of(core_.throttle.down) || short_of(throttle().down);
}

// -- what its parts report --------------------------------------------------------------------------------------------

void Torrent::on_piece_verified(PieceIndex piece, Time now) {
    if (removed_) return core_.touch(*this);  // nobody hears of it any more
    dirty_ = true;
    if (trouble_) trouble_->doubted.clear(piece);
    if (books_.journal) books_.journal->note(piece);
    Event event;
    event.block.piece = piece;
    if (!planted<Plant::piece_not_told>()) core_.emit(EventKind::piece_completed, key_, std::move(event));
    conversation_.announce_have(piece, now);
    note_file_progress(piece);
    update_completion(now);
    core_.touch(*this);
}

void Torrent::on_piece_failed(PieceIndex piece, std::vector<Endpoint> from, Time) {
    Event event;
    event.block.piece = piece;
    event.addresses = std::move(from);
    core_.emit(EventKind::piece_failed, key_, std::move(event));
    core_.touch(*this);
}

// What was under way when it failed, or was to be checked, ends with errors of its own: all is looked at then.
void Torrent::on_download_error(Errc error, const std::string& where, Time now) {
    if (phase_ != Phase::ready) return core_.touch(*this);
    fail(error, where, now);
}

void Torrent::on_guilty(const IpAddress& host, Time now) {
    if (planted<Plant::liar_not_banned>()) return;
    core_.ban(host, policy::BanReason::bad_data, to_duration(core_.settings.ban_duration), now);
}

void Torrent::on_download_idle(Time now) {
    if (networking_)
        core_.touch(*this);
    else
        evaluate(now);
}

void Torrent::on_made(Time now) {
    const Errc error = work_.making->error();
    if (error != Errc::ok && error != Errc::canceled) return fail(error, work_.making->error_path(), now);
    files_made_ = files_to_make().empty();  // or what became wanted meanwhile is next
    update_completion(now);
    evaluate(now);
}

void Torrent::update_completion(Time now) {
    if (phase_ != Phase::ready) return;
    pump_unparking();
    const bool all = download_.picker().is_complete() && files_made_ && !files_.leaving();
    if (all == complete_) return;
    account_time(now);
    complete_ = all;
    core_.queue_news.about(key_);
    if (all && !completed_at_) completed_at_ = core_.unix_now();
    dirty_ = urgent_ = true;
    announcer_.on_completion(has_all(), now);
    if (!all) announcer_.want_more(now);
    swarm_.configure();
    if (networking_) {
        if (all) {
            download_.suspend(Keep::in_memory, now);
            for (const PeerKey key : std::vector<PeerKey>(download_.peers))
                if (Peer* peer = core_.peer(key)) download_.update_interest(*peer);
            if (download_.have().all()) swarm_.close_seeds(now);
        } else if (wanted_ == storage::WantedState::running) {
            download_.allow();
            download_.refill_all(now);
            swarm_.dial_more(now);
        }
    }
    watch_goals(now);
    update_state(now);
}

}  // namespace jst::engine
