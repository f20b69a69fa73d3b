#include "engine/magnet_origin.hpp"

#include "engine/torrent.hpp"

namespace jst::engine {

MagnetOrigin::MagnetOrigin(Torrent& torrent, codec::Magnet link, std::vector<storage::FileWish> wishes)
    : torrent_(torrent), link_(std::move(link)), wishes_(std::move(wishes)) {}

std::string MagnetOrigin::name() const {
    if (!link_.name.empty()) return link_.name;
    return to_hex(link_.hashes.v1 ? link_.hashes.v1->view() : link_.hashes.v2->view());
}

double MagnetOrigin::progress() const noexcept {
    const auto [got, all] = fetch_ ? fetch_->progress() : std::pair<std::uint32_t, std::uint32_t>{0, 0};
    return all == 0 ? 0.0 : static_cast<double>(got) / all;
}

void MagnetOrigin::begin() {
    fetch_ = std::make_unique<MetadataFetch>(torrent_.core(), link_.hashes, *this, torrent_.tag());
}

std::vector<std::uint8_t> MagnetOrigin::wished(const std::vector<std::string>& paths) const {
    return storage::wished_priorities(paths, link_.select_only, wishes_);
}

void MagnetOrigin::on_round_end(bool wanted) {
    if (fetch_ && fetch_->has_ended() && fetch_->is_idle()) fetch_.reset();
    if (wanted && !fetch_) begin();
}

void MagnetOrigin::on_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now) {
    torrent_.take_metadata(std::move(metainfo), now);
}

void MagnetOrigin::on_metadata_error(Errc error, Time now) { torrent_.fail(error, {}, now); }

void MagnetOrigin::on_metadata_liar(const IpAddress& host, Time now) {
    Core& core = torrent_.core();
    core.ban(host, policy::BanReason::bad_data, to_duration(core.settings.ban_duration), now);
}

void MagnetOrigin::on_metadata_idle(Time) { torrent_.core().touch(torrent_); }

}  // namespace jst::engine
