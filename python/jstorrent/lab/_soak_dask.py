"""Campaigns on a cluster of Dask: runs of numbers are tasks, each in a process of its own below its worker.

A plan that crashes or hangs ends that process and no worker. When a worker dies all the same, its task goes to another: what ran twice for
it, and what nobody could finish, is in the report. Each number counts once. Needs the extra `dask`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jstorrent._errors import Error
from jstorrent.lab.soak import PATIENCE, Soaked, shrink_all, soak

BATCH = 200
"""Numbers of one task: some seconds, and its process starts once."""
_AHEAD = 2
"""Tasks for each worker that are under way, so that none waits for the next."""
_MOST_TRIES = 3
_FOR_EVER = 1e9


@contextmanager
def cluster(where: str) -> Iterator[Any]:
    """A client of the scheduler at that address; local:N makes N workers on this machine."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise Error("campaigns on a cluster need dask.distributed: pip install 'jstorrent[dask]'", code="not_supported") from error
    kind, _, count = where.partition(":")
    if kind != "local":
        with Client(where) as client:
            yield client
        return
    if not count.isdecimal() or not 1 <= int(count) <= 256:
        raise ValueError(f"local:N makes N workers, 1 to 256, not {where!r}")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=int(count), threads_per_worker=1, dashboard_address=None) as made,
        Client(made) as client,
    ):
        yield client


def batch(topic: str, seed: int, first: int, end: int, patience: float) -> Soaked:
    """One task: these numbers, here."""
    from distributed import get_worker

    get_worker().log_event(topic, {"first": first, "end": end})
    return soak(_FOR_EVER, seed, first=first, most=end, patience=patience)


class _Campaign:
    def __init__(self, client: Any, seed: int, first: int, most: int | None, size: int, patience: float) -> None:
        self.client, self.size, self.most, self.patience = client, size, most, patience
        self.topic = f"jstorrent-soak-{uuid.uuid4()}"
        self.next = first
        self.tries: dict[int, int] = {}
        self.batches: dict[Any, tuple[int, int]] = {}
        self.soaked = Soaked(seed, sum(client.nthreads().values()), 0.0)

    def submit(self, first: int, end: int) -> Any:
        self.tries[first] = self.tries.get(first, 0) + 1
        key = f"{self.topic}-{first}-{self.tries[first]}"
        future = self.client.submit(batch, self.topic, self.soaked.seed, first, end, self.patience, key=key, pure=False, retries=0)
        self.batches[future.key] = (first, end)
        return future

    def another(self) -> Any:
        """The next task; None: all are given out."""
        end = self.next + self.size if self.most is None else min(self.next + self.size, self.most)
        if end <= self.next:
            return None
        first, self.next = self.next, end
        return self.submit(first, end)

    def take(self, future: Any) -> Any:
        """What one task came to; the task in its place if it was lost."""
        first, end = self.batches.pop(future.key)
        if future.status == "finished":
            self.soaked.merge(future.result())
            return None
        error = future.exception()
        if type(error).__name__ != "KilledWorker":
            raise error
        if self.tries[first] < _MOST_TRIES:
            return self.submit(first, end)
        self.soaked.lost.append((first, end))
        return None

    def run(self, seconds: float, progress: Callable[[Soaked], None] | None) -> Soaked:
        from distributed import as_completed

        began = time.monotonic()
        under_way = as_completed([])
        for _ in range(self.soaked.jobs * _AHEAD):
            if (future := self.another()) is not None:
                under_way.add(future)
        for future in under_way:
            instead = self.take(future)
            if instead is None and time.monotonic() - began < seconds:
                instead = self.another()
            if instead is not None:
                under_way.add(instead)
            self.soaked.seconds = time.monotonic() - began
            if progress is not None:
                progress(self.soaked)
        begun: dict[tuple[int, int], int] = {}
        for _, said in self.client.get_events(self.topic):
            begun[said["first"], said["end"]] = begun.get((said["first"], said["end"]), 0) + 1
        again = {numbers for numbers, times in begun.items() if times > 1}
        again |= {numbers for numbers in begun if self.tries[numbers[0]] > 1}
        self.soaked.again = sorted(again)
        return self.soaked


def soak_on(
    client: Any,
    seconds: float,
    seed: int,
    *,
    first: int = 0,
    most: int | None = None,
    size: int = BATCH,
    patience: float = PATIENCE,
    shrink_seconds: float = 0.0,
    progress: Callable[[Soaked], None] | None = None,
) -> Soaked:
    """As soak(), over the workers of that cluster. Numbers that are under way when the time is up are finished."""
    soaked = _Campaign(client, seed, first, most, size, patience).run(seconds, progress)
    shrink_all(soaked, shrink_seconds, patience)
    return soaked
