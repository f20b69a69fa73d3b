// Two engines in a simulated world: one has 16 MiB, the other one fetches them.
#include <memory>

#include "codec/metainfo_writer.hpp"
#include "codec/sha.hpp"
#include "engine/session.hpp"
#include "guard/scenarios.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bench {
namespace {

using engine::Session;
using runtime_sim::World;

constexpr std::size_t size = std::size_t{16} << 20;
constexpr std::uint32_t piece_length = 262144;
constexpr int patience = 600;  // virtual seconds

std::shared_ptr<const codec::Metainfo> torrent_of(const ByteVector& data) {
    codec::NewTorrent made;
    made.name = "data";
    made.single_file = true;
    made.files.push_back({{"data"}, data.size()});
    made.piece_length = piece_length;
    for (std::size_t at = 0; at < data.size(); at += piece_length) {
        const auto digest = codec::sha1(Bytes{data}.subspan(at, piece_length));
        made.piece_hashes.insert(made.piece_hashes.end(), digest.bytes.begin(), digest.bytes.end());
    }
    auto info = codec::write_info(made);
    demand(info.has_value());
    auto read = codec::parse_info(*info);
    demand(read.has_value());
    return std::make_shared<const codec::Metainfo>(std::move(*read));
}

class Engine {
  public:
    Engine(World& world, const char* host, std::shared_ptr<const codec::Metainfo> torrent, bool has_it)
        : world_(world), node_(world.add_node(host, *IpAddress::parse(host))) {
        engine::Settings settings;
        settings.listen = {host};
        settings.listen_port = 6881;
        world_.start(node_);
        session_ = std::make_unique<Session>(world_.runtime(node_), settings, "");
        world_.attach(node_, *session_);
        engine::AddRequest request;
        request.metainfo = std::move(torrent);
        request.save_path = "/downloads";
        request.trusted = has_it;
        turn([&] { demand(session_->open().has_value() && session_->add(std::move(request)).has_value()); });
    }
    ~Engine() { world_.detach(node_); }

    runtime_sim::NodeId node() const { return node_; }
    void connect(const char* address) {
        turn([&] { demand(session_->connect(session_->torrents().front(), *Endpoint::parse(address)).has_value()); });
    }
    bool is_complete() {
        bool complete = false;
        turn([&] {
            const auto status = session_->status(session_->torrents().front());
            complete = status && status->pieces_complete == size / piece_length;
        });
        return complete;
    }

  private:
    template <class Turn>
    void turn(Turn act) {
        demand(world_.command(node_, act));
    }

    World& world_;
    runtime_sim::NodeId node_;
    std::unique_ptr<Session> session_;
};

}  // namespace

Work transfer_work() {
    auto data = std::make_shared<ByteVector>(size);
    for (std::size_t i = 0; i < size; ++i) (*data)[i] = static_cast<Byte>(i * 31 + i / 251);
    return [data, torrent = torrent_of(*data)] {
        World world(1);
        Engine seed(world, "10.0.0.1", torrent, true);
        Engine client(world, "10.0.0.2", torrent, false);
        demand(world.disk(seed.node()).write_file("/downloads/data", 0, Bytes{*data}).has_value());
        client.connect("10.0.0.1:6881");
        for (int spent = 0; !client.is_complete(); ++spent) {
            demand(spent < patience);
            world.run_until(world.now() + seconds(1));
        }
        demand(world.broken_rules() == 0);
    };
}

}  // namespace jst::bench
