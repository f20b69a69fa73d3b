// What a torrent is known by before its metadata is there, and the fetching of it.
//
// Keeps the link (hashes, name, select_only) and what the user wishes for files that nobody knows yet. The torrent says
// when there is a network; what was fetched goes to Torrent::take_metadata(). Invariant: a fetch whose hash is out in
// the world is not destroyed.
#pragma once

#include <memory>
#include <vector>

#include "codec/magnet.hpp"
#include "engine/metadata_fetch.hpp"
#include "storage/file_wishes.hpp"

namespace jst::engine {

class Torrent;

class MagnetOrigin final : public MetadataFetch::Client {
  public:
    MagnetOrigin(Torrent& torrent, codec::Magnet link, std::vector<storage::FileWish> wishes);

    const codec::Magnet& link() const noexcept { return link_; }
    const std::vector<storage::FileWish>& wishes() const noexcept { return wishes_; }
    /// The link's, or what stands for it.
    std::string name() const;

    /// nullptr once the metadata is there.
    MetadataFetch* fetch() const noexcept { return fetch_.get(); }
    bool is_idle() const noexcept { return !fetch_ || fetch_->is_idle(); }
    double progress() const noexcept;
    void begin();
    /// The metadata is there: one priority for each of these files.
    std::vector<std::uint8_t> wished(const std::vector<std::string>& paths) const;
    void forget_wishes() noexcept { wishes_.clear(); }
    /// Ended fetches go; after an error a new one begins when there is a network again.
    void on_round_end(bool wanted);

  private:
    void on_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now) override;
    void on_metadata_error(Errc error, Time now) override;
    void on_metadata_liar(const IpAddress& host, Time now) override;
    void on_metadata_idle(Time now) override;

    Torrent& torrent_;
    codec::Magnet link_;
    std::vector<storage::FileWish> wishes_;
    std::unique_ptr<MetadataFetch> fetch_;
};

}  // namespace jst::engine
