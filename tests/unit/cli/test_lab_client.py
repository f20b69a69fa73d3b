"""`jstorrent lab client` as a user runs it."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import Talker
from tests.unit.cli.conftest import Run


def test_the_list_names_each_scenario(run: Run) -> None:
    listed = json.loads(run("lab", "client", "--list", "--json").stdout)
    assert len(listed) > 5 and all({*one} == {"name", "role", "says"} for one in listed)
    assert run("lab", "client", "--driver", "libtorrent", "--table", "--json").returncode == 2
    done = run("lab", "client", "--list")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 25
    assert "honest " in done.stdout and "seed_honest " in done.stdout


def test_a_good_client_ends_with_0_and_json(run: Run) -> None:
    done = run("lab", "client", "--driver", "jstorrent", "--only", "honest", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["name"], row["verdict"], row["reason"]) == ("honest", "pass", "")
    assert "[1/1] pass honest" in done.stderr


def test_a_client_that_does_nothing_ends_with_1_and_a_reason(run: Run) -> None:
    words = ["--", sys.executable, "-c", "print('no such option\\33[2J\\n'); raise SystemExit(9)", "{torrent}"]
    done = run("lab", "client", "--only", "honest", *words)
    assert done.returncode == 1
    assert "fail  honest" in done.stdout
    assert "it ended with exit code 9 and said: no such option[2J: " in done.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "a command"),
        (["--driver", "jstorrent", "--", "true"], "a command"),
        (["--driver", "utorrent"], "known: aria2c"),
        (["--only", "nothing", "--driver", "jstorrent"], "no such scenario"),
        (["--", "true", "{what}"], "no such placeholder"),
        (["--table", "--driver", "utorrent"], "known: aria2c"),
        (["--table", "-o", "/no/such/x.md"], "there is no folder '/no/such'"),
    ],
)
def test_nonsense_is_refused_with_a_reason(run: Run, words: list[str], why: str) -> None:
    done = run("lab", "client", *words)
    assert done.returncode == 2
    assert why in " ".join(done.stderr.replace("│", " ").split())


def test_a_client_that_is_not_installed_is_said_once(run: Run) -> None:
    done = run("lab", "client", "--", "no-such-program-anywhere", "{torrent}")
    assert done.returncode == 2
    assert "not installed" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_clients_first(tmp_path: Path, how: int) -> None:
    note = tmp_path / "pid"
    waits = f"import os, sys; open({str(note)!r}, 'w').write(str(os.getpid())); print('up'); sys.stdin.read()"
    command = ["lab", "client", "--only", "wrong_info_hash", "--only", "never_unchoked", "-j", "1", "--"]
    with Talker([sys.executable, "-m", "jstorrent.cli", *command, sys.executable, "-c", waits]) as child:
        watch = Talker(
            [sys.executable, "-c", f"import os\nwhile not os.path.exists({str(note)!r}): pass\nprint('there')"]
        )
        with watch:
            watch.line_with("there", 30)
        child.interrupt(how)
        assert child.end(20) == 130, child.story
    assert not _is_there(note)


def _is_there(note: Path) -> bool:
    text = note.read_text()
    if not text:
        return False  # it was killed before it could say who it is
    try:
        os.kill(int(text), 0)
    except ProcessLookupError:
        return False
    return True
