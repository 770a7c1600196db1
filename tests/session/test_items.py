"""Spec files as items: their names, selection, errors, and which files are taken for one."""

import pytest

from .conftest import Project


def nodes(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def collected(project: Project, *args: str) -> list[str]:
    result = project.run("--collect-only", "-q", *args)
    assert result.ret == pytest.ExitCode.OK
    return nodes(result)


def test_a_spec_gives_its_images_and_one_item_per_default_limit(project: Project) -> None:
    project.specs("honest")
    assert collected(project) == [
        "synth_x.toml::honest::images",
        "synth_x.toml::honest::unvaried",
        "synth_x.toml::honest::unoriginal",
        "synth_x.toml::honest::unreadable",
    ]


def test_collecting_reads_no_image(project: Project) -> None:
    project.write("synth_x.toml", '[spec.a]\nreal = "nowhere"\nimages = "nowhere"')
    assert len(collected(project)) == 4


def test_an_honest_set_keeps_the_default_limits(project: Project) -> None:
    project.specs("honest")
    project.run().assert_outcomes(passed=4)


def test_a_fake_set_keeps_them_too_for_realism_has_no_default_limit(project: Project) -> None:
    project.specs("fake")
    project.run().assert_outcomes(passed=4)


@pytest.mark.parametrize(("kind", "score"), [("collapsed", "unvaried"), ("copied", "unoriginal")])
def test_the_gate_that_a_bad_set_exceeds_fails_alone(project: Project, kind: str, score: str) -> None:
    project.specs(kind)
    result = project.run()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([f"FAILED synth_x.toml::{kind}::{score} - {kind}: {score} 0.* failed: 0.* > 0.0*"])


def test_items_are_chosen_by_keyword(project: Project) -> None:
    project.specs("honest", "fake")
    assert collected(project, "-k", "fake and unvaried") == ["synth_x.toml::fake::unvaried"]


def test_items_are_chosen_by_node_id(project: Project) -> None:
    project.specs("honest", "fake")
    assert len(collected(project, "synth_x.toml::fake")) == 4
    assert collected(project, "synth_x.toml::fake::unvaried") == ["synth_x.toml::fake::unvaried"]


def test_a_gate_needs_no_other_item_to_have_run(project: Project) -> None:
    project.specs("collapsed")
    project.run("synth_x.toml::collapsed::unvaried").assert_outcomes(failed=1)


def test_last_failed_reruns_the_failed_gate_only(project: Project) -> None:
    project.specs("honest", "collapsed")
    project.run().assert_outcomes(passed=7, failed=1)
    result = project.run("--lf", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["synth_x.toml::collapsed::unvaried FAILED*"])


def test_exitfirst_stops_at_the_first_failed_gate(project: Project) -> None:
    project.specs("collapsed", "copied")
    project.run("-x").assert_outcomes(passed=1, failed=1)


def test_the_images_have_a_line_of_their_own_in_the_durations(project: Project) -> None:
    project.specs("honest")
    project.run("--durations=0", "-vv").stdout.fnmatch_lines(["*s call *synth_x.toml::honest::images"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[spec.a]\nimage = 'x'", "*synth_x.toml: [[]spec.a] unknown key 'image'; did you mean 'images'?"),
        ("[spec.a]\nimages = 'x'\nlimits.unvaried = 2", "*[[]spec.a.limits] unvaried: max = 2* out of range*"),
        ("[spec", "synth_x.toml: *; mend the TOML"),
    ],
)
def test_a_spec_file_that_cannot_be_meant_is_an_error_in_one_line(project: Project, text: str, message: str) -> None:
    project.write("synth_x.toml", text)
    result = project.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting synth_x.toml*", message, "*short test summary*"], consecutive=True)


def test_two_files_may_not_use_one_name(project: Project) -> None:
    for name in ("a", "b"):
        project.write(f"{name}/synth_x.toml", "[spec.twice]\nimages = 'x'")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["b/synth_x.toml: [[]spec.twice] is declared in a/synth_x.toml too; *"])


def test_comparing_to_no_spec_is_an_error_in_one_line(project: Project) -> None:
    project.specs("honest", "fake", extra='compare_to = "honesty"')
    project.write("test_it.py", "def test_it(synth_spec): pass")
    result = project.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*[[]spec.fake] compare_to = 'honesty' is no spec*; did you mean 'honest'?"] * 2)


def test_a_spec_may_be_compared_to_one_of_a_file_that_is_not_run(project: Project) -> None:
    project.write("synth_a.toml", "[spec.a]\nimages = 'x'")
    project.write("synth_b.toml", "[spec.b]\nimages = 'x'\ncompare_to = 'a'")
    assert len(collected(project, "synth_b.toml")) == 4


