#include "policy/metadata_plan.hpp"

#include <algorithm>
#include <tuple>

#include "base/planted.hpp"

namespace jst::policy {
namespace {

constexpr std::size_t most_late = 16;  // answers that are remembered as still welcome
constexpr std::size_t most_distrusted = 256;

std::uint32_t pieces_in(std::uint32_t size) noexcept {
    return size / MetadataPlan::piece_size + (size % MetadataPlan::piece_size != 0 ? 1 : 0);
}

}  // namespace

// -- facts ------------------------------------------------------------------------------------------------------------

MetadataOffer MetadataPlan::on_offer(PeerKey peer, const IpAddress& host, std::uint32_t size, Time now) {
    if (const Source* known = source(peer)) return known->size == size ? MetadataOffer::known : MetadataOffer::changed;
    if (size == 0 || size > limits_.max_size) return MetadataOffer::too_large;
    Source fresh;
    fresh.peer = peer;
    fresh.host = host;
    fresh.size = size;
    sources_.push_back(std::move(fresh));
    prepare(now);
    return MetadataOffer::taken;
}

bool MetadataPlan::serves(PeerKey peer) const noexcept {
    const Source* const found = const_cast<MetadataPlan*>(this)->source(peer);
    return found != nullptr && found->strikes == 0;
}

void MetadataPlan::on_leave(PeerKey peer, Time now) {
    std::erase_if(sources_, [&](const Source& s) { return s.peer == peer; });
    prepare(now);
}

MetadataArrival MetadataPlan::on_data(PeerKey peer, std::uint32_t piece, std::uint32_t total_size, Time now) {
    Source* const from = source(peer);
    if (from == nullptr) return {};
    const bool asked = std::erase_if(from->asked, [&](const Asked& a) { return a.piece == piece; }) > 0;
    if (!asked && std::erase(from->late, piece) == 0) return {};
    if (total_size != from->size) return {MetadataVerdict::lie, 0};
    from->strikes = 0;
    from->paused_until = now;
    Attempt* const attempt = attempt_of(*from);
    if (attempt == nullptr || !attempt->admitted || attempt->received[piece]) return {MetadataVerdict::redundant, 0};
    attempt->received[piece] = true;
    if (std::find(attempt->from.begin(), attempt->from.end(), from->host) == attempt->from.end())
        attempt->from.push_back(from->host);
    attempt->whole = --attempt->missing == 0;
    return {attempt->whole ? MetadataVerdict::whole : MetadataVerdict::stored, attempt->id};
}

void MetadataPlan::on_reject(PeerKey peer, std::uint32_t piece, Time now) {
    Source* const from = source(peer);
    if (from == nullptr) return;
    if (std::erase_if(from->asked, [&](const Asked& a) { return a.piece == piece; }) == 0) return;
    refuse(*from, now);
    prepare(now);
}

void MetadataPlan::expire(Time now) {
    for (Source& s : sources_) {
        bool overdue = false;
        std::erase_if(s.asked, [&](const Asked& a) {
            if (a.at + limits_.request_timeout > now) return false;
            if (s.late.size() < most_late && std::find(s.late.begin(), s.late.end(), a.piece) == s.late.end())
                s.late.push_back(a.piece);
            overdue = true;
            return true;
        });
        if (overdue) refuse(s, now);
    }
    prepare(now);  // who waited may have a place now
}

void MetadataPlan::refuse(Source& source, Time now) {
    source.paused_until = now + limits_.request_timeout * (std::int64_t{1} << source.strikes);
    source.strikes = std::min(source.strikes + 1, most_strikes);
}

std::vector<IpAddress> MetadataPlan::on_false(std::uint32_t id, Time now) {
    const auto found = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& a) { return a.id == id; });
    if (found == attempts_.end()) return {};
    std::vector<IpAddress> guilty;
    if (found->from.size() == 1)
        guilty = found->from;
    else if (!is_distrusted(found->size) && distrusted_.size() < most_distrusted)
        distrusted_.push_back(found->size);
    attempts_.erase(found);
    dropped_.push_back(id);
    std::erase_if(sources_, [&](const Source& s) { return !guilty.empty() && s.host == guilty.front(); });
    prepare(now);
    return guilty;
}

