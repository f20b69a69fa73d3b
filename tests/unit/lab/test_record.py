"""lab.record(): a table of how all torrents went."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab


@pytest.mark.lanes("sim", "real")
def test_a_record_is_a_table_with_a_row_for_each_torrent_each_time(lab: Lab) -> None:
    spec = lab.torrent(pieces=8)
    good, client = lab.seeder("good", spec, kind="engine"), lab.engine("client")
    record = lab.record(every=0.05)
    t = client.add(spec, peers=[good])
    lab.until(lambda: t.state == "seeding", within=30)
    lab.run_for(0.2)
    table = record.torrents
    assert list(table)[:9] == [
        "time", "node", "torrent", "state", "progress", "download_rate", "upload_rate", "peers", "unchoked",
    ]  # fmt: skip
    assert {len(column) for column in table.values()} == {len(table["time"])}
    mine = [row for row in zip(*table.values(), strict=True) if row[1] == "client"]
    progress = [dict(zip(table, row, strict=True))["progress"] for row in mine]
    assert progress == sorted(progress) and progress[-1] == 1.0
    last = dict(zip(table, mine[-1], strict=True))
    assert last["payload_received"] == last["payload_verified"] == spec.total_size
    assert (last["torrent"], last["state"]) == (spec.name, "seeding")


def test_the_first_row_is_now_and_the_others_exactly_each_so_many_seconds(lab: Lab) -> None:
    spec = lab.torrent(pieces=64)
    good, client = lab.engine("good"), lab.engine("client")
    good.add(spec, have="all")
    lab.net.link(good, client, rate=200_000)
    client.add(spec, peers=[good])
    lab.run_for(0.5)
    record = lab.record(every=2)
    lab.run_for(6)
    times = [
        time for time, node in zip(record.torrents["time"], record.torrents["node"], strict=True) if node == "client"
    ]
    assert times == pytest.approx([0.5, 2.5, 4.5, 6.5])
    rows = list(zip(record.torrents["node"], record.torrents["unchoked"], record.torrents["peers"], strict=True))
    assert ("good", 1, 1) in rows
    record.stop()
    lab.run_for(10)
    assert len([node for node in record.torrents["node"] if node == "client"]) == 4


def test_it_agrees_with_the_status_and_leaves_out_who_is_down(lab: Lab) -> None:
    spec = lab.torrent(pieces=4)
    client = lab.engine("client")
    t = client.add(spec, have=[0, 1])
    lab.run_for(1)
    record = lab.record(every=1)
    row = {column: values[-1] for column, values in record.torrents.items()}
    status = t.status()
    assert (row["state"], row["progress"], row["peers"]) == (status.state, status.progress, status.num_peers)
    for name, value in status.counters.to_dict().items():
        if name.startswith("payload_"):
            assert row[name] == value
    client.crash()
    lab.run_for(5)
    assert len(record.torrents["time"]) == 1
    client.start()
    lab.run_for(1.5)
    assert len(record.torrents["time"]) > 1
    with pytest.raises(ValueError, match="more than 0"):
        lab.record(every=0)


def test_it_costs_no_turn_of_the_world_and_no_look_at_each_turn() -> None:
    def run(recorded: bool) -> tuple[float, int]:
        with Lab(seed=4) as lab:
            spec = lab.torrent(pieces=16)
            good, client = lab.seeder("good", spec), lab.engine("client")
            if recorded:
                lab.record(every=0.1)
            client.add(spec, peers=[good])
            lab.run_for(5)
            assert not lab._along.looks_at_turns
            return client.history(jst.PieceCompleted)[-1].time, client.disk.ops

    assert run(True) == run(False)
