#include "bind/settings_python.hpp"

namespace jst::bind {
namespace {

template <class Kind>
Kind read(const py::dict& values, const char* name) {
    if (!values.contains(name)) raise(fail(Errc::unknown_setting), name);
    try {
        return py::cast<Kind>(values[name]);
    } catch (const py::cast_error&) {
        raise(fail(Errc::bad_setting), name);
    }
}

engine::Settings read_all(const py::dict& values) {
    engine::Settings s;
#define JST_SETTING(name, kind, standard, least, reason) s.name = read<engine::setting::kind>(values, #name);
#include "engine/settings.def"
#undef JST_SETTING
    return s;
}

py::tuple schema() {
    const engine::Settings s;
    py::list rows;
#define JST_SETTING(name, kind, standard, least, reason) \
    rows.append(py::make_tuple(#name, #kind, s.name, static_cast<double>(least), reason));
#include "engine/settings.def"
#undef JST_SETTING
    return py::tuple(rows);
}

py::object check(const py::dict& values) {
    const auto problem = engine::check(read_all(values));
    if (!problem) return py::none();
    return py::make_tuple(problem->key, problem->message);
}

}  // namespace

engine::Settings settings_of(const py::dict& values) {
    auto settings = read_all(values);
    if (const auto problem = engine::check(settings)) raise(fail(Errc::bad_setting), problem->key);
    return settings;
}

py::dict to_dict(const engine::Settings& s) {
    py::dict values;
#define JST_SETTING(name, kind, standard, least, reason) values[#name] = s.name;
#include "engine/settings.def"
#undef JST_SETTING
    return values;
}

engine::TorrentLimits limits_of(const py::dict& values) {
    return {.download_rate_limit = read<engine::Limit>(values, "download_rate_limit"),
            .upload_rate_limit = read<engine::Limit>(values, "upload_rate_limit"),
            .max_connections = read<engine::Limit>(values, "max_connections"),
            .upload_slots = read<engine::Limit>(values, "upload_slots"),
            .seed_ratio_limit = read<std::optional<double>>(values, "seed_ratio_limit"),
            .seed_time_limit = read<engine::Limit>(values, "seed_time_limit")};
}

py::dict to_dict(const engine::TorrentLimits& limits) {
    py::dict values;
    values["download_rate_limit"] = limits.download_rate_limit;
    values["upload_rate_limit"] = limits.upload_rate_limit;
    values["max_connections"] = limits.max_connections;
    values["upload_slots"] = limits.upload_slots;
    values["seed_ratio_limit"] = limits.seed_ratio_limit;
    values["seed_time_limit"] = limits.seed_time_limit;
    return values;
}

void bind_settings(py::module_& module) {
    module.attr("settings_schema") = schema();
    module.def("check_settings", &check, py::arg("values"),
               "None, or the name of the first setting that can not be and what it must be.");
}

}  // namespace jst::bind
