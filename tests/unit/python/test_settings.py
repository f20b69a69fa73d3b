"""Settings: kinds, limits, words, names, and what an engine does with them."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import _core

SCHEMA = {name: (kind, default, least, reason) for name, kind, default, least, reason in _core.settings_schema}


def names(*kinds: str) -> list[str]:
    return [name for name, row in SCHEMA.items() if row[0] in kinds]


def made(**values: Any) -> jst.Settings:
    return jst.Settings(**values)


def refused(**values: Any) -> jst.SettingsError:
    with pytest.raises(jst.SettingsError) as caught:
        jst.Settings(**values)
    assert caught.value.code == "bad_setting"
    return caught.value


def test_the_class_and_the_engine_name_the_same_settings_in_the_same_order() -> None:
    assert [field.name for field in dataclasses.fields(jst.Settings)] == list(SCHEMA)


@pytest.mark.parametrize("name", list(SCHEMA))
def test_every_default_is_the_engines_and_has_a_reason(name: str) -> None:
    _, default, _, reason = SCHEMA[name]
    value = getattr(jst.Settings(), name)
    assert value == (tuple(default) if isinstance(default, list) else default)
    assert len(reason) > 10 and reason.endswith((".", "..."))
    assert name in (jst.Settings.__doc__ or "") and reason in (jst.Settings.__doc__ or "")


@pytest.mark.parametrize("name", names("Limit", "Ratio"))
def test_no_limit_is_none_and_minus_one_reads_back_as_none(name: str) -> None:
    assert getattr(made(**{name: None}), name) is None
    assert getattr(made(**{name: -1}), name) is None
    assert refused(**{name: -2}).key == name


@pytest.mark.parametrize("name", names("Count", "Seconds"))
def test_what_always_has_a_number_refuses_none_and_minus_one(name: str) -> None:
    assert refused(**{name: None}).key == name
    assert refused(**{name: -1}).key == name


@pytest.mark.parametrize("name", names("Limit", "Count", "Ratio", "Seconds"))
def test_zero_means_zero_where_it_makes_sense_and_is_refused_elsewhere(name: str) -> None:
    least = SCHEMA[name][2]
    if least == 0:
        assert getattr(made(**{name: 0}), name) == 0
    else:
        assert refused(**{name: 0}).key == name


@pytest.mark.parametrize("name", names("Limit", "Count"))
def test_the_least_is_taken_and_one_less_is_not(name: str) -> None:
    least = int(SCHEMA[name][2])
    assert getattr(made(**{name: least}), name) == least
    if least > 0:
        assert refused(**{name: least - 1}).key == name


@pytest.mark.parametrize("name", names("Seconds"))
@pytest.mark.parametrize("value", [math.nan, math.inf, -0.5, "1", True, 3.3e9])
def test_seconds_are_finite_numbers(name: str, value: Any) -> None:
    assert refused(**{name: value}).key == name


@pytest.mark.parametrize("name", names("Limit", "Count"))
@pytest.mark.parametrize("value", [1.5, "7", True, 2**64, math.nan])
def test_counts_are_whole_numbers_of_64_bits(name: str, value: Any) -> None:
    assert refused(**{name: value}).key == name


@pytest.mark.parametrize("name", names("Flag"))
def test_flags_are_flags(name: str) -> None:
    assert getattr(made(**{name: False}), name) is False
    assert refused(**{name: 0}).key == name


@pytest.mark.parametrize("name", names("Word", "OptionalWord"))
def test_words_are_text(name: str) -> None:
    assert refused(**{name: 7}).key == name


@pytest.mark.parametrize("name", names("Words"))
def test_lists_of_words_are_read_back_as_tuples_and_a_lone_word_is_none(name: str) -> None:
    assert getattr(made(**{name: []}), name) == ()
    assert refused(**{name: "::1"}).key == name
    assert refused(**{name: [1]}).key == name


@pytest.mark.parametrize("value", [0, 65536, -1, "80"])
def test_a_port_is_a_port(value: Any) -> None:
    assert refused(listen_port=value).key == "listen_port"
    assert jst.Settings(listen_port=65535).listen_port == 65535


@pytest.mark.parametrize("bad", [{"listen": ["here"]}, {"address_filter": ["10.0.0.0/33"]}, {"choker": "none"},
                                 {"seed_choker": ""}, {"piece_order": "random"}, {"endgame_fraction": 1.01},
                                 {"user_agent": ""}, {"user_agent": "x" * 65},
                                 {"user_agent": "a\r\nX: y"}, {"user_agent": "a\x7f"}])  # fmt: skip
def test_words_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    assert refused(**bad).key == next(iter(bad))


@pytest.mark.parametrize("on", [{"dht": True}, {"pex": True}, {"lsd": True}, {"port_mapping": True},
                                {"encryption": "require"}, {"proxy": "socks5://h:1"},
                                {"dht_bootstrap": ["a:1"]}])  # fmt: skip
def test_what_is_not_there_yet_can_only_be_off(on: dict[str, Any]) -> None:
    error = refused(**on)
    assert error.key == next(iter(on)) and "not there yet" in str(error)
    jst.Settings(dht=False, pex=False, lsd=False, port_mapping=False, encryption="off", proxy=None)


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(jst.SettingsError, match="did you mean 'max_connections'") as caught:
        jst.Settings(max_conections=5)  # type: ignore[call-arg]
    assert caught.value.key == "max_conections" and caught.value.code == "unknown_setting"
    with pytest.raises(jst.SettingsError, match="help"):
        jst.Settings().replace(zzz=1)


def test_settings_are_keyword_only_frozen_values() -> None:
    settings = jst.Settings(upload_slots=7, listen=["127.0.0.1"])
    with pytest.raises(TypeError):
        jst.Settings(1.0)  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.upload_slots = 8  # type: ignore[misc]
    for same in (pickle.loads(pickle.dumps(settings)), copy.deepcopy(settings), settings.replace()):
        assert same == settings and hash(same) == hash(settings)
    assert settings != jst.Settings()
    assert json.loads(json.dumps(settings.to_dict()))["listen"] == ["127.0.0.1"]
    assert repr(settings) == "Settings(upload_slots=7, listen=('127.0.0.1',))"


@given(st.dictionaries(st.sampled_from(names("Limit")), st.one_of(st.none(), st.integers(1, 2**64 - 1)), max_size=6))
def test_limits_read_back_as_they_were_given(limits: dict[str, int | None]) -> None:
    settings = made(**limits)
    assert {name: getattr(settings, name) for name in limits} == limits
    assert jst.Settings(**settings._values()) == settings


def test_a_running_session_takes_changes_and_says_what_is_in_force(session: jst.Session) -> None:
    changed = session.configure(max_connections=-1, download_rate_limit=50_000)
    assert changed == session.settings
    assert (changed.max_connections, changed.download_rate_limit) == (None, 50_000)
    with pytest.raises(jst.SettingsError):
        session.configure(max_connections=0)
    assert session.settings == changed


def test_limits_of_one_torrent(torrent: jst.Torrent) -> None:
    torrent.configure(download_rate_limit=9000, seed_ratio_limit=1.5)
    torrent.configure(upload_slots=2, download_rate_limit=-1)
    limits = torrent._session._engine.limits(torrent._key)
    assert limits["download_rate_limit"] is None and limits["upload_slots"] == 2 and limits["seed_ratio_limit"] == 1.5
    for bad in ({"max_connections": 0}, {"seed_ratio_limit": -0.5}, {"upload_slots": "x"}):
        with pytest.raises(jst.SettingsError) as caught:
            torrent.configure(**bad)
        assert caught.value.key in bad
    with pytest.raises(jst.SettingsError, match="did you mean 'upload_slots'"):
        torrent.configure(upload_slot=1)


def test_settings_must_be_settings() -> None:
    with pytest.raises(TypeError, match="Settings"):
        jst.Session({"dht": False})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["max_connections", "connect_timeout", "seed_ratio_limit"])
def test_numbers_that_no_float_holds_are_refused_by_name(name: str, torrent: jst.Torrent) -> None:
    with pytest.raises(jst.SettingsError, match=name):
        made(**{name: 10**400})
    with pytest.raises(jst.SettingsError, match="upload_slots"):
        torrent.configure(upload_slots=10**400)
