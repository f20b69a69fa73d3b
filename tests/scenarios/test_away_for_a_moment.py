"""A file that is away for the moment of its sync, and back before anybody looks again: what a crash takes of it is not believed."""

import pytest
from jstorrent.lab import Lab, phases


@pytest.mark.parametrize("skipped", [False, True])
@pytest.mark.parametrize("nth", range(1, 21))
def test_an_open_that_finds_nothing_once_is_no_promise(lab: Lab, nth: int, skipped: bool) -> None:
    """Whichever open it is, of the files or of the part file: the oracle compares what is said to be complete with the disk."""
    spec = lab.torrent(piece_length=65536, files=[("a", 100_000), ("b", 100_000), ("c", 100_000)])
    client, seed = lab.engine("client"), lab.engine("seed")
    seed.add(spec, have="all")
    t = client.add(spec, peers=[seed])
    if skipped:
        t.set_file_priority(1, 0)
    fault = client.disk.fail(error="ENOENT", nth=nth, op="open")
    lab.run_for(6)
    client.crash(mode="metadata-first")
    lab.run_for(9)
    phases.recover(lab, [seed], [fault])
    phases.finish(lab, within=1000)
