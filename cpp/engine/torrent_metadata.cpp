// Torrent's beginning as a magnet link: what it is called, and the moment when the metadata is there.
#include "engine/torrent.hpp"

namespace jst::engine {

std::string Torrent::magnet() const {
    codec::Magnet link;
    link.hashes = hashes();
    link.name = metainfo_ ? metainfo_->name() : origin_->link().name;
    for (const auto& tier : announcer_.tiers()) link.trackers.insert(link.trackers.end(), tier.begin(), tier.end());
    link.web_seeds = *web_seeds_;
    return link.to_string();
}

Bytes Torrent::shared_info() const noexcept {
    return metainfo_ && !metainfo_->is_private() ? metainfo_->info_bytes() : Bytes();
}

void Torrent::take_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now) {
    if (metainfo_ || removed_) return;
    if (fetch() != nullptr) fetch()->end();
    if (metainfo->version() == codec::MetainfoVersion::v2) return fail(Errc::not_supported, {}, now);
    auto layout = storage::make_layout(*metainfo);
    if (!layout) return fail(layout.error().code, {}, now);
    codec::Envelope envelope = metainfo->envelope();
    envelope.trackers = announcer_.tiers();
    envelope.web_seeds = *web_seeds_;
    auto known = std::make_shared<const codec::Metainfo>(metainfo->with_envelope(std::move(envelope)));
    const policy::Geometry geometry{known->num_pieces(), known->piece_length(), known->total_size()};
    policy::PiecePicker picker(geometry);
    std::vector<std::string> paths;
    for (const auto& file : layout->files) paths.push_back(file.path);
    auto priorities = origin_->wished(paths);
    files_.lay_out(std::make_shared<const storage::Layout>(std::move(*layout)));
    // Nothing had changed before, and from here on nothing throws until all that belongs together is there.
    metainfo_ = std::move(known);
    geometry_ = geometry;
    download_.begin(*metainfo_, std::move(picker));
    file_priorities_ = std::move(priorities);
    origin_->forget_wishes();
    apply_priorities();
    if (books_.trusted && books_.trusted->size() == 0) *books_.trusted = Bitfield(geometry_.num_pieces, true);
    if (books_.trusted && books_.trusted->size() != geometry_.num_pieces) books_.trusted.reset();
    dirty_ = urgent_ = true;
    fetched_ = networking_;
    error_.reset();
    core_.places.note(*this);
    core_.emit(EventKind::metadata_received, key_, {});
    conversation_.on_metadata_known();
    evaluate(now);
}

}  // namespace jst::engine
