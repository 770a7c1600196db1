"""`synthgate waive`: which finding, which file, and a file that keeps every byte it had."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_synthgate.cli import main
from pytest_synthgate.results.file import write_results
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.waivers import utc_today

from .spec.conftest import SPEC, A, B, C, spec_file

pytestmark = pytest.mark.usefixtures("here")


def flag(score: str = "unvaried", image: str = "a.png", digest: str = A, twin: str | None = B) -> Finding:
    twin_set = "synthetic" if score == "unvaried" else "real"
    return Finding(image, digest, "synthetic", score, "features", 0.01, "twin.png", twin_set, twin)


def results(**findings: Finding | list[Finding]) -> None:
    """Write `synthgate.json` with the findings of some specs."""
    found = {name: each if isinstance(each, list) else [each] for name, each in findings.items()}
    write_results(
        Path("synthgate.json"),
        {
            name: SpecResult(
                Measurement(10, 10, {}, {"unvaried": Score(len(each) / 10, 0.0, 1.0, 10)}, findings=tuple(each))
            )
            for name, each in found.items()
        },
    )


def run(finding: str, *more: str, reason: str = "known", owner: str = "Ann", expires: str | None = None) -> Result:
    day = expires or (utc_today() + timedelta(days=30)).isoformat()
    args = ["waive", "synthgate.json", finding, f"--reason={reason}", f"--owner={owner}", f"--expires={day}", *more]
    return CliRunner().invoke(main, args, catch_exceptions=False)


def refused(*args: str, **terms: Any) -> str:
    result = run(*args, **terms)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    return result.stderr.strip().removeprefix("synthgate: ")


# Which finding, and which file


def test_a_finding_becomes_a_waiver_of_its_image() -> None:
    results(one=flag())
    file = spec_file()
    day = utc_today() + timedelta(days=365)

    result = run(flag().id, reason='their "twins"', expires=day.isoformat())

    assert (result.exit_code, result.stdout) == (
        0,
        f"synth_x.toml: a.png is waived in unvaried until {day}\n  one: 1 finding left out, unvaried 0.100 -> 0\n",
    )
    assert file.read_text() == (
        f'{SPEC}\n[[waiver]]\nimage = "{A}"\nscore = "unvaried"\n'
        f'reason = "their \\"twins\\""\nowner = "Ann"\nexpires = {day}\n'
    )


def test_a_pair_is_the_image_and_its_twin() -> None:
    results(one=flag("unoriginal"))
    file = spec_file()

    assert run(flag("unoriginal").id, "--pair").exit_code == 0

    (waiver,) = load_spec_file(file)[0].waivers
    assert waiver.subject == ("unoriginal", frozenset({A, B}))


def test_a_copy_leaves_the_score_with_it_in_every_spec_of_the_file() -> None:
    copy = [flag(image=name, twin=A) for name in ("a.png", "b.png")]
    results(one=[*copy, flag(image="c.png", digest=C)], two=flag(image="d.png"), three=flag())
    spec_file(content=SPEC + "[spec.two]\nimages = 'other'\n")

    assert run(copy[0].id, "--file=synth_x.toml").stdout.splitlines()[1:] == [
        "  one: 2 findings left out, unvaried 0.300 -> 0.100",
        "  two: 1 finding left out, unvaried 0.100 -> 0",
    ]


def test_an_obvious_fake_is_waived_in_the_score_that_counts_it() -> None:
    results(one=flag("unrealistic"))
    file = spec_file(content=SPEC + "limits.obviously_fake = 0.5\n")

    assert run(flag("unrealistic").id).exit_code == 0

    assert load_spec_file(file)[0].waivers[0].score == "obviously_fake"


def test_a_waiver_that_no_gate_would_count_is_refused() -> None:
    found = flag("unrealistic")
    results(one=found)
    for limits in ("limits.unrealistic = 0.9\n", "limits.obviously_fake = { regression = 0.1 }\n"):
        file = spec_file(content=SPEC + limits)

        assert refused(found.id) == (
            f"{found.id} would be left out of obviously_fake, for which 'one' has no max or warn; declare one first; "
            "unrealistic is a mean, which no waiver changes"
        )
        assert file.read_text() == SPEC + limits


def test_a_finding_of_several_specs_of_a_file_is_waived_once_for_all() -> None:
    results(one=flag(), two=flag(), three=flag())
    file = spec_file(content=SPEC + "[spec.two]\nimages = 'other'\n")

    assert run(flag().id).exit_code == 0

    assert [len(spec.waivers) for spec in load_spec_file(file)] == [1, 1]


def test_of_several_files_the_one_that_declares_the_spec_is_written() -> None:
    results(two=flag())
    first, second = spec_file(), spec_file("sub/synth_y.toml", "[spec.two]\nimages = 'x'\n")

    assert run(flag().id).stdout.startswith("sub/synth_y.toml: ")

    assert first.read_text() == SPEC
    assert load_spec_file(second)[0].waivers


def test_a_finding_of_specs_in_several_files_needs_the_file() -> None:
    results(one=flag(), two=flag())
    first, second = spec_file(), spec_file("sub/synth_y.toml", "[spec.two]\nimages = 'x'\n")

    assert refused(flag().id) == (
        "sub/synth_y.toml and synth_x.toml declare specs with this finding; name one with --file"
    )
    assert run(flag().id, f"--file={first}").exit_code == 0
    assert load_spec_file(first)[0].waivers
    assert not load_spec_file(second)[0].waivers


def test_a_named_file_may_have_any_name() -> None:
    results(one=flag())
    file = spec_file("experiments.toml")

    assert refused(flag().id).endswith("declares 'one'; name it with --file")
    assert run(flag().id, f"--file={file}").exit_code == 0


def test_a_named_file_must_declare_a_spec_that_has_the_finding() -> None:
    results(two=flag(), three=flag())
    spec_file()

    assert refused(flag().id, "--file=synth_x.toml") == (
        "synth_x.toml: does not declare 'two' or 'three', where the finding is; name another --file"
    )


def test_without_a_spec_file_there_is_nothing_to_write(here: Path) -> None:
    results(one=flag())

    assert refused(flag().id) == (f"no spec file below {here.as_posix()} declares 'one'; name it with --file")
    assert "cannot be read" in refused(flag().id, "--file=none.toml")


def test_an_unknown_finding_names_the_nearest() -> None:
    results(one=[flag(), flag(image="b.png")])
    spec_file()

    assert refused(flag().id[:-1]) == (f"synthgate.json: no finding '{flag().id[:-1]}'; did you mean '{flag().id}'?")
    assert refused("zzz") == "synthgate.json: no finding 'zzz'; take an id from its findings"


def test_an_id_of_two_findings_is_refused_with_both() -> None:
    results(one=[replace(flag(), id="unvaried-0123abcd"), replace(flag(image="b.png"), id="unvaried-0123abcd")])
    file = spec_file()
    before = file.read_bytes()

    assert refused("unvaried-0123abcd") == (
        "synthgate.json: 'unvaried-0123abcd' is the id of a.png and b.png; measure again"
    )
    assert file.read_bytes() == before


def test_results_that_are_not_there_are_an_error_in_one_line() -> None:
    assert refused("unvaried-0").startswith("synthgate.json: No such file")


def test_what_is_no_share_of_images_cannot_be_waived() -> None:
    real = Finding("r.png", A, "real", "unrepresentative", "classifier", 0.95, "t", "synthetic", B)
    results(one=real)
    spec_file()

    assert refused(real.id) == (
        f"{real.id} cannot be waived: unrepresentative is no share of images, "
        "as unvaried, unoriginal, obviously_fake are"
    )


@pytest.mark.parametrize("twin", [A, None])
def test_a_pair_needs_a_twin_of_other_pixels(twin: str | None) -> None:
    results(one=flag(twin=twin))
    spec_file()

    assert (
        refused(flag().id, "--pair") == f"{flag().id} has no twin of other pixels; leave out --pair to waive the image"
    )


def test_a_pair_needs_the_same_twin_in_every_spec_of_the_file() -> None:
    results(one=flag(), two=flag(twin=C), three=flag(twin=C))
    spec_file(content=SPEC + "[spec.two]\nimages = 'other'\n")
    other = spec_file("synth_y.toml", "[spec.three]\nimages = 'other'\n")

    assert refused(flag().id, "--pair", "--file=synth_x.toml") == (
        f"{flag().id} has another twin in each spec; leave out --pair to waive the image"
    )
    assert run(flag().id, "--pair", f"--file={other}").exit_code == 0


# What is written


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"reason": " "}, "reason = ' ' is not valid; say why this is acceptable"),
        ({"owner": ""}, "owner = '' is not valid; say who answers for it"),
        ({"expires": "soon"}, "--expires='soon' is no day; give one such as 2027-01-31"),
        ({"expires": "2020-01-31"}, f"expires = 2020-01-31 is past; give a day from {utc_today()} on"),
        (
            {"expires": "9999-01-31"},
            f"expires = 9999-01-31 is over 365 days ahead; give a day up to {utc_today() + timedelta(days=365)}",
        ),
    ],
)
def test_terms_that_no_waiver_can_have_leave_the_file_alone(terms: dict[str, str], message: str) -> None:
    results(one=flag())
    file = spec_file()

    assert refused(flag().id, **terms) == message
    assert file.read_text() == SPEC


def test_the_same_waiver_is_not_written_twice() -> None:
    results(one=flag())
    file = spec_file()
    run(flag().id)
    once = file.read_bytes()

    assert refused(flag().id, reason="other").startswith(
        "synth_x.toml: has that already, the waiver of sha256:aaaaaaaaaaaa for unvaried ('known', 'Ann') until "
    )
    assert file.read_bytes() == once
    assert run(flag().id, "--pair").exit_code == 0


def test_a_reason_that_is_not_unicode_is_escaped() -> None:
    results(one=flag())
    file = spec_file()

    assert run(flag().id, reason="caf\udce9").exit_code == 0

    assert load_spec_file(file)[0].waivers[0].reason == r"caf\udce9"
