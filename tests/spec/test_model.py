"""What a spec file means, and what it cannot mean."""

import dataclasses
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.limits import Limits
from pytest_synthgate.spec.model import Generator, Spec, check_compared, check_names, spec_to_json
from pytest_synthgate.spec.resolve import specs_of
from pytest_synthgate.spec.tables import DefaultsTable, GeneratorTable, SpecTable

TODAY = datetime.date(2026, 7, 1)
DESIGN = """
[defaults]
real = "data/snacks"                # --synth-real overrides it
encoder = "open_clip:ViT-B-32/laion2b_s34b_b79k"

[defaults.limits]
unvaried = 0.05
unoriginal = { max = 0.01, regression = 0.005 }
unrealistic = { regression = 0.02 }

[spec.renders]                      # images that exist already
images = "out/v3"

[defaults.generator]
model = "stabilityai/sd-turbo"      # a hub id or a local diffusers directory
steps = 2
guidance = 0.0
size = 512
seed = 0

[spec.baseline]
prompt = "A photo of a snack"
per_prompt = 992

[spec.subject]
prompt = "A photo of {a_class}"     # by default the class folders of the real set
per_prompt = 96
limits.unvaried = 0.03              # replaces the default limit of that score, whole

[spec.in_context]
prompt = "A photo of {a_class} {context}"
context = ["in a bowl", "on a plate", "in a bag", "at the supermarket", "in a basket", "on a shelf"]
per_prompt = 40
compare_to = "subject"
xfail = { unvaried = "six contexts, forty seeds: known" }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(folder: Path, text: str) -> tuple[Spec, ...]:
    file = folder / "synth_snacks.toml"
    file.write_text(text, encoding="utf-8")
    return load_spec_file(file)


def load_one(folder: Path, body: str) -> Spec:
    (spec,) = load(folder, "[spec.subject]\n" + body)
    return spec


def test_the_documented_file_means_what_it_says(folder: Path) -> None:
    limits = Limits(unvaried=0.05, unoriginal={"max": 0.01, "regression": 0.005}, unrealistic={"regression": 0.02})
    shared: dict[str, Any] = {
        "file": folder / "synth_snacks.toml",
        "real": folder / "data/snacks",
        "limits": Limits(**limits, unreadable=0),
    }
    generator = Generator(model="stabilityai/sd-turbo", steps=2, guidance=0.0, width=512, height=512)
    contexts = ("in a bowl", "on a plate", "in a bag", "at the supermarket", "in a basket", "on a shelf")

    specs = load(folder, DESIGN)

    assert specs == (
        Spec(name="renders", images=folder / "out/v3", **shared),
        Spec(name="baseline", templates=("A photo of a snack",), per_prompt=992, generator=generator, **shared),
        Spec(
            name="subject",
            templates=("A photo of {a_class}",),
            per_prompt=96,
            generator=generator,
            **{**shared, "limits": Limits(**{**shared["limits"], "unvaried": 0.03})},
        ),
        Spec(
            name="in_context",
            templates=("A photo of {a_class} {context}",),
            axes={"context": contexts},
            per_prompt=40,
            compare_to="subject",
            xfail={"unvaried": "six contexts, forty seeds: known"},
            generator=generator,
            **shared,
        ),
    )
    check_names(specs)
    check_compared(specs)


def test_a_spec_alone_has_the_documented_defaults(folder: Path) -> None:
    assert load_one(folder, 'images = "out"') == Spec(
        name="subject",
        file=folder / "synth_snacks.toml",
        real=None,
        encoder="open_clip:ViT-B-32/laion2b_s34b_b79k",
        definition="balanced",
        normalise=True,
        precision="auto",
        images=folder / "out",
        limits=Limits(unvaried=0.05, unoriginal=0.01, unreadable=0),
    )


def test_every_key_of_a_spec_arrives(folder: Path) -> None:
    spec = load_one(
        folder,
        """
        real = "../real"
        encoder = "efficientnet_lite0"
        definition = "studio"
        normalise = false
        precision = "bf16"
        batch_size = 8
        device = "cuda:1"
        prompt = ["{a_class} {place}", "{class}"]
        place = ["in", "out"]
        total = 100
        balance_classes = "real"
        classes = ["apple", "hot dog"]
        article = { "hot dog" = "the" }
        compare_to = "other"
        xfail = { unvaried = "known" }
        limits = { unvaried = { max = 0.05, warn = 0.03, when_unsure = "pass", per_class = true }, unreadable = 2 }
        [spec.subject.generator]
        model = "m"
        steps = 5
        guidance = 7
        width = 64
        height = 32
        seed = 9
        negative_prompt = "blur"
        scheduler = "DDIMScheduler"
        variant = "fp16"
        dtype = "fp16"
        lora = "l"
        lora_scale = 0.5
        batch_size = 4
        device = "cpu"
        """,
    )

    assert spec == Spec(
        name="subject",
        file=folder / "synth_snacks.toml",
        real=folder / "../real",
        encoder="efficientnet_lite0",
        definition="studio",
        normalise=False,
        precision="bf16",
        batch_size=8,
        device="cuda:1",
        templates=("{a_class} {place}", "{class}"),
        axes={"place": ("in", "out")},
        total=100,
        balance_classes="real",
        classes=("apple", "hot dog"),
        article={"hot dog": "the"},
        compare_to="other",
        xfail={"unvaried": "known"},
        limits=Limits(unvaried={"max": 0.05, "warn": 0.03, "when_unsure": "pass", "per_class": True}, unreadable=2),
        generator=Generator(
            model="m",
            steps=5,
            guidance=7,
            width=64,
            height=32,
            seed=9,
            negative_prompt="blur",
            scheduler="DDIMScheduler",
            variant="fp16",
            dtype="fp16",
            lora="l",
            lora_scale=0.5,
            batch_size=4,
            device="cpu",
        ),
    )


def test_a_spec_replaces_defaults_and_its_generator_merges_key_by_key(folder: Path) -> None:
    (spec,) = load(
        folder,
        """
        [defaults]
        real = "a"
        encoder = "one"
        classes = ["x"]
        article = { x = "an" }
        generator = { model = "m", steps = 2, size = 512 }
        [spec.subject]
        real = "b"
        encoder = "two"
        classes = ["y"]
        article = { y = "an" }
        generator = { steps = 4, width = 768 }
        prompt = "{a_class}"
        per_prompt = 1
        """,
    )

    assert (spec.real, spec.encoder, spec.classes, spec.article) == (folder / "b", "two", ("y",), {"y": "an"})
    assert spec.generator == Generator(model="m", steps=4, width=768, height=512)


def test_defaults_about_generating_leave_images_alone(folder: Path) -> None:
    (spec,) = load(
        folder,
        '[defaults]\narticle = { x = "an" }\ngenerator.model = "m"\nclasses = ["x"]\n[spec.renders]\nimages = "out"',
    )

    assert (spec.generator, spec.article, spec.classes) == (None, {}, ("x",))


def test_specs_keep_the_order_of_the_file(folder: Path) -> None:
    names = ["zebra", "apple", "mango", "10", "2"]

    specs = load(folder, "\n".join(f'[spec.{name}]\nimages = "out"' for name in names))

    assert [spec.name for spec in specs] == names


@pytest.mark.parametrize(
    ("defaults", "own", "limits"),
    [
        ("", "", Limits(unvaried=0.05, unoriginal=0.01, unreadable=0)),
        ("", "unvaried = 0.03", Limits(unvaried=0.03, unreadable=0)),
        ("unvaried = 0.05", "unoriginal = 0.02", Limits(unvaried=0.05, unoriginal=0.02, unreadable=0)),
        ("unvaried = { max = 0.05, warn = 0.01 }", "unvaried = 0.03", Limits(unvaried=0.03, unreadable=0)),
        ("unvaried = 0.05", "unvaried = false", Limits(unoriginal=0.01, unreadable=0)),
        ("unvaried = 0.05\nunoriginal = 0.01", "unvaried = false", Limits(unoriginal=0.01, unreadable=0)),
        ("unvaried = false", "unvaried = 0.03", Limits(unvaried=0.03, unreadable=0)),
        ("unreadable = 3", "", Limits(unvaried=0.05, unoriginal=0.01, unreadable=3)),
        ("", "unreadable = false", Limits(unvaried=0.05, unoriginal=0.01)),
    ],
)
def test_limits_add_up_score_by_score(folder: Path, defaults: str, own: str, limits: Limits) -> None:
    (spec,) = load(folder, f'[defaults.limits]\n{defaults}\n[spec.a]\nimages = "out"\n[spec.a.limits]\n{own}')

    assert spec.limits == limits


PROMPT = 'prompt = "{class}"\nper_prompt = 1\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        # keys
        (PROMPT + "per_promt = 1", "[spec.subject] unknown key 'per_promt'; did you mean 'per_prompt'?"),
        (PROMPT + 'class = ["a"]', "[spec.subject] unknown key 'class'; did you mean 'classes'?"),
        (PROMPT + "seed = 1", "[spec.subject] unknown key 'seed'; it belongs in [spec.subject.generator]"),
        (PROMPT + "unvaried = 0.1", "[spec.subject] unknown key 'unvaried'; it belongs in [spec.subject.limits]"),
        (
            PROMPT + "generator.stpes = 1",
            "[spec.subject.generator] unknown key 'stpes'; did you mean 'steps'?",
        ),
        (
            PROMPT + "limits.unvared = 0.1",
            "[spec.subject.limits] unknown score 'unvared'; did you mean 'unvaried'?",
        ),
        (PROMPT + "limits.unvared = false", "[spec.subject.limits] unknown score 'unvared'; did you mean 'unvaried'?"),
        (
            PROMPT + "limits.unvaried = { mx = 0.1 }",
            "[spec.subject.limits] unvaried: unknown key 'mx'; did you mean 'max'?",
        ),
        # values
        (
            'prompt = "{class}"\nper_prompt = "96"',
            "[spec.subject] per_prompt = '96' is not valid; give a whole number",
        ),
        (
            'prompt = "{class}"\nper_prompt = 9.6',
            "[spec.subject] per_prompt = 9.6 is not valid; give a whole number",
        ),
        (
            'prompt = "{class}"\nper_prompt = true',
            "[spec.subject] per_prompt = true is not valid; give a whole number",
        ),
        ('prompt = "{class}"\nper_prompt = 0', "[spec.subject] per_prompt = 0 is not valid; give 1 or more"),
        (PROMPT + "normalise = 1", "[spec.subject] normalise = 1 is not valid; give true or false"),
        (
            PROMPT + 'definition = "studo"',
            "[spec.subject] definition = 'studo' is not valid; give 'balanced' or 'studio'",
        ),
        (PROMPT + "encoder = 3", "[spec.subject] encoder = 3 is not valid; give a text in quotes"),
        (
            PROMPT + "encoder = 2024-01-02",
            "[spec.subject] encoder = 2024-01-02 is not valid; give a text in quotes",
        ),
        (PROMPT + 'real = ""', "[spec.subject] real = '' is blank or holds a NUL; give a text"),
        (PROMPT + r'real = "a\u0000b"', r"[spec.subject] real = 'a\x00b' is blank or holds a NUL; give a text"),
        (PROMPT + "generator = 3", "[spec.subject] generator = 3 is not valid; give a table"),
        (PROMPT + "limits = 0.1", "[spec.subject] limits = 0.1 is not valid; give a table"),
        (
            PROMPT + "generator.guidance = true",
            "[spec.subject.generator] guidance = true is not valid; give a number",
        ),
        (
            PROMPT + "generator.guidance = nan",
            "[spec.subject.generator] guidance = nan is not valid; give a finite number",
        ),
        (
            PROMPT + "limits.unvaried = 5",
            "[spec.subject.limits] unvaried: max = 5 is out of range; give a number from 0 to 1",
        ),
        (PROMPT + "limits.unvaried = true", "[spec.subject.limits] unvaried: max = true is not valid; give a number"),
        (
            PROMPT + "limits.unreadable = 0.5",
            "[spec.subject.limits] unreadable: max = 0.5 is not a count of files; give a whole number",
        ),
        (PROMPT + 'classes = ["a", "a"]', "[spec.subject] classes = [...] repeats 'a'; name each value once"),
        (PROMPT + "classes = []", "[spec.subject] classes = [] is not valid; give at least one value"),
        (PROMPT + 'classes = ["a", 3]', "[spec.subject] classes[1] = 3 is not valid; give a text in quotes"),
        # axes and placeholders
        (
            'prompt = "{context}"\nper_prompt = 1\ncontext = []',
            "[spec.subject] context = [] is not valid; give at least one value",
        ),
        (
            'prompt = "{context}"\nper_prompt = 1\ncontext = ["a", "b", "a"]',
            "[spec.subject] context = [...] repeats 'a'; name each value once",
        ),
        (
            'prompt = "{context}"\nper_prompt = 1\ncontext = ["a", " "]',
            "[spec.subject] context[1] = ' ' is blank or holds a NUL; give a text",
        ),
        (
            'prompt = "{context}"\nper_prompt = 1\ncontext = "in a bowl"',
            "[spec.subject] context = 'in a bowl' is not valid; give a list of texts, ['one', 'two']",
        ),
        (
            'prompt = "{class}"\nper_prompt = 1\nplace = ["a"]',
            "[spec.subject] axis 'place' is not used by the prompt; write '{place}' in it or remove it",
        ),
        (
            'prompt = "{a b}"\nper_prompt = 1\n"a b" = []',
            "[spec.subject] 'a b' = [] is not valid; give at least one value",
        ),
        (
            'prompt = "{context}"\nper_prompt = 1\ncontxt = ["a"]',
            "[spec.subject] unknown key 'contxt'; did you mean 'context'?",
        ),
        (
            'prompt = "{context}"\nper_prompt = 1\na_context = ["a"]',
            "[spec.subject] unknown key 'a_context'; did you mean 'context'?",
        ),
        (
            'prompt = "{a_context}"\nper_prompt = 1\na_context = ["a"]',
            "[spec.subject] axis 'a_context' begins with 'a_', which asks for an article; rename it",
        ),
        (
            'prompt = "{clas}"\nper_prompt = 1',
            "[spec.subject] prompt has an unknown placeholder '{clas}'; did you mean 'class'?",
        ),
        (
            'prompt = "{a_clas}"\nper_prompt = 1',
            "[spec.subject] prompt has an unknown placeholder '{a_clas}'; did you mean 'a_class'?",
        ),
        (
            'prompt = "{}"\nper_prompt = 1',
            "[spec.subject] prompt has an unknown placeholder '{}'; give one of class, a_class",
        ),
        (
            'prompt = "{encoder}"\nper_prompt = 1\nencoder = "x"',
            "[spec.subject] prompt has an unknown placeholder '{encoder}'; give one of class, a_class",
        ),
        (
            'prompt = "a {class"\nper_prompt = 1\ncontext = ["a"]',
            "[spec.subject] prompt 'a {class' has a lone '{' at character 3; "
            "write '{{' where the brace itself is meant",
        ),
        # images or prompt
        ("", "[spec.subject] has neither images nor prompt; give images that exist or a prompt to generate from"),
        (
            PROMPT + 'images = "out"',
            "[spec.subject] has both images and prompt; keep the one that says where its images come from",
        ),
        (
            'images = "out"\nper_prompt = 1',
            "[spec.subject] per_prompt has no effect on images that exist already; remove it",
        ),
        (
            'images = "out"\ngenerator.model = "m"',
            "[spec.subject] generator has no effect on images that exist already; remove it",
        ),
        ("prompt = 3\nper_prompt = 1", "[spec.subject] prompt = 3 is not valid; give a list of texts, ['one', 'two']"),
        (
            'prompt = ["a", "a"]\nper_prompt = 1',
            "[spec.subject] prompt = [...] repeats 'a'; name each value once",
        ),
        ('prompt = "{class}"', "[spec.subject] says not how many images; give per_prompt or total"),
        (PROMPT + "total = 5", "[spec.subject] has both per_prompt and total; keep one"),
        (
            PROMPT + 'balance_classes = "real"',
            "[spec.subject] balance_classes = 'real' deals a total to classes; give total, and {class} in every prompt",
        ),
        (
            'prompt = ["{class}", "x"]\ntotal = 9\nbalance_classes = "real"',
            "[spec.subject] balance_classes = 'real' deals a total to classes; give total, and {class} in every prompt",
        ),
        (
            'prompt = "x"\nper_prompt = 1\nclasses = ["a"]',
            "[spec.subject] classes are not used by the prompt; write {class} in it or remove them",
        ),
        (
            PROMPT + 'article = { a = "an" }',
            "[spec.subject] article is not used by the prompt; write {a_class} in it or remove it",
        ),
        # generator
        (
            PROMPT + "generator.steps = 2",
            "[spec.subject] generator has no model; name a hub id or a local diffusers directory",
        ),
        (PROMPT + "generator.size = 500", "[spec.subject.generator] size = 500 is not valid; give a multiple of 8"),
        (PROMPT + "generator.size = 0", "[spec.subject.generator] size = 0 is not valid; give 8 or more"),
        (
            PROMPT + 'generator = { model = "m", width = 8 }',
            "[spec.subject] generator has only one of width and height; give both, or size",
        ),
        (
            PROMPT + 'generator = { model = "m", size = 8, width = 8 }',
            "[spec.subject] generator.size stands for width and height; keep the one or the others",
        ),
        (
            PROMPT + 'generator = { model = "m", lora_scale = 1 }',
            "[spec.subject] generator.lora_scale has no lora to scale; name one or remove it",
        ),
        # references
        (
            PROMPT + 'compare_to = "subject"',
            "[spec.subject] compare_to = 'subject' is this spec itself; name another one",
        ),
        (
            PROMPT + 'xfail = { unvared = "known" }',
            "[spec.subject] xfail has an unknown score 'unvared'; did you mean 'unvaried'?",
        ),
        (
            PROMPT + 'xfail = { unrealistic = "known" }',
            "[spec.subject] xfail.unrealistic has no limit that could fail; set limits.unrealistic or remove it",
        ),
        (
            PROMPT + 'xfail = { unvaried = "" }',
            "[spec.subject.xfail] unvaried = '' is blank or holds a NUL; give a text",
        ),
    ],
)
def test_what_a_spec_cannot_mean_is_one_line(folder: Path, body: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_one(folder, body)

    assert str(caught.value) == f"synth_snacks.toml: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[defaults]\nper_prompt = 1",
            "[defaults] unknown key 'per_prompt'; it belongs in a [spec.NAME] table",
        ),
        ("[defaults]\nencodr = 'x'", "[defaults] unknown key 'encodr'; did you mean 'encoder'?"),
        ("[defaults]\nsteps = 2", "[defaults] unknown key 'steps'; it belongs in [defaults.generator]"),
        (
            "[defaults.limits]\nunvaried = { max = 0.1, warn = 0.2 }",
            "[defaults.limits] unvaried: warn = 0.2 is not below max = 0.1; a warning comes before a failure",
        ),
        ("[default]\nx = 1", "unknown table 'default'; did you mean 'defaults'?"),
        ("[specs.other]\nimages = 'x'", "unknown table 'specs'; did you mean 'spec'?"),
        ("[tool.other]", "unknown table 'tool'; give one of defaults, spec, waiver"),
        (
            "[spec.'a::b']\nimages = 'x'",
            "[spec] 'a::b' cannot name a spec; use letters, digits, '_', '-', '.' or spaces",
        ),
        (
            "[spec.'../b']\nimages = 'x'",
            "[spec] '../b' cannot name a spec; use letters, digits, '_', '-', '.' or spaces",
        ),
        ("[spec.'']\nimages = 'x'", "[spec] '' cannot name a spec; use letters, digits, '_', '-', '.' or spaces"),
        ("[spec.'in bag']", "[spec.'in bag'] has neither images nor prompt; give images that exist or a prompt to "
         "generate from"),
        ("[spec]\nimages = 'x'", "[spec] images = 'x' is not a table; specs are written [spec.NAME]"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_mean_is_one_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(folder, text + "\n[spec.good]\nimages = 'out'")

    assert str(caught.value) == f"synth_snacks.toml: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nreal = 'x'", "declares no spec; add a [spec.NAME] table"),
        ("[spec]", "declares no spec; add a [spec.NAME] table"),
        ("[[spec]]\nimages = 'x'", "spec = [...] is not a table; write [defaults] and [spec.NAME]"),
        ("defaults = 3\n[spec.a]\nimages = 'x'", "defaults = 3 is not a table; write [defaults] and [spec.NAME]"),
    ],
)
def test_a_file_without_spec_tables_is_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(folder, text)

    assert str(caught.value) == f"synth_snacks.toml: {message}"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("[spec.a]\nimages = 3\nencoder = 3", " (and 1 more error in this file)"),
        ("[defaults]\nreal = 3\n[spec.a]\nimages = 3\n[spec.b]\nx = 3", " (and 2 more errors in this file)"),
        ("[spec.a]\n[spec.b]\nlimits.x = 3\nimages = 'x'", " (and 1 more error in this file)"),
    ],
)
def test_further_errors_are_counted(folder: Path, text: str, more: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(folder, text)

    assert str(caught.value).endswith(more)
    assert str(caught.value).count("(and") == 1


def test_long_and_unprintable_values_stay_short_and_on_one_line(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_one(folder, f'images = "out"\n"k\\n\\u202e" = "{"x" * 10_000}"')

    assert str(caught.value).startswith(r"synth_snacks.toml: [spec.subject] unknown key 'k\n\u202e'; give one of ")
    assert str(caught.value).isprintable()
    with pytest.raises(SpecError) as caught:
        load_one(folder, f"images = 'out'\ndefinition = '{'x' * 10_000}'")
    assert len(str(caught.value)) < 200


def test_a_spec_of_the_same_name_in_two_files_names_both(folder: Path) -> None:
    (folder / "sub").mkdir()
    first = load(folder, "[spec.subject]\nimages = 'out'")
    second = load(folder / "sub", "[spec.subject]\nimages = 'out'")

    with pytest.raises(SpecError) as caught:
        check_names(first + second)

    assert str(caught.value) == (
        "sub/synth_snacks.toml: [spec.subject] is declared in synth_snacks.toml too; "
        "a name is unique in a run, rename one of them"
    )


def test_comparing_to_a_spec_that_is_not_there_names_the_nearest(folder: Path) -> None:
    specs = load(folder, "[spec.subject]\nimages = 'a'\n[spec.b]\nimages = 'b'\ncompare_to = 'subjct'")

    with pytest.raises(SpecError) as caught:
        check_compared(specs)

    assert str(caught.value) == (
        "synth_snacks.toml: [spec.b] compare_to = 'subjct' is no spec of this run; did you mean 'subject'?"
    )


def test_names_can_be_checked_before_every_file_is_known(folder: Path) -> None:
    check_names(load(folder, "[spec.b]\nimages = 'b'\ncompare_to = 'in another file'"))


def test_comparing_across_files_is_fine(folder: Path) -> None:
    file = folder / "synth_other.toml"
    file.write_text("[spec.b]\nimages = 'b'\ncompare_to = 'subject'")

    check_compared(load_spec_file(file) + load(folder, "[spec.subject]\nimages = 'a'"))


def test_the_json_form_is_plain_and_the_same_in_every_folder(tmp_path: Path) -> None:
    text = DESIGN.replace('"out/v3"', '"../elsewhere/./v3/"')
    forms = []
    for name in ("one", "two"):
        (tmp_path / name / "deeper").mkdir(parents=True)
        forms.append([spec_to_json(spec) for spec in load(tmp_path / name / "deeper", text)])

    assert forms[0] == forms[1] == json.loads(json.dumps(forms[0]))
    assert forms[0][0]["images"] == "../elsewhere/v3"
    assert forms[0][0]["real"] == "data/snacks"
    assert str(tmp_path) not in json.dumps(forms)


def test_an_absolute_path_stays_absolute_in_the_json_form(folder: Path) -> None:
    assert spec_to_json(load_one(folder, "images = '/data/v3'"))["images"] == Path("/data/v3").as_posix()


CHANGES = {
    "real": "real = 'other'",
    "encoder": "encoder = 'other'",
    "definition": "definition = 'studio'",
    "normalise": "normalise = false",
    "templates": "prompt = 'Other {a_class} {x} {y}'",
    "axes": "x = ['1', '3']",
    "order of the axes": "y = ['1']\nx = ['1', '2']",
    "per_prompt": "per_prompt = 2",
    "classes": "classes = ['b']",
    "article": "article = { a = 'an' }",
    "generator": "generator = { model = 'm', seed = 1 }",
}
KEPT = {
    "limits": "limits.unvaried = 0.01",
    "xfail": "xfail = { unvaried = 'known' }",
    "compare_to": "compare_to = 'other'",
    "precision": "precision = 'fp32'",
    "batch_size": "batch_size = 3",
    "device": "device = 'cpu'",
    "generator's batch": "generator = { model = 'm', batch_size = 3, device = 'cpu' }",
}
BASE = {
    "prompt": "prompt = '{a_class} {x} {y}'",
    "per_prompt": "per_prompt = 1",
    "x": "x = ['1', '2']",
    "y": "y = ['1']",
    "generator": "generator = { model = 'm' }",
}


def form_with(folder: Path, change: str) -> dict[str, Any]:
    changed = {line.split(" = ")[0] for line in change.splitlines()}
    lines = [line for key, line in BASE.items() if key not in changed]
    return spec_to_json(load_one(folder, "\n".join([*lines, change])))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_makes_the_sets_is_in_the_json_form(folder: Path, change: str) -> None:
    assert form_with(folder, change) != form_with(folder, "")


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT.keys())
def test_what_changes_no_number_is_not_in_the_json_form(folder: Path, change: str) -> None:
    assert form_with(folder, change) == form_with(folder, "")


def test_every_field_is_in_the_json_form_or_left_out_on_purpose() -> None:
    left_out = {"name", "file", "precision", "batch_size", "device", "compare_to", "xfail", "limits", "waivers"}
    spec = Spec(name="a", file=Path("/a/b.toml"), generator=Generator(model="m"))

    form = spec_to_json(spec)

    assert {field.name for field in dataclasses.fields(Spec)} == {*form, *left_out}
    assert {field.name for field in dataclasses.fields(Generator)} == {*form["generator"], "batch_size", "device"}


def test_specs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Spec(name="a", file=Path("/a")).name = "b"  # type: ignore[misc]


def test_declaring_imports_no_heavy_library() -> None:
    code = (
        "import sys, pytest_synthgate.spec.files, pytest_synthgate.spec.prompts\n"
        "print(sorted({'torch', 'numpy', 'PIL', 'sklearn', 'pytest', 'faiss'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_limits_import_no_third_party_library() -> None:
    code = "import sys, pytest_synthgate.spec.limits\nprint('pydantic' in sys.modules, 'numpy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False False"


TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["{class}", "{a_x}", "{x} {y}", "{", "m", "real", "geometry", "a", "x"])
)
SCALARS = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-2, 100),
    st.integers(),
    st.floats(),
    st.just(datetime.date(2024, 1, 2)),
    st.just(datetime.time(1, 2)),
    st.just(datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)),
)
KEYS = st.one_of(
    st.sampled_from(sorted({*SpecTable.model_fields, *GeneratorTable.model_fields, *LIMITED, "x", "y", "a_x"})),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3))
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "prompt": TEXTS,
    "images": TEXTS,
    "x": st.lists(TEXTS, max_size=3),
    "per_prompt": st.integers(0, 5),
    "limits": st.dictionaries(st.sampled_from(LIMITED), VALUES, max_size=3),
    "generator": st.dictionaries(st.sampled_from(sorted(GeneratorTable.model_fields)), VALUES, max_size=3),
}
TABLES = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.fixed_dictionaries({}, optional=LIKELY),
)
DOCUMENTS = st.fixed_dictionaries(
    {"spec": st.dictionaries(TEXTS, TABLES, max_size=3)},
    optional={"defaults": st.one_of(TABLES, VALUES), "waiver": VALUES, "spce": VALUES},
)


@pytest.mark.parametrize("number", ["0x" + "F" * 5000, "inf", "9" * 400])
@pytest.mark.parametrize(
    "key",
    [
        *("per_prompt", "total", "batch_size", "limits.unvaried", "limits.unreadable", "limits.unvaried.regression"),
        *(f"generator.{name}" for name in ("steps", "guidance", "size", "width", "seed", "lora_scale", "model")),
    ],
)
def test_numbers_beyond_all_measure_are_refused_in_one_short_line(folder: Path, key: str, number: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_one(folder, f"prompt = 'x'\n{key} = {number}")

    assert str(caught.value).startswith("synth_snacks.toml: [spec.subject")
    assert len(str(caught.value)) < 200


@settings(deadline=None)
@given(st.one_of(DOCUMENTS, st.dictionaries(KEYS, VALUES, max_size=3)))
def test_any_document_loads_or_is_refused_in_one_line_that_names_the_file(document: dict[str, Any]) -> None:
    file = Path("/nowhere/synth_any.toml")
    specs: tuple[Spec, ...] = ()
    refusal = None
    try:
        specs = specs_of(document, file, TODAY)
    except SpecError as error:
        refusal = str(error)

    if refusal is None:
        assert [spec.name for spec in specs] == list(document["spec"])
        assert all(json.dumps(spec_to_json(spec)) for spec in specs)
    else:
        assert refusal.startswith("/nowhere/synth_any.toml: ")
        assert refusal.isprintable()
        assert len(refusal) < 1000


def test_the_tables_take_every_field_of_the_values() -> None:
    fields = {field.name for field in dataclasses.fields(Spec)} - {"name", "file", "templates", "axes", "waivers"}

    assert set(SpecTable.model_fields) == fields | {"prompt"}
    assert set(DefaultsTable.model_fields) < set(SpecTable.model_fields)
    assert set(GeneratorTable.model_fields) == {field.name for field in dataclasses.fields(Generator)} | {"size"}
