"""`get`, `seed` and `verify` on real sockets and real files, in processes of their own."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import jstorrent as jst
import pytest

from tests.support.files import digest
from tests.support.processes import Talker
from tests.support.sanitizers import times_mean_nothing
from tests.support.tracker import HttpTracker
from tests.unit.cli.conftest import Run, Sample

pytest.importorskip("typer")


def test_get_downloads_from_libtorrent(run: Run, sample: Sample, libtorrent_seed: str, tmp_path: Path) -> None:
    done = run("get", sample.torrent, "-o", tmp_path / "out", "--peer", libtorrent_seed, "--json")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "out" / "sample.bin") == digest(sample.source)
    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["exit"], report["progress"]) == (0, 1.0)
    assert report["counters"]["payload_verified"] == sample.metainfo.total_size
    assert "complete" in done.stderr  # lines, where there is no terminal
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sample.bin"], "no state is left behind"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--tracker", "nope"], "URL of a tracker"),
        (["--peer", "nope"], "HOST:PORT"),
        (["--peer", "nope.example:1"], "no IP address"),
    ],
)
def test_get_makes_nothing_before_it_knows_what_it_was_told(run: Run, tmp_path: Path, wrong: list[str], said: str) -> None:
    for source in ("ab" * 20, "magnet:?xt=urn:btih:" + "ab" * 20):
        done = run("get", source, "-o", tmp_path / "out", "--state-dir", tmp_path / "state", *wrong)
        assert (done.returncode, list(tmp_path.iterdir())) == (2, []), done.stderr
        assert said in done.stderr


def test_get_makes_nothing_for_a_link_that_is_none(run: Run, tmp_path: Path) -> None:
    done = run("get", "magnet:?xt=nope", "-o", tmp_path / "out")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, []), done.stderr


def test_seed_hashes_nothing_for_a_tracker_that_is_none(run: Run, sample: Sample) -> None:
    done = run("seed", sample.source, "--tracker", "nope")
    assert done.returncode == 2 and "URL of a tracker" in done.stderr and "magnet:" not in done.stderr


def test_get_quietly_says_nothing(run: Run, sample: Sample, libtorrent_seed: str, tmp_path: Path) -> None:
    done = run("get", sample.torrent, "-o", tmp_path / "out", "--peer", libtorrent_seed, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_get_of_a_magnet_link_fetches_metadata_and_data(
    run: Run, sample: Sample, libtorrent_seed: str, tmp_path: Path
) -> None:
    link = f"{sample.metainfo.magnet()}&x.pe={libtorrent_seed}"
    done = run("get", link, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "out" / "sample.bin") == digest(sample.source)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["sample.bin"], "no state is left behind"


def test_get_of_a_magnet_link_that_nobody_has_ends_with_3(run: Run, sample: Sample, tmp_path: Path) -> None:
    done = run("get", sample.metainfo.magnet(), "-o", tmp_path / "out", "--timeout", "1")
    assert done.returncode == 3, done.stderr
    assert "fetching metadata" in done.stderr and "nobody" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_get_goes_on_where_it_was(run: Run, sample: Sample, libtorrent_seed: str, tmp_path: Path, how: int) -> None:
    get = ["get", str(sample.torrent), "-o", str(tmp_path / "out"), "--peer", libtorrent_seed]
    with Talker([sys.executable, "-m", "jstorrent.cli", *get, "--limit", "400k"]) as child:
        child.line_with(r"(?:[1-9]|\d\d)\.\d% downloading", 30)
        child.line_with(r"(?:[2-9]\d|1[5-9])\.\d% downloading", 30)
        child.interrupt(how)
        code = child.end(20)
        said = child.story
    assert code == (-how if how == signal.SIGKILL else 130)
    assert how == signal.SIGKILL or "same command" in said
    again = run(*get, "--json")
    assert again.returncode == 0, again.stderr
    fetched = json.loads(again.stdout.splitlines()[-1])["fetched"]
    assert fetched < sample.metainfo.total_size * 0.95, "what was verified is not fetched again"
    assert digest(tmp_path / "out" / "sample.bin") == digest(sample.source)


def said(tracker: HttpTracker, word: str) -> list[str]:
    """What the announces said of it."""
    return [found[1] for path in tracker.announces if (found := re.search(rf"[?&]{word}=(\w+)", path))]


def test_get_finds_peers_through_a_tracker_and_says_so(
    run: Run, sample: Sample, libtorrent_seed: str, tmp_path: Path
) -> None:
    host, _, port = libtorrent_seed.rpartition(":")
    with HttpTracker([(host, int(port))]) as tracker:
        link = f"{sample.metainfo.magnet()}&tr=http://127.0.0.1:9/announce&tr={tracker.url}"
        done = run("get", link, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert digest(tmp_path / "out" / "sample.bin") == digest(sample.source)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["peers_by_source"] == {"tracker": 1}
    assert report["trackers"][0]["state"] == "failed" and report["trackers"][1]["failures"] == 0
    assert "tracker http://127.0.0.1:9: the connection was refused" in done.stderr
    assert said(tracker, "event")[0] == "started" and said(tracker, "event")[-1] == "stopped"


def test_get_with_trackers_that_know_nobody_ends_with_3(run: Run, sample: Sample, tmp_path: Path) -> None:
    with HttpTracker([]) as tracker:
        done = run("get", sample.torrent, "-o", tmp_path / "out", "--tracker", tracker.url, "--timeout", "2", "--json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["trackers"][0]["state"] == "working"


def test_seed_tells_trackers(run: Run, sample: Sample) -> None:
    with HttpTracker([]) as tracker:
        done = run("seed", sample.torrent, "--data", sample.source.parent, "--tracker", tracker.url, "--seconds", "1.5", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["torrents"][0]["trackers"][0]["state"] == "working"
    assert (said(tracker, "event"), said(tracker, "left")) == (["started", "stopped"], ["0", "0"])


def test_get_with_nobody_there_ends_with_3(run: Run, sample: Sample, tmp_path: Path) -> None:
    done = run("get", sample.torrent, "-o", tmp_path / "out", "--timeout", "1")
    assert done.returncode == 3, done.stderr
    assert "nobody" in done.stderr


def test_get_that_runs_out_of_time_ends_with_7(run: Run, sample: Sample, tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=("127.0.0.1",))) as session:
        session.add(sample.metainfo, sample.source.parent).wait("seeding", 30)
        peer = f"127.0.0.1:{session.listen_port}"
        done = run("get", sample.torrent, "-o", tmp_path / "out", "--peer", peer, "--limit", "200k", "--timeout", "3")
    assert done.returncode == 7, done.stderr
    assert "same command" in done.stderr


def test_get_onto_a_bad_disk_ends_with_5(run: Run, sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    done = run("get", sample.torrent, "-o", tmp_path / "file" / "below", "--timeout", "5")
    assert done.returncode == 5, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr


def test_seed_serves_a_plain_file_and_get_fetches_it(run: Run, sample: Sample, tmp_path: Path) -> None:
    with Talker([sys.executable, "-m", "jstorrent.cli", "seed", sample.source, "--json", "--quiet"]) as seed:
        ready = json.loads(seed.line_with("^{", 30).string)
        assert ready["torrents"][0]["state"] == "seeding"
        peer = f"127.0.0.1:{ready['listen_port']}"
        torrent = tmp_path / "made.torrent"  # the same file gives the same torrent
        jst.create_torrent(sample.source).save(torrent)
        done = run("get", torrent, "-o", tmp_path / "out", "--peer", peer, "-q")
        assert done.returncode == 0, done.stderr
        seed.interrupt(signal.SIGINT)
        assert seed.end(20) == 130
        sent = json.loads(seed.line_with("payload_sent", 1).string)["payload_sent"]
    assert sent >= sample.source.stat().st_size
    assert digest(tmp_path / "out" / "sample.bin") == digest(sample.source)


def test_seed_of_wrong_data_ends_with_6(run: Run, sample: Sample) -> None:
    with open(sample.source, "r+b") as file:
        file.write(b"wrong")
    done = run("seed", sample.torrent, "--data", sample.source.parent, "--seconds", "1", "--json")
    assert done.returncode == 6, done.stderr
    assert "only" in done.stderr
    told = json.loads(done.stdout)
    assert told["exit"] == 6 and told["torrents"][0]["progress"] < 1.0


def test_verify_finds_what_is_wrong_and_writes_nothing(run: Run, sample: Sample) -> None:
    for path in (sample.source, sample.source.parent):
        done = run("verify", sample.torrent, path)
        assert done.returncode == 0, done.stderr
        assert f"all {sample.metainfo.num_pieces} pieces are right" in done.stdout
    with open(sample.source, "r+b") as file:
        file.seek(3 * 65536 + 17)
        file.write(b"wrong")
    before = digest(sample.source)
    done = run("verify", sample.torrent, sample.source.parent, "--json")
    assert done.returncode == 6
    report = json.loads(done.stdout)
    assert report["bad_pieces"] == [3]
    assert list(report["bad_files"]) == ["sample.bin"]
    assert digest(sample.source) == before
    assert "pieces: 3" in run("verify", sample.torrent, sample.source.parent).stdout


def test_verify_of_missing_and_short_files(run: Run, sample: Sample, tmp_path: Path) -> None:
    with open(sample.source, "r+b") as file:
        file.truncate(65536 * 2)
    done = run("verify", sample.torrent, sample.source.parent, "--json")
    assert (done.returncode, json.loads(done.stdout)["bad_pieces"]) == (6, list(range(2, sample.metainfo.num_pieces)))
    assert sample.source.stat().st_size == 65536 * 2
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("verify", sample.torrent, empty)
    assert done.returncode == 6 and "missing" in done.stdout
    assert list(empty.iterdir()) == []


@times_mean_nothing  # libtorrent would have to be as slow as we are then
def test_the_demonstration_ends_with_equal_files(run: Run) -> None:
    pytest.importorskip("libtorrent")
    done = run("demo", "--size", "48", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["equal"] and report["sha256"] == report["sha256_of_source"]
    assert set(report["from"]) == {"our own engine", "libtorrent"}
    assert min(report["from"].values()) > 0


def test_a_pipe_that_closes_early_is_no_crash(sample: Sample) -> None:
    command = f"{sys.executable} -m jstorrent.cli show {sample.torrent} --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
