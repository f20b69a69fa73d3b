"""The line that a failure ends with runs that test again: from that line alone, with the same luck, wherever its root is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

FAILS = """
    import pytest

    @pytest.mark.parametrize("word", ["plain", "$HOME", 'q"', "b`id`", "b\\\\s", "it's"])
    def test_ids(lab, word): assert False
"""
ONE = """
    import pytest

    @pytest.mark.xdist_group("some")
    def test_one(lab): assert False
"""
PYTEST = f"{shlex.quote(sys.executable)} -m pytest -p jstorrent.lab.pytest_plugin -p no:cacheprovider "
FOUND = re.compile(r"^seed (\d+)\nreplay: pytest (.*)$", re.MULTILINE)


def shell(words: str, where: Path) -> list[tuple[str, str]]:
    """Seeds and replay lines of that run of pytest."""
    return FOUND.findall(subprocess.run(PYTEST + words, shell=True, cwd=where, capture_output=True, text=True, check=False).stdout)


def make(pytester: pytest.Pytester, text: str, *files: str) -> Path:
    below = pytester.mkdir("below")
    (below / "deep").mkdir()
    pytester.makepyfile(**{"below/deep/test_it": text})
    for file in files:
        (pytester.path / file).write_text("[pytest]\n" if file.endswith("ini") else "")
    return pytester.path


@pytest.mark.parametrize(
    ("start", "words", "files"),
    [
        (".", "", ["pytest.ini"]),
        ("below", "deep", ["pytest.ini"]),
        (".", "", ["pytest.ini", "below/pytest.ini"]),
        (".", "", ["below/setup.py"]),
        ("other", "../below", []),
        ("other", "--rootdir=../below ../below/deep", []),
        ("other", "--rootdir=. ../below/deep", []),
        (".", "-c below/some.ini below", ["below/some.ini"]),
    ],
)
def test_wherever_the_root_is(pytester: pytest.Pytester, start: str, words: str, files: list[str]) -> None:
    where = make(pytester, ONE, *files) / start
    where.mkdir(exist_ok=True)
    (found,) = shell(words, where)
    assert shell(found[1], where) == [found]


def test_whatever_the_id_is(pytester: pytest.Pytester) -> None:
    where = make(pytester, FAILS, "pytest.ini")
    found = shell("", where)
    assert len(found) == 6
    assert shell(" ".join(line.split(" --lab")[0] for _, line in found), where) == found


def test_the_group_of_a_worker_is_no_part_of_it(pytester: pytest.Pytester) -> None:
    where = make(pytester, ONE, "pytest.ini")
    pytester.makeconftest("""
        def pytest_collection_modifyitems(items):  # as pytest-xdist does it in its workers, where pytest lets it
            for item in items:
                setattr(type(item), "nodeid", property(lambda self: f"{self.__dict__['plain']}@some"))
                item.__dict__["plain"] = "below/deep/test_it.py::test_one[sim]"
    """)
    (found,) = shell("", where)
    (where / "conftest.py").unlink()
    assert shell(found[1], where) == [found]
    assert "@" not in found[1]