// -- attempts ---------------------------------------------------------------------------------------------------------

MetadataPlan::Source* MetadataPlan::source(PeerKey peer) noexcept {
    const auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) { return s.peer == peer; });
    return found == sources_.end() ? nullptr : &*found;
}

MetadataPlan::Attempt* MetadataPlan::attempt_of(const Source& source) noexcept {
    const bool distrusted = is_distrusted(source.size);
    const auto found = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& a) {
        return a.size == source.size && (distrusted ? a.alone == source.peer : !a.alone);
    });
    return found == attempts_.end() ? nullptr : &*found;
}

bool MetadataPlan::is_distrusted(std::uint32_t size) const noexcept {
    return std::find(distrusted_.begin(), distrusted_.end(), size) != distrusted_.end();
}

// Every source has an attempt, every attempt a source, and as many are admitted as fit.
void MetadataPlan::prepare(Time now) {
    drop_abandoned();
    for (const Source& s : sources_)
        if (attempt_of(s) == nullptr) add_attempt(s.size, is_distrusted(s.size) ? s.peer : PeerKey{}, now);
    admit(now);
}

void MetadataPlan::add_attempt(std::uint32_t size, PeerKey alone, Time now) {
    Attempt fresh;
    fresh.id = next_attempt_++;
    fresh.size = size;
    fresh.alone = alone;
    fresh.missing = pieces_in(size);
    fresh.received.resize(fresh.missing);
    fresh.began = now;
    attempts_.push_back(std::move(fresh));
}

bool MetadataPlan::is_served(const Attempt& attempt) const noexcept {
    return std::any_of(sources_.begin(), sources_.end(), [&](const Source& s) {
        return s.size == attempt.size && (attempt.alone ? attempt.alone == s.peer : !is_distrusted(s.size));
    });
}

// What nobody who is here works on is kept only while it may still be true and takes nobody's place.
void MetadataPlan::drop_abandoned() {
    std::uint32_t kept = 0;
    std::erase_if(attempts_, [&](const Attempt& a) {
        if (a.whole || is_served(a)) return false;
        const bool of_use = !a.alone && !is_distrusted(a.size) && !a.from.empty() && !contended_;
        if (of_use && kept++ < max_abandoned) return false;
        dropped_.push_back(a.id);
        return true;
    });
}

void MetadataPlan::clear(Attempt& attempt) {
    if (attempt.from.empty()) return;
    dropped_.push_back(attempt.id);
    attempt.id = next_attempt_++;
    attempt.from.clear();
    attempt.missing = pieces_in(attempt.size);
    attempt.received.assign(attempt.missing, false);
}

bool MetadataPlan::works(const Attempt& attempt, Time now) const noexcept {
    return std::any_of(sources_.begin(), sources_.end(), [&](const Source& s) {
        return s.size == attempt.size && (!attempt.alone || attempt.alone == s.peer) && s.paused_until <= now;
    });
}

void MetadataPlan::demote_slow(Time now) {
    for (Attempt& a : attempts_) {
        if (!a.admitted || a.whole || patient_until(a) > now) continue;
        ++a.tries;
        a.admitted = false;
        clear(a);
    }
}

Time MetadataPlan::patient_until(const Attempt& attempt) const noexcept {
    return attempt.began + limits_.request_timeout * (patience << std::min(attempt.tries, most_doublings));
}

