"""Read the scanned digits: the side that the model is trained on, and the unseen side, its real set.

First in the flow: scans -> train -> measure. As a script it writes the unseen scans for the example project:

    python scans.py ../data/digits     # a folder a digit: data/digits/three/0910.png
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIZE = 32
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# load_digits keeps the scans form by form, and the order of the digits shows where a form starts: 14 forms,
# by 13 people. The model sees the first seven forms; the others are its real set. So at most one hand is on
# both sides, and a drawing that copies a training scan is no closer to the real set than the scan itself.
FORMS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
TRAIN, REAL = slice(None, 906), slice(906, None)


class Scans(NamedTuple):
    """Scans as 32 x 32 grey images (n, 32, 32) in 0..255, with digit, form and ink of each."""

    images: np.ndarray
    digits: np.ndarray
    forms: np.ndarray
    ink: np.ndarray  # mean grey level of an image, 0..255; strokes are white


def load_scans(part: slice) -> Scans:
    """Read the scans of one side of the split and enlarge them from 8 x 8, bicubic."""
    bunch = load_digits()
    grey = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.stack([Image.fromarray(g).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for g in grey])
    forms = np.searchsorted(FORMS, np.arange(len(grey)), side="right") - 1
    return Scans(images[part], bunch.target[part], forms[part], images.mean(axis=(1, 2))[part])


def label_strokes(scans: Scans) -> list[str]:
    """Call the third of each digit's scans with the most ink thick, and the third with the least thin.

    The scans fill their frame, so within one digit the ink tells how wide the strokes are.
    """
    labels = np.full(len(scans.digits), "", dtype="<U5")
    for digit in range(10):
        mine = scans.digits == digit
        low, high = np.quantile(scans.ink[mine], [1 / 3, 2 / 3])
        labels[mine & (scans.ink <= low)] = "thin"
        labels[mine & (scans.ink >= high)] = "thick"
    return labels.tolist()


def write_real_set(folder: Path, every: int = 1) -> None:
    """Write scans that the model has not seen, all or one of every so many, as a class folder for each digit."""
    scans = load_scans(REAL)
    for place in range(0, len(scans.images), every):
        path = folder / WORDS[scans.digits[place]] / f"{REAL.start + place:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scans.images[place]).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the scans that the model has not seen.")
    parser.add_argument("folder", type=Path)
    write_real_set(parser.parse_args().folder)
