#include "engine/session_parts.hpp"

#include <algorithm>

#include "base/effort.hpp"
#include "base/planted.hpp"
#include "base/undo.hpp"
#include "engine/inquiries.hpp"
#include "engine/kept_settings.hpp"
#include "engine/rivals.hpp"
#include "engine/shedding.hpp"

namespace jst::engine {
namespace {

constexpr int passes_per_round =
    8;  // what a torrent's turn causes in others is done in the same round, but not for ever

std::optional<std::uint32_t> narrow(const Limit& limit) {
    return limit ? std::optional(static_cast<std::uint32_t>(std::min<std::uint64_t>(*limit, 0xFFFFFFFF)))
                 : std::nullopt;
}

policy::PaceLimits paces(const Settings& s) { return {s.slow_torrent_rate, to_duration(s.slow_torrent_time)}; }

/// Does `deed` for each that stands in `list`, once. Where it breaks off, the others wait for the next round.
template <class T, class Deed>
void take_each(Core& core, std::vector<T>& list, Deed&& deed) {
    auto taken = std::exchange(list, {});
    std::size_t done = 0;
    Undo undo([&] {
        core.wake_soon();
        taken.erase(taken.begin(), taken.begin() + static_cast<std::ptrdiff_t>(done));
        list.swap(taken);  // what came meanwhile is done as well
        const std::size_t room = list.capacity() - list.size();
        list.insert(list.end(), taken.begin(),
                    taken.begin() + static_cast<std::ptrdiff_t>(std::min(room, taken.size())));
    });
    while (done < taken.size()) deed(taken[done++]);
    undo.keep();
}

/// Who is slow matters only where somebody may have to wait.
bool measures(const Settings& s) { return s.slow_torrent_rate > 0 && (s.active_downloads || s.active_seeds); }

/// What the session said last, or the torrent itself if that was later.
void take_times(storage::TorrentRecord& record, const storage::SavedTimes& times) {
    record.totals.active_ns = std::max(record.totals.active_ns, times.active_ns);
    record.totals.seeding_ns = std::max(record.totals.seeding_ns, times.seeding_ns);
}

}  // namespace

SessionParts::SessionParts(runtime::Runtime& runtime, Settings settings, const std::string& state_dir,
                           const PeerId& peer_id)
    : initial(settings),
      handles(runtime.disk),
      core(runtime, std::move(settings), peer_id),
      listener(core, *this),
      close_timer(
          core.timers,
          [](Timer& t, Time) {
              auto& parts = t.owner<SessionParts>();
              parts.closed = true;  // cut off
          },
          this),
      pace_timer(core.timers, [](Timer& t, Time now) { t.owner<SessionParts>().judge_paces(now); }, this) {
    if (state_dir.empty()) {
        opened = Result<void>{};
        return;
    }
    store = std::make_unique<StateStore>(runtime.disk, state_dir);
    saver = std::make_unique<Saver>(core, *this, *store);
    store->owner = this;
    store->on_opened = [](StateStore& s, Time now) { static_cast<SessionParts*>(s.owner)->on_state_opened(now); };
    store->on_saved = [](StateStore& s, Time now) { static_cast<SessionParts*>(s.owner)->saver->on_store_saved(now); };
}

SessionParts::~SessionParts() = default;

Torrent* SessionParts::serving(const Sha1Digest& wire_id) {
    const auto found = by_wire_id.find(wire_id);
    Torrent* const torrent = found == by_wire_id.end() ? nullptr : core.torrent(found->second);
    return torrent != nullptr && torrent->takes_peers() ? torrent : nullptr;
}

storage::SessionRecord SessionParts::session_record() const {
    storage::SessionRecord record;
    const Time now = core.now();
    const WallTime wall = core.rt.clock.wall_now();
    const auto at_wall = [&](Time t) { return WallTime{wall.ns + (t.ns - now.ns)}; };
    for (const auto& ban : core.bans.list(now)) {
        const bool for_ever = (Time{wall.ns} + (ban.until - now)).is_never();
        const auto until = for_ever ? std::nullopt : std::optional(at_wall(ban.until));
        record.bans.push_back({ban.host, std::string(word(ban.reason)), at_wall(ban.since), until});
    }
    for (const auto& entry : queue.order())
        if (const Torrent* t = look(entry.torrent)) {
            const auto& hashes = t->hashes();
            record.queue.push_back(to_vector(hashes.v1 ? hashes.v1->view() : hashes.v2->view()));
            const RunningTime times = t->times(now);
            record.times.push_back(
                {static_cast<std::uint64_t>(times.active.ns), static_cast<std::uint64_t>(times.seeding.ns)});
        }
    record.settings = kept_settings(initial, core.settings);
    Counters total = core.counters;
    total += earlier;
    record.totals = totals_of(total, {});
    return record;
}

std::uint64_t SessionParts::seconds_run() const {
    std::uint64_t all = 0;
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) {
        all += static_cast<std::uint64_t>(t->times(core.now()).active.ns / 1'000'000'000);
    });
    return all;
}

