"""What becomes of an exception that is not this package's own."""

import pytest

from pytest_synthgate.errors import GenerationError, SourceError, SpecError, foreign, retold, told


def test_what_was_raised_is_told_by_type_and_first_line() -> None:
    assert told(RuntimeError("server said no\nand more")) == "RuntimeError: server said no"
    assert told(KeyError("seed")) == "KeyError: 'seed'"
    assert told(MemoryError()) == "MemoryError"


def test_nothing_in_it_is_obeyed_and_it_is_short() -> None:
    assert told(ValueError("::error::x\x1b[31m\u202e")) == r"ValueError: \u003a:error::x\u001b[31m\u202e"
    assert len(told(ValueError("x" * 10_000))) == 300


def test_a_text_that_cannot_be_made_leaves_the_type() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise TypeError

    assert told(SilentError()) == "SilentError"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit("no"), SystemExit(), GenerationError("no")])
def test_whatever_foreign_code_raises_is_of_the_class_that_was_asked_for(error: BaseException) -> None:
    expected = rf"^the hook failed: {type(error).__name__}(: no)?; .*test_errors\.py:\d+$"
    with pytest.raises(GenerationError, match=expected), foreign("the hook", GenerationError):
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), pytest.skip.Exception("s"), pytest.exit.Exception("e")])
def test_what_stops_a_run_on_purpose_passes(error: BaseException) -> None:
    with pytest.raises(type(error)), foreign("the hook", GenerationError):
        raise error


def test_what_a_library_raises_is_told_between_two_texts_and_our_own_errors_pass() -> None:
    told_so = r"^the model is no model \(OSError: no\\u001b such file\); give another$"
    with pytest.raises(SpecError, match=told_so), retold(SpecError, "the model is no model (", "); give another"):
        raise OSError("no\x1b such file\nat all")
    with pytest.raises(SourceError, match=r"^as it is$"), retold(SpecError, "the model is no model"):
        raise SourceError("as it is")
