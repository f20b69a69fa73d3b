"""Plans in processes of their own: a native crash or a hang there is a finding here.

`python -m jstorrent.lab._child` reads plans, one a line, runs each in a fork of itself, and answers with what came of it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import IO, Any, Self

from jstorrent.lab._failure import Report
from jstorrent.lab._plan import Plan, token_of

PATIENCE = 120.0
"""Real seconds after which a run counts as one that hangs."""
_LAST_WORDS = 4000


class Children:
    """A process that runs plans in forks of itself. Use it as a context manager."""

    def __init__(
        self, patience: float = PATIENCE, *, words: Iterable[str] = ("-m", "jstorrent.lab._child"), environment: dict[str, str] | None = None,
        dating: bool = False,
    ) -> None:  # fmt: skip
        self.patience = patience
        if environment is None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *words, *(["dating"] if dating else []), str(patience)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment,
            process_group=0,
        )  # fmt: skip

    def run(self, plan: Plan) -> Report:
        """The report of one plan; of one that crashed or hung, what is known of it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        before = os.fstat(self._said.fileno()).st_size
        self._process.stdin.write(plan.to_json().encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that runs plans ended: {self._words_from(before)}")
        how, _, body = line.decode().strip().partition(" ")
        if how == "report":
            report: Report = pickle.loads(base64.b64decode(body))
            return report
        if how == "raised":
            raise pickle.loads(base64.b64decode(body))
        return report_of_death(plan, how, body, self._words_from(before))

    def _words_from(self, begin: int) -> str:
        self._said.seek(begin)
        return self._said.read().decode(errors="replace")[-_LAST_WORDS:]

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:  # whoever interrupts a run does not wait for its end; the fork is of the same group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self.close()


def report_of_death(plan: Plan, oracle: str, how: str, words: str) -> Report:
    """What can be said of a run that could not say it itself. oracle: crash or hang."""
    from jstorrent import __version__

    token = token_of(plan)
    error = f"{oracle}: the process {how}"
    text = "\n".join([error, f"lane sim, seed {plan.seed}", *words.strip().splitlines()[-20:]])
    return Report(
        ok=False, oracle=oracle, error=error, plan=plan, token=token, fingerprint=None, virtual_time=0.0, wall_time=0.0,
        engine_version=__version__, timeline=(), text=text,
    )  # fmt: skip


def run_in_child(plan: Plan, dating: bool = False) -> Report:
    """One plan, in a process of its own."""
    with Children(dating=dating) as children:
        return children.run(plan)


# -- the other side


def _serve(lines: Iterable[bytes], out: IO[bytes], patience: float, dating: bool = False) -> None:
    for line in lines:
        out.write(_answer(line, patience, dating).encode() + b"\n")
        out.flush()


def _answer(line: bytes, patience: float, dating: bool) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_here(line, writing, dating)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        body, in_time = _read_all(pipe, patience)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not in_time:
        return f"hang did not end within {patience:g} s"
    if os.WIFSIGNALED(status):
        return f"crash died of {signal.Signals(os.WTERMSIG(status)).name}"
    return body.decode() or f"crash ended with {os.waitstatus_to_exitcode(status)}"


def _read_all(pipe: IO[bytes], patience: float) -> tuple[bytes, bool]:
    found = b""
    while select.select([pipe], [], [], patience)[0]:
        more = os.read(pipe.fileno(), 1 << 16)
        if not more:
            return found, True
        found += more
    return found, False


def _run_here(line: bytes, writing: int, dating: bool) -> None:
    """In the fork: never returns."""
    try:
        answer = _told(line, dating)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer.encode())
    except BaseException:  # noqa: BLE001  it must not go on as if it were its parent
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _told(line: bytes, dating: bool) -> str:
    from jstorrent.lab._perform import run

    try:
        outcome: Any = run(Plan.from_json(line), dating=dating)
        how = "report"
    except Exception as error:  # noqa: BLE001  of the caller: the plan asks for nonsense
        outcome, how = error, "raised"
    return f"{how} {base64.b64encode(pickle.dumps(outcome)).decode()}"


if __name__ == "__main__":
    import jstorrent.lab  # noqa: F401  once, for all forks

    _serve(sys.stdin.buffer, sys.stdout.buffer, float(sys.argv[-1]), sys.argv[1] == "dating")
