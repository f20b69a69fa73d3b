// The laboratory's door to the engine's disk side, over real files: each call runs rounds until it is answered.
#include "bind/lab_storage.hpp"
#include "bind/py.hpp"
#include "codec/metainfo.hpp"
#include "engine/checker.hpp"
#include "engine/file_moves.hpp"
#include "engine/file_sweeps.hpp"
#include "engine/state_store.hpp"
#include "engine/unparking.hpp"
#include "runtime_asio/driver.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {
namespace {

using namespace engine;
using Outcome = std::pair<std::string, std::string>;  // the word of the error, its path

constexpr int most_rounds = 2'000'000;

/// A runtime with nothing on it but what the test asks for: real files, or those of a simulated world that can crash.
class DiskBench final : public runtime::Host {
  public:
    explicit DiskBench(std::size_t open_files) : real_(std::make_unique<runtime_asio::AsioRuntime>()) {
        real_->attach(*this);
        handles_ = std::make_unique<HandleCache>(real_->seam().disk, open_files);
    }
    DiskBench(std::shared_ptr<runtime_sim::World> world, std::size_t open_files) : world_(std::move(world)) {
        if (world_->size() == 0) world_->add_node("disk", IpAddress::v4(0x0A000001));
        world_->attach(node, *this);
        handles_ = std::make_unique<HandleCache>(seam().disk, open_files);
    }
    ~DiskBench() override {
        if (real_) real_->abandon();
    }

    void on_wake(Time) override {}
    void on_round_end(Time) override {}
    void on_broken_rule(const runtime::Tag&, const char* what) noexcept override { broken_ = what; }

    runtime::Runtime& seam() { return real_ ? real_->seam() : world_->runtime(node); }
    HandleCache& handles() { return *handles_; }

    template <class Command, class Done>
    void run(Command&& command, Done&& done) {
        if (real_) {
            real_->run_command(command);
        } else {
            world_->command(node, command);
        }
        for (int round = 0; !done() && broken_.empty(); ++round) {
            if (round == most_rounds) throw std::runtime_error("the disk never answered");
            step();
        }
        if (!broken_.empty()) throw std::runtime_error(std::exchange(broken_, {}));
    }
    void run(Sweep& sweep) {
        run([&] { sweep.start(); }, [&] { return !sweep.is_running(); });
    }

    /// The power fails after so many rounds from now.
    void crash_after(std::uint64_t rounds) { rounds_left_ = rounds; }
    void crash() {
        if (world_->attached(node)) world_->abandon(node, runtime_sim::CrashMode::drop_all);
    }
    void set_quota(const std::optional<std::uint64_t>& bytes) { world_->disk(node).files().set_quota("", bytes); }
    /// What follows a crash: the same disk, a new process.
    std::unique_ptr<DiskBench> reboot(std::size_t open_files) {
        return std::make_unique<DiskBench>(world_, open_files);
    }
    ByteVector file(const std::string& path) {
        return value_or_raise(world_->disk(node).read_file(path, 0, std::uint64_t{1} << 40), path);
    }

  private:
    void step() {
        if (real_) {
            real_->run_round(milliseconds(100));
            return;
        }
        if (rounds_left_ && (*rounds_left_)-- == 0) {
            crash();
            throw std::runtime_error("crash");
        }
        if (!world_->step()) throw std::runtime_error("the disk never answered");
    }

    static constexpr runtime_sim::NodeId node{};
    std::shared_ptr<runtime_sim::World> world_;
    std::unique_ptr<runtime_asio::AsioRuntime> real_;
    std::unique_ptr<HandleCache> handles_;
    std::optional<std::uint64_t> rounds_left_;
    std::string broken_;
};

class CountedDisk final : public runtime::Disk {
  public:
    explicit CountedDisk(runtime::Disk& disk) : disk_(disk) {}
    void submit(runtime::DiskOp& op) override {
        ++submitted;
        disk_.submit(op);
    }
    std::size_t pending() const noexcept override { return disk_.pending(); }
    bool digests_in_place() const noexcept override { return disk_.digests_in_place(); }
    std::size_t submitted = 0;

  private:
    runtime::Disk& disk_;
};

struct Bytewise {
    std::unique_ptr<StoreJob> job = std::make_unique<StoreJob>();
    ByteVector data;
    std::vector<MutableBytes> into;
    std::vector<Bytes> from;
};

Outcome outcome(Errc error, const std::string& path) { return {std::string(word(error)), path}; }

class StoreBench {
  public:
    StoreBench(DiskBench& bench, const py::bytes& torrent, const std::string& save_path, std::uint32_t number)
        : bench_(bench), disk_(bench.seam().disk) {
        metainfo_ = std::make_shared<codec::Metainfo>(value_or_raise(codec::parse_metainfo(view_of(torrent))));
        auto layout = std::make_shared<storage::Layout>(value_or_raise(storage::make_layout(*metainfo_)));
        store_ = std::make_unique<FileStore>(disk_, bench.handles(), std::move(layout), save_path, number);
    }

