"""A plan names images by what decides their pixels, finds those that are there, and needs no torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.errors import SpecError
from pytest_synthgate.images.generation.manifest import Manifest, ManifestEntry, write_settings
from pytest_synthgate.images.generation.models import NamedModel
from pytest_synthgate.images.generation.plan import (
    Estimate,
    Plan,
    estimate,
    generated_set,
    identities,
    look_again,
    missing_message,
    names,
    plan,
)
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.spec.prompts import Prompt, expand


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something that has a state, as a model has; planning does not ask for more."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    return folder


def pretend_made(made: Plan, count: int, *, blacked_out: str | None = None) -> None:
    """Leave what a run leaves, without a model."""
    made.directory.mkdir(parents=True, exist_ok=True)
    write_settings(made.directory, {"names": names(made), "models": identities(made)})
    with Manifest(made.directory, "manifest.jsonl") as manifest:
        for each in made.missing[:count]:
            file = made.directory / each.file
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"12345")
            manifest.add(
                ManifestEntry(
                    file=each.file,
                    sha256="",
                    size=5,
                    prompt=each.prompt.text,
                    template="",
                    class_name=None,
                    axes={},
                    seed=each.seed,
                    index=each.index,
                    seconds=2.0,
                    blacked_out=blacked_out,
                )
            )


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 3},
        {"guidance": 1.5},
        {"width": 40},
        {"height": 40},
        {"seed": 1},
        {"negative_prompt": "blurry"},
        {"scheduler": "DDIMScheduler"},
        {"variant": "fp16"},
        {"dtype": "fp16"},
        {"lora": "model"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_that_changes_pixels_has_a_directory_of_its_own(
    planned: Any, folder: Path, change: dict[str, Any]
) -> None:
    assert planned(folder, **change).directory != planned(folder).directory


def test_the_scale_of_lora_weights_counts_where_there_are_some(planned: Any, folder: Path) -> None:
    assert planned(folder, lora_scale=0.5).directory == planned(folder).directory
    assert planned(folder, lora="model", lora_scale=0.5).directory != planned(folder, lora="model").directory


@pytest.mark.parametrize(
    "same",
    [{"batch_size": 7}, {"device": "cuda"}, {"name": "other"}, {"per_prompt": 9}, {"classes": ("fig",)}],
    ids=lambda same: next(iter(same)),
)
def test_what_changes_no_pixel_shares_the_directory(planned: Any, folder: Path, same: dict[str, Any]) -> None:
    assert planned(folder, **same).directory == planned(folder).directory


def test_a_model_trained_again_leaves_its_old_images_alone(planned: Any, folder: Path) -> None:
    before = planned(folder)
    pretend_made(before, 4)
    (folder / "model_index.json").write_text('{"trained": "again"}')
    assert (len(look_again(before).missing), look_again(before).directory != before.directory) == (4, True)


def test_every_prompt_has_its_images_with_class_seed_and_index(planned: Any, folder: Path) -> None:
    wanted = planned(folder, per_prompt=3).wanted
    assert len(wanted) == len({each.file for each in wanted}) == len({each.seed for each in wanted}) == 6
    assert sorted((each.prompt.class_name, each.index) for each in wanted) == [
        (name, index) for name in ("apple", "banana") for index in range(3)
    ]
    assert [each.file for each in wanted] == sorted(each.file for each in wanted)


def test_the_order_of_prompts_does_not_matter(planned: Any, folder: Path) -> None:
    one, other = (planned(folder, classes=classes) for classes in (("apple", "banana"), ("banana", "apple")))
    assert one.wanted == other.wanted


def test_more_images_and_more_prompts_keep_those_that_are_there(planned: Any, folder: Path) -> None:
    pretend_made(planned(folder), 4)
    assert [len(planned(folder, per_prompt=3).present), len(planned(folder, per_prompt=3).missing)] == [4, 2]
    more = planned(folder, classes=("apple", "fig", "banana"))
    assert {each.prompt.class_name for each in more.missing} == {"fig"}
    assert len(planned(folder, per_prompt=1).present) == 2


def test_an_image_without_its_bytes_is_missing(planned: Any, folder: Path) -> None:
    made = planned(folder)
    pretend_made(made, 4)
    (made.directory / made.wanted[0].file).unlink()
    (made.directory / made.wanted[1].file).write_bytes(b"")
    assert look_again(made).missing == made.wanted[:2]


def test_a_file_that_the_manifest_does_not_know_is_missing(planned: Any, folder: Path) -> None:
    made = planned(folder)
    pretend_made(made, 4)
    (made.directory / "manifest.jsonl").unlink()
    assert len(look_again(made).missing) == 4


def test_blacked_out_images_are_neither_missing_nor_in_the_set(planned: Any, folder: Path) -> None:
    made = planned(folder)
    pretend_made(made, 1, blacked_out="unsafe")
    current = look_again(made)
    assert [len(current.blacked_out), len(current.missing), len(generated_set(made))] == [1, 3, 0]


def test_the_set_lists_what_is_there_with_prompt_seed_class_and_axes(planned: Any, folder: Path) -> None:
    made = planned(folder)
    assert len(generated_set(made)) == 0
    pretend_made(made, 4)
    images = generated_set(made)
    first = images.records[0]
    assert first.id.startswith("apple/a-apple-")
    assert first.path is not None
    assert first.path.read_bytes() == b"12345"
    assert (first.class_name, first.prompt, first.seed) == ("apple", "a apple", made.wanted[0].seed)
    assert images.class_counts() == {"apple": 2, "banana": 2}
    assert [each.id for each in images.records] == sorted({each.id for each in images.records})


def test_a_class_that_is_no_name_of_a_folder_stays_one_part_of_an_id(planned: Any, folder: Path) -> None:
    wanted = planned(folder, classes=("../up\x1b[2J",)).wanted[0]
    assert wanted.id.startswith(".._up\\u001b[2J/")
    assert ".." not in wanted.file


def test_a_set_is_found_where_the_model_is_not(planned: Any, folder: Path) -> None:
    made = planned(folder)
    pretend_made(made, 4)
    folder.rename(folder.with_name("gone"))
    assert len(look_again(made).present) == 4
    assert look_again(replace(made, models={"model": NamedModel("another", folder)})).present == ()
    assert planned(folder, steps=9).present == ()


def test_a_hub_set_is_found_offline_and_the_newest_where_there_are_two(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    reference = tmp_path / "hub" / "models--owner--model" / "refs" / "main"
    reference.parent.mkdir(parents=True)
    assert planned("owner/model").present == ()
    for number, count in ((1, 4), (2, 3)):
        reference.write_text(str(number) * 40)
        made = planned("owner/model")
        pretend_made(made, count)
        os.utime(made.directory / "settings.json", (number, number))
    reference.unlink()
    assert len(planned("owner/model").present) == 3


def test_the_message_says_what_makes_the_missing_images(planned: Any, folder: Path) -> None:
    spec = Spec(name="subject", file=folder, generator=planned(folder).generator)
    command = "run `synthgate generate subject` where the GPU is"
    assert missing_message(spec, 1920) == f"subject: 1,920 images are missing; {command}"
    assert missing_message(spec, 1) == f"subject: 1 image is missing; {command}"
    assert "`synthgate generate 'in context'`" in missing_message(replace(spec, name="in context"), 2)
    assert missing_message(replace(spec, generator=None), 2).endswith("where a hook can make them")


def test_an_estimate_learns_from_what_was_made(planned: Any, folder: Path) -> None:
    made = planned(folder)
    assert estimate(made) == Estimate(missing=4, bytes=4 * 32 * 32 * 2, seconds=None)
    assert estimate(planned(folder, width=None, height=None)) == Estimate(missing=4, bytes=None, seconds=None)
    pretend_made(made, 1)
    assert estimate(look_again(made)) == Estimate(missing=3, bytes=15, seconds=6.0)


def test_a_spec_without_a_generator_is_told_where_to_name_one(tmp_path: Path) -> None:
    spec = Spec(name="subject", file=tmp_path / "synth.toml", templates=("a cup",), per_prompt=1)
    with pytest.raises(SpecError, match=r"add \[spec\.subject\.generator\] with model"):
        plan(spec, expand(spec), tmp_path)


def test_axes_reach_the_records(planned: Any, folder: Path) -> None:
    made = planned(folder)
    prompt = Prompt("x", "{context}", None, {"context": "in a bowl"}, 1)
    wanted = replace(made.wanted[0], prompt=prompt)
    made = replace(made, wanted=(wanted,), entries={})
    pretend_made(made, 1)
    (record,) = generated_set(made).records
    assert (record.id, record.axes) == (wanted.file, {"context": "in a bowl"})


def test_planning_imports_no_torch_and_no_diffusers() -> None:
    code = (
        "import sys; import pytest_synthgate.images.generation.generate, pytest_synthgate.images.generation.plan; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