Result<TorrentKey> SessionParts::insert(TorrentSetup setup, Time now) {
    const std::uint32_t number = core.numbers++;
    const Sha1Digest wire_id = (setup.metainfo ? setup.metainfo->hashes() : setup.magnet.hashes).wire_id();
    setup.keeps_record = store != nullptr;
    const TorrentKey key = core.torrents.emplace(std::make_unique<Torrent>(core, handles, std::move(setup), number));
    Torrent& torrent = *core.torrent(key);
    Undo undo([&] {  // it can be added later
        queue.remove(key);
        core.torrents.erase(key);
    });
    queue.add(key);
    by_wire_id[wire_id] = key;
    undo.keep();
    if (core.rt.probe != nullptr) core.rt.probe->on_torrent(number, wire_id);
    torrent.on_added(key, now);
    core.places.note(torrent);
    if (store && store->is_open()) open_journal(torrent);
    if (saver) saver->session_changed();
    return key;
}

void SessionParts::open_journal(Torrent& torrent) const {
    const auto& hashes = torrent.hashes();
    torrent.open_journal(store->journal_path(hashes.v1 ? hashes.v1->view() : hashes.v2->view()));
}

void SessionParts::report(const StateProblem& problem) {
    Event event;
    event.error = problem.error;
    event.text = problem.where();
    core.emit(EventKind::record_rejected, {}, std::move(event));
    if (problems.size() < max_problems) problems.push_back(problem);
}

void SessionParts::on_state_opened(Time now) {
    opened = store->is_open() ? Result<void>{} : Result<void>{fail(store->error())};
    for (const auto& problem : store->take_problems()) report(problem);
    if (!store->is_open()) {
        core.is_forgetful = true;
        return core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { t->on_recorded(0, now); });
    }
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { open_journal(*t); });
    saver->allow();
    std::map<ByteVector, storage::SavedTimes> times;
    if (const auto session = store->take_session()) {
        take_session(*session, now);
        for (std::size_t i = 0; i < std::min(session->queue.size(), session->times.size()); ++i)
            times[session->queue[i]] = session->times[i];
    }
    auto journals = store->take_journals();
    for (auto& record : store->take_torrents()) {
        const ByteVector id = to_vector(record.info_hash ? record.info_hash->view() : record.info_hash_v2->view());
        if (const auto passed = times.find(id); passed != times.end()) take_times(record, passed->second);
        auto setup = restored(std::move(record));
        if (!setup) {
            report({store->record_path(id), setup.error(), {}});
            continue;
        }
        const auto& hashes = setup->metainfo ? setup->metainfo->hashes() : setup->magnet.hashes;
        if (const auto journal = journals.find(id); journal != journals.end()) {
            setup->journaled = std::move(journal->second);
            setup->has_journal = true;
        }
        const bool removed = std::find(forgotten.begin(), forgotten.end(), id) != forgotten.end();
        if (removed || by_wire_id.contains(hashes.wire_id())) continue;
        const auto key = insert(std::move(*setup), now);
        if (key && core.closing) core.torrent(*key)->shut_down(now);
    }
    for (const auto& id : std::exchange(forgotten, {})) store->forget(id);
}

