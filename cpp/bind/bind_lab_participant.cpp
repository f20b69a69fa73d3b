// Raw links of a simulated world, driven by a Python object: what simulated peers and tests stand on.
#include <chrono>
#include <utility>

#include "bind/lab_world.hpp"
#include "runtime_sim/participant.hpp"

namespace jst::bind {
namespace {

using runtime_sim::LinkId;

// Hands each event to the method of that name, if the object has one. What it raises comes out of the world's step().
class PythonActor final : public runtime_sim::Actor {
  public:
    explicit PythonActor(py::object handler) : handler_(std::move(handler)) {}

    void on_accepted(LinkId link, const Endpoint& local, const Endpoint& remote) override {
        tell("accepted", link.value, local.to_string(), remote.to_string());
    }
    void on_connected(LinkId link, const Endpoint& local) override { tell("connected", link.value, local.to_string()); }
    void on_failed(LinkId link, Errc error) override { tell("failed", link.value, std::string(word(error))); }
    void on_bytes(LinkId link, Bytes bytes) override {
        const py::gil_scoped_acquire gil;
        tell("received", link.value, to_python(bytes));
    }
    void on_closed(LinkId link, Errc error) override { tell("closed", link.value, std::string(word(error))); }
    void on_drained(LinkId link) override { tell("drained", link.value); }
    void on_timer(std::uint64_t id) override { tell("timer", id); }
    void on_datagram(const Endpoint& from, Bytes bytes) override {
        const py::gil_scoped_acquire gil;
        tell("datagram", from.to_string(), to_python(bytes));
    }

    py::object& handler() noexcept { return handler_; }

    std::chrono::steady_clock::duration spent{};  // real time within the handler: what a campaign tells apart

  private:
    template <class... Args>
    void tell(const char* name, Args&&... args) {
        const py::gil_scoped_acquire gil;
        const auto began = std::chrono::steady_clock::now();
        if (handler_ && py::hasattr(handler_, name)) handler_.attr(name)(std::forward<Args>(args)...);
        spent += std::chrono::steady_clock::now() - began;
    }

    py::object handler_;  // null once the collector has taken it
};

class PythonParticipant {
  public:
    PythonParticipant(WorldHandle world, std::uint32_t node, py::object handler)
        : world_(std::move(world)), actor_(std::move(handler)), participant_(*world_, node_of(*world_, node), actor_) {}

    runtime_sim::Participant& operator*() noexcept { return participant_; }
    const WorldHandle& world() const noexcept { return world_; }
    py::object& handler() noexcept { return actor_.handler(); }
    double seconds_spent() const noexcept { return std::chrono::duration<double>(actor_.spent).count(); }

  private:
    WorldHandle world_;
    PythonActor actor_;
    runtime_sim::Participant participant_;
};

// A handler mostly owns its participant, and through it a whole world: the collector has to see that circle.
void let_collector_see(PyHeapTypeObject* heap_type) {
    auto& type = heap_type->ht_type;
    type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) {
        Py_VISIT(Py_TYPE(self));
        if (py::detail::is_holder_constructed(self))
            Py_VISIT(py::cast<PythonParticipant&>(py::handle(self)).handler().ptr());
        return 0;
    };
    type.tp_clear = [](PyObject* self) {
        if (!py::detail::is_holder_constructed(self)) return 0;
        const py::object last = std::exchange(py::cast<PythonParticipant&>(py::handle(self)).handler(), py::object());
        return 0;
    };
}

}  // namespace

void bind_lab_participant(py::module_& lab) {
    using namespace py::literals;
    using Self = PythonParticipant;
    py::class_<Self>(lab, "Participant", py::custom_type_setup(let_collector_see))
        .def(py::init<WorldHandle, std::uint32_t, py::object>(), "world"_a, "node"_a, "handler"_a)
        .def(
            "listen", [](Self& self, std::uint16_t port) { return value_or_raise((*self).listen(port)).to_string(); },
            "port"_a = 0)
        .def_property_readonly("seconds_spent", &Self::seconds_spent)
        .def("stop_listening", [](Self& self) { (*self).stop_listening(); })
        .def(
            "connect",
            [](Self& self, const std::string& to, std::uint16_t source_port) {
                return (*self).connect(value_or_raise(Endpoint::parse(to), to), source_port).value;
            },
            "to"_a, "source_port"_a = 0)
        .def(
            "send",
            [](Self& self, std::uint32_t link, const py::bytes& data) { (*self).send(LinkId(link), view_of(data)); },
            "link"_a, "data"_a)
        .def(
            "close",
            [](Self& self, std::uint32_t link, bool abort) {
                (*self).close(LinkId(link), abort ? runtime::CloseMode::abort : runtime::CloseMode::graceful);
            },
            "link"_a, "abort"_a = false)
        .def(
            "drop", [](Self& self, std::uint32_t link) { (*self).drop(LinkId(link)); }, "link"_a)
        .def(
            "pause_reading",
            [](Self& self, std::uint32_t link, bool paused) { (*self).pause_reading(LinkId(link), paused); }, "link"_a,
            "paused"_a = true)
        .def(
            "timer", [](Self& self, double at, std::uint64_t id) { (*self).timer(time_of(at), id); }, "at"_a, "id"_a)
        .def(
            "unsent", [](Self& self, std::uint32_t link) { return (*self).unsent(LinkId(link)); }, "link"_a)
        .def(
            "tell_below",
            [](Self& self, std::uint32_t link, std::uint64_t bytes) { (*self).tell_below(LinkId(link), bytes); },
            "link"_a, "bytes"_a)
        .def(
            "is_open", [](Self& self, std::uint32_t link) { return (*self).is_open(LinkId(link)); }, "link"_a)
        .def(
            "open_udp",
            [](Self& self, std::uint16_t port) { return value_or_raise((*self).open_udp(port)).to_string(); },
            "port"_a = 0)
        .def(
            "send_to",
            [](Self& self, const std::string& to, const py::bytes& data) {
                (*self).send_to(value_or_raise(Endpoint::parse(to), to), view_of(data));
            },
            "to"_a, "data"_a);
}

}  // namespace jst::bind
