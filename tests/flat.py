"""An encoder that costs nothing: the pixels of a small picture themselves."""

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.images.normalise import Preprocessing


class Flat:
    """Gives the pixels themselves as the vector."""

    name = "flat"
    fingerprint = "flat 1"
    preprocessing = Preprocessing(size=4)
    dim = 48

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit
