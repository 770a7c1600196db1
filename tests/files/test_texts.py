"""Text of other systems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.files.texts import decoded

TEXT = "[spec.a]\r\nprompt = 'a caf\u00e9 \u2013 na\u00efve'\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_reads_what_editors_and_shells_write(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["shift-jis", "euc-jp", "cp1251", "gb18030", "big5"])
def test_refuses_what_it_cannot_tell(encoding: str) -> None:
    texts = {"cp1251": "\u043f\u0440\u0438\u0432\u0435\u0442 " * 9, "big5": "\u4e2d\u6587\u5716\u7247 " * 9}
    with pytest.raises(ValueError, match="save it as UTF-8"):
        decoded(texts.get(encoding, "\u5199\u771f \u732b " * 9).encode(encoding))


def test_names_the_place_where_marked_text_breaks() -> None:
    with pytest.raises(ValueError, match=r"broken UTF-16 text \(byte 4\)"):
        decoded("ab".encode("utf-16") + b"\x00")
    with pytest.raises(ValueError, match="broken UTF-8"):
        decoded(b"\xef\xbb\xbfcaf\xe9")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_any_text_of_a_marked_encoding_comes_back(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert decoded(text.encode(encoding)) == text
