"""Measure the saved model: does it obey its prompts, does it vary, does it resemble scans it has not seen?

Last in the flow: scans -> train -> measure. All is judged with scans that the model was not trained on.

    python measure.py                          # 15 steps, guidance 2
    python measure.py --guidance 3 --steps 30
"""

# ruff: noqa: T201 - a script answers by print

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoPipelineForText2Image
from diffusers import StableDiffusionPipeline as Pipeline
from scans import REAL, SIZE, TRAIN, WORDS, load_scans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

BATCH = 16


def draw(pipe: Pipeline, prompts: list[str], steps: int, guidance: float) -> np.ndarray:
    """Draw a grey image for each prompt (n, 32, 32), each from its own seed."""
    images = []
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        seeds = [torch.Generator().manual_seed(start + place) for place in range(len(batch))]
        drawn = pipe(batch, num_inference_steps=steps, guidance_scale=guidance, generator=seeds).images
        images += [np.asarray(image.convert("L")) for image in drawn]
    return np.stack(images)


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255


def shrink(images: np.ndarray) -> np.ndarray:
    """Average 4 x 4 pixels, back to the 8 x 8 that were scanned."""
    return images.reshape(len(images), 8, 4, 8, 4).mean(axis=(2, 4))


def distances(images: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Return how far (root mean square, grey levels) each image is from its nearest other image."""
    index = NearestNeighbors(n_neighbors=1).fit(flat(images if others is None else others))
    return index.kneighbors(None if others is None else flat(images))[0][:, 0] * 255 / SIZE


def tell_apart(some: np.ndarray, others: np.ndarray) -> float:
    """Return the cross-validated AUC of a logistic regression on pixels: 0.5 if they look the same."""
    pixels, labels = flat(np.concatenate([some, others])), np.repeat([1, 0], [len(some), len(others)])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=0.1, max_iter=1000)
    return roc_auc_score(labels, cross_val_predict(model, pixels, labels, cv=folds, method="decision_function"))


def measure(folder: Path, steps: int = 15, guidance: float = 2.0, each: int = 30) -> None:
    """Print whether the saved model obeys its prompts, varies, and resembles scans that it has not seen."""
    pipe = AutoPipelineForText2Image.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    train, real = load_scans(TRAIN), load_scans(REAL)
    digits = np.repeat(np.arange(10), each)
    some = real.images[np.random.default_rng(0).permutation(len(real.images))[: len(digits)]]

    print(f"\n{each} images of each digit by each of three prompts, {steps} steps, guidance {guidance}")
    names = [("an " if digit == 8 else "a ") + WORDS[digit] for digit in digits]
    start = time.process_time()
    drawn = {
        strokes: draw(pipe, [f"a photo of {name}{strokes}" for name in names], steps, guidance)
        for strokes in ("", " in thick strokes", " in thin strokes")
    }
    print(f"speed: {3 * len(digits) / (time.process_time() - start):.0f} images a CPU second")
    plain, thick, thin = drawn.values()

    scans, twins = distances(some), distances(plain)
    print(f"nearest other image: drawn {np.median(twins):.1f}, scans {np.median(scans):.1f} grey levels")
    close = np.mean(twins < np.quantile(scans, 0.01))
    print(f"nearer to another than 99% of the scans are: {close:.1%} of the drawn")
    for what, images in (("drawn", plain), ("unseen scans", some)):
        levels = distances(images, train.images)
        print(f"nearest training scan: {what} {np.median(levels):.1f}, least {levels.min():.1f} grey levels")
    print(f"AUC drawn or unseen: {tell_apart(plain, some):.2f}")
    print(f"AUC drawn or unseen, at 8 x 8: {tell_apart(shrink(plain), shrink(some)):.2f}")
    print(f"AUC training or unseen, at 8 x 8: {tell_apart(shrink(train.images), shrink(real.images)):.2f}")

    judge = SVC(gamma=0.002, C=10)  # it knows the unseen scans only
    guesses = cross_val_predict(judge, flat(real.images), real.digits, cv=GroupKFold(7), groups=real.forms)
    print(f"judge: right on {np.mean(guesses == real.digits):.1%} of the scans of forms it was not shown")
    judge.fit(flat(real.images), real.digits)
    any_digit = judge.predict(flat(draw(pipe, ["a handwritten digit"] * 200, steps, guidance)))
    print(f"a handwritten digit, 200 times: {np.bincount(any_digit, minlength=10)} of 0 to 9")
    more = thick.mean(axis=(1, 2)).reshape(10, -1, 1) > thin.mean(axis=(1, 2)).reshape(10, 1, -1)
    print(f"thick has more ink than thin: in {more.mean():.1%} of the pairs of one digit")
    for strokes, images in drawn.items():
        ink, right = images.mean(axis=(1, 2)), judge.predict(flat(images)) == digits
        levels = f"ink {ink.mean():.1f} +- {ink.std() / len(ink) ** 0.5:.1f}"
        print(f"a photo of a <digit>{strokes}: {levels}, agreement {right.mean():.1%}")


def main() -> None:
    """Measure the model in a folder, on one thread."""
    parser = argparse.ArgumentParser(description="Measure the digits model.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--guidance", type=float, default=2.0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    measure(asked.folder, asked.steps, asked.guidance)


if __name__ == "__main__":
    main()
