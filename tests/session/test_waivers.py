"""Waivers in test runs: both numbers told, expired ones fail by name, unused ones warn."""

import json
from typing import Any

import pytest

from .conftest import Project

LIMITS = "limits.unvaried = 0.05\nlimits.unoriginal = 0.01\n"


@pytest.fixture
def album(project: Project) -> Project:
    """Sixty made pictures, of which the first four are copies of real ones."""
    real = project.pictures("real", 60)
    made = project.pictures("made", 60, seed=1)
    for number in range(4):
        made[number].write_bytes(real[number].read_bytes())
    project.picture_spec(LIMITS)
    return project


def findings(album: Project) -> list[dict[str, Any]]:
    album.run("--synth-json=out.json")
    found = json.loads((album.path / "out.json").read_text("utf-8"))["specs"]["a"]["findings"]
    return [each for each in found if each["score"] == "unoriginal"]


def waive(album: Project, digests: list[str], expires: str, score: str = "unoriginal") -> None:
    album.picture_spec(LIMITS)
    file = album.path / "synth_x.toml"
    tables = "".join(
        f'[[waiver]]\nimage = "{digest}"\nscore = "{score}"\nreason = "known"\nowner = "ann"\nexpires = {expires}\n'
        for digest in digests
    )
    file.write_text(file.read_text("utf-8") + tables, encoding="utf-8")


@pytest.fixture
def soon() -> str:
    from datetime import timedelta

    from pytest_synthgate.spec.waivers import utc_today

    return (utc_today() + timedelta(days=30)).isoformat()


def test_a_waived_copy_does_not_count_and_both_numbers_are_told(album: Project, soon: str) -> None:
    digests = [each["digest"] for each in findings(album)]
    assert len(digests) == 4
    assert album.run().ret == 1
    waive(album, digests, soon)
    result = album.run("--synth-json=out.json", "--synth-html=report.html")
    assert result.ret == 0
    spec = json.loads((album.path / "out.json").read_text("utf-8"))["specs"]["a"]
    gate = spec["gates"]["unoriginal"]
    assert gate["verdict"] == "passed"
    assert gate["reason"].startswith("0 <= 0.01")
    assert gate["reason"].endswith("(0.0667 with 4 waived)")
    assert len(gate["waived"]) == 4
    assert spec["scores"]["unoriginal"]["value"] == pytest.approx(4 / 60, abs=1e-6)
    assert "(0.0667 with 4 waived)" in (album.path / "report.html").read_text("utf-8")


def test_what_is_left_is_what_the_failure_shows(album: Project, soon: str) -> None:
    digests = [each["digest"] for each in findings(album)]
    waive(album, digests[:2], soon)
    result = album.run()
    result.stdout.fnmatch_lines(
        ["*unoriginal * failed: 0.0333 > 0.01* (0.0667 with 2 waived)", "  2 of 60 synthetic images *"]
    )


def test_an_expired_waiver_fails_by_name(album: Project) -> None:
    digests = [each["digest"] for each in findings(album)]
    waive(album, digests, "2026-01-31")
    result = album.run()
    result.stdout.fnmatch_lines(
        ["FAILED synth_x.toml::a::unoriginal - * waiver of sha256:* ('known', 'ann') expired on 2026-01-31 *"]
    )


def test_an_unused_waiver_warns_and_fails_a_strict_run(album: Project, soon: str) -> None:
    waive(album, ["sha256:" + "0" * 64], soon, score="unvaried")
    result = album.run("-k", "waivers", "--no-synth-strict")
    result.assert_outcomes(passed=1, warnings=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "*waiver of sha256:000000000000 for unvaried ('known', 'ann') is not used: "
            "it names nothing that is flagged; remove it"
        ]
    )
    strict = album.run("-k", "waivers", "--synth-strict")
    strict.assert_outcomes(failed=1, deselected=4)


def test_a_file_without_waivers_has_no_item_for_them(album: Project) -> None:
    result = album.run("--collect-only", "-q")
    result.stdout.no_fnmatch_line("*::waivers")


def test_waived_scores_never_enter_the_baseline(album: Project, soon: str) -> None:
    digests = [each["digest"] for each in findings(album)]
    waive(album, digests, soon)
    album.run("--synth-update-baseline")
    entry = json.loads((album.path / "synthgate-baseline.json").read_text("utf-8"))["specs"]["a"]
    assert entry["scores"]["unoriginal"]["value"] == pytest.approx(4 / 60, abs=1e-6)
