"""The house rules as tests, and for each rule a planted file that must break it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tidy import pure, rooms, shape
from tests.tidy.source import Finding, Source, tree

ROOT = Path(__file__).resolve().parent.parent
Rule = Callable[[list[Source]], list[Finding]]
RULES: list[Rule] = [
    rooms.room_includes,
    rooms.third_party,
    pure.no_world,
    pure.no_throw,
    pure.no_hash_order,
    pure.no_weak_owner,
    shape.file_sizes,
    shape.function_sizes,
    shape.names,
    shape.header_comments,
    shape.no_workplace,
    shape.no_sleep,
    shape.independent_mock,
    shape.plants,
]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return tree(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_the_tree_keeps_the_rule(rule: Rule, sources: list[Source]) -> None:
    assert any(s.room for s in sources)
    found = rule(sources)
    assert not found, "\n" + "\n".join(map(str, found))


SLEEP = "time." + "sleep(1)"
BAD = [
    (rooms.room_includes, "cpp/wire/a.cpp", '#include "policy/choker.hpp"\n', "wire may not include policy"),
    (rooms.room_includes, "cpp/policy/a.hpp", '#include "codec/sha.hpp"\n', "policy may not include codec"),
    (rooms.room_includes, "cpp/base/a.hpp", '#include "codec/sha.hpp"\n', "base may not include codec"),
    (rooms.room_includes, "cpp/engine/a.cpp", '#include "runtime_asio/driver.hpp"\n', "engine may not include runtime_asio"),
    (rooms.room_includes, "cpp/runtime_sim/a.cpp", '#  include "engine/session.hpp"\n', "runtime_sim may not include engine"),
    (rooms.room_includes, "cpp/wire/a.cpp", '#include "../policy/choker.hpp"\n', "room/file.hpp"),
    (rooms.room_includes, "cpp/wire/a.cpp", '#include "message.hpp"\n', "room/file.hpp"),
    (rooms.room_includes, "cpp/wire/a.cpp", "#include <policy/choker.hpp>\n", "wire may not include policy"),
    (rooms.room_includes, "cpp/shed/a.cpp", "int a;\n", "not in the table"),
    (rooms.third_party, "cpp/wire/a.cpp", "#include <openssl/evp.h>\n", "wire may not include openssl"),
    (rooms.third_party, "cpp/engine/a.cpp", "#include <boost/asio.hpp>\n", "engine may not include boost/asio"),
    (rooms.third_party, "cpp/bind/bind_a.cpp", "#include <pybind11/stl.h>\n", "only by bind/py.hpp"),
    (rooms.third_party, "cpp/http/a.hpp", "#include <boost/beast/http.hpp>\n", "in a header"),
    (pure.no_world, "cpp/engine/a.cpp", "#include <chrono>\n", "a clock"),
    (pure.no_world, "cpp/engine/a.cpp", "auto t = std::chrono::steady_clock::now();\n", "reads a clock"),
    (pure.no_world, "cpp/policy/a.cpp", "auto t = time(nullptr);\n", "reads a clock"),
    (pure.no_world, "cpp/engine/a.cpp", "#include <thread>\n", "threads"),
    (pure.no_world, "cpp/engine/a.cpp", "std::thread worker([] {});\n", "uses threads"),
    (pure.no_world, "cpp/storage/a.hpp", "std::mutex lock_;\n", "uses threads"),
    (pure.no_world, "cpp/runtime/a.hpp", "std::atomic<int> count_;\n", "uses threads"),
    (pure.no_world, "cpp/base/a.cpp", "std::random_device device;\n", "luck"),
    (pure.no_world, "cpp/policy/a.cpp", "std::uniform_int_distribution<int> d(0, 1);\n", "luck"),
    (pure.no_world, "cpp/policy/a.cpp", "std::shuffle(a.begin(), a.end(), g);\n", "luck"),
    (pure.no_world, "cpp/engine/a.cpp", 'if (std::getenv("X")) {}\n', "environment"),
    (pure.no_world, "cpp/wire/a.cpp", "return errno;\n", "errno"),
    (pure.no_world, "cpp/engine/a.cpp", "auto n = reinterpret_cast<std::uintptr_t>(p);\n", "address"),
    (pure.no_throw, "cpp/codec/a.cpp", "void f() { throw 1; }\n", "throw"),
    (pure.no_throw, "cpp/runtime_asio/a.cpp", "void f() { throw 1; }\n", "throw"),
    (pure.no_hash_order, "cpp/policy/a.cpp", "std::unordered_map<int, std::vector<int>> m_;\nvoid f() { for (auto& x : m_) g(x); }\n", "'m_'"),
    (pure.no_hash_order, "cpp/engine/a.cpp", "std::unordered_set<int> s;\nauto i = s.begin();\n", "'s'"),
    (pure.no_weak_owner, "cpp/bind/a.cpp", "std::weak_ptr<int> p;\n", "keep a key"),
    (shape.file_sizes, "cpp/wire/a.cpp", "int a;\n" * 601, "601 lines"),
    (shape.file_sizes, "cpp/wire/a.hpp", "int a;\n" * 251, "251 lines"),
    (shape.file_sizes, "python/a.py", "a = 1\n" * 401, "401 lines"),
    (shape.function_sizes, "cpp/wire/a.cpp", "void f() {\n" + "    g();\n" * 69 + "}\n", "71 lines"),
    (shape.function_sizes, "python/a.py", "def f():\n" + "    g()\n" * 70, "71 lines"),
    (shape.names, "cpp/wire/a.hpp", "class PeerManager {\n};\n", "'PeerManager'"),
    (shape.names, "cpp/wire/a.hpp", "struct MessageBase;\n", "'MessageBase'"),
    (shape.names, "cpp/wire/a.hpp", "struct peer_wire {\n};\n", "PascalCase"),
    (shape.names, "cpp/wire/a.cpp", "int get_size() { return 1; }\n", "get_size"),
    (shape.names, "python/jstorrent/a.py", "class SessionImpl: ...\n", "'SessionImpl'"),
    (shape.names, "python/jstorrent/a.py", "def get_size(): ...\n", "get_size"),
    (shape.header_comments, "cpp/wire/a.hpp", "#pragma once\n", "no comment"),
    (shape.no_workplace, "docs/a.md", "see /wo" + "rk/main\n", "workplace"),
    (shape.no_workplace, "cpp/wire/a.cpp", "// mends iss" + "ue 12\n", "workplace"),
    (shape.no_sleep, "tests/unit/test_a.py", f"import time\n{SLEEP}\n", "sleeps"),
    (shape.no_sleep, "tests/unit/test_a.py", f"CHILD = '{SLEEP}'\n", "sleeps"),
    (shape.no_sleep, "tests/unit/test_a.py", "await asyncio." + "sleep(0.1)\n", "sleeps"),
    (shape.independent_mock, "mock_peer/a.py", "from jstorrent import Metainfo\n", "imports jstorrent"),
    (shape.plants, "cpp/engine/a.cpp", "if (planted<Plant::loses_have>()) return;\n", "not listed"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text", "what"), BAD, ids=lambda v: getattr(v, "__name__", None) or "")
def test_a_planted_file_breaks_the_rule(tmp_path: Path, rule: Rule, path: str, text: str, what: str) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="utf-8")
    found = rule(tree(tmp_path))
    assert [f.path for f in found if what in f.what] == [path], found


GOOD = [
    ("cpp/engine/a.cpp", '// throw std::thread at errno, chrono::now\nconst char* a = "throw errno";\n'),
    ("cpp/engine/a.cpp", '#include <vector>\n\n#include "wire/message.hpp"\n#include "policy/choker.hpp"\n'),
    ("cpp/bind/py.hpp", "// The only header\n// with pybind11.\n#include <pybind11/pybind11.h>\n"),
    ("cpp/http/a.cpp", "#include <boost/beast/http.hpp>\n"),
    ("cpp/base/check.cpp", "void fail() { throw 1; }\n"),
    ("cpp/policy/a.cpp", "std::unordered_map<int, int> m_;\nvoid f() { m_.find(1); for (auto& x : order_) g(x); }\n"),
    ("cpp/policy/a.cpp", "int forget_host() { return 'x'; }\n"),
    ("cpp/wire/a.cpp", "int a;\n" * 600),
    ("cpp/wire/a.cpp", "void f() {\n" + "    g();\n" * 68 + "}\n"),
    ("tests/unit/test_a.py", "await asyncio." + "sleep(0)\n"),
]


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_what_is_allowed_breaks_no_rule(tmp_path: Path, path: str, text: str) -> None:
    place = tmp_path / path
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="utf-8")
    assert [str(f) for rule in RULES for f in rule(tree(tmp_path))] == []


def test_cpp_is_laid_out_as_clang_format_says(sources: list[Source]) -> None:
    files = [ROOT / source.path for source in sources if source.path.endswith((".cpp", ".hpp"))]
    assert len(files) > 100
    program = Path(sys.executable).with_name("clang-format")
    done = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, f"make format\n{done.stderr[-2000:]}"


def test_the_allow_list_only_shrinks(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("int a;\n" * 620, encoding="utf-8")
    (tmp_path / "b.cpp").write_text("int a;\n" * 20, encoding="utf-8")
    found = shape.file_sizes(tree(tmp_path), {"a.cpp": 630, "b.cpp": 630, "c.cpp": 630})
    assert [(f.path, f.what.split(" and ")[0]) for f in found] == [
        ("b.cpp", "b.cpp has 20 lines"),
        ("c.cpp", "is on the allow list"),
    ]
    assert [f.path for f in shape.file_sizes(tree(tmp_path), {"a.cpp": 619})] == ["a.cpp"]


def test_a_plant_has_one_site(tmp_path: Path) -> None:
    room = tmp_path / "cpp" / "engine"
    room.mkdir(parents=True)
    (tmp_path / "cpp" / "base").mkdir()
    (tmp_path / "cpp" / "base" / "plants.def").write_text("JST_PLANT(one, 1)\nJST_PLANT(none, 2)\n", encoding="utf-8")
    (room / "a.cpp").write_text("if (planted<Plant::one>()) return;\n", encoding="utf-8")
    assert [f.what for f in shape.plants(tree(tmp_path))] == ["plant 'none' has 0 sites"]