void MetadataPlan::admit(Time now) {
    if (contended_) demote_slow(now);
    std::sort(attempts_.begin(), attempts_.end(), [](const Attempt& a, const Attempt& b) {
        const bool a_stays = a.admitted && !a.from.empty();
        const bool b_stays = b.admitted && !b.from.empty();
        return std::tie(b.whole, b_stays, a.tries, a.size, a.id) < std::tie(a.whole, a_stays, b.tries, b.size, b.id);
    });
    std::vector<std::uint32_t> alone;  // the size of each attempt that somebody makes alone just now
    for (const Attempt& a : attempts_)
        if (a.admitted && a.alone && works(a, now)) alone.push_back(a.size);
    contended_ = false;
    std::uint64_t taken = 0;
    for (Attempt& a : attempts_) {
        const bool fits = taken == 0 || taken + a.size <= limits_.max_size;
        const bool has_place = !a.alone || a.admitted || std::count(alone.begin(), alone.end(), a.size) < max_alone;
        const bool admitted = a.whole || (fits && has_place);
        contended_ = contended_ || !admitted;
        if (!admitted) clear(a);
        if (admitted) taken += a.size;
        if (admitted == a.admitted) continue;
        a.admitted = admitted;
        a.began = now;
        if (admitted && a.alone && works(a, now)) alone.push_back(a.size);
    }
}

// -- asking -----------------------------------------------------------------------------------------------------------

void MetadataPlan::count_copies() {
    for (Attempt& a : attempts_) a.copies.assign(a.received.size(), 0);
    for (const Source& s : sources_)
        if (Attempt* const attempt = attempt_of(s))
            for (const Asked& a : s.asked) ++attempt->copies[a.piece];
}

// The first piece that nobody is asked for; when there is none, one that a single other peer is asked for.
std::optional<std::uint32_t> MetadataPlan::next_piece(const Source& source, const Attempt& attempt) {
    std::optional<std::uint32_t> copy;
    if (planted<Plant::metadata_of_one_peer>() && !attempt.from.empty() && attempt.from.front() != source.host)
        return copy;
    for (std::uint32_t piece = 0; piece < attempt.received.size(); ++piece) {
        if (attempt.received[piece]) continue;
        if (attempt.copies[piece] == 0) return piece;
        const bool own =
            std::any_of(source.asked.begin(), source.asked.end(), [&](const Asked& a) { return a.piece == piece; });
        if (!copy && !own && attempt.copies[piece] < max_copies) copy = piece;
    }
    return copy;
}

std::vector<MetadataAsk> MetadataPlan::ask(Time now) {
    std::vector<MetadataAsk> out;
    count_copies();
    // One each in turn, so that several share the work from the first piece on.
    for (std::uint32_t round = 0; round < max_asked; ++round) {
        for (Source& s : sources_) {
            if (s.paused_until > now || s.asked.size() > round) continue;
            Attempt* const attempt = attempt_of(s);
            if (attempt == nullptr || !attempt->admitted || attempt->whole) continue;
            const auto piece = next_piece(s, *attempt);
            if (!piece) continue;
            ++attempt->copies[*piece];
            s.asked.push_back({*piece, now});
            out.push_back({s.peer, *piece});
        }
    }
    return out;
}

Time MetadataPlan::deadline(Time now) const noexcept {
    Time due = Time::never();
    for (const Source& s : sources_) {
        for (const Asked& a : s.asked) due = std::min(due, a.at + limits_.request_timeout);
        if (s.paused_until > now) due = std::min(due, s.paused_until);
    }
    if (contended_)
        for (const Attempt& a : attempts_)
            if (a.admitted && !a.whole) due = std::min(due, patient_until(a));
    return due;
}

// -- questions --------------------------------------------------------------------------------------------------------

std::pair<std::uint32_t, std::uint32_t> MetadataPlan::progress() const noexcept {
    std::pair<std::uint32_t, std::uint32_t> best{0, 0};
    for (const Attempt& a : attempts_) {
        const auto all = static_cast<std::uint32_t>(a.received.size());
        const std::uint32_t got = all - a.missing;
        if (best.second == 0 || std::uint64_t{got} * best.second > std::uint64_t{best.first} * all) best = {got, all};
    }
    return best;
}

std::uint64_t MetadataPlan::held() const noexcept {
    std::uint64_t bytes = 0;
    for (const Attempt& a : attempts_) bytes += std::uint64_t{a.received.size() - a.missing} * piece_size;
    return bytes;
}

std::uint32_t MetadataPlan::asked_of(PeerKey peer) const noexcept {
    const Source* const s = const_cast<MetadataPlan*>(this)->source(peer);
    return s == nullptr ? 0 : static_cast<std::uint32_t>(s->asked.size());
}

}  // namespace jst::policy
