"""Text files as other systems write them: what editors, shells and spreadsheets on any system make of a text.

Every text file that this package reads goes through here.
"""

from __future__ import annotations

import codecs

_BY_MARK = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # ahead of UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MOST_FOREIGN = 0.2
"""Share of bytes beyond ASCII above which a text that is not UTF-8 is not taken for Western European."""


def decoded(content: bytes) -> str:
    """Decode a text: UTF-8, UTF-16 or UTF-32 by its mark, UTF-16 without one, or Windows-1252 where that can be told.

    The mark is left out; line ends stay as they are.

    Raises:
        ValueError: It is none of them; the text says so in a few words.
    """
    mark, encoding = _encoding(content)
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        found = "not UTF-8" if (mark, encoding) == (b"", "utf-8") else f"broken {encoding.upper()[:6]}"
        raise ValueError(f"is {found} text (byte {error.start}); save it as UTF-8") from None


def encoded_like(content: bytes, text: str) -> bytes:
    """Encode a text that is to follow on a content, as that is encoded.

    Raises:
        UnicodeEncodeError: The content is Windows-1252, which does not have every letter of the text.
    """
    return text.encode(_encoding(content)[1])


def _encoding(content: bytes) -> tuple[bytes, str]:
    """Tell the mark that a text begins with, which may be empty, and its encoding; UTF-8 where it is none of them."""
    for mark, encoding in _BY_MARK:
        if content.startswith(mark):
            return mark, encoding
    if (unmarked := _unmarked_utf16(content)) is not None:
        return b"", unmarked
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "cp1252" if _is_western(content) else "utf-8"
    return b"", "utf-8"


def _unmarked_utf16(content: bytes) -> str | None:
    """Tell UTF-16 by its zeros: of mostly ASCII text every other byte is one, and no other text has any."""
    if len(content) < 2 or len(content) % 2 or b"\0" not in content[:1000]:
        return None
    even, odd = content[:1000:2].count(0), content[1:1000:2].count(0)
    if max(even, odd) < len(content[:1000]) // 4:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_western(content: bytes) -> bool:
    """Tell whether bytes read as Windows-1252: few of them beyond ASCII, and none without meaning."""
    foreign = sum(byte >= 0x80 for byte in content)
    if foreign > _MOST_FOREIGN * len(content):
        return False
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f\xa0\xad" for letter in text)
