"""A waiver is appended to a spec file that keeps every byte it had, or the file is left alone."""

import os
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec.appending import append_waiver
from pytest_synthgate.spec.checking import as_waiver
from pytest_synthgate.spec.files import load_spec_file, read_specs

from .conftest import SPEC, A, C, spec_file

TODAY = date(2026, 7, 1)
TABLE = {"image": A, "score": "unvaried", "reason": "known twins", "owner": "Ann", "expires": date(2027, 1, 31)}

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    "content",
    [
        b"# one\r\n[spec.one]\r\nimages = 'out' # two\r\n",
        b"\xef\xbb\xbf[spec.one]\r\nimages='out'",
        b"[spec.one]\nimages    =   'out'# no end of line",
        b"[spec]\n  [spec.one]\n\timages = '''\nout''' \n\n\n",
        b"[[waiver]]\nimage = 'sha256:" + b"c" * 64 + b"'\nscore = 'unvaried'\nreason = 'x' # why\nowner = 'y'\n"
        b"expires = 2026-12-31\n\n[spec.one]\nimages = 'out'\n# the end\n",
    ],
)
def test_every_byte_of_the_file_is_kept_and_its_ends_of_lines(here: Path, content: bytes) -> None:
    file = here / "synth_x.toml"
    file.write_bytes(content)
    before = load_spec_file(file, today=TODAY)[0].waivers

    waiver = append_waiver(file, TABLE, TODAY)

    added = file.read_bytes().removeprefix(content)
    assert file.read_bytes() == content + added
    assert added.count(b"\r\n") == (added.count(b"\n") if b"\r\n" in content else 0)
    assert b"\n[[waiver]]" in added
    assert load_spec_file(file, today=TODAY)[0].waivers == (*before, waiver)


def test_waivers_in_one_array_are_refused_and_the_file_is_left_alone(here: Path) -> None:
    file = spec_file(str(here / "synth_x.toml"), "waiver = []\n" + SPEC)

    with pytest.raises(SpecError) as caught:
        append_waiver(file, TABLE, TODAY)

    assert str(caught.value) == "synth_x.toml: holds its waivers in one array; write each as a [[waiver]] table"
    assert file.read_text() == "waiver = []\n" + SPEC


def test_a_file_that_cannot_be_meant_is_left_alone(here: Path) -> None:
    file = spec_file(str(here / "synth_x.toml"), "[spec.one]\nimage = 'out'\n")

    with pytest.raises(SpecError, match=r"^synth_x\.toml: \[spec\.one\] unknown key 'image'"):
        append_waiver(file, TABLE, TODAY)

    assert file.read_text() == "[spec.one]\nimage = 'out'\n"


@pytest.mark.skipif(os.name == "nt", reason="links and modes of POSIX")
def test_a_link_stays_a_link_and_the_rights_stay(here: Path) -> None:
    (here / "real").mkdir()
    file = spec_file(str(here / "real" / "x.toml"))
    file.chmod(0o640)
    link = here / "synth_x.toml"
    link.symlink_to(file)

    append_waiver(link, TABLE, TODAY)

    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_spec_file(file, named=True, today=TODAY)[0].waivers


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = spec_file(str(here / "synth_x.toml"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SpecError) as caught:
        append_waiver(file, TABLE, TODAY)

    assert str(caught.value) == "synth_x.toml: cannot be written (No space left on device); check its rights"
    assert [(each.name, each.read_text()) for each in here.iterdir()] == [("synth_x.toml", SPEC)]


def test_waivers_that_are_written_at_once_are_all_there(here: Path) -> None:
    file = spec_file(str(here / "synth_x.toml"))
    tables = [{**TABLE, "image": f"sha256:{number:064x}"} for number in range(16)]

    with ThreadPoolExecutor(len(tables)) as threads:
        assert len([*threads.map(lambda table: append_waiver(file, table, TODAY), tables)]) == len(tables)

    assert len(load_spec_file(file, today=TODAY)[0].waivers) == len(tables)
    assert [each.name for each in here.iterdir()] == ["synth_x.toml"]


LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(LETTERS, min_size=1).filter(str.strip)


@settings(max_examples=200)
@given(reason=TEXTS, owner=TEXTS, ends=st.sampled_from(["\n", "\r\n"]), expires=st.dates(TODAY, date(2027, 7, 1)))
def test_any_words_are_read_back_as_they_were_given(
    tmp_path_factory: pytest.TempPathFactory, reason: str, owner: str, ends: str, expires: date
) -> None:
    file = tmp_path_factory.getbasetemp() / "synth_any.toml"
    content = SPEC.replace("\n", ends).encode()
    file.write_bytes(content)

    waiver = append_waiver(file, {**TABLE, "reason": reason, "owner": owner, "expires": expires}, TODAY)

    assert (waiver.reason, waiver.owner, waiver.expires) == (reason, owner, expires)
    assert load_spec_file(file, today=TODAY)[0].waivers == (waiver,)
    assert file.read_bytes().startswith(content)
    assert len(tomllib.loads(file.read_bytes().decode())["waiver"]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_file_keeps_its_encoding_and_ends_of_lines(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "synth_foreign.toml"
    content = "[spec.one]\r\nimages = 'où'\r\n".encode(encoding)
    file.write_bytes(content)

    waiver = append_waiver(file, {**TABLE, "reason": "né"}, TODAY)

    assert load_spec_file(file, today=TODAY)[0].waivers == (waiver,)
    assert file.read_bytes().startswith(content)
    text = file.read_bytes().decode(encoding)
    assert 'reason = "né"\r\n' in text
    assert text.count("\n") == text.count("\r\n")


def test_a_file_that_cannot_hold_the_words_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "synth_foreign.toml"
    file.write_bytes("[spec.one]\nimages = 'où'\n".encode("cp1252"))
    with pytest.raises(SpecError, match=r"cannot hold all letters of the waiver; save it as UTF-8$"):
        append_waiver(file, {**TABLE, "owner": "\u738b"}, TODAY)
    assert file.read_bytes() == "[spec.one]\nimages = 'où'\n".encode("cp1252")


LINES = [
    *("[spec.one]", "images = 'out'", "[[waiver]]", f"image = '{C}'", "score = 'unvaried'", "reason = 'x'"),
    *("owner = 'y'", "expires = 2026-12-31", "# waiver", "waiver = []", "reason = '''", "", "\r"),
]
WAIVER = "\n".join(LINES[2:8])


@settings(max_examples=200)
@given(st.one_of(st.binary(), st.lists(st.sampled_from([*LINES, WAIVER])).map("\n".join).map(str.encode)))
def test_any_file_takes_the_waiver_or_is_left_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "synth_bytes.toml"
    content = b"[spec.one]\nimages = 'out'\n" + content
    file.write_bytes(content)
    refusal = None
    try:
        append_waiver(file, TABLE, TODAY)
    except SpecError as error:
        refusal = str(error)

    if refusal is not None:
        assert "synth_bytes.toml: " in refusal
        assert refusal.isprintable()
        assert file.read_bytes() == content
    else:
        after = read_specs(file.read_bytes(), file, TODAY)
        before = read_specs(content, file, TODAY)
        assert after == tuple(replace(spec, waivers=(*spec.waivers, as_waiver(TABLE, TODAY))) for spec in before)
