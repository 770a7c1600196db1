"""The image sets of this example: real scans, and three sets that stand in for a generator's output."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def write_sets(folder: Path) -> None:
    """Write scikit-learn's 1,797 scanned digits as class folders: three in four are real, the rest is held out.

    varied: the held-out scans, which is what a perfect generator would make.
    collapsed: forty held-out scans, each ten times in slightly different light.
    copied: held-out scans, one in five of them replaced by a copy of a real one.
    """
    scans = load_digits()
    pictures = [Image.fromarray(np.uint8(grey * 15.9)) for grey in scans.images]
    digits = [(picture, WORDS[label]) for picture, label in zip(pictures, scans.target, strict=True)]
    real = [digit for number, digit in enumerate(digits) if number % 4]
    held_out = digits[::4]
    collapsed = [(_lit(*held_out[number % 40], 1 - number / 4000)) for number in range(400)]
    copied = [real[number] if number % 5 == 0 else digit for number, digit in enumerate(held_out)]
    for name, chosen in {"real": real, "varied": held_out, "collapsed": collapsed, "copied": copied}.items():
        for number, (image, label) in enumerate(chosen):
            path = folder / name / label / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.resize((64, 64), Image.Resampling.BICUBIC).save(path)


def _lit(image: Image.Image, label: str, light: float) -> tuple[Image.Image, str]:
    return image.point(lambda value: value * light), label
