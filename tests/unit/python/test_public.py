"""The shape of the package: `__all__`, types, docstrings, stubs that match the module, a clear word without the build."""

from __future__ import annotations

import ast
import inspect
import os
import pickle
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import jstorrent as jst
import pytest
from jstorrent import _core, lab

PACKAGE = Path(jst.__file__).parent
STUBS = ast.parse((PACKAGE / "_core.pyi").read_text())


def test_all_is_sorted_complete_and_true() -> None:
    assert jst.__all__ == sorted(jst.__all__)
    public = {name for name in dir(jst) if not name.startswith("_") and not inspect.ismodule(getattr(jst, name))}
    public -= {"annotations", "TYPE_CHECKING"}
    assert public == set(jst.__all__) - {"__version__"}
    assert (PACKAGE / "py.typed").exists()


@pytest.mark.parametrize(
    ("module", "name"), [(of, n) for of in (jst, lab) for n in of.__all__ if n not in ("__version__", "Address")]
)
def test_everything_public_has_a_docstring(module: ModuleType, name: str) -> None:
    thing = getattr(module, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member}"


def stub_functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def arguments(function: ast.FunctionDef) -> int:
    of = function.args
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    return len(of.posonlyargs) + len(of.args) + int(static)


def bound_arguments(method: object) -> int:
    """Of a pybind11 method, from the first line of its docstring: name(self: T, a: int, ...) -> R."""
    line = (inspect.getdoc(method) or "").splitlines()[0]
    inner = line[line.index("(") + 1 : line.rindex(") ->")]
    depth, count = 0, 1 if inner else 0
    for char in inner:
        depth += char in "[({"
        depth -= char in "])}"
        count += char == "," and depth == 0
    return count


CLASSES = [node for node in STUBS.body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("stub", CLASSES, ids=lambda s: s.name)
def test_the_stubs_of_a_class_match_the_module(stub: ast.ClassDef) -> None:
    cls = getattr(_core, stub.name)
    bound = {name for name in vars(cls) if not name.startswith("_") or (name == "__init__" and "__init__" in vars(cls))}
    stubbed = stub_functions(stub.body)
    constructible = "__init__" in stubbed
    assert set(stubbed) - {"__init__"} == bound - {"__init__"}
    for name, function in stubbed.items():
        if any(isinstance(d, ast.Name) and d.id == "property" for d in function.decorator_list):
            assert isinstance(vars(cls)[name], property), name
            continue
        static = isinstance(vars(cls)[name], staticmethod)
        assert arguments(function) - int(static) == bound_arguments(getattr(cls, name)), f"{stub.name}.{name}"
    if not constructible:
        with pytest.raises(TypeError):
            cls()


def test_the_stubs_name_everything_in_the_module_and_nothing_else() -> None:
    names = {node.target.id for node in STUBS.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
             and not (isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias")}  # fmt: skip
    names |= set(stub_functions(STUBS.body)) | {node.name for node in CLASSES}
    assert names == {name for name in vars(_core) if not name.startswith("__")}


def test_the_package_is_clean_for_strict_users() -> None:
    pytest.importorskip("mypy")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", str(PACKAGE)], capture_output=True, text=True,
                          cwd=PACKAGE.parents[1], check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout


USER = """
import jstorrent as jst

def use(session: jst.Session) -> None:
    t: jst.Torrent = session.add("a.torrent", ".", priorities={"*": 0, "*.mkv": 7, 3: 1}, peers=[("1.2.3.4", 5)])
    chosen: dict[int, int] = {3: 7}
    session.add("b.torrent", ".", priorities=chosen)
    state: str = t.wait().state
    for event in session.events(jst.PieceCompleted):
        piece: int = event.piece
        name: str = event.torrent.name
    for any_event in session.events():
        time: float = any_event.time
    jst.Settings(listen=["::"], max_connections=None, dht=False)

async def wait(t: jst.Torrent) -> jst.TorrentStatus:
    async for status in t.watch(1.0):
        assert status.counters.payload_received >= 0
    return await t.wait_async(lambda s: s.progress > 0.5, timeout=3)
"""


def test_a_program_of_a_strict_user_checks_and_mistakes_are_found(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(USER + "\nx: int = jst.Settings(max_connections='many').user_agent\njst.Sesion()\n")
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    good = subprocess.run([*command, "user.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    bad = subprocess.run([*command, "wrong.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert len(re.findall(r"error:", bad.stdout)) == 3, bad.stdout


def test_without_the_compiled_module_the_import_says_what_to_run(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "jstorrent", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = subprocess.run([sys.executable, "-c", "import jstorrent"], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False)  # fmt: skip
    assert done.returncode == 1
    assert "ImportError: the compiled module of jstorrent is missing: run `pip install .`" in done.stderr


def test_errors_go_by_their_public_names() -> None:
    for package in (jst, lab):
        for name in package.__all__:
            thing = getattr(package, name)
            if isinstance(thing, type) and issubclass(thing, BaseException):
                said = traceback.format_exception_only(thing, thing.__new__(thing, "why"))[-1]
                assert said.startswith(f"{package.__name__}.{name}")
                assert pickle.loads(pickle.dumps(thing)) is thing