void SessionParts::take_session(const storage::SessionRecord& record, Time now) {
    const WallTime wall = core.rt.clock.wall_now();
    const auto at_mono = [&](WallTime t) { return Time{now.ns + (t.ns - wall.ns)}; };
    for (const auto& ban : record.bans) {
        const auto reason =
            ban.reason == word(policy::BanReason::bad_data) ? policy::BanReason::bad_data : policy::BanReason::user;
        // A clock that was put back makes no ban longer than it was.
        const WallTime from = std::max(wall, ban.since);
        if (ban.until && *ban.until <= from) continue;
        const Time until = ban.until ? now + Duration{ban.until->ns - from.ns} : Time::never();
        core.bans.restore({ban.host, reason, at_mono(std::min(wall, ban.since)), until}, now);
    }
    earlier = counters_of(record.totals);
    auto remembered_settings = record.settings;
    std::erase_if(remembered_settings, [&](const auto& one) { return spoken_of.contains(one.name); });
    const Settings kept = with_kept(initial, core.settings, remembered_settings);
    if (kept != core.settings) static_cast<void>(configure(kept));  // listens where it did: that can not fail
}

Result<void> SessionParts::configure(const Settings& settings) {
    const bool rebind = settings.listen != core.settings.listen || settings.listen_port != core.settings.listen_port;
    const auto port_before = core.listen_port;
    if (rebind) JST_TRY_VOID(listener.listen(settings, failed_address));
    core.apply(settings);
    core.close_filtered();
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) {
        t->on_settings(core.now());
        if (core.listen_port != port_before) t->announcer().request(core.now());  // others look for us at the old one
    });
    shed(core, core.now());
    listener.configure(core.now());
    core.place_freed();  // a limit that was raised is as good
    if (saver) saver->session_changed();
    return {};
}

Result<TorrentSetup> SessionParts::restored(storage::TorrentRecord record) const {
    TorrentSetup setup;
    if (record.metainfo.empty()) {
        JST_TRY(magnet, codec::Magnet::parse(record.magnet));
        setup.magnet = std::move(magnet);
    } else {
        codec::MetainfoLimits limits;
        limits.layers_required = false;  // what came from peers has none
        JST_TRY(metainfo, codec::parse_metainfo(record.metainfo, limits));
        JST_TRY(layout, storage::make_layout(metainfo));
        setup.metainfo = std::make_shared<const codec::Metainfo>(std::move(metainfo));
        setup.layout = std::make_shared<const storage::Layout>(std::move(layout));
    }
    setup.wishes = record.wishes;
    setup.save_path = record.save_path;
    setup.wanted = record.wanted;
    record.metainfo = {};  // is made anew when it is saved
    setup.record = std::make_unique<storage::TorrentRecord>(std::move(record));
    return setup;
}

Result<Torrent*> SessionParts::find(TorrentKey key) {
    Torrent* const torrent = core.torrent(key);
    if (torrent == nullptr || torrent->is_removed()) return fail(Errc::removed);
    return torrent;
}

const Torrent* SessionParts::look(TorrentKey key) const {
    const auto* found = core.torrents.find(key);
    return found == nullptr ? nullptr : found->get();
}

const Remembered* SessionParts::recall(TorrentKey key) const {
    const auto found = remembered.find(key);
    return found == remembered.end() ? nullptr : &found->second;
}

void SessionParts::begin_removal(Torrent& torrent, bool delete_files, Time now) {
    const auto& hashes = torrent.hashes();
    by_wire_id.erase(hashes.wire_id());
    queue.remove(torrent.key());
    draining.push_back(torrent.key());
    torrent.remove(delete_files, now);
    const Bytes id = hashes.v1 ? hashes.v1->view() : hashes.v2->view();
    if (store && !store->is_open())
        forgotten.push_back(to_vector(id));
    else if (store && !core.closing)
        store->forget(id);
    if (saver) saver->session_changed();
    core.queue_news.about_all();  // those of the same files wait
}

// -- the end of a round -----------------------------------------------------------------------------------------------

