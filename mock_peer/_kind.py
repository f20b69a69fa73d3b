"""What all kinds of behaviours share: counting matches, waiting, being armed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

from mock_peer._behaviour import Arg, Behaviour
from mock_peer._link import Link
from mock_peer._wire import Frame

if TYPE_CHECKING:
    from mock_peer._core import Core


class Kind:
    """One behaviour at work in one peer. The docstring of a kind is what it does; `on` is its usual trigger.

    A kind that `shapes` changes frames on their way out: the answers to the requests that triggered it or, triggered by
    something else, all that it `wants` from then on. Any other does its `deed` once for each trigger.
    """

    on: ClassVar[str] = "request"
    args: ClassVar[dict[str, Arg]] = {}
    shapes: ClassVar[bool] = False

    def __init__(self, behaviour: Behaviour, core: Core, rng: random.Random) -> None:
        self.behaviour = behaviour
        self.core = core
        self.rng = rng
        self.retired = False
        self._matches = 0
        self._deeds = 0
        self._armed: set[int] = set()

    @classmethod
    def trigger(cls, args: dict[str, Any]) -> str:
        """What triggers it unless told."""
        return cls.on

    def arg(self, name: str) -> Any:
        """A word of the behaviour."""
        return self.behaviour.args[name]

    # -- triggers

    def matches(self, link: Link, piece: int | None, begin: int | None) -> bool:
        """Counts one event of its trigger; whether it does its deed now."""
        b = self.behaviour
        if (b.piece is not None and piece != b.piece) or (b.begin is not None and begin != b.begin):
            return False
        self._matches += 1
        if self._matches < b.first or (b.last is not None and self._matches > b.last) or not self.may_fire():
            return False
        self.count_deed()
        return True

    def may_fire(self) -> bool:
        """It has deeds left, and its luck holds."""
        b = self.behaviour
        return (b.times is None or self._deeds < b.times) and (b.p >= 1.0 or self.rng.random() < b.p)

    def count_deed(self) -> None:
        """One of its times is used."""
        self._deeds += 1

    def begin_deed(self, link: Link, request: Any) -> None:
        """The deed, or the wait for it."""
        if self.behaviour.after > 0:
            self.later(self.behaviour.after, link, lambda: self.deed(link, request))
        else:
            self.deed(link, request)

    def later(self, seconds: float, link: Link, call: Any) -> None:
        """Calls it then, unless the link or the behaviour is over."""
        self.core.later(seconds, lambda: None if self.retired else call(), link)

    # -- what kinds say

    def deed(self, link: Link, request: Any) -> None:
        """What it does when triggered. A kind that shapes is armed by it."""
        self._armed.add(link.number)

    def wants(self, link: Link, frame: Frame) -> bool:
        """Whether it shapes this frame."""
        if frame.request is not None and self in frame.request.hits:
            return True
        if self.behaviour.on == "send":
            return self.matches(link, frame.piece, frame.begin)
        return link.number in self._armed and self.may_shape(frame)

    def may_shape(self, frame: Frame) -> bool:
        """Once armed: whether it is about frames like this. Usually about answers."""
        return frame.request is not None

    def shape(self, link: Link, frame: Frame) -> list[Frame]:
        """What becomes of the frame; `after` is added to its delay."""
        if self.behaviour.on in ("request", "metadata_request", "send"):
            frame.delay += self.behaviour.after
        return self.shaped(link, frame)

    def shaped(self, link: Link, frame: Frame) -> list[Frame]:
        """What becomes of the frame."""
        return [frame]

    def let_go(self, link: Link, frames: list[Frame]) -> None:
        """Frames that it had held go on to the behaviours behind it."""
        if not self.retired and not link.over:
            self.core.go_on(link, frames, self.core.kinds.index(self) + 1)
