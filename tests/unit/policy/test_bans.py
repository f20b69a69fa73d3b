"""Bans hold by host, end in time, and the table is bounded."""

from __future__ import annotations

from jstorrent._core import lab

INF = float("inf")


def test_a_ban_ends_and_one_without_a_duration_does_not() -> None:
    bans = lab.Bans()
    bans.ban("9.0.0.1", "bad_data", 10.0, 60.0)
    bans.ban("9.0.0.2", "user", 10.0, None)
    assert bans.is_banned("9.0.0.1", 69.9) and not bans.is_banned("9.0.0.1", 70.0)
    assert bans.is_banned("9.0.0.2", 1e9) and not bans.is_banned("9.0.0.3", 0.0)
    assert bans.list(20.0) == [("9.0.0.1", "bad_data", 10.0, 70.0), ("9.0.0.2", "user", 10.0, INF)]
    assert [b[0] for b in bans.list(70.0)] == ["9.0.0.2"]


def test_one_host_is_one_host_however_written() -> None:
    bans = lab.Bans()
    bans.ban("::ffff:9.0.0.1")
    assert bans.is_banned("9.0.0.1", 0.0)


def test_a_longer_ban_replaces_a_shorter_never_the_other_way() -> None:
    bans = lab.Bans()
    bans.ban("9.0.0.1", "bad_data", 0.0, 100.0)
    bans.ban("9.0.0.1", "protocol_error", 10.0, 20.0)
    assert bans.list(10.0) == [("9.0.0.1", "bad_data", 0.0, 100.0)]
    bans.ban("9.0.0.1", "user", 10.0, None)
    assert bans.list(10.0) == [("9.0.0.1", "user", 10.0, INF)]
    assert bans.unban("9.0.0.1") and not bans.unban("9.0.0.1") and bans.list(10.0) == []


def test_an_expired_ban_can_be_given_again() -> None:
    bans = lab.Bans()
    bans.ban("9.0.0.1", "bad_data", 0.0, 100.0)
    bans.ban("9.0.0.1", "bad_data", 200.0, 1.0)
    assert bans.list(200.0) == [("9.0.0.1", "bad_data", 200.0, 201.0)]


def host(i: int) -> str:
    return f"9.{i >> 16}.{i >> 8 & 255}.{i & 255}"


def test_one_more_than_max_bans_drops_the_one_that_ends_soonest_but_not_the_users() -> None:
    bans = lab.Bans()
    bans.ban(host(0), "user", 0.0, 1.0)
    for i in range(1, lab.max_bans + 1):
        assert bans.ban(host(i), "bad_data", 0.5, 1000.0 + i)
    assert len(bans) == lab.max_bans + 1
    assert bans.ban(host(lab.max_bans + 1), "bad_data", 0.5, 5.0)
    assert len(bans) == lab.max_bans + 1
    assert not bans.is_banned(host(1), 0.5)
    assert bans.is_banned(host(0), 0.5) and bans.is_banned(host(lab.max_bans + 1), 0.5)


def test_of_a_user_as_many_are_kept_and_one_more_is_refused_until_one_ends() -> None:
    bans = lab.Bans()
    for i in range(lab.max_user_bans):
        assert bans.ban(host(i), "user", 0.0, 5.0 if i == 7 else 100.0)
    more = host(lab.max_user_bans)
    assert not bans.ban(more, "user", 1.0, 1000.0) and not bans.is_banned(more, 1.0)
    assert bans.ban(host(3), "user", 1.0, 1000.0) and bans.ban(more, "bad_data", 1.0, 1000.0)
    assert not bans.ban(more, "user", 1.0, 2000.0) and bans.is_banned(more, 500.0), "the other ban of it stays"
    assert bans.unban(host(4)) and bans.ban(host(4), "user", 1.0, 1000.0)
    assert bans.ban(host(lab.max_user_bans + 1), "user", 5.0, 1000.0)


def test_expired_bans_make_room_first() -> None:
    bans = lab.Bans()
    for i in range(lab.max_bans):
        bans.ban(host(i), "bad_data", 0.0, 10.0 if i < 5 else 100.0)
    bans.ban(host(lab.max_bans), "bad_data", 50.0, 100.0)
    assert len(bans) == lab.max_bans - 5 + 1
