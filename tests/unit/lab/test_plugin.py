"""The pytest plugin: lanes, seeds and the line that runs a failure again."""

import re

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester):  # type: ignore[no-untyped-def]
    def go(text: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin", "-rs", *arguments)

    return go


def test_a_test_runs_once_in_each_of_its_lanes(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        import pytest

        @pytest.mark.lanes("sim", "real")
        @pytest.mark.parametrize("n", [1, 2])
        def test_both(lab, n): pass

        def test_sim(lab): assert lab.lane == "sim"
    """
    found = run(text, "-v")
    found.assert_outcomes(passed=5)
    found.stdout.fnmatch_lines_random(["*test_both?1-sim?*", "*test_both?2-real?*", "*test_sim?sim?*"])
    run(text, "--lab-lane", "sim").assert_outcomes(passed=3, skipped=0)


def test_a_seed_follows_from_the_option_and_the_id_alone(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        def test_one(lab): print("SEED one", lab.seed)
        def test_two(lab): print("SEED two", lab.seed)
    """

    def seeds(*arguments: str) -> dict[str, str]:
        return dict(re.findall(r"SEED (\w+) (\d+)", run(text, "-s", *arguments).stdout.str()))

    first = seeds()
    assert first["one"] != first["two"]
    assert seeds("--lab-seed", "5") != first
    assert seeds("-k", "two")["two"] == first["two"]


def test_a_failure_ends_with_the_line_that_runs_it_again(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        def test_bad(lab):
            print("said on the way")
            lab.until(lambda: False, within=1)
    """
    found = run(text, "--lab-seed", "3")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(['replay: pytest "test_it.py::test_bad?sim?" --lab-seed=3 --lab-lane=sim'])
    lines = [line for line in found.stdout.lines if line.startswith(("said on", "replay: "))]
    assert lines[-1].startswith("replay: ")


def test_oracles_judge_at_the_end_of_a_test_that_passed(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        def damage(lab):
            spec = lab.torrent(pieces=1)
            client = lab.engine("client")
            client.add(spec, have="all")
            lab.until(lambda: client.torrent(spec).state == "seeding", within=10)
            client.disk._write(client.path(spec, 0), 0, b"wrong")

        def test_passes(lab): damage(lab)

        def test_fails(lab):
            damage(lab)
            assert False, "the body"
    """
    found = run(text)
    found.assert_outcomes(passed=1, failed=1, errors=1)
    found.stdout.fnmatch_lines_random(["*integrity: client: piece 0 of torrent-1*", "*the body*"])
    assert found.stdout.str().count("replay: pytest") == 2


def test_what_a_lane_lacks_skips_with_its_reason(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        import pytest

        @pytest.mark.lanes("real")
        def test_lines(lab):
            lab.clock.jump_mono(1)
            assert False
    """
    found = run(text)
    found.assert_outcomes(skipped=1)
    found.stdout.fnmatch_lines(["*clock.jump_mono needs the sim lane*"])


def test_unknown_lanes_are_refused(run) -> None:  # type: ignore[no-untyped-def]
    found = run("import pytest\n@pytest.mark.lanes('moon')\ndef test_it(lab): pass\n")
    assert found.ret != 0
    assert "no such lane: 'moon'" in found.stdout.str() + found.stderr.str()


def test_worlds_do_not_outlive_their_tests(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        import gc, pytest
        from jstorrent.lab import Lab

        @pytest.mark.parametrize("n", range(5))
        def test_it(lab, n):
            gc.collect()
            assert sum(isinstance(thing, Lab) for thing in gc.get_objects()) <= 2
    """
    run(text).assert_outcomes(passed=5)


BAD_PLAN = '{"seed": 1, "engines": [{"name": "client"}], "peers": [{"name": "good"}], "within": 0.01}'
GOOD_PLAN = '{"seed": 1, "engines": [{"name": "client"}], "peers": [{"name": "good"}]}'


def test_a_failure_in_simulation_ends_with_a_token(run) -> None:  # type: ignore[no-untyped-def]
    text = """
        def test_bad(lab):
            lab.engine("client")
            lab.run_for(2)
            assert False
    """
    found = run(text)
    found.assert_outcomes(failed=1)
    (line,) = [line for line in found.stdout.lines if line.startswith("jstorrent lab replay ")]
    again = run(text, "--lab-replay", line.split()[-1])
    again.assert_outcomes(passed=1)


def test_plans_of_the_folder_are_tests_and_run_first(run, pytester: pytest.Pytester) -> None:  # type: ignore[no-untyped-def]
    folder = pytester.mkdir("tests") / "regressions"
    folder.mkdir()
    (folder / "good.json").write_text(GOOD_PLAN)
    (folder / "bad.json").write_text(BAD_PLAN)
    (folder.parent / "other.json").write_text("no plan")
    found = run("def test_it(): pass", "-v")
    found.assert_outcomes(passed=2, failed=1)
    ran = [line.split("::")[0] for line in found.stdout.lines if "%]" in line]
    assert ran == ["tests/regressions/bad.json", "tests/regressions/good.json", "test_it.py"]
    found.stdout.fnmatch_lines(["until: client: torrent-1 is not complete*", "jstorrent lab replay jst1-*"])
    run("def test_it(): pass", "--lab-lane", "real").assert_outcomes(passed=1)


def test_the_folder_of_plans_is_an_option(run, pytester: pytest.Pytester) -> None:  # type: ignore[no-untyped-def]
    pytester.makeini("[pytest]\nlab_regressions = kept\n")
    (pytester.mkdir("kept") / "good.json").write_text(GOOD_PLAN)
    (pytester.mkdir("other") / "good.json").write_text("{}")
    run("def test_it(): pass").assert_outcomes(passed=2)
    (pytester.path / "kept" / "good.json").write_text("{}")
    found = run("def test_it(): pass")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*no plan: it has no seed*"])


def test_a_token_is_run_alone(run) -> None:  # type: ignore[no-untyped-def]
    from jstorrent.lab import Plan

    token = Plan.from_json(BAD_PLAN).token
    found = run("def test_it(): pass", "--lab-replay", token)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines([f"jstorrent lab replay {token}"])
    refused = run("def test_it(): pass", "--lab-replay", "jst1-nonsense")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "token" in refused.stdout.str() + refused.stderr.str()
