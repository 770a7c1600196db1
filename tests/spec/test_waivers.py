"""What a `[[waiver]]` table means, and what it cannot mean."""

import datetime
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.spec.files import load_spec_file, read_specs
from pytest_synthgate.spec.model import Spec, spec_to_json
from pytest_synthgate.spec.resolve import specs_of
from pytest_synthgate.spec.waivers import Waiver, utc_today

TODAY = date(2026, 7, 1)
A, B = (f"sha256:{letter * 64}" for letter in "ab")
SPEC = "[spec.one]\nimages = 'out'\n"
GOOD = {
    "image": f"'{A}'",
    "score": "'unvaried'",
    "reason": "'known twins'",
    "owner": "'Ann'",
    "expires": "2027-01-31",
}
GIVE_A_DATE = "give the last day it holds, such as 2027-01-31"
GIVE_A_SCORE = "name one of unvaried, unoriginal, obviously_fake"
GIVE_A_DIGEST = "give 'sha256:' and 64 lower-case hexadecimal digits, as a finding has"


def table(**changes: str | None) -> str:
    """Write a waiver; None leaves a key out."""
    keys = {**GOOD, **changes}
    return "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


def read(*parts: str, today: date = TODAY) -> tuple[Spec, ...]:
    return read_specs("\n".join(parts).encode(), Path.cwd() / "synth_x.toml", today)


def refusal(*parts: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(*parts)
    return str(caught.value).removeprefix("synth_x.toml: ")


def test_a_waiver_is_read_as_it_stands_and_holds_for_every_spec_of_its_file() -> None:
    specs = read(SPEC, table(), "[spec.two]\nimages = 'out'")

    waiver = Waiver(
        digests=frozenset({A}), score="unvaried", reason="known twins", owner="Ann", expires=date(2027, 1, 31)
    )
    assert [(spec.name, spec.waivers) for spec in specs] == [("one", (waiver,)), ("two", (waiver,))]


def test_a_file_without_waivers_has_none() -> None:
    assert read(SPEC)[0].waivers == read("waiver = []", SPEC)[0].waivers == ()


def test_a_pair_has_no_direction() -> None:
    (one,) = read(SPEC, table(image=None, pair=f"['{A}', '{B}']"))
    (other,) = read(SPEC, table(image=None, pair=f"['{B}', '{A}']"))

    assert one.waivers == other.waivers
    assert one.waivers[0].digests == {A, B}


def test_waivers_make_no_stored_result_stale() -> None:
    assert spec_to_json(read(SPEC, table())[0]) == spec_to_json(read(SPEC)[0])


def test_a_name_tells_which_waiver_it_is_in_one_line() -> None:
    (spec,) = read(SPEC, table(image=None, pair=f"['{B}', '{A}']", reason=r'"twins\nof old"'))

    assert spec.waivers[0].name == (
        r"waiver of sha256:aaaaaaaaaaaa and sha256:bbbbbbbbbbbb for unvaried ('twins\nof old', 'Ann')"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": None}, "has neither image nor pair; give the digest of an image, or of two twins"),
        ({"pair": f"['{A}', '{B}']"}, "has both image and pair; keep one"),
        ({"image": "'a.png'"}, f"image holds 'a.png', which is no digest; {GIVE_A_DIGEST}"),
        ({"image": "3"}, f"image holds 3, which is no digest; {GIVE_A_DIGEST}"),
        (
            {"image": f"'sha256:{'A' * 64}'"},
            f"image holds 'sha256:{'A' * 50}...', which is no digest; {GIVE_A_DIGEST}",
        ),
        (
            {"image": None, "pair": f"['{A}', 'b.png']"},
            f"pair holds 'b.png', which is no digest; {GIVE_A_DIGEST}",
        ),
        ({"image": None, "pair": "'x'"}, "pair = 'x' is not valid; give the digests of two images in a list"),
        ({"image": None, "pair": f"['{A}']"}, "pair = [...] is not valid; give the digests of two images in a list"),
        (
            {"image": None, "pair": f"['{A}', '{A}']"},
            "pair names one image twice; write image = ... to waive every finding on it",
        ),
        ({"score": None}, f"has no score; {GIVE_A_SCORE}"),
        ({"score": "'unvary'"}, "unknown score 'unvary'; did you mean 'unvaried'?"),
        ({"score": "'x'"}, "unknown score 'x'; give one of unvaried, unoriginal, obviously_fake"),
        ({"score": "[1]"}, f"score = [...] cannot leave an image out; {GIVE_A_SCORE}"),
        ({"reason": None}, "has no reason; say why this is acceptable"),
        ({"reason": "''"}, "reason = '' is not valid; say why this is acceptable"),
        ({"reason": "true"}, "reason = true is not valid; say why this is acceptable"),
        ({"owner": None}, "has no owner; say who answers for it"),
        ({"owner": "' '"}, "owner = ' ' is not valid; say who answers for it"),
        ({"expires": None}, f"has no expires; {GIVE_A_DATE}"),
        ({"expires": "'2027-01-31'"}, f"expires = '2027-01-31' is not a date; {GIVE_A_DATE}"),
        ({"expires": "2027-01-31T00:00:00"}, f"expires = 2027-01-31T00:00:00 is not a date; {GIVE_A_DATE}"),
        ({"expires": "2027-07-02"}, "expires = 2027-07-02 is over 365 days ahead; give a day up to 2027-07-01"),
        ({"expires": "9999-12-31"}, "expires = 9999-12-31 is over 365 days ahead; give a day up to 2027-07-01"),
        ({"ownr": "'Ann'"}, "unknown key 'ownr'; did you mean 'owner'?"),
    ],
)
def test_what_a_waiver_cannot_mean_is_one_line_that_names_it(changes: dict[str, str | None], message: str) -> None:
    other = table(image=f"'{B}'")

    assert refusal(SPEC, other, table(**changes)) == f"[[waiver]] 2 {message}"


