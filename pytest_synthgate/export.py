"""The images that passed -> class folders and a manifest to train on.

Behind the scores in the flow and apart from the gate: it takes two sets and their measurement, and no limit.
"""

from __future__ import annotations

import csv
import hashlib
import os
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_synthgate.errors import ExportError
from pytest_synthgate.features.embedding import Embedded, Sets
from pytest_synthgate.images.decode import UnreadableError, read_bytes
from pytest_synthgate.images.formats import SUFFIXES, format_of
from pytest_synthgate.images.sets import ImageRecord
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.text.printable import portable, printable, shown, unused

MANIFEST = "metadata.csv"
MANIFEST_COLUMNS = ("file_name", "class", "prompt", "seed", "digest", "source", "findings")
"""The columns of the manifest, ahead of one for every axis."""

_DROPPED = ("unoriginal", "unrealistic")
"""The scores whose findings cost an image its place with `without_findings`, the graver one first."""
# Columns that readers of the manifest give a meaning of their own.
_NO_AXES = frozenset({*MANIFEST_COLUMNS, "image", "path", "text", "label"})


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote and what it left out.

    Attributes:
        to: The folder, as it was named.
        kept: Images in it.
        left_out: Images left out, by the score that speaks against them ("unvaried": a near-duplicate of it was
            kept) or "unreadable"; every image counts once.
        flagged: Images in the folder that have a finding of unoriginal or of unrealistic.
        emptied: Classes of which no image is left, sorted.
    """

    to: Path
    kept: int
    left_out: Mapping[str, int]
    flagged: Mapping[str, int]
    emptied: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it in one to four lines."""
        total = self.kept + sum(self.left_out.values())
        lines = [f"{self.kept:,} of {total:,} images written to {shown(self.to)}"]
        if self.left_out:
            lines.append(f"left out: {_counted(self.left_out)}")
        if self.flagged:
            lines.append(f"kept with a finding: {_counted(self.flagged)}; --without-findings leaves them out")
        if self.emptied:
            lines.append(f"no image is left of: {', '.join(map(printable, self.emptied))}")
        return lines


def export(
    sets: Sets,
    measurement: Measurement,
    to: Path,
    *,
    without_findings: bool = False,
    sources: Iterable[Path | None] = (),
) -> Exported:
    """Copy the synthetic images into class folders with a manifest, one image of each near-duplicate cluster.

    The image that stands for its cluster is one that is no near-copy of a real photo, if there is such a one,
    then one that is not obviously fake, then the one with the smallest digest: the same in every run.

    Near-copies of real photos stay: their share passed the limit, and a set that is trained on together with the
    real photos may hold them. They are counted, and marked in the column `findings`; with `without_findings` they
    and the obvious fakes go, which a set must do that is evaluated on those photos.

    The folder may exist if it is empty, and nothing is there until everything is. None of `sources`, the files and
    folders that the sets are listed from, may come to contain it.

    Raises:
        ExportError: The folder is in use or cannot be written, an image is gone, the set has no files, the
            measurement is of other images, or no image is left.
    """
    images = sets.synthetic
    _check(images, measurement)
    findings = _findings(measurement)
    reasons = _reasons(images, measurement, findings, without_findings=without_findings)
    kept = sorted(name for name, reason in reasons.items() if reason is None)
    left_out = Counter(reason for reason in reasons.values() if reason is not None)
    if images.unreadable:
        left_out["unreadable"] = len(images.unreadable)
    if not kept:
        raise ExportError(f"{shown(to)}: no image is left to export ({_counted(left_out)}); keep those with findings")
    with _in_place(to, sources) as folder:
        _write(folder, images, kept, findings)
    return Exported(
        to=to,
        kept=len(kept),
        left_out=left_out,
        flagged=Counter(score for name in kept for score in findings.get(name, ())),
        emptied=tuple(sorted(_classes(images, images.records) - _classes(images, kept))),
    )


def _check(images: Embedded, measurement: Measurement) -> None:
    if any(images.records[name].path is None for name in images.matrix.ids):
        raise ExportError("a set of vectors has no files to copy; export a spec whose images are files")
    digest_of = dict(zip(images.matrix.ids, images.matrix.digests, strict=True))
    flagged = [each for each in measurement.findings if each.image_set == "synthetic"]
    if measurement.n_synthetic != len(digest_of) or any(digest_of.get(each.image) != each.digest for each in flagged):
        raise ExportError("the measurement is of other images than the set; measure the set, then export it")


def _classes(images: Embedded, names: Iterable[str]) -> set[str]:
    found = (images.records[name].class_name for name in names)
    return {name for name in found if name is not None}


def _findings(measurement: Measurement) -> dict[str, tuple[str, ...]]:
    """List for every image that has some the scores that may cost it its place, the graver one first."""
    found = {(each.image, each.score) for each in measurement.findings}
    images = {image for image, score in found if score in _DROPPED}
    return {image: tuple(score for score in _DROPPED if (image, score) in found) for image in images}