void SessionParts::end_round(Time now) {
    for (int pass = 0; pass < passes_per_round; ++pass) {
        close_banned(now);
        offer_places(now);
        if (core.queue_news.any()) update_queue(now);
        core.inquiries->pump(now);
        if (core.touched_torrents.empty()) break;
        run_touched(now);
    }
    if (!core.touched_torrents.empty() || core.queue_news.any()) core.wake_soon();
    flush_peers(now);
    core.upload_turns.on_round_end(now);
    listener.end_round(now);
    if (core.has_freed_place() && !core.waiting_for_room.empty()) core.wake_soon();
    if (saver) saver->schedule(now);
    take_each(core, core.waiting_for_quiet, [&](TorrentKey key) {
        if (Torrent* const torrent = core.torrent(key)) torrent->continue_move();
    });
    clear_drained(now);
    advance_close(now);
    core.bury_dead();
}

void SessionParts::run_touched(Time now) {
    take_each(core, core.touched_torrents, [&](TorrentKey key) {
        Torrent* const torrent = core.torrent(key);
        if (torrent == nullptr) return;
        torrent->on_round_end(now);
        if (saver && torrent->needs_save() && !torrent->is_removed()) saver->note(torrent->needs_save_now());
    });
}

void SessionParts::close_banned(Time now) {
    take_each(core, core.newly_banned, [&](const IpAddress& host) {
        if (saver) saver->session_changed();
        if (core.links_of(host) == 0) return;
        listener.turn_away_host(host);
        core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) {
            const auto ban = core.bans.find(host, now);
            const bool guilty = ban && ban->reason != policy::BanReason::user;
            t->swarm().close_host(host, guilty ? CloseReason::bad_data : CloseReason::banned, now);
        });
    });
}

void SessionParts::offer_places(Time now) {
    if (!core.take_place_freed()) return;
    auto& waiting = core.waiting_for_room;
    const auto before = std::exchange(waiting, {});
    auto next = before.begin();
    for (; next != before.end() && core.may_dial() && below(core.settings.max_connections, core.connected); ++next)
        if (Torrent* torrent = core.torrent(*next)) torrent->swarm().on_room(now);
    waiting.insert(waiting.begin(), next, before.end());
}

void SessionParts::flush_peers(Time now) {
    take_each(core, core.touched_peers, [&](PeerKey key) {
        Peer* const peer = core.peer(key);
        if (peer == nullptr) return;
        peer->touched = false;
        peer->owner->on_flush(*peer, now);
    });
}

bool SessionParts::overlaps(const Torrent& torrent, const std::vector<TorrentKey>& others) const {
    return std::any_of(others.begin(), others.end(), [&](TorrentKey key) {
        const Torrent* const old = look(key);
        if (old == nullptr || old->number() > torrent.number()) return false;
        const bool same_files = old->save_path() == torrent.save_path() && old->name() == torrent.name();
        return same_files || old->hashes() == torrent.hashes();
    });
}

bool SessionParts::is_refused(Torrent& torrent, Time now) const {
    if (!store || torrent.wish() == policy::Wish::nothing) return false;
    const auto file = reserved_file(torrent, torrent.save_path(), store->dir());
    if (file) torrent.fail(Errc::bad_path, torrent.files().path_of(*file), now);
    return file.has_value();
}

void SessionParts::update_queue(Time now) {
    const auto& s = core.settings;
    const auto news = std::exchange(core.queue_news, {});
    Undo undo([&] { core.queue_news.about_all(); });
    queue.ask(news, [&](TorrentKey key) {
        effort();
        const Torrent* const torrent = core.torrent(key);
        if (torrent == nullptr) return policy::Queue::Answer{};
        const bool may = draining.empty() || !overlaps(*torrent, draining);
        return policy::Queue::Answer{may ? torrent->wish() : policy::Wish::nothing, torrent->place()};
    });
    if (!measures(s)) queue.measure_nobody();
    const auto running = queue.running(
        {narrow(s.active_downloads), narrow(s.active_seeds), narrow(s.active_checks), narrow(s.active_torrents)});
    queue.seat(running, measures(s), now, [&](const policy::QueueEntry& entry) { return moved(entry); });
    const Time next = queue.next_judgement(paces(s));
    if (next.is_never())
        pace_timer.cancel();
    else
        pace_timer.set(next);
    queue.tell([&](const policy::QueueEntry& entry) {
        Torrent* const torrent = core.torrent(entry.torrent);
        if (torrent == nullptr || (entry.seated != policy::Wish::nothing && is_refused(*torrent, now))) return false;
        torrent->set_place(entry.seated, now);
        return true;
    });
    undo.keep();
}

