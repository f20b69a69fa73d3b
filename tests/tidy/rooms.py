"""Who may include whom (docs/architecture.md, "The rooms"), read from the include lines."""

import re

from tests.tidy.source import Finding, Source

BRACES = {"storage", "wire", "http", "tracker", "dht", "utp", "policy"}
PURE = {"base", "codec", *BRACES, "runtime", "engine"}
#: room -> rooms that it may include
ROOMS = {
    "base": set(),
    "codec": {"base"},
    "storage": {"base", "codec"},
    "wire": {"base", "codec"},
    "tracker": {"base", "codec"},
    "dht": {"base", "codec"},
    "http": {"base"},
    "utp": {"base"},
    "policy": {"base"},
    "runtime": {"base"},
    "engine": {"base", "codec", *BRACES, "runtime"},
    "runtime_asio": {"base", "codec", "runtime"},
    "runtime_sim": {"base", "codec", "runtime"},
    "runtime_fault": {"base", "codec", "runtime"},
    "bind": PURE | {"runtime_asio", "runtime_sim", "runtime_fault"},
}
#: room -> beginnings of third-party headers that it may include
THIRD_PARTY = {
    "base": ("boost/system/",),
    "codec": ("openssl/",),
    "http": ("boost/beast/", "zlib.h"),
    "runtime_asio": ("boost/asio", "openssl/"),
}
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)
_THIRD = re.compile(r"^(boost|openssl|pybind11|zlib\.h|Python\.h|gtest|fmt|spdlog)\b")


def includes(source: Source) -> list[tuple[int, str, bool]]:
    """Line, name, and whether it was in quotes, of each include line."""
    return [(source.line_of(m.start()), m[1] or m[2], bool(m[2])) for m in _INCLUDE.finditer(source.code)]


def room_includes(sources: list[Source]) -> list[Finding]:
    """No room includes a room that the table does not give it, and own headers are named from cpp/."""
    found = []
    for source in sources:
        room = source.room
        if room is None:
            continue
        if room not in ROOMS:
            found.append(Finding(source.path, 1, f"room '{room}' is not in the table of rooms"))
            continue
        for line, name, quoted in includes(source):
            target = name.split("/")[0]
            if quoted and (target not in ROOMS or name.count("/") != 1):
                found.append(Finding(source.path, line, f'"{name}" is not written as "room/file.hpp"'))
            elif target in ROOMS and target != room and target not in ROOMS[room]:
                found.append(Finding(source.path, line, f"{room} may not include {target}"))
    return found


def third_party(sources: list[Source]) -> list[Finding]:
    """Third-party headers only where the table allows; pybind11 only in bind/py.hpp; Asio and Beast in no header."""
    found = []
    for source in sources:
        room = source.room
        if room is None:
            continue
        for line, name, _ in includes(source):
            if not _THIRD.match(name):
                continue
            if name.startswith("pybind11"):
                if source.path != "cpp/bind/py.hpp":
                    found.append(Finding(source.path, line, "pybind11 is included only by bind/py.hpp"))
            elif not name.startswith(THIRD_PARTY.get(room, ())):
                found.append(Finding(source.path, line, f"{room} may not include {name}"))
            elif source.suffix == ".hpp" and room != "runtime_asio" and name.startswith(("boost/asio", "boost/beast")):
                found.append(Finding(source.path, line, f"{name} in a header costs every file that includes it"))
    return found