def test_a_file_of_somebody_else_is_left_alone(project: Project) -> None:
    project.write("synth_voices.toml", "[oscillator]\nwave = 'saw'")
    project.specs("honest")
    project.run().assert_outcomes(passed=4)


def test_a_file_of_somebody_else_is_an_error_when_it_is_named(project: Project) -> None:
    project.write("synth_voices.toml", "[oscillator]\nwave = 'saw'")
    result = project.run("synth_voices.toml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["synth_voices.toml: unknown table 'oscillator'; *"])


def test_any_file_can_be_named(project: Project) -> None:
    project.specs("honest").rename(project.path / "nightly.toml")
    assert len(collected(project, "nightly.toml")) == 4
    assert project.run("--collect-only").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("pattern", ["gates_*", "gates/*.spec", "*.spec"])
def test_an_ini_says_which_files_are_spec_files(project: Project, pattern: str) -> None:
    project.write("tox.ini", f"[pytest]\nsynth_files = {pattern}")
    project.specs("fake")
    project.write("gates/gates_x.spec", "[spec.a]\nimages = 'x'")
    project.write("test_it.py", "def test_it(synth_spec): assert synth_spec.name == 'a'")
    assert collected(project, "--synth-real=x") == [
        "gates/gates_x.spec::a::images",
        "gates/gates_x.spec::a::unvaried",
        "gates/gates_x.spec::a::unoriginal",
        "gates/gates_x.spec::a::unreadable",
        "test_it.py::test_it[a]",
    ]


def test_a_warning_points_to_the_heading_of_its_spec(project: Project) -> None:
    project.write("synth_x.toml", '[defaults]\nreal = "DATA/real.npy"\n\n[spec.few]\nimages = "DATA/few.npy"\n')
    result = project.run("-k", "unvaried", "--no-synth-strict")
    result.stdout.fnmatch_lines(["*synth_x.toml:4: SynthgateWarning: few: unvaried inconclusive: *"])


PER_CLASS = """
[spec.a]
images = "DATA/honest.npy"
limits.unvaried = { max = 0.05, per_class = true }
"""


def test_a_limit_per_class_gives_an_item_for_each_declared_class(project: Project) -> None:
    project.write("synth_x.toml", f"{PER_CLASS}real = 'DATA/real.npy'\nclasses = ['hot dog', 'apple']")
    assert collected(project)[1:] == [
        "synth_x.toml::a::unvaried[apple]",
        "synth_x.toml::a::unvaried[hot dog]",
        "synth_x.toml::a::unreadable",
    ]


def test_small_classes_of_the_real_set_share_one_item(project: Project) -> None:
    project.write("synth_x.toml", PER_CLASS)
    for name, count in [("apple", 30), ("cake", 29), ("kiwi", 1)]:
        for number in range(count):
            project.write(f"photos/{name}/{number}.png", "")
    assert collected(project, "--synth-real=photos")[1:-1] == [
        "synth_x.toml::a::unvaried[apple]",
        "synth_x.toml::a::unvaried[pooled]",
    ]


def test_a_limit_per_class_without_classes_is_an_error(project: Project) -> None:
    project.write("synth_x.toml", f"{PER_CLASS}real = 'DATA/real.npy'")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*[[]spec.a] a limit per class needs classes: declare `classes`, *"])


def test_an_unexpected_error_shows_where_it_came_from_but_not_the_insides_of_pytest(project: Project) -> None:
    project.specs("honest")
    project.write(
        "conftest.py",
        """
        import pytest
        from pytest_synthgate.measure import Measurer

        @pytest.fixture(autouse=True, scope="session")
        def broken():
            pass

        def pytest_collection_finish():
            def fail(*_):
                raise RuntimeError("out of luck")
            Measurer.sets = fail
        """.replace("\n        ", "\n"),
    )
    result = project.run_apart("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*items.py:*", "E*RuntimeError: out of luck"])
    result.stdout.no_fnmatch_line("*/pluggy/*")


def test_prompts_are_those_of_the_specs_that_were_collected(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nprompt = 'A kite'\nper_prompt = 2\ncompare_to = 'b'")
    project.write("synth_y.toml", "[spec.b]\nprompt = 'A boat'\nper_prompt = 2")
    result = project.run("synth_x.toml", "--synth-prompts")
    result.stdout.fnmatch_lines(["*2  A kite"])
    result.stdout.no_fnmatch_line("*A boat*")
