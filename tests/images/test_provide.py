"""Where a spec's images come from: a folder, a hook, diffusers; what is made, what is believed, what is said."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_synthgate.errors import GenerationError, SourceError, SpecError
from pytest_synthgate.images.generation.pipeline import Pipeline
from pytest_synthgate.images.mode import Mode
from pytest_synthgate.images.provide import adopt, hook_directory, is_complete, prompts_of, provide
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import Prompt


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec(
        name="subject",
        file=tmp_path / "synth_x.toml",
        templates=("a {class}", "one {class}"),
        per_prompt=3,
        classes=("apple", "banana"),
    )


class Painter:
    """A hook that counts its calls; it stops before the image of number `breaks_at`."""

    def __init__(self, breaks_at: int = 99, colour: int = 0) -> None:
        self.calls: list[str] = []
        self.breaks_at, self.colour = breaks_at, colour

    def __call__(self, spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        self.calls.append(spec.name)
        rows = ["file_name,prompt,seed"]
        for number, (prompt, seed) in enumerate((each, seed) for each in prompts for seed in range(each.count)):
            if number == self.breaks_at:
                raise ValueError("no paint left\nnone at all")
            Image.new("RGB", (4, 4), (number, self.colour, 0)).save(directory / f"{number}.png")
            rows.append(f"{number}.png,{prompt.text},{seed}")
        (directory / "metadata.csv").write_text("\n".join(rows))
        return True


def declines(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> None:
    return None


def colours(provided: ImageSet) -> set[int]:
    return {np.asarray(Image.open(str(each.path)))[0, 0, 1] for each in provided.records}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Diffusers, without it: a list of the batches that were made, and of the samples to make black."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model_index.json").write_text("{}")
    state = SimpleNamespace(batches=[], black=set(), name="model")

    def pipe(prompt: list[str], generator: list[Any], **_: object) -> SimpleNamespace:
        done = sum(state.batches)
        state.batches.append(len(prompt))
        flags = [done + number in state.black for number in range(len(prompt))]
        return SimpleNamespace(images=[Image.new("RGB", (8, 8), "red") for _ in prompt], nsfw_content_detected=flags)

    pipe.components = {}  # type: ignore[attr-defined]
    loaded = Pipeline(pipe, {}, "cpu", "fp32", 4)
    monkeypatch.setattr("pytest_synthgate.images.generation.loading.load_pipeline", lambda plan: loaded)
    return state


@pytest.fixture
def generated(spec: Spec, model: Any) -> Spec:
    return replace(spec, generator=Generator(model="model", width=8, height=8))


# Images that exist


def test_images_that_exist_are_listed_and_nobody_is_asked(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "made" / "1.png")
    painter = Painter()
    provided = provide(replace(spec, templates=(), images=tmp_path / "made"), tmp_path / "cache", hook=painter)
    assert [each.id for each in provided.records] == ["1.png"]
    assert painter.calls == []
    assert not (tmp_path / "cache").exists()


def test_images_that_should_exist_and_do_not_are_an_error(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such file or folder"):
        provide(replace(spec, templates=(), images=tmp_path / "nowhere"), tmp_path / "cache")


# A hook


def test_a_hook_makes_images_that_know_prompt_seed_class_and_axes(spec: Spec, tmp_path: Path) -> None:
    spec = replace(spec, templates=("a {class} {where}",), axes={"where": ("inside", "outside")}, per_prompt=1)
    records = provide(spec, tmp_path, hook=Painter()).records
    assert [(each.class_name, each.prompt, each.seed, dict(each.axes)) for each in records] == [
        ("apple", "a apple inside", 0, {"where": "inside"}),
        ("apple", "a apple outside", 0, {"where": "outside"}),
        ("banana", "a banana inside", 0, {"where": "inside"}),
        ("banana", "a banana outside", 0, {"where": "outside"}),
    ]


@pytest.mark.parametrize("mode", ["auto", "never"])
def test_what_a_hook_completed_is_found_again_without_it(spec: Spec, tmp_path: Path, mode: Mode) -> None:
    painter = Painter()
    first = provide(spec, tmp_path, hook=painter)
    assert provide(spec, tmp_path, hook=painter, mode=mode) == first
    assert provide(spec, tmp_path, mode=mode) == first
    assert painter.calls == ["subject"]


def test_two_specs_with_the_same_prompts_do_not_share_what_a_hook_makes(spec: Spec, tmp_path: Path) -> None:
    other = replace(spec, name="other")
    one, two = (provide(each, tmp_path, hook=Painter(colour=number)) for number, each in enumerate((spec, other)))
    assert one.root != two.root
    assert (colours(one), colours(two)) == ({0}, {1})


@pytest.mark.parametrize(
    "change",
    [{"per_prompt": 4}, {"classes": ("apple", "pear")}, {"templates": ("the {class}",)}],
    ids=["count", "classes", "prompt"],
)
def test_a_hook_is_asked_again_for_other_images(spec: Spec, tmp_path: Path, change: dict[str, Any]) -> None:
    painter = Painter()
    provide(spec, tmp_path, hook=painter)
    provide(replace(spec, **change), tmp_path, hook=painter)
    assert len(painter.calls) == 2


def test_limits_and_the_real_set_leave_a_hooks_images_alone(spec: Spec, tmp_path: Path) -> None:
    first = provide(spec, tmp_path, hook=Painter())
    changed = replace(spec, real=tmp_path / "photos", xfail={"unvaried": "known"}, encoder="flat")
    assert provide(changed, tmp_path, hook=declines) == first


def test_a_hook_that_raises_is_an_error_in_one_line_that_names_spec_and_place(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(GenerationError) as caught:
        provide(spec, tmp_path, hook=Painter(breaks_at=2))
    text = str(caught.value)
    failed = f"{spec.where} the hook pytest_synthgate_generate failed: ValueError: no paint left; {__file__}:"
    assert text.startswith(failed)
    assert text.removeprefix(failed).isdecimal()
    assert caught.value.__cause__ is None  # whoever prints it would print its text as it is


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("\n::error file=x::pwned\x1b[31m"), r"RuntimeError: \u003a:error file=x::pwned\u001b[31m; "),
        (SystemExit("renderer not found"), "SystemExit: renderer not found; "),
        (SystemExit(3), "SystemExit: 3; "),
        (MemoryError(), "MemoryError; "),
        (OSError("server said " + "x" * 10_000), "OSError: server said xxx"),
    ],
    ids=["terminal codes", "sys.exit with a text", "sys.exit with a number", "memory", "long"],
)
def test_whatever_a_hook_raises_is_one_short_line_that_nothing_obeys(
    spec: Spec, tmp_path: Path, error: BaseException, told: str
) -> None:
    def fails(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        raise error

    with pytest.raises(GenerationError) as caught:
        provide(spec, tmp_path, hook=fails)
    text = str(caught.value)
    assert text.startswith(f"{spec.where} the hook pytest_synthgate_generate failed: {told}")
    assert text.isprintable()
    assert len(text) < 700


@pytest.mark.parametrize("error", [KeyboardInterrupt(), pytest.skip.Exception("no"), pytest.exit.Exception("stop")])
def test_what_ends_a_run_or_a_test_on_purpose_is_not_a_failing_hook(
    spec: Spec, tmp_path: Path, error: BaseException
) -> None:
    def stops(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        raise error

    with pytest.raises(type(error)):
        provide(spec, tmp_path, hook=stops)


def test_a_folder_that_cannot_be_made_is_one_line(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("a file")
    with pytest.raises(GenerationError, match=r"generated cannot be written \(File exists\)$"):
        provide(spec, tmp_path, hook=Painter())


def test_the_place_of_an_error_in_a_library_is_the_line_that_called_it(spec: Spec, tmp_path: Path) -> None:
    def runs(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        return np.load(directory / "nothing.npy")

    line = runs.__code__.co_firstlineno + 1
    with pytest.raises(GenerationError, match=f"failed: FileNotFoundError: .*test_provide.py:{line}$"):
        provide(spec, tmp_path, hook=runs)


def test_what_a_hook_left_half_made_is_not_believed_but_there_for_it_to_go_on(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(GenerationError):
        provide(spec, tmp_path, hook=Painter(breaks_at=2))
    directory = hook_directory(spec, prompts_of(spec), tmp_path)
    assert not is_complete(directory)
    with pytest.raises(GenerationError, match="subject: 12 images are missing"):
        provide(spec, tmp_path, mode="never")
    seen: list[str] = []

    def resumes(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        seen.extend(sorted(each.name for each in directory.iterdir()))
        return Painter()(spec, prompts, directory)

    assert len(provide(spec, tmp_path, hook=resumes)) == 12
    assert seen == ["0.png", "1.png"]


def test_the_mark_is_written_after_the_hook_returned(spec: Spec, tmp_path: Path) -> None:
    def looks(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        assert not is_complete(directory)
        return Painter()(spec, prompts, directory)

    provide(spec, tmp_path, hook=looks)
    assert is_complete(hook_directory(spec, prompts_of(spec), tmp_path))


def test_a_hook_that_says_done_and_made_nothing_is_an_error_each_time(spec: Spec, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(GenerationError, match=r"\[spec.subject\] the hook .* returned true, but .* no synthetic"):
            provide(spec, tmp_path, hook=lambda spec, prompts, directory: True)


def test_a_hook_that_made_fewer_images_than_asked_for_is_noted_in_every_run(spec: Spec, tmp_path: Path) -> None:
    def lazy(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        return Painter()(spec, prompts[:1], directory)

    note = "subject: the hook made 3 images where 12 were asked for"
    assert provide(spec, tmp_path, hook=lazy).notes == (note,)
    assert provide(spec, tmp_path).notes == (note,)


def test_a_hook_that_declines_leaves_the_spec_to_diffusers(generated: Spec, tmp_path: Path, model: Any) -> None:
    provided = provide(generated, tmp_path, hook=declines)
    assert len(provided) == sum(model.batches) == 12
    assert not hook_directory(generated, prompts_of(generated), tmp_path).exists()


def test_a_prompt_that_neither_a_hook_nor_a_generator_takes_is_an_error(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"\[spec.subject\] has a prompt and no generator"):
        provide(spec, tmp_path, hook=declines)


def test_a_hook_is_asked_before_diffusers(generated: Spec, tmp_path: Path, model: Any) -> None:
    assert provide(generated, tmp_path, hook=Painter()).root.name.startswith("hook-")
    assert model.batches == []


def test_several_processes_ask_a_hook_once(spec: Spec, tmp_path: Path) -> None:
    together, painter = threading.Barrier(4), Painter()

    def worker(_: int) -> ImageSet:
        together.wait()
        return provide(spec, tmp_path, hook=painter)

    with ThreadPoolExecutor(4) as pool:
        assert len({each.root for each in pool.map(worker, range(4))}) == 1
    assert painter.calls == ["subject"]


PROMPT = Prompt("a fig in a bowl", "a {class} {context}", "fig", {"context": "in a bowl"}, 2)


def test_a_prompt_that_was_asked_for_gives_class_and_axes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "metadata.csv").write_text(
        "file_name,prompt,seed,class\na.png,a fig in a bowl,1,\nb.png,a fig in a bowl,2,green fig\nc.png,another,3,\n"
    )
    first, second, third = adopt([PROMPT], tmp_path).records
    assert (first.class_name, first.prompt, first.seed, first.axes) == ("fig", PROMPT.text, 1, PROMPT.axes)
    assert (second.class_name, second.axes) == ("green fig", PROMPT.axes)
    assert (third.class_name, third.prompt, third.axes) == (None, "another", {})


def test_folders_are_classes_and_need_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "fig").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "fig" / "a.png")
    (record,) = adopt([PROMPT], tmp_path).records
    assert (record.id, record.class_name, record.prompt) == ("fig/a.png", "fig", None)


def test_a_hook_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no synthetic images"):
        adopt([PROMPT], tmp_path)


# Again


def test_again_asks_the_hook_once_more_and_in_an_empty_folder(spec: Spec, tmp_path: Path) -> None:
    provide(spec, tmp_path, hook=Painter())
    seen: list[Path] = []

    def renames(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        seen.extend(directory.iterdir())
        Image.new("RGB", (4, 4), (0, 7, 0)).save(directory / "new.png")
        return True

    assert colours(provide(spec, tmp_path, hook=renames, mode="again")) == {7}
    assert seen == []


def test_a_hook_that_fails_again_leaves_nothing_of_before_to_be_believed(spec: Spec, tmp_path: Path) -> None:
    provide(spec, tmp_path, hook=Painter())
    with pytest.raises(GenerationError, match="no paint left"):
        provide(spec, tmp_path, hook=Painter(breaks_at=2), mode="again")
    with pytest.raises(GenerationError, match="missing"):
        provide(spec, tmp_path, mode="never")


def test_again_is_once_for_all_processes_of_a_run(spec: Spec, tmp_path: Path) -> None:
    painter = Painter()
    for run in ("first", "first", "second", "second", None, None):
        provide(spec, tmp_path, hook=painter, mode="again", run=run)
    assert len(painter.calls) == 4


def test_what_failed_again_is_tried_by_the_next_process(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(GenerationError):
        provide(spec, tmp_path, hook=Painter(breaks_at=2), mode="again", run="it")
    painter = Painter()
    provide(spec, tmp_path, hook=painter, mode="again", run="it")
    assert painter.calls == ["subject"]


def test_again_is_once_a_run_with_diffusers_too(generated: Spec, tmp_path: Path, model: Any) -> None:
    for run in ("first", "first", "second"):
        provide(generated, tmp_path, hook=declines, mode="again", run=run)
    assert sum(model.batches) == 24


def test_a_hook_that_declines_again_gives_the_spec_to_diffusers(generated: Spec, tmp_path: Path, model: Any) -> None:
    provide(generated, tmp_path, hook=Painter())
    provide(generated, tmp_path, hook=declines, mode="again")
    assert not provide(generated, tmp_path).root.name.startswith("hook-")


# Never


def test_missing_images_are_counted_with_what_makes_them(generated: Spec, tmp_path: Path, model: Any) -> None:
    painter = Painter()
    generated = replace(generated, per_prompt=480)
    with pytest.raises(GenerationError) as caught:
        provide(generated, tmp_path / "cache", mode="never", hook=painter)
    assert str(caught.value) == ("subject: 1,920 images are missing; run `synthgate generate subject` where the GPU is")
    assert (painter.calls, model.batches) == ([], [])
    assert not (tmp_path / "cache").exists()


def test_only_what_is_missing_is_counted(generated: Spec, tmp_path: Path, model: Any) -> None:
    provide(generated, tmp_path)
    with pytest.raises(GenerationError, match="subject: 4 images are missing"):
        provide(replace(generated, per_prompt=4), tmp_path, mode="never")


def test_never_takes_what_is_there(generated: Spec, tmp_path: Path, model: Any) -> None:
    first = provide(generated, tmp_path)
    assert provide(generated, tmp_path, mode="never") == first
    assert sum(model.batches) == 12


def test_without_a_generator_the_missing_images_are_a_hooks(spec: Spec, tmp_path: Path) -> None:
    with pytest.raises(
        GenerationError,
        match="subject: 12 images are missing and no generator is declared; run `synthgate generate subject`",
    ):
        provide(spec, tmp_path, mode="never")


# Black images


@pytest.mark.parametrize("mode", ["auto", "never"])
def test_images_that_the_model_blacked_out_are_left_out_and_noted(
    generated: Spec, tmp_path: Path, model: Any, mode: Mode
) -> None:
    model.black = {1, 5, 6}
    note = "subject: the model blacked out 3 of 12 images"
    first = provide(generated, tmp_path)
    assert (len(first), first.notes) == (9, (note,))
    assert provide(generated, tmp_path, mode=mode) == first
    assert sum(model.batches) == 12


def test_a_set_that_is_all_black_is_an_error(generated: Spec, tmp_path: Path, model: Any) -> None:
    model.black = set(range(12))
    with pytest.raises(GenerationError, match="subject: the model blacked out every image; change the prompt"):
        provide(generated, tmp_path)


# Classes of the real set


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("egg", "egg", "egg", "apple")):
        path = tmp_path / "photos" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return tmp_path / "photos"


def test_classes_are_those_of_the_real_set(spec: Spec, photos: Path) -> None:
    spec = replace(spec, templates=("{a_class}",), classes=None, real=photos)
    assert [each.text for each in prompts_of(spec)] == ["an apple", "an egg"]


def test_declared_classes_need_no_real_set(spec: Spec, tmp_path: Path) -> None:
    assert len(prompts_of(replace(spec, real=tmp_path / "nowhere"))) == 4


def test_a_prompt_without_a_class_needs_no_real_set(spec: Spec, tmp_path: Path) -> None:
    assert len(prompts_of(replace(spec, templates=("x",), classes=None, real=tmp_path / "nowhere"))) == 1


@pytest.mark.parametrize("real", [None, "flat"])
def test_a_prompt_that_needs_a_class_and_finds_none_is_an_error(spec: Spec, photos: Path, real: str | None) -> None:
    source = None if real is None else photos / "egg"
    with pytest.raises(SpecError, match=r"\[spec.subject\] prompt speaks of a class but no class is known"):
        prompts_of(replace(spec, classes=None, real=source))


def test_vectors_as_the_real_set_have_no_classes_to_take(spec: Spec, tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.eye(4, dtype=np.float32))
    with pytest.raises(SpecError, match="no class is known; give classes"):
        prompts_of(replace(spec, classes=None, real=tmp_path / "real.npy"))


def test_a_total_can_be_dealt_as_the_real_set_has_its_classes(spec: Spec, photos: Path) -> None:
    spec = replace(spec, templates=("{class}",), classes=None, per_prompt=None, total=8, real=photos)
    assert [each.count for each in prompts_of(spec)] == [4, 4]
    assert [each.count for each in prompts_of(replace(spec, balance_classes="real"))] == [2, 6]
    declared = replace(spec, classes=("egg",), balance_classes="real")
    assert [(each.text, each.count) for each in prompts_of(declared)] == [("egg", 8)]


def test_a_declared_class_without_photos_cannot_be_dealt_like_them(spec: Spec, photos: Path) -> None:
    spec = replace(spec, per_prompt=None, total=8, balance_classes="real", real=photos)
    with pytest.raises(SpecError, match="finds no real image of class 'banana'"):
        prompts_of(spec)
