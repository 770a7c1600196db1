"""What a project goes by, and the specs that it has, each complete with what the settings override.

Between the spec files and all that is done with them; light enough for every run of pytest to come by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_synthgate.errors import SpecError, SynthgateError
from pytest_synthgate.images.mode import MODES, Mode
from pytest_synthgate.spec.discovery import NORECURSE, PATTERNS, find_spec_files
from pytest_synthgate.text.printable import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_synthgate.device import Memory
    from pytest_synthgate.spec.model import Spec

CACHE = Path(".synthgate")
BASELINE = Path("synthgate-baseline.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project goes by. Relative paths start from its root.

    Attributes:
        root: Folder below which spec files are looked for.
        named: Spec files that somebody named, whatever they are called and wherever they are.
        patterns: Names of the other spec files.
        norecurse: Folders that are not looked into for them.
        real: Overrides the real set of every spec.
        encoder: Overrides the encoder of every spec.
        start: Folder that a path in that name starts from.
        cache: Folder of the store.
        pictures: Folders that pictures are written to, which no image set may hold, for it would grow by them.
        generate: What to do about missing images.
        results: Measurements to judge instead of measuring.
        baseline: The accepted scores.
        needs_baseline: Whether that file has to be there.
        strict: Whether what stays undecided fails.
        xfail: Whether a gate may be expected to fail.
        redact_real: Whether real photos and their names stay out of every result.
        progress: Whether long work shows a bar.
        process: What the processes of one run have in common, None for a run of one.
    """

    root: Path = field(default_factory=Path.cwd)
    named: tuple[Path, ...] = ()
    patterns: tuple[str, ...] = PATTERNS
    norecurse: tuple[str, ...] = NORECURSE
    real: Path | None = None
    encoder: str | None = None
    start: Path = Path()
    cache: Path = CACHE
    pictures: tuple[Path, ...] = ()
    generate: Mode = "auto"
    results: Path | None = None
    baseline: Path = BASELINE
    needs_baseline: bool = False
    strict: bool = False
    xfail: bool = True
    redact_real: bool = False
    progress: bool = True
    process: str | None = None

    def __post_init__(self) -> None:
        """Make paths absolute, and refuse a word that cannot be meant with a `SynthgateError`."""
        if self.generate not in MODES:
            raise SynthgateError(f"generate = {self.generate!r} is not valid; give one of {', '.join(MODES)}")
        for name in ("root", "start", "cache", "baseline", "real", "results"):
            if (path := getattr(self, name)) is not None:
                # Not resolve(), which would follow links.
                object.__setattr__(self, name, Path(os.path.abspath(self.root / path)))  # noqa: PTH100


@dataclass(slots=True)
class Catalogue:
    """The specs of a project, as they are met.

    Attributes:
        settings: What the project goes by.
        memory: Gives what remembers the specs of files, None where nothing does yet.
        specs: Specs met so far, by name, with what the settings override.
        declared: What results of each are compared with, by name.
    """

    settings: Settings
    memory: Callable[[], Memory | None] = lambda: None
    specs: dict[str, Spec] = field(default_factory=dict)
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)
    _complete: bool = False

    def load(self, file: Path, *, named: bool = False) -> list[Spec]:
        """Take in a spec file, and give its specs; the settings override what it says, here and nowhere else.

        One without specs belongs to somebody else, unless it was named.

        Raises:
            SpecError: It says what cannot be meant, or a name is taken.
        """
        from pytest_synthgate.spec.files import load_spec_file
        from pytest_synthgate.spec.model import check_names, spec_to_json

        found, declared = [], {}
        for written in load_spec_file(file, named=named, memory=self.memory):
            spec = replace(written, encoder=self.settings.encoder or written.encoder)
            # The real set may lie elsewhere on the next machine, the encoder decides the scores.
            declared[spec.name] = spec_to_json(spec)
            found.append(replace(spec, real=self.settings.real or spec.real))
            for path, source in product(self.settings.pictures, (found[-1].real, spec.images)):
                check_outside(path, source, f"{spec.where} ")
        fresh = [spec for spec in found if self.specs.get(spec.name) != spec]
        check_names([*self.specs.values(), *fresh])
        self.specs |= {spec.name: spec for spec in fresh}
        self.declared |= declared
        return found

    def load_all(self) -> list[Spec]:
        """Load every spec file that was named or lies below the root, as `load` does, and give all specs."""
        if not self._complete:
            settings, met = self.settings, {spec.file.resolve() for spec in self.specs.values()}
            files = find_spec_files(settings.root, settings.patterns, settings.norecurse)
            for file in dict.fromkeys([*settings.named, *files]):
                if file.resolve() not in met:
                    self.load(file, named=file in settings.named)
            self._complete = True
        return list(self.specs.values())

    def check_comparisons(self, specs: Iterable[Spec]) -> None:
        """Say in a `SpecError` which of these specs is compared to one that is not there."""
        if any(spec.compare_to not in (None, *self.specs) for spec in specs):
            from pytest_synthgate.spec.model import check_compared

            check_compared(self.load_all())

    def choose(self, names: Iterable[str], among: Iterable[Spec] | None = None) -> list[Spec]:
        """Pick specs by name, all when no name is given; from all of the project, unless some are given.

        Raises:
            SpecError: There is no such spec, or none at all.
        """
        from pytest_synthgate.text.wording import meant, quoted

        found = {spec.name: spec for spec in (self.load_all() if among is None else among)}
        if not found:
            patterns = " or ".join(self.settings.patterns)
            raise SpecError(
                f"no spec file ({patterns}) below {shown(self.settings.root)}; write one, or set synth_files"
            )
        self.check_comparisons(found.values())
        wanted = tuple(names)
        for name in wanted:
            if name not in found:
                raise SpecError(f"there is no spec {quoted(name)}; {meant(name, found)}")
        return [spec for name, spec in found.items() if not wanted or name in wanted]


def check_outside(picture_folder: Path, source: Path | None, place: str = "") -> None:
    """Check that a folder which pictures are written to is in no folder of images, which would grow by them.

    Raises:
        SpecError: It is; names the place that declares the images.
    """
    if source is not None and source.is_dir() and picture_folder.resolve().is_relative_to(source.resolve()):
        raise SpecError(
            f"{place}{shown(picture_folder)}, where pictures are written, lies in the image set {shown(source)}, "
            "which would grow by them; name a folder outside"
        )
