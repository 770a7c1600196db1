"""Which synthetic images the definition `studio` flags as unvaried or unoriginal, given the components.

Fourth station of the flow (features -> scores): the near-duplicate components are found elsewhere, and the
shares are the means of these flags. Agrees with `score_synthetic_dataset` of cleanlab-studio 2.5.21.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class StudioFlags:
    """One flag of each kind per synthetic image, in the order of the synthetic images; never both.

    Attributes:
        unvaried: bool (n_synthetic,), has near-duplicates and all of them are synthetic.
        unoriginal: bool (n_synthetic,), a real image is in its component.
    """

    unvaried: NDArray[np.bool_]
    unoriginal: NDArray[np.bool_]


def studio_flags(components: NDArray[np.int64], is_synthetic: NDArray[np.bool_]) -> StudioFlags:
    """Flag the synthetic images by what else is in their component.

    A component that holds a real image makes all its synthetic members unoriginal and none unvaried, also
    those that reach the real image only through other synthetic ones.

    Args:
        components: int64 (n,), one label per image of both sets, equal for the images of one near-duplicate
            component; an image without a near-duplicate is alone under its label.
        is_synthetic: bool (n,), which of the images are synthetic.

    Returns:
        The flags; their means are the scores unvaried and unoriginal, in [0, 1] and at most 1 together.
    """
    _, component = np.unique(components, return_inverse=True)
    size = np.bincount(component)
    holds_real = np.bincount(component[~is_synthetic], minlength=len(size)) > 0
    of_synthetic = component[is_synthetic]
    unoriginal = holds_real[of_synthetic]
    return StudioFlags(unvaried=~unoriginal & (size[of_synthetic] > 1), unoriginal=unoriginal)
