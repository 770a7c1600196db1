"""How results travel: packed where specs are measured, taken in where the reports are written.

Part of the plugin. Under xdist the two are processes of their own, and nothing but plain JSON crosses, on the test
reports; without it they are one process, and results are kept where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_synthgate.results.result import SpecResult


@dataclass(slots=True)
class Sender:
    """Packs what is new since the last parcel: the measurement of a spec goes with its first one only."""

    _sent: set[str] = field(default_factory=set)
    _notes_sent: int = 0

    def pack(
        self, name: str, position: tuple[str, int], result: SpecResult | None, notes: Sequence[str]
    ) -> dict[str, Any]:
        """Pack what is known about a spec, None before it is measured; an error is not taken for its measurement.

        Its file and its number among the specs give its place in the reports; `notes` are all on the making of images
        since the start.
        """
        packed: dict[str, Any] | None = None
        if result is not None and name in self._sent:
            packed = {"gates": {each.name: each.to_json() for each in result.verdicts}, "error": result.error}
        elif result is not None:
            packed = result.to_json()
            if result.measurement.n_synthetic:
                self._sent.add(name)
        fresh, self._notes_sent = list(notes[self._notes_sent :]), len(notes)
        return {"spec": name, "position": list(position), "result": packed, "notes": fresh}


@dataclass(slots=True)
class Receiver:
    """Puts parcels together, on the controller.

    Attributes:
        notes: What arrived about the making of images.
        durations: Seconds of all tests of a spec, by its name.
    """

    notes: list[str] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    _parcels: dict[str, dict[str, Any]] = field(default_factory=dict)
    _kept: dict[str, tuple[tuple[str, int], SpecResult]] = field(default_factory=dict)

    def receive(self, parcel: dict[str, Any], seconds: float) -> None:
        """Take in a parcel, and the time that the test took which it was found out in."""
        self.durations[parcel["spec"]] = self.durations.get(parcel["spec"], 0.0) + seconds
        self.notes += parcel["notes"]
        if parcel["result"] is None:
            return
        known = self._parcels.setdefault(parcel["spec"], {"position": parcel["position"], "result": {"gates": {}}})
        before, now = known["result"], parcel["result"]
        merged = {"gates": {**before["gates"], **now["gates"]}, "error": now["error"] or before.get("error")}
        # What could not be measured here may have been measured by another process.
        known["result"] = {**now, **before, **merged} if before.get("n_synthetic") else {**before, **now, **merged}

    def keep(self, name: str, position: tuple[str, int], result: SpecResult) -> None:
        """Take in what this very process found out about a spec; what once kept it from a verdict is not forgotten."""
        if name in self._kept:
            result = replace(result, error=result.error or self._kept[name][1].error)
        self._kept[name] = position, result

    def __bool__(self) -> bool:
        """Whether the result of any spec arrived."""
        return bool(self._parcels or self._kept)

    def files(self) -> dict[str, Path]:
        """Give the spec file that each result is from."""
        arrived = {name: Path(parcel["position"][0]) for name, parcel in self._parcels.items()}
        return arrived | {name: Path(position[0]) for name, (position, _) in self._kept.items()}

    def results(self) -> dict[str, SpecResult]:
        """Give all results that arrived, in the order of declaration."""
        from pytest_synthgate.results.result import SpecResult

        found = {
            name: (tuple(each["position"]), SpecResult.from_json(each["result"]))
            for name, each in self._parcels.items()
        }
        found |= {name: (position, SpecResult.of(result.form())) for name, (position, result) in self._kept.items()}
        ordered = sorted(found.items(), key=lambda each: each[1][0])
        return {name: result.in_table_order() for name, (_, result) in ordered}
