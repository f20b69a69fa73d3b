"""The command line before its first command: while it is loaded."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, *rest):
        if name == {name!r}:
            raise {error}
sys.meta_path.insert(0, Blocker())
from jstorrent.cli import main
main()
"""


@pytest.mark.parametrize(
    ("name", "error", "code", "words"),
    [
        ("rich", "KeyboardInterrupt", 130, "jstorrent: interrupted\n"),
        ("jstorrent.cli.get", "KeyboardInterrupt", 130, "jstorrent: interrupted\n"),
        ("typer", "ModuleNotFoundError(name='typer')", 1, "jstorrent: the command line needs typer. Install the extra 'cli':"),
    ],
)
def test_what_ends_it_is_said_in_one_line(name: str, error: str, code: int, words: str) -> None:
    script = BLOCKED.format(name=name, error=error)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code and done.stderr.startswith(words) and "Traceback" not in done.stderr


def test_the_package_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "jstorrent", "show"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stderr.startswith("Usage: jstorrent show")


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [("SIG_DFL", 130, "jstorrent: interrupted\n"), ("SIG_IGN", 0, "")],
    ids=["in a terminal", "under nohup"],
)
def test_a_terminal_that_closes_ends_it_as_ctrl_c_does(before: str, code: int, words: str) -> None:
    script = f"""
import os, signal, sys
signal.signal(signal.SIGHUP, signal.{before})
from jstorrent.cli import app
app.app = lambda **words: os.kill(os.getpid(), signal.SIGHUP)
sys.exit(app.run([]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, words)