    using Write = std::tuple<std::uint32_t, std::uint32_t, py::bytes>;
    std::vector<Outcome> write(const std::vector<Write>& writes, std::size_t span) {
        std::vector<Bytewise> jobs(writes.size());
        for (std::size_t i = 0; i < writes.size(); ++i) {
            const auto& [piece, begin, data] = writes[i];
            jobs[i].data = to_vector(view_of(data));
            for (std::size_t at = 0; at < jobs[i].data.size(); at += span) {
                jobs[i].from.push_back(Bytes(jobs[i].data).subspan(at, std::min(span, jobs[i].data.size() - at)));
            }
            jobs[i].job->piece = PieceIndex{piece};
            jobs[i].job->begin = begin;
            jobs[i].job->from = jobs[i].from;
        }
        return run(jobs);
    }
    using Read = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
    std::vector<std::pair<Outcome, py::bytes>> read(const std::vector<Read>& reads, std::size_t span) {
        std::vector<Bytewise> jobs(reads.size());
        for (std::size_t i = 0; i < reads.size(); ++i) {
            const auto& [piece, begin, length] = reads[i];
            jobs[i].data.assign(length, 0xEE);
            for (std::size_t at = 0; at < length; at += span) {
                jobs[i].into.push_back(
                    MutableBytes(jobs[i].data).subspan(at, std::min<std::size_t>(span, length - at)));
            }
            jobs[i].job->piece = PieceIndex{piece};
            jobs[i].job->begin = begin;
            jobs[i].job->into = jobs[i].into;
        }
        const auto outcomes = run(jobs);
        std::vector<std::pair<Outcome, py::bytes>> out;
        for (std::size_t i = 0; i < jobs.size(); ++i) out.emplace_back(outcomes[i], to_python(jobs[i].data));
        return out;
    }

    std::vector<std::string> paths() const {
        std::vector<std::string> out;
        for (const auto& file : store_->layout().files) out.push_back(file.path);
        return out;
    }
    py::tuple stat() {
        StatSweep sweep(*store_, {}, true);
        bench_.run(sweep);
        using Stamp = std::tuple<bool, std::uint64_t, std::int64_t>;
        std::vector<Stamp> stamps;
        for (const auto& s : sweep.stamps()) stamps.emplace_back(s.exists, s.size, s.mtime_ns);
        store_->note_existing(sweep.stamps());
        return py::make_tuple(outcome(sweep.error(), sweep.error_path()), stamps, sweep.holes(),
                              sweep.part_file().exists);
    }
    /// Operations on the disk that it and its sweeps began; the handle cache opens files besides.
    std::size_t operations() const noexcept { return disk_.submitted; }
    void set_reserving(bool on) { store_->set_reserving(on); }
    template <class S, class... Args>
    Outcome sweep(Args&&... args) {
        S sweep(*store_, {}, std::forward<Args>(args)...);
        bench_.run(sweep);
        return outcome(sweep.error(), sweep.error_path());
    }
    Outcome remove() {
        close_files();
        return sweep<RemoveSweep>();
    }
    Outcome move(const std::string& path, bool again) {
        close_files();
        auto result = sweep<MoveSweep>(path, again);
        if (result.first == "ok") store_->set_save_path(path);
        return result;
    }
    Outcome rename(std::uint32_t file, const py::bytes& name) {
        const auto checked = value_or_raise(checked_name(*store_, FileIndex{file}, as_text(view_of(name))));
        close_files();
        auto result = sweep<MoveSweep>(FileIndex{file}, checked);
        if (result.first == "ok") store_->set_relative_path(FileIndex{file}, checked);
        return result;
    }
    void close_files() {
        bench_.run([&] { store_->close_files(); }, [&] { return !store_->files_open(); });
    }
    /// The parked file that is wanted again, if any.
    std::optional<std::uint32_t> set_skipped(const std::vector<bool>& skipped) {
        store_->set_skipped(skipped);
        const auto file = store_->leaving();
        return file ? std::optional(file->value) : std::nullopt;
    }
    /// Unparks while `writes` go on; the have bits are `have` and what was written by then.
    Outcome unpark(const std::vector<std::uint32_t>& have, const std::vector<Write>& writes) {
        have_ = Bitfield(store_->map().num_pieces());
        for (const auto piece : have) have_.set(PieceIndex{piece});
        Unparking unparking(*store_, {},
                            [](void* owner) -> const Bitfield& { return static_cast<StoreBench*>(owner)->have_; });
        unparking.owner = this;
        std::vector<Bytewise> jobs(writes.size());
        const auto begin = [&] {
            for (std::size_t i = 0; i < writes.size(); ++i) {
                jobs[i].data = to_vector(view_of(std::get<2>(writes[i])));
                jobs[i].from = {jobs[i].data};
                jobs[i].job->piece = PieceIndex{std::get<0>(writes[i])};
                jobs[i].job->begin = std::get<1>(writes[i]);
                jobs[i].job->from = jobs[i].from;
                jobs[i].job->owner = this;
                jobs[i].job->on_done = [](StoreJob& job, Time) {
                    static_cast<StoreBench*>(job.owner)->have_.set(job.piece);
                };
                store_->submit(*jobs[i].job);
            }
            store_->set_skipped({});
            unparking.pump();
        };
        bench_.run(begin, [&] {
            return !unparking.is_running() && store_->jobs() == 0 &&
                   (unparking.is_done() || unparking.error() != Errc::ok);
        });
        store_->on_parts_quiet = nullptr;
        return outcome(unparking.error(), unparking.error_path());
    }

