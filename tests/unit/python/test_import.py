"""What importing the package costs, and what it says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jstorrent as jst
import pytest

ROOT = Path(__file__).resolve().parents[3]


#: What costs time to load, and what a program that only downloads has no need of.
NEVER = ("asyncio", "importlib.metadata", "ssl", "http", "logging", "threading", "dataclasses", "inspect", "difflib")
LATER = ("_create", "_detached", "_events", "_fastresume", "_log", "_stream", "lab", "_core.lab.storage")

DOWNLOAD = """
import sys
import jstorrent as jst

with jst.Session(jst.Settings(dht=False, pex=False, lsd=False, listen=())) as session:
    torrent = session.add(jst.Metainfo.load(sys.argv[1]), sys.argv[2], peers=[])
    status = torrent.wait_complete(60)
assert status.is_complete and status.counters.payload_received == 0
print(*sys.modules)
"""


def loaded(code: str, *arguments: object) -> set[str]:
    """The modules that a program has loaded, as it tells in its last line."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_download_loads_only_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "whole.bin").write_bytes(bytes(20_000))
    jst.create_torrent(tmp_path / "whole.bin").save(tmp_path / "whole.torrent")
    modules = loaded(DOWNLOAD, tmp_path / "whole.torrent", tmp_path)
    assert "jstorrent._status" in modules
    assert modules.isdisjoint(NEVER)
    assert modules.isdisjoint(f"jstorrent.{name}" for name in LATER)


def test_the_import_alone_loads_only_the_compiled_module() -> None:
    modules = loaded("import sys, jstorrent; dir(jstorrent); print(*sys.modules)")
    assert {name for name in modules if re.fullmatch(r"jstorrent\.\w+", name)} == {"jstorrent._core"}


def test_each_public_name_is_there_before_its_module() -> None:
    code = "import jstorrent as jst; assert set(jst.__all__) <= set(dir(jst)); print(*(n for n in jst.__all__ if hasattr(jst, n)))"
    assert loaded(code) == set(jst.__all__)


def test_the_laboratory_of_the_compiled_module_is_bound_by_its_first_use() -> None:
    code = """
from jstorrent import _core
lab = _core.lab
before = set(vars(lab))
assert not hasattr(lab, "__path__") and set(vars(lab)) == before
assert lab.World.__name__ == "World" and lab.storage.max_files
assert not hasattr(lab, "no_such")
print(len(before) < len(vars(lab)))
"""
    assert loaded(code) == {"True"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'jstorrent' has no attribute 'Sesion'"):
        jst.Sesion  # type: ignore[attr-defined]  # noqa: B018


def test_logging_that_is_set_up_is_told() -> None:
    """Also when that was done before anything of ours was loaded."""
    code = "import logging, sys; logging.basicConfig(); import jstorrent as jst; jst.Session().close(); print(*sys.modules)"
    assert "jstorrent._log" in loaded(code)
    assert "jstorrent._log" not in loaded(code.replace("logging.basicConfig(); ", ""))


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert jst.__version__ == project["version"]
    assert jst.Settings().user_agent == f"jstorrent/{jst.__version__}"


def test_a_sub_interpreter_is_refused_and_does_not_hang() -> None:
    code = """
import sys
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
script = f"import sys; sys.path[:] = {sys.path!r}\\n" + '''
try:
    import jstorrent
except ImportError as error:
    assert "sub-interpreter" in str(error)
    print("refused", flush=True)
'''
interpreters.run_string(interpreters.create(), script)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "refused\n", done.stderr
