"""A move that a crash cut short and that does not work any more: who asks for another place gets it, and loses nothing."""

from __future__ import annotations

import jstorrent as jst
import pytest

from tests.scenarios.test_move_crashes import MOST_OPERATIONS, begin, deed, places


def turn_back(seed: int, how: str, k: int, to: str) -> bool | None:
    """None: the move needs no k-th operation any more. Whether it did not work after the crash."""
    lab, spec, client, t = begin(seed, how)
    with lab:
        blocked = client.disk.root / ("downloads/other/name" if how == "name" else f"elsewhere/deep/{spec.name}/d/b")
        lab.gate("disk.done", "crash", nth=k, mode="keep-prefix", node=client)
        deed(client, t, how)
        lab.until(lambda: not client.running or client.history(jst.FilesMoved) != [], within=20)
        if client.running:
            return None
        moved = client.disk.exists(blocked)
        if not moved:
            client.disk.write(blocked, 0, b"somebody's")
        client.start()
        lab.run_for(5)
        again = client.torrent(spec)
        assert again is not None
        if again.state == "seeding":
            return False
        assert again.state == "error" and not moved
        before = again.save_path
        if how == "name":
            again.rename_file(1, f"{spec.name}/d/b" if to == "back" else "third")
        else:
            again.move(before if to == "back" else client.disk.root / "third")
        lab.until(lambda: again.state == "seeding", within=30)
        lab.run_for(2)
        assert again.state == "seeding" and client.session.status().counters.payload_received == 0
        assert client.disk.read(blocked) == b"somebody's"
        assert again.save_path == (before if to == "back" or how == "name" else client.disk.root / "third")
        left = {name: [path for path in paths if path != str(blocked)] for name, paths in places(client, spec).items()}
        for number, (name, paths) in enumerate(left.items()):
            ours = str(again.save_path / again.files()[number].path)
            assert client.disk.exists(ours) and set(paths) <= {ours}, f"{name} is at {paths}"
        whole = b"".join(client.disk.read(again.save_path / file.path) for file in again.files())
        assert whole == b"".join(spec.piece(i) for i in range(spec.num_pieces))
    return True


@pytest.mark.parametrize("to", ["back", "elsewhere"])
@pytest.mark.parametrize("how", ["rename", "copy", "name"])
def test_what_a_crash_cut_short_and_somebody_is_in_the_way_of_can_be_turned_back(how: str, to: str) -> None:
    failed = 0
    for k in range(1, MOST_OPERATIONS):
        try:
            did_not_work = turn_back(1, how, k, to)
        except BaseException as error:
            error.add_note(f"crash after operation {k}, {how}, {to}")
            raise
        if did_not_work is None:
            assert failed > 2
            return
        failed += did_not_work
    pytest.fail("the move never ended")
