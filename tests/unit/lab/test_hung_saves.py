"""A save whose disk does not answer: it ends, says so, and what it was to save is saved when the disk answers again."""

import errno

import jstorrent as jst
import pytest
from jstorrent.lab import Lab


@pytest.mark.lanes("sim", "real")
@pytest.mark.parametrize("point", ["disk.sync", "resume.save"])
def test_a_save_gives_up_when_the_disk_does_not_answer(lab: Lab, point: str) -> None:
    spec = lab.torrent(pieces=4)
    good = lab.seeder("good", spec)
    client = lab.engine("client", disk_timeout=1.0, save_interval=3600.0)
    t = client.add(spec, stopped=True)
    client.session.save()
    gate = lab.gate(point, "hold", node=client, torrent=spec)
    t.start()
    t.connect(good)
    lab.until(lambda: gate.hit, within=30)
    with pytest.raises(jst.DiskError) as caught:
        client.session.save()
    assert caught.value.code == "disk_timeout" and caught.value.errno == errno.ETIMEDOUT
    assert str(caught.value.filename).endswith("state")
    gate.release()
    lab.until(lambda: t.status().is_complete, within=30)
    client.session.save()
    saved = client.saved(spec)
    assert saved is not None and saved.have == frozenset(range(4))


@pytest.mark.lanes("sim")
def test_a_save_that_is_long_and_gets_on_is_waited_for(lab: Lab) -> None:
    client = lab.engine("client", disk_timeout=1.0)
    specs = [lab.torrent(pieces=1) for _ in range(40)]
    for spec in specs:
        client.add(spec, stopped=True)
    client.disk.stall(0.2, "sync")
    before = lab.now
    client.session.save()
    assert lab.now - before > 2.0
