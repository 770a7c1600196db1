"""Spec files on the disk: which are found, whose they are, and when they are no TOML."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec.files import heading_line, load_spec_file

SPEC = b"[spec.a]\nimages = 'out'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(SPEC)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[tool.synth]\nvoices = 8\n",
        b"[notes]\nspec = 3\n",
        b"# see [spec.a]\n",
        b"this is no TOML",
        "[tool.synth]\nvoice = 'é'\n".encode("cp1252"),
        "[tool.synth]\nvoices = 8\n".encode("utf-16"),
    ],
)
def test_a_file_of_somebody_else_is_left_alone_unless_named(folder: Path, content: bytes) -> None:
    file = folder / "synth_other.toml"
    file.write_bytes(content)

    assert load_spec_file(file) == ()
    with pytest.raises(SpecError, match=r"^synth_other\.toml: "):
        load_spec_file(file, named=True)


@pytest.mark.parametrize(
    "content",
    [
        SPEC,
        b"  [spec.a]\nimages = 'out'",
        b"[ spec . a ]\nimages = 'out'",
        b'["spec".a]\nimages = "out"',
        b"\xef\xbb\xbf[spec.a]\r\nimages = 'out'\r\n",
        b"[defaults]\r\n[spec.a]\r\nimages = 'out'",
    ],
)
def test_a_file_with_our_tables_is_ours_however_it_is_written(folder: Path, content: bytes) -> None:
    file = folder / "synth_ours.toml"
    file.write_bytes(content)

    assert [(spec.name, spec.images) for spec in load_spec_file(file)] == [("a", folder / "out")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_ours_whatever_an_editor_or_a_shell_made_of_it(folder: Path, encoding: str, end: str) -> None:
    file = folder / "synth_ours.toml"
    file.write_bytes(f"[spec.'café']{end}images = 'où'{end}".encode(encoding))

    assert [(spec.name, spec.images) for spec in load_spec_file(file)] == [("café", folder / "où")]


def test_names_are_composed_as_those_of_folders_are(folder: Path) -> None:
    file = folder / "synth_mac.toml"
    file.write_text(
        "[spec.'cafe\u0301']\nprompt = '{class}'\nper_prompt = 1\nclasses = ['te\u0301']\ncompare_to = 'the\u0301'\n"
        "real = 'donne\u0301es'\n",
        "utf-8",
    )

    (spec,) = load_spec_file(file)

    assert (spec.name, spec.classes, spec.compare_to) == ("caf\u00e9", ("t\u00e9",), "th\u00e9")
    assert spec.real == folder / "donne\u0301es"  # a path is what the file system calls it
    assert heading_line(file, spec.name) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[spec.a]\nimages = '\x81'\n", "is not UTF-8 text (byte 19); save it as UTF-8"),
        (b"\x81\x8d\x8f\x90", "is not UTF-8 text (byte 0); save it as UTF-8"),
        ("[spec.a]".encode("utf-16") + b"\n", "is broken UTF-16 text (byte 16); save it as UTF-8"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_what_is_no_text_is_not_passed_over(folder: Path, content: bytes, message: str, named: bool) -> None:
    file = folder / "synth_broken.toml"
    file.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        load_spec_file(file, named=named)

    assert str(caught.value) == f"synth_broken.toml: {message}"


def test_a_named_file_may_use_dotted_keys_alone(folder: Path) -> None:
    file = folder / "experiments.toml"
    file.write_text("spec.a.images = 'out'")

    assert [spec.name for spec in load_spec_file(file, named=True)] == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[spec.a]\nimages = \n", "line 2, column 10: Invalid value; mend the TOML"),
        (b"[spec.a]\nimages = 'x'\nimages = 'y'\n", "line 3, column 13: Cannot overwrite a value; mend the TOML"),
        (b"[spec.a]\n[spec.a]\n", "line 2, column 8: Cannot declare ('spec', 'a') twice; mend the TOML"),
        (b"[spec.a]\nx = " + b"9" * 5000, "holds a number or an array beyond all measure; shorten it"),
        (b"[spec.a]\nx = " + b"[" * 100_000, "holds a number or an array beyond all measure; shorten it"),
    ],
)
def test_what_is_no_toml_is_located(folder: Path, content: bytes, message: str) -> None:
    file = folder / "synth_broken.toml"
    file.write_bytes(content)

    with pytest.raises(SpecError) as caught:
        load_spec_file(file)

    assert str(caught.value) == f"synth_broken.toml: {message}"


@settings(deadline=None)
@given(content=st.one_of(st.binary(), st.text("[]{}=.\"'\n\tspec01, ").map(str.encode)))
def test_any_bytes_load_or_are_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "synth_any.toml"
    file.write_bytes(b"[spec.a]\n" + content)

    refusal = "synth_any.toml: "
    try:
        load_spec_file(file)
    except SpecError as error:
        refusal = str(error)

    assert "synth_any.toml: " in refusal
    assert refusal.isprintable()


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec_file(folder / "synth_none.toml")

    assert str(caught.value) == (
        "synth_none.toml: cannot be read (No such file or directory); check the path and its rights"
    )


def test_a_file_elsewhere_is_named_by_its_whole_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(folder, "a/x.toml", "b/synth_x.toml")
    (folder / "b/synth_x.toml").write_bytes(b"[spec.a]\n")
    monkeypatch.chdir(folder / "a")

    with pytest.raises(SpecError) as caught:
        load_spec_file(Path("../b/synth_x.toml"))

    assert str(caught.value).startswith(f"{(folder / 'b/synth_x.toml').as_posix()}: [spec.a] has neither")


@pytest.mark.skipif(os.name == "nt", reason="no such file names")
def test_an_unprintable_file_name_stays_on_one_line(folder: Path) -> None:
    file = folder / "synth_\n.toml"
    file.write_bytes(b"[spec.a]\n")

    with pytest.raises(SpecError) as caught:
        load_spec_file(file)

    assert str(caught.value).startswith(r"'synth_\n.toml': [spec.a] has neither")


def test_paths_start_from_the_folder_of_the_file_even_through_a_link(folder: Path) -> None:
    place(folder, "real/synth_x.toml")
    (folder / "linked").mkdir()
    (folder / "linked/synth_x.toml").symlink_to(folder / "real/synth_x.toml")

    (spec,) = load_spec_file(Path("linked/synth_x.toml"))

    assert (spec.file, spec.images) == (folder / "linked/synth_x.toml", folder / "linked/out")