std::uint64_t SessionParts::moved(const policy::QueueEntry& entry) const {
    Torrent* const torrent = core.torrent(entry.torrent);
    if (torrent == nullptr) return 0;
    return entry.seated == policy::Wish::seed ? torrent->counters().payload_sent : torrent->counters().payload_received;
}

void SessionParts::judge_paces(Time now) {
    const auto limits = paces(core.settings);
    if (queue.judge(limits, now, [&](const policy::QueueEntry& entry) { return moved(entry); }))
        core.queue_news.about_order();
    const Time next = queue.next_judgement(limits);
    if (!next.is_never()) pace_timer.set(next);
}

void SessionParts::clear_drained(Time now) {
    if (draining.empty()) return;
    std::vector<TorrentKey> left;  // the older first
    for (const TorrentKey key : std::exchange(draining, {})) {
        Torrent* const torrent = core.torrent(key);
        if (torrent == nullptr) continue;
        // Who writes to the same files and was there before has to be done first, or would make them anew. With
        // operations out it waits in any case: thousands on a disk that hangs are not compared with each other.
        if (!torrent->is_quiet() || overlaps(*torrent, left) || !finish_draining(*torrent, now)) left.push_back(key);
    }
    draining.insert(draining.begin(), left.begin(), left.end());
}

bool SessionParts::finish_draining(Torrent& torrent, Time now) {
    const TorrentKey key = torrent.key();
    torrent.continue_removal(now);
    if (!torrent.is_drained() || (saver && saver->is_busy_with(key))) return false;
    torrent.finish_removal(now);
    Remembered& last = remembered[key];
    last = {torrent.status(now),   torrent.shared_metainfo(),       torrent.piece_states(),
            torrent.file_status(), torrent.announcer().status(now), torrent.limits()};
    if (remembered.size() > max_remembered) remembered.erase(remembered.begin());
    core.emit(EventKind::torrent_removed, key, {});
    core.torrents.erase(key);
    core.places.forget(key);
    core.queue_news.about_all();  // those of the same files may go on
    core.wake_soon();
    return true;
}

// -- closing ----------------------------------------------------------------------------------------------------------

bool SessionParts::is_idle() const noexcept {
    bool quiet = core.graveyard.empty() && core.dead.empty() && core.peers.empty();
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { quiet = quiet && t->is_quiet(); });
    return quiet && core.inquiries->is_settled() && handles.is_idle() && (!store || store->is_idle()) &&
           (!saver || !saver->is_busy());
}

void SessionParts::advance_close(Time now) {
    if (!core.closing || closed) return;
    if (!core.graveyard.empty()) core.bury_dead();
    if (core.inquiries->is_quiet()) core.inquiries->close_sockets();
    bool quiet = core.peers.empty();
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { quiet = quiet && t->is_quiet(); });
    if (!quiet || (store && store->is_loading())) return;  // what was added meanwhile is saved after the rest is known
    if (saver && store->is_open()) {
        if (!last_save) {
            last_save = saver->request();
            saver->schedule(now);
            return core.wake_soon();
        }
        // A torrent that failed meanwhile may have begun another.
        if (saver->done() < *last_save || saver->is_busy()) return;
        saver->stop();
    }
    if (store) store->close();
    const bool idle = planted<Plant::closed_too_soon>() || (is_idle() && listener.is_idle());
    if (!idle) return;  // the lock is given up, files and links are closed
    closed = true;
    closed_cleanly = !store || !store->save_error();
    close_timer.cancel();
}

}  // namespace jst::engine
