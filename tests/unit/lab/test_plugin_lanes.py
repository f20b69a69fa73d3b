"""The plugin where it is used oddly: lanes, worlds that are over, tokens that are none."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def test_a_test_that_takes_no_argument_has_one_lane(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="""
        import unittest, pytest

        class TestOld(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def world(self, lab): self.lab = lab

            def test_old(self): assert self.lab.lane == "sim"

        @pytest.mark.lanes("real")
        def test_asks(request): assert request.getfixturevalue("lab").lane == "real"

        @pytest.mark.lanes("sim", "real")
        def test_both(request): request.getfixturevalue("lab")
    """)
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin")
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["*runs in one lane: --lab-lane chooses*"])
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin", "--lab-lane", "sim")
    found.assert_outcomes(passed=2, skipped=1)


def test_lanes_names_some_once_each(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_none="import pytest\n@pytest.mark.lanes()\ndef test_it(lab): pass\n")
    pytester.makepyfile(test_key="import pytest\n@pytest.mark.lanes(lanes=('real',))\ndef test_it(lab): pass\n")
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin")
    found.assert_outcomes(errors=2)
    found.stdout.fnmatch_lines(['test_key.py::test_it: lanes names some: @pytest.mark.lanes("sim", "real")'])
    pytester.makepyfile(test_twice="import pytest\n@pytest.mark.lanes('sim', 'sim')\ndef test_it(lab): pass\n")
    pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin", "test_twice.py").assert_outcomes(passed=1)


def test_who_failed_already_is_not_judged_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="""
        import pytest

        @pytest.fixture
        def world(lab):
            spec = lab.torrent(pieces=1)
            client = lab.engine("client")
            client.add(spec, have="all")
            lab.until(lambda: client.torrent(spec).state == "seeding", within=10)
            client.disk._write(client.path(spec, 0), 0, b"wrong")
            raise RuntimeError("in a fixture")

        def test_fails(world): pass

        def test_ends_it_itself(lab): lab.close()
    """)
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin")
    found.assert_outcomes(passed=1, errors=1)


def test_a_token_that_is_none_is_a_wrong_command_for_workers_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it(): pass")
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin", "-n", "2", "--lab-replay", "jst1-nonsense")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    said = found.stdout.str() + found.stderr.str()
    assert "no token" in said and "INTERNALERROR" not in said
