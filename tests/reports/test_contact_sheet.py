"""One picture of a failed gate: its worst findings beside their twins, whatever their names and files are like."""

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFont
from scipy.ndimage import label

from pytest_synthgate import Finding, Limits, Score, gate
from pytest_synthgate.reports.contact_sheet import LARGEST, PAIRS_SHOWN, SHEET_WIDTH, contact_sheet, fitting
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult

from .conftest import measured

# Colours that nothing else on a sheet has: of the first, second... flagged image, and of every twin.
FLAGGED = [(230, 20, 230), (20, 200, 20), (20, 200, 230), (240, 200, 20)]
TWIN = (20, 20, 240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain pictures: `made/0.png` and so on, one colour each, and `real/0.png`, all of one."""
    for side in ("made", "real"):
        (tmp_path / side).mkdir()
    for number in range(20):
        Image.new("RGB", (300, 200), FLAGGED[number % len(FLAGGED)]).save(tmp_path / "made" / f"{number}.png")
        Image.new("RGB", (200, 300), TWIN).save(tmp_path / "real" / f"{number}.png")
    return tmp_path


def finding(number: int, **changes: Any) -> Finding:
    known = Finding(
        f"{number}.png",
        f"sha256:{number:064}",
        "synthetic",
        "unoriginal",
        "features",
        0.001 * number,
        f"{number}.png",
        "real",
        f"sha256:{number + 100:064}",
    )
    return replace(known, **changes)


def result(
    folder: Path, findings: Iterable[Finding], limits: dict[str, Any] | None = None, **changes: Any
) -> SpecResult:
    scores = dict.fromkeys(("unoriginal", "unvaried", "unrepresentative"), Score(0.1, 0.06, 0.15, 200, 200))
    breakdown = {"class": {name: {"unoriginal": Score(0.1, 0.01, 0.2, 50, 50)} for name in ("apple", "pooled")}}
    measurement = measured(findings=tuple(findings), scores=scores, breakdown=breakdown)
    images = {"synthetic": ImageFiles(folder / "made"), "real": ImageFiles(folder / "real")}
    verdicts = tuple(gate(measurement, Limits(**(limits or {"unoriginal": 0.01}))))
    return replace(SpecResult(measurement, verdicts, images=images), **changes)


def drawn(of: SpecResult, verdict: int = 0) -> NDArray[np.int_] | None:
    content = contact_sheet("subject", of.verdicts[verdict], of)
    if content is None:
        return None
    assert len(content) <= LARGEST
    with Image.open(BytesIO(content)) as sheet:
        assert (sheet.format, sheet.width) == ("JPEG", SHEET_WIDTH)
        assert not sheet.getexif()
        return np.asarray(sheet).astype(int)


def of_colour(sheet: NDArray[np.int_] | None, *colours: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Mark the pixels that have one of the colours, as far as JPEG keeps them."""
    assert sheet is not None
    near = [np.abs(sheet - colour).max(axis=2) < 40 for colour in colours]
    return np.asarray(np.any(near, axis=0))


def pictures(sheet: NDArray[np.int_] | None, *colours: tuple[int, int, int]) -> int:
    """Count the pictures of these colours, which frames keep apart."""
    areas, _ = label(of_colour(sheet, *colours))
    return int((np.bincount(areas.ravel())[1:] > 2_000).sum())


def corner(sheet: NDArray[np.int_] | None, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Give row and column of where a colour begins."""
    row, column = np.argwhere(of_colour(sheet, colour)).min(axis=0)
    return int(row), int(column)


@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_every_finding_stands_beside_its_twin(folder: Path, count: int) -> None:
    sheet = drawn(result(folder, [finding(number) for number in range(count)]))
    assert (pictures(sheet, *FLAGGED), pictures(sheet, TWIN)) == (count, count)


def test_findings_stand_in_rows_worst_first(folder: Path) -> None:
    sheet = drawn(result(folder, [finding(number) for number in (0, 1, 2, 3, 7)]))
    (row, first), (same, second), (below, fourth) = (corner(sheet, FLAGGED[number]) for number in (0, 1, 3))
    assert first < second
    assert abs(row - same) < 4 < below - row
    assert abs(first - fourth) < 4


def test_a_full_sheet_leaves_the_others_out(folder: Path) -> None:
    sheet = drawn(result(folder, [finding(number) for number in range(20)]))
    assert pictures(sheet, *FLAGGED) == pictures(sheet, TWIN) == PAIRS_SHOWN


def test_two_twins_are_shown_once_and_not_from_both_ends(folder: Path) -> None:
    pair = [
        finding(one, score="unvaried", twin=f"{other}.png", twin_set="synthetic") for one, other in ((0, 1), (1, 0))
    ]
    sheet = drawn(result(folder, pair, {"unvaried": 0.01}))
    assert pictures(sheet, FLAGGED[0]) == pictures(sheet, FLAGGED[1]) == 1


def test_a_gate_on_a_class_shows_that_class_alone(folder: Path) -> None:
    findings = [finding(0, class_name="apple"), finding(1, class_name="kiwi"), finding(2)]
    of = result(folder, findings, {"unoriginal": {"max": 0.01, "per_class": True}})
    assert [each.name for each in of.verdicts] == ["unoriginal[apple]", "unoriginal[pooled]"]
    assert [pictures(drawn(of, 0), colour) for colour in FLAGGED[:3]] == [1, 0, 0]
    assert [pictures(drawn(of, 1), colour) for colour in FLAGGED[:3]] == [0, 1, 0]


def test_findings_of_another_score_stay_away(folder: Path) -> None:
    sheet = drawn(result(folder, [finding(0), finding(1, score="unvaried")]))
    assert [pictures(sheet, colour) for colour in FLAGGED[:2]] == [1, 0]


def test_a_real_image_may_be_the_flagged_one(folder: Path) -> None:
    flagged = finding(0, image_set="real", twin_set="synthetic", score="unrepresentative", by="classifier", value=0.97)
    sheet = drawn(result(folder, [flagged], {"unrepresentative": 0.01}))
    assert pictures(sheet, TWIN) == pictures(sheet, FLAGGED[0]) == 1
    assert corner(sheet, TWIN)[1] < corner(sheet, FLAGGED[0])[1]


def test_redaction_leaves_the_real_side_empty(folder: Path) -> None:
    redacted = result(folder, [finding(0)], redacted=True)
    assert pictures(drawn(redacted), TWIN) == 0
    assert pictures(drawn(redacted), FLAGGED[0]) == 1


def test_a_picture_that_is_gone_or_damaged_leaves_an_empty_frame(folder: Path) -> None:
    (folder / "made" / "0.png").unlink()
    (folder / "real" / "1.png").write_bytes(b"no picture")
    sheet = drawn(result(folder, [finding(0), finding(1)]))
    assert [pictures(sheet, colour) for colour in (*FLAGGED[:2], TWIN)] == [0, 1, 1]


def test_a_damaged_exif_block_hides_no_picture(folder: Path) -> None:
    with Image.open(folder / "made" / "0.png") as picture:
        picture.save(folder / "made" / "0.png", "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0", quality=100)
    assert pictures(drawn(result(folder, [finding(0)])), FLAGGED[0]) == 1


def test_a_finding_without_a_twin_stands_alone(folder: Path) -> None:
    assert pictures(drawn(result(folder, [finding(0, twin=None, twin_set=None)])), FLAGGED[0]) == 1


def test_there_is_no_sheet_without_a_picture(folder: Path) -> None:
    assert drawn(result(folder, [])) is None
    assert drawn(result(folder, [finding(0)], images={})) is None
    assert drawn(result(folder, [finding(99)])) is None
    assert drawn(result(folder, [finding(0)], {"unreadable": 0})) is None


def test_tiny_pictures_are_enlarged_pixel_by_pixel(folder: Path) -> None:
    Image.fromarray(np.array([FLAGGED[:2], FLAGGED[2:]], dtype=np.uint8)).save(folder / "made" / "0.png")
    sheet = drawn(result(folder, [finding(0)]))
    whole = of_colour(sheet, *FLAGGED).sum()
    for colour in FLAGGED:
        assert of_colour(sheet, colour).sum() == pytest.approx(whole / 4, rel=0.02)
    assert whole > 200 * 200


def test_pictures_of_noise_still_make_a_small_file(folder: Path) -> None:
    random = np.random.default_rng(0)
    for side in ("made", "real"):
        for number in range(PAIRS_SHOWN):
            noise = random.integers(0, 256, (300, 300, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / side / f"{number}.png")
    assert drawn(result(folder, [finding(number) for number in range(PAIRS_SHOWN)])) is not None


HOSTILE = [
    "\x1b[31m\x00\r\n",
    "\u202egnp.exe",
    "\udcff\ud800",
    "]]><script>'\"",
    "水果 яблоко 🍎 \ufffe\uffff",
    "x" * 10_000,
    "",
    "e\u0301" * 200,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_breaks_a_sheet(folder: Path, name: str) -> None:
    odd = finding(0, twin=name, prompt=name, seed=10**30, by="exact")
    assert pictures(drawn(result(folder, [odd])), FLAGGED[0]) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=400), width=st.integers(30, 600))
def test_a_text_fits_and_keeps_its_ends(text: str, width: int) -> None:
    font = ImageFont.load_default(size=18)
    fitted = fitting(text, font, width)
    assert font.getlength(fitted) <= width
    if fitted != text:
        start, _, end = fitted.partition("…")
        assert text.startswith(start)
        assert text.endswith(end)


def test_every_kind_of_evidence_can_be_told(folder: Path) -> None:
    kinds = [finding(number, by=by) for number, by in enumerate(("exact", "features", "geometry", "classifier"))]
    assert pictures(drawn(result(folder, kinds)), *FLAGGED) == 4
