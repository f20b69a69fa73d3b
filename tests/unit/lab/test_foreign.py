"""Anybody's client in a laboratory: programs, commands, drivers of one's own."""

import os
import shutil
import signal
import sys

import pytest
from jstorrent.lab import Engine, Lab, LaneLacks, Spec
from jstorrent.lab._drivers import DRIVERS, Command, Driver, Job
from jstorrent.lab._foreign import Foreign
from jstorrent.lab._lanes import RealLane

from tests.support.sanitizers import starts_others

real = pytest.mark.lanes("real")
GET = [sys.executable, "-m", "jstorrent.cli", "get", "{torrent}", "-o", "{dir}", "--peer", "{host}:{port}", "--quiet"]


@pytest.fixture(autouse=True)
def own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children find the package that the tests use."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def seed_of(lab: Lab, name: str = "good", pieces: int = 16) -> tuple[Spec, Engine]:
    spec, good = lab.torrent(pieces=pieces), lab.engine(name)
    good.add(spec, have="all")
    return spec, good


def known(lab: Lab, program: str) -> Foreign:
    if program == "transmission" and os.geteuid() != 0:
        raise LaneLacks("needs root")
    return lab.client("other", program)


@real
@pytest.mark.parametrize("program", [pytest.param(name, marks=() if name == "jstorrent" else starts_others) for name in sorted(DRIVERS)])
def test_each_known_client_downloads_and_seeds(lab: Lab, program: str) -> None:
    spec, good = seed_of(lab)
    other = known(lab, program)
    other.add(spec, peers=[good])
    lab.until(lambda: other.complete(spec), within=40, every=0.05)
    (link, *_more) = [record for record in lab._lane.network.links if record.down]
    assert (link.dialler, link.target) == ("other", "good")
    good.stop()
    other.stop()
    assert not other.running
    client = lab.engine("client", reconnect_interval=0.5)
    again = lab.client("again", program)
    again.add(spec, have="all")
    t = client.add(spec, peers=[again])
    lab.until(lambda: t.state == "seeding", within=40)
    again.crash()
    assert not again.running


@real
def test_a_command_is_told_its_peers_where_it_asks_for_them(lab: Lab) -> None:
    spec, good = seed_of(lab)
    other = lab.client("other", GET)
    other.add(spec, peers=[good])
    lab.until(lambda: not other.running, within=20)
    assert other.complete(spec)
    assert other.last_words == "it ended with exit code 0"


@real
def test_lab_net_works_on_its_sockets_and_a_crash_is_a_kill(lab: Lab) -> None:
    spec, good = seed_of(lab, pieces=64)
    other = lab.client("other", GET)
    lab.net.link(good, other, rate=2_000_000)
    other.add(spec, peers=[good])
    links = lab._lane.network.links
    lab.until(lambda: any(link.down > 200_000 for link in links), within=20)
    lab.net.partition(good, other)
    lab.run_for(0.1)
    before = sum(link.down for link in links)
    lab.run_for(0.3)
    assert sum(link.down for link in links) == before
    other.crash()
    assert other.last_words == f"it died of {signal.SIGKILL.name}"
    lab.net.heal()
    other.restart()
    lab.until(lambda: other.complete(spec), within=20, every=0.05)


@real
def test_what_it_said_and_how_it_ended_can_be_read(lab: Lab) -> None:
    other = lab.client("other", [sys.executable, "-c", "print('{dir}'); raise SystemExit(3)"])
    other.add(lab.torrent(pieces=1))
    lab.until(lambda: not other.running, within=10)
    assert str(other.downloads) in other.output
    assert other.last_words == "it ended with exit code 3"


class Recorder(Driver):
    """A driver of one's own."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.job: Job | None = None

    def start(self, job: Job) -> None:
        self.job = job
        self.said.append("start")

    def stop(self) -> None:
        self.said.append("stop")

    def kill(self) -> None:
        self.said.append("kill")


@real
def test_a_driver_is_told_its_job_and_finds_its_peers_by_the_tracker(lab: Lab) -> None:
    driver = Recorder()
    spec, good = seed_of(lab)
    other = lab.client("other", driver)
    other.add(spec, peers=[good])
    job = driver.job
    assert job is not None and not job.is_seed
    assert job.torrent.is_file() and job.dir == other.downloads
    assert len(job.peers) == 1 and job.peers[0][0] == good.address[0]
    assert "tr=http" in job.magnet
    other.restart()
    other.stop()
    assert driver.said == ["start", "kill", "start", "stop"]


def test_a_driver_that_can_not_end_leaves_nobody_else_alive() -> None:
    class Stuck(Recorder):
        def kill(self) -> None:
            raise ProcessLookupError("it has ended")

    with pytest.raises(ProcessLookupError, match="it has ended"), Lab("real", seed=1) as lab:
        spec, _ = seed_of(lab)
        lab.client("stuck", Stuck()).add(spec)
        last, driver = lab.engine("last"), Recorder()
        lab.client("other", driver).add(spec)
    assert driver.said == ["start", "kill"] and not last.running
    assert isinstance(lab._lane, RealLane) and not lab._lane.root.exists()


@real
def test_it_runs_one_torrent(lab: Lab) -> None:
    other = lab.client("other", Recorder())
    other.add(lab.torrent(pieces=1))
    with pytest.raises(LaneLacks, match="one torrent"):
        other.add(lab.torrent(pieces=1))


def test_peers_are_repeated_with_their_option() -> None:
    job = Job(torrent="t", magnet="m", dir="d", host="1.1.1.1", port=5, peers=(("2.2.2.2", 6), ("3.3.3.3", 7)),  # type: ignore[arg-type]
              is_seed=False, from_magnet=False, home="h")  # type: ignore[arg-type]  # fmt: skip
    words = [sys.executable, "{torrent}", "--peer", "{host}:{port}", "--with={host}:{port}", "--listen", "{port}"]
    assert Command(words).command(job) == [
        sys.executable, "t", "--peer", "2.2.2.2:6", "--peer", "3.3.3.3:7", "--with=2.2.2.2:6", "--with=3.3.3.3:7",
        "--listen", "5",
    ]  # fmt: skip


@real
def test_nonsense_is_refused(lab: Lab) -> None:
    with pytest.raises(ValueError, match="known: aria2c, jstorrent, libtorrent, transmission"):
        lab.client("a", "utorrent")
    with pytest.raises(ValueError, match="placeholder"):
        lab.client("b", [sys.executable, "{file}"])
    with pytest.raises(ValueError, match="empty"):
        lab.client("c", [])
    with pytest.raises(ValueError, match="kill"):
        lab.client("d", object())  # type: ignore[arg-type]
    with pytest.raises(LaneLacks, match="installed"):
        lab.client("e", ["no-such-program-anywhere"])
    assert shutil.which("no-such-program-anywhere") is None


def test_programs_live_in_the_real_lane(lab: Lab) -> None:
    with pytest.raises(LaneLacks, match="real lane"):
        lab.client("other", "libtorrent")