    struct Seen {
        std::vector<std::pair<std::uint32_t, bool>> pieces;
        std::size_t cancel_after = 0;
        std::uint64_t most_buffered = 0;
        bool done = false;
    };
    py::tuple check(const std::optional<std::vector<std::uint32_t>>& pieces, std::uint64_t budget,
                    const std::vector<bool>& holes, std::size_t cancel_after) {
        Bitfield bits(store_->map().num_pieces(), !pieces);
        for (const auto piece : pieces.value_or(std::vector<std::uint32_t>{})) bits.set(PieceIndex{piece});
        Checker checker(*store_, bench_.seam().compute, metainfo_, {}, budget);
        Seen seen;
        seen.cancel_after = cancel_after;
        checker.owner = &seen;
        checker.on_piece = [](Checker& self, PieceIndex piece, bool good, Time) {
            auto& into = *static_cast<Seen*>(self.owner);
            into.pieces.emplace_back(piece.value, good);
            into.most_buffered = std::max(into.most_buffered, self.buffered());
            if (into.pieces.size() == into.cancel_after) self.cancel();
        };
        checker.on_done = [](Checker& self, Time) { static_cast<Seen*>(self.owner)->done = true; };
        Bitfield in_holes(holes.empty() ? 0 : store_->map().num_pieces());
        for (std::uint32_t p = 0; p < in_holes.size(); ++p) {
            bool all = true;
            store_->map().each_slice(
                PieceIndex{p}, 0, store_->map().piece_size(PieceIndex{p}), [&](const storage::FileSlice& slice) {
                    all = all && (slice.is_pad || (slice.file.value < holes.size() && holes[slice.file.value]));
                });
            if (all) in_holes.set(PieceIndex{p});
        }
        bench_.run([&] { checker.start(bits, in_holes); }, [&] { return seen.done; });
        return py::make_tuple(outcome(checker.error(), checker.error_path()), seen.pieces, seen.most_buffered);
    }
    std::vector<bool> parked() const { return store_->parked(); }
    void restore_parked(const std::vector<bool>& parked) { store_->restore_parked(parked); }

  private:
    std::vector<Outcome> run(std::vector<Bytewise>& jobs) {
        std::size_t left = jobs.size();
        bench_.run(
            [&] {
                for (auto& one : jobs) {
                    one.job->owner = &left;
                    one.job->on_done = [](StoreJob& job, Time) { --*static_cast<std::size_t*>(job.owner); };
                    store_->submit(*one.job);
                }
            },
            [&] { return left == 0; });
        std::vector<Outcome> out;
        for (auto& one : jobs) out.push_back(outcome(one.job->error, one.job->path));
        return out;
    }

    DiskBench& bench_;
    CountedDisk disk_;
    std::shared_ptr<const codec::Metainfo> metainfo_;
    std::unique_ptr<FileStore> store_;
    Bitfield have_;
};

class StateBench {
  public:
    StateBench(DiskBench& bench, const std::string& dir) : bench_(bench), store_(bench.seam().disk, dir) {}

