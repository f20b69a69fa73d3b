"""How a laboratory says that something is wrong: LabFailure with a Report, and LaneLacks for what a lane cannot do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from jstorrent._errors import Error
from jstorrent._values import Value


@dataclass(frozen=True, slots=True)
class Report(Value):
    """What happened to one world. `text` fits one screen."""

    ok: bool
    oracle: str | None
    """What judged: the name of an oracle, or until, settle, always."""
    error: str | None
    plan: Any
    token: str | None
    fingerprint: str | None
    virtual_time: float
    wall_time: float
    engine_version: str
    timeline: tuple[str, ...]
    """The last events of all engines."""
    text: str
    excuse: str | None = None
    """Why it need not have completed: one of a closed list of words."""
    broken_at: float | None = None
    """The time of the first turn after which its oracle would have spoken; None where that is not known."""

    def __str__(self) -> str:
        return self.text


class LabFailure(AssertionError):
    """The world is not as it should be. Says who, when and where, and how to run it again."""

    def __init__(self, message: str, *, report: Report, node: str | None = None) -> None:
        super().__init__(message)
        self.report = report
        self.oracle = report.oracle
        self.time = report.virtual_time
        self.node = node
        self.token = report.token

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (str(self), self.report, self.node)


def _rebuild(message: str, report: Report, node: str | None) -> LabFailure:
    return LabFailure(message, report=report, node=node)


class Last:
    """The last world of this process that ended: what a test that made it by itself, and fails, has to tell."""

    told: Report | str | None = None
    """Of a plan that was run, its report; of a world that an exception ended, its token."""

    @classmethod
    def take(cls) -> tuple[str, str] | None:
        """How it stood, as far as nobody said so, and its token; None where all was well, or it cannot run again."""
        told, cls.told = cls.told, None
        if isinstance(told, Report):
            return None if told.ok or told.token is None else (told.text, told.token)
        return None if told is None else ("", told)


class LaneLacks(Error):
    """This lane, or this client, cannot do that. Under pytest the test is skipped with the reason."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_supported")


def not_yet(what: str) -> NoReturn:
    """For the words that are reserved and not built."""
    raise Error(f"{what} is not there yet", code="not_supported")


def check_word(word: str, known: Iterable[str], what: str) -> str:
    """The word, or ValueError with the known ones."""
    words = sorted(known)
    if word not in words:
        raise ValueError(f"no such {what}: {word!r} (known: {', '.join(words)})")
    return word


for _public in (LabFailure, LaneLacks):
    _public.__module__ = "jstorrent.lab"  # as a report of pytest should name them