@pytest.mark.parametrize("score", sorted({*LIMITED} - {*WAIVABLE.values()}))
def test_a_score_that_is_no_share_of_images_cannot_leave_one_out(score: str) -> None:
    assert refusal(SPEC, table(score=f"'{score}'")) == (
        f"[[waiver]] 1 score = '{score}' cannot leave an image out; {GIVE_A_SCORE}"
    )


def test_waiving_a_thing_twice_names_both() -> None:
    again = table(reason="'other'", owner="'Bob'", expires="2026-12-31")

    assert refusal(SPEC, table(), again) == "[[waiver]] 2 waives what [[waiver]] 1 does; keep one"
    assert (
        refusal(
            SPEC,
            table(image=None, pair=f"['{A}', '{B}']"),
            table(),
            table(image=None, pair=f"['{B}', '{A}']"),
        )
        == "[[waiver]] 3 waives what [[waiver]] 1 does; keep one"
    )


def test_an_image_may_be_waived_in_several_scores_and_beside_its_pairs() -> None:
    waivers = (table(score=f"'{score}'") for score in WAIVABLE.values())

    assert len(read(SPEC, *waivers, table(image=None, pair=f"['{A}', '{B}']"))[0].waivers) == 4


@pytest.mark.parametrize("text", ["waiver = 3", "waiver = [3]", "[waiver]\nimage = 'x'"])
def test_waivers_that_are_no_list_of_tables_are_refused(text: str) -> None:
    assert refusal(text, SPEC).endswith("is no list of tables; write [[waiver]]")


def test_further_errors_are_counted_with_those_of_the_specs() -> None:
    message = refusal(SPEC, "encoder = 3", table(owner=None), table(image="'x'"))

    assert message == "[[waiver]] 1 has no owner; say who answers for it (and 2 more errors in this file)"


def test_a_waiver_that_has_expired_still_loads() -> None:
    assert read(SPEC, table(), today=date(2027, 2, 1))[0].waivers[0].expires == date(2027, 1, 31)


def test_a_file_is_read_with_the_day_it_is_unless_another_is_given(tmp_path: Path) -> None:
    file = tmp_path / "synth_x.toml"
    latest = utc_today() + datetime.timedelta(days=365)
    file.write_text(SPEC + table(expires=latest.isoformat()))

    assert load_spec_file(file)[0].waivers[0].expires == latest
    with pytest.raises(SpecError, match="is over 365 days ahead"):
        load_spec_file(file, today=latest - datetime.timedelta(days=366))


def test_a_file_with_waivers_alone_belongs_to_somebody_else_unless_named(tmp_path: Path) -> None:
    file = tmp_path / "synth_x.toml"
    file.write_text(table())

    assert load_spec_file(file) == ()
    with pytest.raises(SpecError, match="declares no spec"):
        load_spec_file(file, named=True, today=TODAY)


DIGESTS = st.sampled_from([A, B, "sha256:", "x", ""])
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(DIGESTS, st.text(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(), st.times()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "image": DIGESTS,
    "pair": st.lists(DIGESTS, max_size=3),
    "score": st.sampled_from([*LIMITED, "unvary"]),
    "reason": st.text(max_size=3),
    "owner": st.text(max_size=3),
    "expires": st.dates(date(2025, 1, 1), date(2028, 1, 1)),
}
VALID: dict[str, st.SearchStrategy[Any]] = {
    "image": st.sampled_from([f"sha256:{digit * 64}" for digit in "0123456789"]),
    "score": st.sampled_from(sorted(WAIVABLE.values())),
    "reason": st.text(min_size=1).filter(str.strip),
    "owner": st.text(min_size=1).filter(str.strip),
    "expires": st.dates(date(2025, 1, 1), date(2027, 7, 1)),
}
TABLES = st.one_of(
    st.fixed_dictionaries({}, optional=LIKELY),
    st.dictionaries(st.one_of(st.sampled_from(sorted(LIKELY)), st.text()), ANYTHING),
)


@given(st.one_of(ANYTHING, st.lists(TABLES, max_size=3), st.lists(st.fixed_dictionaries(VALID), max_size=3)))
def test_any_waivers_load_whole_or_are_refused_in_one_line(declared: Any) -> None:
    document = {"spec": {"one": {"images": "out"}}, "waiver": declared}
    try:
        (spec,) = specs_of(document, Path("/nowhere/synth_any.toml"), TODAY)
    except SpecError as error:
        refused = str(error)
        assert refused.startswith("/nowhere/synth_any.toml: ")
        assert refused.isprintable()
        assert len(refused) < 1000
    else:
        assert [waiver.score for waiver in spec.waivers] == [each["score"] for each in declared]
        assert len({waiver.subject for waiver in spec.waivers}) == len(declared)
        assert all(waiver.name.isprintable() for waiver in spec.waivers)
