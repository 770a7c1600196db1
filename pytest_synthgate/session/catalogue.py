"""The specs of a run: those of the files it collects, and for tests in code those of all files.

Part of the plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from pytest_synthgate.errors import SpecError

if TYPE_CHECKING:
    from pytest_synthgate.spec.model import Spec


@dataclass(slots=True)
class Catalogue:
    """Specs as they are met.

    Attributes:
        config: pytest's.
        patterns: Names of spec files.
        specs: Specs met so far, by name.
    """

    config: pytest.Config
    patterns: tuple[str, ...]
    specs: dict[str, Spec] = field(default_factory=dict)
    _declared: tuple[Spec, ...] | None = None

    def add(self, specs: Iterable[Spec]) -> None:
        """Take in the specs of one file.

        Raises:
            SpecError: A name is taken.
        """
        from pytest_synthgate.spec.model import check_names

        fresh = [spec for spec in specs if spec not in self.specs.values()]
        check_names([*self.specs.values(), *fresh])
        self.specs.update((spec.name, spec) for spec in fresh)

    def check_comparisons(self, specs: Iterable[Spec]) -> None:
        """Check that specs are compared to some that were met before or stand in any file below the rootdir.

        Raises:
            SpecError: One is not.
        """
        if any(spec.compare_to not in (None, *self.specs) for spec in specs):
            from pytest_synthgate.spec.model import check_unique

            self.declared()
            check_unique(list(self.specs.values()))

    def declared(self) -> tuple[Spec, ...]:
        """Load every spec file below the rootdir, for tests in code.

        Raises:
            SpecError: A file cannot be meant.
        """
        if self._declared is None:
            from pytest_synthgate.spec.discovery import find_spec_files
            from pytest_synthgate.spec.files import load_spec_file

            norecurse = tuple(self.config.getini("norecursedirs"))
            files = find_spec_files(self.config.rootpath, self.patterns, norecurse)
            specs = tuple(spec for file in files for spec in load_spec_file(file))
            self.add(specs)
            self._declared = specs
        return self._declared

    def chosen(self, names: Iterable[str]) -> list[Spec]:
        """Pick declared specs by name, all when no name is given.

        Raises:
            SpecError: There is no such spec, or none at all.
        """
        declared = {spec.name: spec for spec in self.declared()}
        self.check_comparisons(declared.values())
        if not declared:
            patterns = " or ".join(self.patterns)
            raise SpecError(f"no spec file ({patterns}) below {self.config.rootpath}; write one, or set synth_files")
        return self.named(names)

    def as_written(self, spec: Spec) -> Spec:
        """Give a spec with the real set that its file names, wherever this run has it, and with this run's encoder.

        Results are compared with that: the real set may lie elsewhere on the next machine, the encoder decides the
        scores.
        """
        return replace(self.specs[spec.name], encoder=spec.encoder)

    def named(self, names: Iterable[str]) -> list[Spec]:
        """Pick specs met so far by name, all when no name is given.

        Raises:
            SpecError: There is no such spec.
        """
        from pytest_synthgate.text.wording import meant, quoted

        wanted = tuple(names)
        for name in wanted:
            if name not in self.specs:
                raise SpecError(f"there is no spec {quoted(name)}; {meant(name, self.specs)}")
        return [spec for name, spec in self.specs.items() if not wanted or name in wanted]
