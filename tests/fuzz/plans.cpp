// plans: two engines in a simulated world, one with the torrent, and what the bytes say happens to them. Then all is
// healed: no rule may be broken, and both must have everything. First four bytes the seed; then three each: what, how,
// when.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "codec/metainfo_writer.hpp"
#include "codec/sha.hpp"
#include "engine/session.hpp"
#include "runtime_sim/connections.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/network.hpp"
#include "runtime_sim/world.hpp"

namespace {

using namespace jst;
using engine::Session;
using runtime_sim::World;

constexpr std::uint32_t piece_length = 16384;
constexpr std::uint32_t pieces = 3;
constexpr std::size_t most_steps = 40;
constexpr std::int64_t patience = 3000;  // seconds, over every timer

void demand(bool holds, unsigned line = __builtin_LINE()) {
    if (holds) return;
    std::fprintf(stderr, "line %u: a demand of this plan does not hold\n", line);
    std::abort();
}

ByteVector truth() {
    ByteVector data(piece_length * (pieces - 1) + 777);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<Byte>(i * 31 + i / 251);
    return data;
}

std::shared_ptr<const codec::Metainfo> torrent_of(const ByteVector& data) {
    codec::NewTorrent made;
    made.name = "t";
    made.single_file = true;
    made.files.push_back({{"t"}, data.size()});
    made.piece_length = piece_length;
    for (std::size_t at = 0; at < data.size(); at += piece_length) {
        const auto digest = codec::sha1(Bytes{data}.subspan(at, std::min<std::size_t>(piece_length, data.size() - at)));
        made.piece_hashes.insert(made.piece_hashes.end(), digest.bytes.begin(), digest.bytes.end());
    }
    auto info = codec::write_info(made);
    demand(info.has_value());
    auto read = codec::parse_info(*info);
    demand(read.has_value());
    return std::make_shared<const codec::Metainfo>(std::move(*read));
}

/// One engine, up or down.
class Engine {
  public:
    Engine(World& world, const char* host, const char* name, std::shared_ptr<const codec::Metainfo> torrent)
        : world_(world), node_(world.add_node(name, *IpAddress::parse(host))), torrent_(std::move(torrent)) {}
    ~Engine() { down(); }

    runtime_sim::NodeId node() const { return node_; }
    bool is_up() const { return session_.has_value(); }

    void up() {
        if (session_) return;
        engine::Settings settings;
        settings.dht = settings.pex = settings.lsd = settings.port_mapping = false;
        settings.listen = {world_.host(node_).to_string()};
        settings.listen_port = 6881;
        settings.reconnect_interval = 1;
        settings.request_timeout = 2;
        world_.start(node_);
        session_.emplace(world_.runtime(node_), settings, "/state");
        world_.attach(node_, *session_);
        do_([&] { demand(session_->open().has_value()); });
    }
    void add(bool trusted) {
        engine::AddRequest request;
        request.metainfo = torrent_;
        request.save_path = "/downloads";
        request.trusted = trusted;
        do_([&] { (void)session_->add(std::move(request)); });
    }
    void crash(runtime_sim::CrashMode mode) {
        if (!session_) return;
        world_.abandon(node_, mode);
        session_.reset();
    }
    void down() {
        if (!session_) return;
        world_.detach(node_);
        session_.reset();
    }
    template <class Call>
    void with(Call call) {
        if (!session_) return;
        do_([&] {
            for (const auto key : session_->torrents()) call(*session_, key);
        });
    }
    bool is_complete() {
        bool complete = false;
        with([&](Session& session, TorrentKey key) {
            const auto status = session.status(key);
            complete = status && status->pieces_complete == pieces && session.is_healthy();
        });
        return complete;
    }

  private:
    template <class Turn>
    void do_(Turn turn) {
        demand(world_.command(node_, turn));
    }

    World& world_;
    runtime_sim::NodeId node_;
    std::shared_ptr<const codec::Metainfo> torrent_;
    std::optional<Session> session_;
};

void perform(World& world, Engine& client, Engine& seed, std::uint8_t what, std::uint8_t how) {
    const auto seed_at = *Endpoint::parse("10.0.0.2:6881");
    auto& one = how % 2 ? client : seed;
    const auto [from, to] = how % 2 ? std::pair{seed.node(), client.node()} : std::pair{client.node(), seed.node()};
    const auto dial = [&](Session& s, TorrentKey key) { (void)s.connect(key, seed_at); };
    const auto pause = [&](Session& s, TorrentKey key) { (void)(how & 2 ? s.pause(key) : s.resume(key)); };
    const auto stop = [&](Session& s, TorrentKey key) { (void)(how & 2 ? s.stop(key) : s.start(key)); };
    auto& links = world.network().connections();
    switch (what % 12) {
        case 0:
            return one.crash(static_cast<runtime_sim::CrashMode>(how / 2 % 6));
        case 1:
            return one.down();
        case 2:
            return one.up();
        case 3:
            return world.network().partition(from, to, runtime_sim::Traffic::all, how & 4);
        case 4:
            return world.network().heal();
        case 5:
            return links.cut_after(from, to, how * 97u, static_cast<runtime_sim::CutHow>(how % 3));
        case 6:
            return client.with(dial);
        case 7:
            return client.with(pause);
        case 8:
            return client.with(stop);
        case 9:
            return client.with([&](Session& s, TorrentKey key) { (void)s.recheck(key); });
        case 10:
            return world.topology().set_fragments(from, to, {how + 1u});
        default:
            return world.jump_mono(one.node(), milliseconds(how * 50));
    }
}

void recover(World& world, Engine& client, Engine& seed) {
    world.network().heal();
    client.up();
    seed.up();
    world.run_until(world.now() + milliseconds(5000));
    for (auto* each : {&client, &seed}) {
        bool has_it = false;
        each->with([&](Session& session, TorrentKey key) {
            has_it = true;
            (void)session.start(key);
            (void)session.resume(key);
        });
        if (!has_it) each->add(false);
    }
    const auto seed_at = *Endpoint::parse("10.0.0.2:6881");
    client.with([&](Session& session, TorrentKey key) { (void)session.connect(key, seed_at); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    static const ByteVector content = truth();
    static const auto torrent = torrent_of(content);
    World world(std::uint64_t{data[0]} << 24 | std::uint64_t{data[1]} << 16 | std::uint64_t{data[2]} << 8 | data[3]);
    Engine client(world, "10.0.0.1", "client", torrent), seed(world, "10.0.0.2", "seed", torrent);
    demand(world.disk(seed.node()).write_file("/downloads/t", 0, Bytes{content}).has_value());
    client.up();
    seed.up();
    client.add(false);
    seed.add(false);
    for (std::size_t at = 4; at + 2 < size && at < 4 + 3 * most_steps; at += 3) {
        perform(world, client, seed, data[at], data[at + 1]);
        world.run_until(world.now() + milliseconds(data[at + 2] * 20));
    }
    recover(world, client, seed);
    for (std::int64_t spent = 0; !(client.is_complete() && seed.is_complete()); spent += 5) {
        demand(spent < patience);
        world.run_until(world.now() + milliseconds(5000));
    }
    demand(world.broken_rules() == 0);
    return 0;
}
