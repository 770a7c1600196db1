"""The one table of scores: what each is, whether it can carry a limit, what its evidence is, and its words.

Stands below every station of the flow. A new score is a row here, a function that computes it, a test and its docs;
nothing else names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["share", "mean", "pairs", "rank", "count"]
"""What a score is: a share of images, a mean over images, a share of pairs, a statistic of ranks, a count of files."""
Source = Literal["copies", "classifier", "files"]
"""What a score is computed from: near pairs, out-of-fold probabilities, or the files that cannot be read."""
Side = Literal["synthetic", "real"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the table; lower is better for every kind that can carry a limit.

    Attributes:
        name: Name of the score.
        shape: What it is.
        source: What it is computed from.
        side: The set that it is a share of, or a mean over.
        twins: The set that copies are copies of; where it is `side` itself, one of a cluster is no copy.
        null: What two sets of one law give: 0, or 0.5 for what a classifier guesses.
        most: Largest value that it can have; None for a count.
        limited: Whether it can carry a limit.
        by_class: Whether a class, or another group, can have it.
        column: Whether the table of specs has a column for it.
        default: Limit that holds when nobody declares one.
        findings: Score under which the images that it is about are flagged; None where no image is.
        title: What its findings are, as a heading; only for a score that images are flagged under.
        flagged: What its flagged images are or have, as the rest of a sentence that begins with them.
        complaint: What the spec does when it is too high, as the rest of a sentence that begins with the spec.
        advice: What to do when it is too high.
    """

    name: str
    shape: Shape
    source: Source
    side: Side = "synthetic"
    twins: Side = "synthetic"
    null: float = 0.0
    most: float | None = 1.0
    limited: bool = True
    by_class: bool = True
    column: bool = False
    default: float | None = None
    findings: str | None = None
    title: str | None = None
    flagged: str = ""
    complaint: str = ""
    advice: str = ""

    @property
    def confoundable(self) -> bool:
        """Whether the files alone can explain it, so that the shortcut audit speaks of it."""
        return self.source == "classifier" and self.limited

    @property
    def waivable(self) -> bool:
        """Whether waivers can leave flagged images out of it."""
        return self.shape == "share"

    @property
    def counted(self) -> bool:
        """Whether its interval comes from a count, of images or of pairs."""
        return self.shape in {"share", "pairs"}


SURELY = "with at least 90% certainty"
"""How surely an image is told from the other set that is flagged for it."""

_UNREALISTIC = Kind(
    name="unrealistic",
    shape="mean",
    source="classifier",
    null=0.5,
    column=True,
    findings="unrealistic",
    title="Synthetic images that are told from real ones",
    flagged=f"are told from real images {SURELY}",
    complaint="does not look real",
    advice="Compare images of both sets: what all synthetic ones share and no real one has is what the prompt, the "
    "guidance or the model should change.",
)
_UNVARIED = Kind(
    name="unvaried",
    shape="share",
    source="copies",
    column=True,
    default=0.05,
    findings="unvaried",
    title="Near-duplicates in the synthetic set",
    flagged="have a near-duplicate in the set",
    complaint="repeats itself",
    advice="Vary what the prompts say, add an axis to them, or lower the guidance, and look whether seeds repeat; an "
    "export keeps one image of each group.",
)

KINDS = {
    kind.name: kind
    for kind in (
        _UNREALISTIC,
        Kind(
            name="unrepresentative",
            shape="mean",
            source="classifier",
            side="real",
            null=0.5,
            column=True,
            findings="unrepresentative",
            title="Real images that are told from synthetic ones",
            flagged=f"are told from synthetic images {SURELY}",
            complaint="misses real images",
            advice="Look at the real images that are told from synthetic ones; add prompts for what they show.",
        ),
        _UNVARIED,
        Kind(
            name="unoriginal",
            shape="share",
            source="copies",
            twins="real",
            column=True,
            default=0.01,
            findings="unoriginal",
            title="Near-copies of real images",
            flagged="are near-copies of real images",
            complaint="copies real images",
            advice="Look at the pairs: a model gives back photos that it was trained on, or photos got into the set. "
            "Change the prompt or the model; an export with --without-findings leaves them out.",
        ),
        replace(_UNREALISTIC, name="obviously_fake", shape="share", null=0.0, column=False, title=None),
        replace(
            _UNVARIED,
            name="collision_rate",
            shape="pairs",
            by_class=False,
            column=False,
            default=None,
            title=None,
            advice="Vary what the prompts say, or add an axis to them: too many pairs of images look alike.",
        ),
        Kind(
            name="unreadable",
            shape="count",
            source="files",
            most=None,
            by_class=False,
            default=0,
            complaint="has unreadable files",
            advice="Make the files that are listed again, or take them out.",
        ),
        Kind(name="c2st_auc", shape="rank", source="classifier", null=0.5, limited=False, by_class=False),
    )
}
"""Every score by its name, in the order of the table."""

LIMITED = tuple(name for name, kind in KINDS.items() if kind.limited)
"""Names of the scores that can carry a limit."""
COLUMNS = tuple(name for name, kind in KINDS.items() if kind.column)
"""Names of the article's four scores, the two realism scores side by side."""
FLAGGED = tuple(name for name, kind in KINDS.items() if kind.title is not None)
"""Names of the scores that images are flagged under, in the order in which they are shown."""
WAIVABLE = {kind.findings: name for name, kind in KINDS.items() if kind.waivable and kind.findings is not None}
"""The score that a finding can be left out of, by the score that it is flagged under."""
COPIED = tuple(name for name, kind in KINDS.items() if kind.shape == "share" and kind.source == "copies")
"""Names of the shares of images with a twin, which is evidence however few images there are."""
CLASSIFIED = tuple(name for name, kind in KINDS.items() if kind.source == "classifier")
"""Names of the scores that the classifier gives."""
MEANS = tuple(name for name, kind in KINDS.items() if kind.shape == "mean")
"""Names of those of them that are means over a set."""
