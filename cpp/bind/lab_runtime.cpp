#include "bind/lab_runtime.hpp"

#include "bind/lab_runtime_operation.hpp"
#include "bind/py.hpp"

namespace jst::bind {

using namespace runtime;

namespace {

template <class Map>
auto& find(Map& map, std::uint64_t id) {
    const auto at = map.find(id);
    if (at == map.end()) throw py::key_error(std::to_string(id));
    return *at->second;
}

// A rule broken below comes back from Python as a RuntimeError.
template <class... Arguments>
void call(const py::object& function, const Arguments&... arguments) {
    try {
        function(arguments...);
    } catch (const py::error_already_set& error) {
        if (error.matches(PyExc_RuntimeError)) throw BrokenRule(error.what());
        throw;
    }
}

Endpoint endpoint_of(const std::string& text) { return value_or_raise(Endpoint::parse(text), text); }

}  // namespace

template <>
void LabHost::Operation<ReadableOp>::fill(LabEvent&) {}
template <>
void LabHost::Operation<WriteOp>::fill(LabEvent& event) {
    event.value = op.written;
}
template <>
void LabHost::Operation<AcceptOp>::fill(LabEvent& event) {
    if (op.stream) event.value = host->keep(std::move(op.stream));
}
template <>
void LabHost::Operation<ConnectOp>::fill(LabEvent& event) {
    if (op.stream) event.value = host->keep(std::move(op.stream));
}
template <>
void LabHost::Operation<SecureOp>::fill(LabEvent& event) {
    event.data = py::str(op.reason);
    if (op.stream) event.value = host->keep(std::move(op.stream));
}
template <>
void LabHost::Operation<ResolveOp>::fill(LabEvent& event) {
    py::list addresses;
    for (const auto& address : op.addresses) addresses.append(address.to_string());
    event.data = addresses;
}

LabHost::LabHost(std::unique_ptr<LabWorld> world) : world_(std::move(world)) { world_->attach(*this); }

LabHost::~LabHost() { world_->abandon(); }

void LabHost::on_done(Op& op, Time now) {
    auto& operation = *static_cast<Pending*>(op.owner);
    operation.host->report(operation, op, now);
}

void LabHost::report(Pending& operation, Op& op, Time now) {
    const InTurn turn(in_turn_);
    ++turn_;
    auto& event = log(operation.kind, operation.id, now);
    event.error = op.error;
    event.intact = operation.sum == operation.checksum();
    operation.fill(event);
    if (!operation.then.is_none()) call(operation.then, LabEvent(event));
}

LabEvent& LabHost::log(std::string kind, std::uint64_t id, Time now) {
    auto& event = events_.emplace_back();
    event.kind = std::move(kind);
    event.id = id;
    event.now = now.seconds();
    event.turn = turn_;
    event.round = round_;
    event.is_inline = submitting_ > 0;
    return event;
}

void LabHost::on_wake(Time now) {
    ++turn_;
    log("wake", 0, now);
    if (wakes_again_ == 0) return;
    --wakes_again_;
    world_->seam().clock.wake_at(now);
}

void LabHost::on_round_end(Time now) {
    log("round_end", 0, now);
    ++round_;
}

void LabHost::on_broken_rule(const Tag& tag, const char* what) noexcept {
    log("broken", tag.torrent, world_->seam().clock.mono_now()).data = py::str(what);
}

void LabHost::command(const py::function& turn) {
    world_->command([&] {
        const InTurn running(in_turn_);
        call(turn);
    });
}

py::list LabHost::take_events() {
    py::list taken;
    for (auto& event : events_) taken.append(py::cast(std::move(event)));
    events_.clear();
    return taken;
}

void LabHost::wake_after(double delay) {
    submit([&] {
        auto& clock = world_->seam().clock;
        clock.wake_at(delay < 0 ? Time::never() : clock.mono_now() + from_seconds(delay));
    });
}

void LabHost::wake_over_and_over(std::uint64_t times) {
    if (times == 0) return;
    wakes_again_ = times - 1;
    wake_after(0);
}

std::vector<std::uint64_t> LabHost::luck(std::uint64_t entity, const std::string& purpose, int n) {
    auto stream = world_->seam().entropy.stream(entity, purpose);
    std::vector<std::uint64_t> numbers;
    for (int i = 0; i < n; ++i) numbers.push_back(stream.next());
    return numbers;
}

py::bytes LabHost::secret(std::size_t n) {
    ByteVector out(n);
    world_->seam().entropy.secret(out);
    return to_python(out);
}

std::uint64_t LabHost::keep(std::unique_ptr<Stream> stream) {
    streams_.emplace(++last_id_, std::move(stream));
    return last_id_;
}

Stream& LabHost::stream(std::uint64_t id) { return find(streams_, id); }

std::uint64_t LabHost::listen(const std::string& at) {
    Result<std::unique_ptr<Listener>> made = fail(Errc::internal);
    submit([&] { made = world_->seam().net.listen(endpoint_of(at)); });
    listeners_.emplace(++last_id_, value_or_raise(std::move(made), at));
    return last_id_;
}

std::uint64_t LabHost::accept(std::uint64_t listener, py::object then) {
    auto& operation = make<AcceptOp>("accept", std::move(then));
    submit([&] { find(listeners_, listener).accept(operation.op); });
    return operation.id;
}

std::uint64_t LabHost::connect(const std::string& to, const std::string& from, py::object then) {
    auto& operation = make<ConnectOp>("connect", std::move(then));
    const auto source = from.empty() ? IpAddress{} : value_or_raise(IpAddress::parse(from), from);
    submit([&] { world_->seam().net.connect(operation.op, endpoint_of(to), source); });
    return operation.id;
}

void LabHost::cancel_connect(std::uint64_t op) {
    auto& operation = dynamic_cast<Operation<ConnectOp>&>(find(operations_, op));
    submit([&] { world_->seam().net.cancel(operation.op); });
}

std::uint64_t LabHost::resolve(const std::string& name) {
    auto& operation = make<ResolveOp>("resolve", py::none());
    submit([&] { world_->seam().net.resolve(operation.op, name); });
    return operation.id;
}

std::uint64_t LabHost::secure(std::uint64_t id, const std::string& host) {
    auto& operation = make<SecureOp>("secure", py::none());
    operation.op.stream = std::move(streams_.at(id));
    streams_.erase(id);
    submit([&] { world_->seam().net.secure(operation.op, host); });
    return operation.id;
}

void LabHost::cancel_secure(std::uint64_t op) {
    auto& operation = dynamic_cast<Operation<SecureOp>&>(find(operations_, op));
    submit([&] { world_->seam().net.cancel(operation.op); });
}

std::uint64_t LabHost::readable(std::uint64_t id, const std::vector<std::size_t>& sizes, py::object then) {
    auto& operation = make<ReadableOp>("readable", py::none());
    // What a reader does: takes the bytes in the turn that says so.
    operation.then = py::cpp_function([this, id, sizes, then](const LabEvent& event) {
        if (event.error == Errc::ok && !sizes.empty()) read_now(id, sizes);
        if (!then.is_none()) then(event);
    });
    submit([&] { stream(id).readable(operation.op); });
    return operation.id;
}

py::object LabHost::read_now(std::uint64_t id, const std::vector<std::size_t>& sizes) {
    std::vector<ByteVector> blocks;
    std::vector<MutableBytes> spans;
    for (const auto size : sizes) blocks.emplace_back(size);
    for (auto& block : blocks) spans.emplace_back(block);
    Result<std::size_t> got = fail(Errc::internal);
    submit([&] { got = stream(id).read_now(spans); });
    auto& event = log("took", id, world_->seam().clock.mono_now());
    event.is_inline = false;
    event.error = got ? Errc::ok : got.error().code;
    std::string all;
    for (const auto& block : blocks) all.append(as_text(block));
    if (got) event.data = py::bytes(all.substr(0, *got));
    return event.data;
}

std::uint64_t LabHost::write(std::uint64_t id, const std::vector<py::bytes>& spans, py::object then) {
    auto& operation = make<WriteOp>("write", std::move(then));
    operation.give(spans);
    submit([&] { stream(id).write_some(operation.op, operation.from); });
    return operation.id;
}

std::uint64_t LabHost::write_lent(std::uint64_t id, const LabEvent& read) {
    auto& operation = make<WriteOp>("write", py::none());
    operation.lent = read.lent;
    operation.from.push_back(read.lent.bytes);
    submit([&] { stream(id).write_some(operation.op, operation.from); });
    return operation.id;
}

void LabHost::shutdown_send(std::uint64_t id) {
    submit([&] { stream(id).shutdown_send(); });
}

void LabHost::close(std::uint64_t thing, bool abort) {
    submit([&] {
        if (listeners_.contains(thing))
            find(listeners_, thing).close();
        else if (ports_.contains(thing))
            find(ports_, thing).close();
        else
            stream(thing).close(abort ? CloseMode::abort : CloseMode::graceful);
    });
}

void LabHost::cancel(std::uint64_t id) {
    submit([&] { stream(id).cancel(); });
}

void LabHost::drop(std::uint64_t thing) {
    submit([&] {
        streams_.erase(thing);
        listeners_.erase(thing);
        ports_.erase(thing);
    });
}

void LabHost::low_water(std::uint64_t id, std::size_t bytes) {
    submit([&] { stream(id).low_water(bytes); });
}

std::string LabHost::local(std::uint64_t thing) {
    if (listeners_.contains(thing)) return find(listeners_, thing).local().to_string();
    if (ports_.contains(thing)) return find(ports_, thing).local().to_string();
    return stream(thing).local().to_string();
}

std::string LabHost::remote(std::uint64_t id) { return stream(id).remote().to_string(); }

std::uint64_t LabHost::open_udp(const std::string& at) {
    Result<std::unique_ptr<UdpSocket>> made = fail(Errc::internal);
    submit([&] { made = world_->seam().net.open_udp(endpoint_of(at)); });
    ports_.emplace(++last_id_, value_or_raise(std::move(made), at));
    return last_id_;
}

std::uint64_t LabHost::udp_readable(std::uint64_t socket, std::size_t most) {
    auto& operation = make<ReadableOp>("udp_readable", py::none());
    operation.then = py::cpp_function([this, socket, most](const LabEvent& event) {
        if (event.error != Errc::ok || !ports_.contains(socket)) return;
        std::vector<ByteVector> rooms(most, ByteVector(2048));
        std::vector<Datagram> batch;
        for (auto& room : rooms) batch.push_back({{}, room});
        const auto got = find(ports_, socket).receive_now(batch);
        py::list datagrams;
        for (std::size_t i = 0; got && i < *got; ++i)
            if (batch[i].error == Errc::ok)
                datagrams.append(py::make_tuple(batch[i].peer.to_string(), to_python(batch[i].data)));
            else
                datagrams.append(py::make_tuple(batch[i].peer.to_string(), word(batch[i].error)));
        auto& received = log("received", socket, world_->seam().clock.mono_now());
        received.error = got ? Errc::ok : got.error().code;
        received.data = datagrams;
    });
    submit([&] { find(ports_, socket).readable(operation.op); });
    return operation.id;
}

std::size_t LabHost::udp_send(std::uint64_t socket, const std::vector<std::pair<std::string, py::bytes>>& batch) {
    std::vector<ByteVector> rooms;
    std::vector<Datagram> datagrams;
    for (const auto& [to, data] : batch) rooms.push_back(to_vector(view_of(data)));
    for (std::size_t i = 0; i < batch.size(); ++i) datagrams.push_back({endpoint_of(batch[i].first), rooms[i]});
    std::size_t sent = 0;
    submit([&] { sent = find(ports_, socket).send_now(datagrams); });
    return sent;
}

}  // namespace jst::bind