def _reasons(
    images: Embedded, measurement: Measurement, findings: Mapping[str, Sequence[str]], *, without_findings: bool
) -> dict[str, str | None]:
    """Give every readable image the reason why it is left out, or None."""
    # The measured clusters, and not new ones: tau is rounded in a stored measurement, and geometry is not in it.
    cluster = {
        each.image: each.cluster
        for each in measurement.findings
        if each.image_set == "synthetic" and each.cluster is not None
    }
    rank = {
        name: (*(score in findings.get(name, ()) for score in _DROPPED), digest, name)
        for name, digest in zip(images.matrix.ids, images.matrix.digests, strict=True)
    }
    reasons: dict[str, str | None] = {}
    represented: set[int | str] = set()
    for name in sorted(rank, key=rank.__getitem__):
        own = cluster.get(name, name)
        reasons[name] = "unvaried" if own in represented else None
        if without_findings and name in findings:
            reasons[name] = findings[name][0]
        represented.add(own)
    return reasons


@contextmanager
def _in_place(to: Path, sources: Iterable[Path | None]) -> Iterator[Path]:
    """Give a new folder beside a place, which moves there when all went well and else is gone without a trace."""
    try:
        place = Path(os.path.realpath(to))  # resolve() would raise something else on a loop of links
        _check_free(to, place, sources)
        missing = [parent for parent in place.parents if not parent.exists()]
        part = place.with_name(f".synthgate-{secrets.token_hex(4)}.part")
        try:
            part.mkdir(parents=True)
            yield part
            if place.exists():
                place.rmdir()  # empty; Windows would not replace it
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
            for parent in missing:
                with suppress(OSError):  # it is not empty when all went well
                    parent.rmdir()
    except OSError as error:
        reason = error.strerror or error
        raise ExportError(
            f"{shown(to)}: cannot be written ({reason}), nothing of it is left; make room, or name another folder"
        ) from None


def _check_free(to: Path, place: Path, sources: Iterable[Path | None]) -> None:
    if place.exists() and not place.is_dir():
        raise ExportError(f"{shown(to)}: is a file; name a new folder")
    if place.exists() and any(place.iterdir()):
        raise ExportError(f"{shown(to)}: is not empty; name a new folder, or remove it first")
    for source in sources:
        if source is not None and source.is_dir() and place.is_relative_to(source.resolve()):
            raise ExportError(f"{shown(to)}: lies in the set {shown(source)}, which would grow by it; name one outside")


def _write(folder: Path, images: Embedded, kept: Sequence[str], findings: Mapping[str, Sequence[str]]) -> None:
    digest_of = dict(zip(images.matrix.ids, images.matrix.digests, strict=True))
    records = [images.records[name] for name in kept]
    folder_of: dict[str | None, str] = {None: ""}
    used: dict[str, set[str]] = defaultdict(set)  # by folder; "" is the root
    for name in sorted({each.class_name for each in records if each.class_name is not None}):
        mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        folder_of[name] = unused(portable(name), "", mark, used[""])
        (folder / folder_of[name]).mkdir()
    axes = _axis_columns(records)
    # Surrogates, which UTF-8 has not, are escaped the way all texts are stored.
    with (folder / MANIFEST).open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        # Quoted whatever it holds: the reader takes a bare carriage return for the end of a line.
        table = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        table.writerow([*MANIFEST_COLUMNS, *axes.values()])
        for record in records:
            content, within = _content(record), folder_of[record.class_name]
            mark = digest_of[record.id].rpartition(":")[2]
            name = unused(_stem(record), _suffix(record, content), mark, used[within])
            with (folder / within / name).open("xb") as file:
                file.write(content)
            table.writerow(
                [
                    f"{within}/{name}" if within else name,
                    record.class_name,
                    record.prompt,
                    record.seed,
                    digest_of[record.id],
                    record.id,
                    " ".join(findings.get(record.id, ())),
                    *(record.axes.get(axis) for axis in axes),
                ]
            )


def _axis_columns(records: Iterable[ImageRecord]) -> dict[str, str]:
    """Name a column for every axis; `axis_` comes ahead of what would be taken for something else."""
    columns: dict[str, str] = {}
    for axis in sorted({axis for each in records for axis in each.axes}):
        column = axis
        while column in _NO_AXES or column in columns.values():
            column = f"axis_{column}"
        columns[axis] = column
    return columns


def _content(record: ImageRecord) -> bytes:
    path = record.path or Path()
    try:
        return read_bytes(path)
    except UnreadableError as error:
        raise ExportError(f"{shown(path)}: {error}, though it was measured; put it back, or measure again") from None


def _stem(record: ImageRecord) -> str:
    """Name a file after its id, without the class: `apple/green/1.png` becomes `green-1`."""
    name = record.id.removesuffix(record.path.suffix if record.path else "")
    return portable(name.removeprefix(f"{record.class_name}/").strip("/").replace("/", "-"))


def _suffix(record: ImageRecord, content: bytes) -> str:
    """Keep an ending that image readers know, and give a file with another one that of its format."""
    suffix = record.path.suffix.lower() if record.path else ""
    if suffix.removeprefix(".") in SUFFIXES:
        return suffix
    if (form := format_of(content[:16])) is None:
        raise ExportError(f"{record.id}: is no image any more; measure again")
    return f".{form.suffixes[0]}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "nothing"