    py::tuple open() {
        bool opened = false;
        store_.owner = &opened;
        store_.on_opened = [](StateStore& store, Time) { *static_cast<bool*>(store.owner) = true; };
        bench_.run([&] { store_.open(); }, [&] { return opened; });
        py::list records;
        for (const auto& record : store_.take_torrents()) records.append(record_to_python(record));
        std::vector<Outcome> problems;
        for (const auto& problem : store_.take_problems())
            problems.push_back(outcome(problem.error.code, problem.path));
        return py::make_tuple(outcome(store_.error(), store_.error_path()), records, store_.take_session().has_value(),
                              problems);
    }
    void save(const py::dict& record) {
        const auto parsed = record_from_python(record);
        bench_.run([&] { store_.save(parsed); }, [] { return true; });
    }
    void save_session(const std::vector<py::bytes>& queue) {
        storage::SessionRecord record;
        for (const auto& hash : queue) record.queue.push_back(to_vector(view_of(hash)));
        bench_.run([&] { store_.save(record); }, [] { return true; });
    }
    void forget(const py::bytes& hash) {
        bench_.run([&] { store_.forget(view_of(hash)); }, [] { return true; });
    }
    Outcome flush() {
        bench_.run([] {}, [&] { return store_.done() >= store_.ticket(); });
        const auto error = store_.save_error();
        return error ? outcome(error->first.code, error->second) : outcome(Errc::ok, "");
    }
    void close() {
        bench_.run([&] { store_.close(); }, [&] { return store_.is_idle(); });
    }

  private:
    DiskBench& bench_;
    StateStore store_;
};

}  // namespace

void bind_lab_disk(py::module_& storage) {
    py::class_<DiskBench>(storage, "DiskBench")
        .def(py::init<std::size_t>(), py::arg("open_files") = default_open_files)
        .def_property_readonly("open_files", [](DiskBench& bench) { return bench.handles().size(); })
        .def("crash", &DiskBench::crash)
        .def("set_quota", &DiskBench::set_quota)
        .def("crash_after", &DiskBench::crash_after)
        .def("reboot", &DiskBench::reboot, py::arg("open_files") = default_open_files)
        .def("file", [](DiskBench& bench, const std::string& path) { return to_python(bench.file(path)); })
        .def_static(
            "simulated",
            [](std::uint64_t seed, std::size_t open_files) {
                return std::make_unique<DiskBench>(std::make_shared<runtime_sim::World>(seed), open_files);
            },
            py::arg("seed"), py::arg("open_files") = default_open_files);
    py::class_<StoreBench>(storage, "StoreBench")
        .def(py::init<DiskBench&, const py::bytes&, const std::string&, std::uint32_t>(), py::keep_alive<1, 2>(),
             py::arg("bench"), py::arg("torrent"), py::arg("save_path"), py::arg("number") = 1)
        .def("write", &StoreBench::write, py::arg("writes"), py::arg("span") = 16384)
        .def("read", &StoreBench::read, py::arg("reads"), py::arg("span") = 16384)
        .def("paths", &StoreBench::paths)
        .def("stat", &StoreBench::stat)
        .def_property_readonly("operations", &StoreBench::operations)
        .def(
            "create_empty", [](StoreBench& s, const std::vector<bool>& w) { return s.sweep<MakingSweep>(w); },
            py::arg("wanted") = std::vector<bool>{})
        .def(
            "make_all", [](StoreBench& s, const std::vector<bool>& w) { return s.sweep<MakingSweep>(w, true); },
            py::arg("wanted") = std::vector<bool>{})
        .def("set_reserving", [](StoreBench& s, bool on) { s.set_reserving(on); })
        .def("sync", [](StoreBench& s) { return s.sweep<SyncSweep>(); })
        .def("remove", &StoreBench::remove)
        .def("move", &StoreBench::move, py::arg("path"), py::arg("again") = false)
        .def("rename", &StoreBench::rename)
        .def("close_files", &StoreBench::close_files)
        .def("set_skipped", &StoreBench::set_skipped)
        .def("unpark", &StoreBench::unpark, py::arg("have"), py::arg("writes") = std::vector<StoreBench::Write>{})
        .def("restore_parked", &StoreBench::restore_parked)
        .def("parked", &StoreBench::parked)
        .def("check", &StoreBench::check, py::arg("pieces") = std::nullopt, py::arg("budget") = 16u << 20,
             py::arg("holes") = std::vector<bool>{}, py::arg("cancel_after") = 0);
    py::class_<StateBench>(storage, "StateBench")
        .def(py::init<DiskBench&, const std::string&>(), py::keep_alive<1, 2>())
        .def("open", &StateBench::open)
        .def("save", &StateBench::save)
        .def("save_session", &StateBench::save_session)
        .def("forget", &StateBench::forget)
        .def("flush", &StateBench::flush)
        .def("close", &StateBench::close);
    storage.attr("check_chunk_bytes") = check_chunk_bytes;
    storage.attr("reserve_from_bytes") = reserve_from_bytes;
    storage.attr("most_climbed") = std::uint32_t{StatSweep::most_climbed};
    storage.attr("move_chunk_bytes") = move_chunk_bytes;
}

}  // namespace jst::bind
