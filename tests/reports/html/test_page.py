"""What stands on the page: values in words, whatever they look like."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_synthgate import Finding, Score
from pytest_synthgate.images.folder import walk
from pytest_synthgate.images.generation.seeds import image_name
from pytest_synthgate.reports.html.drawings import LINKS
from pytest_synthgate.reports.html.finding_cards import FIRST, LETTERS, LISTED, cut, dealt
from pytest_synthgate.reports.html.page import Page, page, write_html
from pytest_synthgate.reports.pictures import Album
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Projection

from ..conftest import judged, measured


def laid_out(max_findings: int = 200, **results: SpecResult) -> Page:
    return page(results, Album(), max_findings, {})


def flagged(count: int, score: str = "unvaried", **changes: Any) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            f"{number}.png",
            f"sha256:{number:064}",
            "synthetic",
            score,
            "features",
            0.01,
            "x.png",
            "synthetic",
            **changes,
        )
        for number in range(count)
    )


def test_specs_that_failed_come_first_and_the_table_keeps_the_order() -> None:
    found = laid_out(a=judged(unvaried=0.5), b=judged(unvaried=0.05), c=replace(judged(), error="no images"))
    assert [section.name for section in found.sections] == ["b", "c", "a"]
    assert [row.name for row in found.rows][:3] == ["a", "b", "c"]
    assert [section.anchor for section in found.sections] == ["spec-2", "spec-3", "spec-1"]


# The gates


def test_a_failed_gate_says_what_to_do_and_a_passed_one_does_not() -> None:
    failed, passed = laid_out(a=judged(unvaried=0.05, unoriginal=0.1)).sections[0].gates
    assert "Class 'hot dog' makes 90% of them" in failed.help[0]
    assert failed.help[1].startswith("Vary what the prompts say")
    assert passed.help == ()


def test_a_gate_says_in_words_what_it_found() -> None:
    gates = laid_out(a=judged(unvaried=0.05, unoriginal=0.1)).sections[0].gates
    assert [gate.said for gate in gates] == [
        "20 of 200 synthetic images have a near-duplicate in the set, a share of 0.100; the limit is 0.05.",
        "1 of 200 synthetic images are near-copies of real images, a share of 0.005; the limit is 0.100.",
    ]


def test_a_gate_that_could_not_decide_says_what_would_let_it() -> None:
    few = measured(n_synthetic=12, representatives={"real": 300, "synthetic": 12})
    (gate,) = laid_out(a=judged(few, unvaried=0.5)).sections[0].gates
    assert gate.help == ("About 18 more synthetic images would let it decide.",)


def test_many_classes_that_did_not_fail_stand_behind_one_line() -> None:
    classes = {f"c{n}": {"unvaried": Score(0.02 if n else 0.9, 0.0, 1.0, 100)} for n in range(8)}
    by_class = judged(measured(breakdown={"class": classes}), unvaried={"max": 0.1, "per_class": True})
    found = laid_out(a=by_class).sections[0]
    assert [gate.verdict.name for gate in found.gates] == ["unvaried[c0]"]
    (fold,) = found.folds
    assert (fold[0].verdict.score, fold[0].mark.word, len(fold)) == ("unvaried", "passed", 7)


def test_advice_is_given_once_however_many_classes_fail() -> None:
    gates = laid_out(a=judged(unvaried={"max": 0.01, "per_class": True})).sections[0].gates
    assert [gate.mark.word for gate in gates] == ["failed", "failed"]
    assert sum("Vary what the prompts say" in each for gate in gates for each in gate.help) == 1


def test_an_expected_failure_says_why() -> None:
    result = replace(judged(unvaried=0.05), expected={"unvaried": "six contexts"})
    gate = laid_out(a=result).sections[0].gates[0]
    assert (gate.mark.word, gate.mark.tone) == ("failed as expected", "warn")
    assert gate.help[0] == "Known: six contexts."


def test_what_stays_undecided_is_red_in_a_strict_run_only() -> None:
    few = judged(measured(representatives={"real": 300, "synthetic": 12}), unvaried=0.5)
    tones = [laid_out(a=replace(few, strict=strict)).sections[0].gates[0].mark.tone for strict in (False, True)]
    assert tones == ["warn", "fail"]


# The findings


@given(sizes=st.dictionaries(st.integers(), st.integers(0, 50), max_size=6), most=st.integers(0, 120))
def test_places_are_dealt_to_all_who_want_some(sizes: dict[int, int], most: int) -> None:
    given_out = dealt(sizes, most)
    assert sum(given_out.values()) == min(most, sum(sizes.values()))
    assert all(given_out[key] <= sizes[key] for key in sizes)
    short = [key for key in sizes if given_out[key] < sizes[key]]
    # Nobody who goes short has two places fewer than another.
    assert all(given_out[other] <= given_out[key] + 1 for key in short for other in sizes)


def test_the_worst_are_cards_the_next_are_behind_them_and_the_rest_are_lines() -> None:
    result = SpecResult(measured(findings=flagged(50)))
    group = laid_out(30, a=result).sections[0].groups[0]
    assert (len(group.cards), len(group.more_cards), len(group.rest), group.total) == (FIRST, 30 - FIRST, 20, 50)
    assert group.cards[0].ends[0].image == "0.png"
    assert group.rest[0] == "30.png ~ synthetic x.png (a near-copy, distance 0.01 < 0.0455)"


def test_the_worst_of_every_cluster_come_first() -> None:
    findings = [replace(each, cluster=number // 3) for number, each in enumerate(flagged(6))]
    cards = laid_out(a=SpecResult(measured(findings=tuple(findings)))).sections[0].groups[0].cards
    assert [card.ends[0].image for card in cards] == ["0.png", "3.png", "1.png", "4.png", "2.png", "5.png"]


def test_near_duplicates_stand_in_rows_the_largest_first() -> None:
    findings = (*flagged(3, cluster=1), *(replace(each, image=f"b{each.image}") for each in flagged(11, cluster=2)))
    result = SpecResult(measured(findings=findings), images={"synthetic": ImageFiles(Path("/nowhere"))})
    big, small = laid_out(a=result).sections[0].groups[0].clusters
    assert (big.size, len(big.pictures)) == (11, 8)
    assert (small.size, len(small.pictures)) == (3, 3)


def test_a_row_of_near_duplicates_says_what_they_have_in_common() -> None:
    findings = tuple(replace(each, seed=seed) for seed, each in enumerate(flagged(5, prompt="a bowl", cluster=1)))
    result = SpecResult(measured(findings=findings), images={"synthetic": ImageFiles(Path("/nowhere"))})
    (row,) = laid_out(a=result).sections[0].groups[0].clusters
    assert row.facts == (("prompt", "a bowl"), ("seed", "0, 1, 2 and 2 more"))


def test_a_pair_is_shown_from_both_ends_only_when_all_others_are_shown() -> None:
    first, second, third = flagged(3)
    both = (replace(first, twin="1.png"), replace(second, twin="0.png"), third)
    cards = laid_out(a=SpecResult(measured(findings=both))).sections[0].groups[0].cards
    assert [card.ends[0].image for card in cards] == ["0.png", "2.png", "1.png"]


def test_findings_are_open_where_a_gate_on_them_did_not_pass() -> None:
    found = measured(findings=(*flagged(3), *flagged(3, "unoriginal"), *flagged(3, "unrealistic")))
    judged_by = judged(found, unvaried=0.05, unoriginal=0.1, obviously_fake={"max": 0.5})
    assert [(group.score, group.open) for group in laid_out(a=judged_by).sections[0].groups] == [
        ("unvaried", True),
        ("unoriginal", False),
        ("unrealistic", True),  # obviously_fake could not be computed
    ]
    known = replace(judged_by, expected={"unvaried": "known"})
    assert laid_out(a=known).sections[0].groups[0].open


def test_a_page_names_a_bounded_number_of_findings_and_counts_the_rest() -> None:
    specs = {name: SpecResult(measured(findings=flagged(LISTED))) for name in "ab"}
    groups = [section.groups[0] for section in page(specs, Album(), 10, {}).sections]
    assert [(group.total, len(group.rest), group.unnamed) for group in groups] == [(LISTED, 2500, 2495)] * 2


def test_the_map_leads_to_cards_that_are_shown_and_to_few_of_them() -> None:
    findings = (*flagged(30), *flagged(30, "unoriginal"))
    places = {each.image: (0.0, 0.0) for each in findings}
    result = SpecResult(measured(findings=findings, projection=Projection((0.5, 0.1), places, places)))
    section = laid_out(a=result).sections[0]
    assert section.map is not None
    shown = {card.anchor for group in section.groups for card in group.cards}
    assert 0 < len(section.map.flags) <= LINKS
    assert {flag.anchor for flag in section.map.flags} <= shown
    assert section.map.counts == ("30 of 300", "30 of 200")


def test_a_command_makes_an_image_again_where_the_generator_made_it() -> None:
    name = f"apple/{image_name('a photo', 7)}"
    finding = replace(flagged(1, prompt="a photo", seed=5)[0], image=name)
    result = SpecResult(measured(findings=(finding,)), declared={"generator": {"model": "m"}})
    card = page({"my spec": result}, Album(), 200, {}).sections[0].groups[0].cards[0]
    assert card.command == f"synthgate generate 'my spec' --again --image {name}"
    for other in (replace(finding, image="apple/x/00007.png"), replace(finding, prompt=None)):
        changed = SpecResult(measured(findings=(other,)), declared={"generator": {"model": "m"}})
        assert laid_out(a=changed).sections[0].groups[0].cards[0].command is None
    assert laid_out(a=SpecResult(measured(findings=(finding,)))).sections[0].groups[0].cards[0].command is None


def test_long_texts_are_cut() -> None:
    assert cut("x" * LETTERS) == "x" * LETTERS
    assert cut("x" * 10_000) == f"{'x' * LETTERS}… (10,000 letters)"
    assert cut("a\x1b[31m\u202e") == "a\\u001b[31m\\u202e"


# The files


@pytest.mark.parametrize("name", ["report", "report.html"])
def test_the_same_results_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "a.png")
    result = replace(judged(unvaried=0.05), images={"synthetic": ImageFiles(tmp_path), "real": ImageFiles(tmp_path)})
    contents = []
    for run in ("first", "second"):
        write_html(tmp_path / run / name, {"a": result})
        contents.append({f.name: f.read_bytes() for f in (tmp_path / run).rglob("*") if f.is_file()})
    assert contents[0] == contents[1]
    assert contents[0]


def test_the_pictures_of_a_report_are_no_part_of_a_set_that_it_lies_in(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "a.png")
    result = replace(judged(unvaried=0.05), images={"synthetic": ImageFiles(tmp_path), "real": ImageFiles(tmp_path)})
    write_html(tmp_path / "report", {"a": result})
    assert list((tmp_path / "report").rglob("*.webp"))
    assert walk(tmp_path)[0] == ("a.png",)


def test_a_sheet_of_which_no_picture_is_there_is_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "here.png")
    places = {"here.png": (0.0, 0.0)}
    measurement = measured(projection=Projection((0.5, 0.1), places, {"gone.png": (0.0, 0.0)}), findings=())
    images = dict.fromkeys(("synthetic", "real"), ImageFiles(tmp_path))
    gap = write_html(tmp_path / "page.html", {"a": SpecResult(measurement, images=images)})
    text = (tmp_path / "page.html").read_text("utf-8")
    assert gap == f"1 of 2 pictures could not be read in {tmp_path.as_posix()}"
    assert "<h4>Synthetic</h4>" in text
    assert "<h4>Real</h4>" not in text


def test_a_command_in_a_piece_of_advice_is_code_and_a_lone_backquote_is_text(tmp_path: Path) -> None:
    new = judged(unvaried={"regression": 0.1})
    known = replace(judged(unvaried=0.05), expected={"unvaried": "a ` in a reason"})
    write_html(tmp_path / "page.html", {"a": new, "b": known})
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "<li><code>pytest --synth-update-baseline</code> accepts what is measured now" in text
    assert "<li>Known: a ` in a reason.</li>" in text


def test_a_damaged_exif_block_hides_no_picture(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0")
    album, result = Album(), SpecResult(measured(), images={"synthetic": ImageFiles(tmp_path)})
    album.picture("a.jpg", "synthetic", result)
    assert album.develop()


def test_a_thumbnail_keeps_nothing_of_the_original_but_its_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at a secret place"
    Image.new("RGB", (300, 200), "red").save(tmp_path / "a.jpg", exif=exif, comment=b"secret")
    album, result = Album(), SpecResult(measured(), images={"synthetic": ImageFiles(tmp_path)})
    album.picture("a.jpg", "synthetic", result)
    album.picture("gone.jpg", "synthetic", result)
    (thumbnail,) = album.develop().values()
    assert b"secret" not in thumbnail.content
    assert (thumbnail.width, thumbnail.height) == (176, 117)
