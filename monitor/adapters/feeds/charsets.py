"""Charsets: what a document's bytes say, whatever it declares of itself.

Bytes that are valid UTF-8 are UTF-8: hardly any other text is so by chance. Declarations count only
where that fails, and only those encodings that feeds use, since Python knows many stranger ones.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = (
    (re.compile(rb"<\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0<"), "utf-32-be"),
    (re.compile(rb"<\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0<\0[^\0]"), "utf-16-be"),
)
_KNOWN = re.compile(
    r"iso-8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(?:jp|kr)"
    r"|shift[_-]jis|iso-2022-jp|latin-?1"
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_CYRILLIC_RUN = re.compile(rb"[\xa8\xb8\xc0-\xff]{4,}")
_ILLEGAL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def declared(body: bytes, content_type: str) -> list[str]:
    """Give the encodings that the HTTP header and the XML declaration name, if feeds use them."""
    names = [found.group(1) for found in _CHARSET.finditer(content_type)]
    if found := _DECLARED.search(body[:1024]):
        names.append(found.group(1).decode("ascii", "replace"))
    known = (name.lower() for name in names)
    return ["gb18030" if name == "gb2312" else name for name in known if _KNOWN.fullmatch(name)]


def decode(body: bytes, content_type: str = "") -> str:
    """Decode a document by what its bytes are, without the characters that no XML may contain."""
    return _ILLEGAL.sub("", _decode(body, declared(body, content_type)))


def _decode(body: bytes, names: list[str]) -> str:
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for start, name in _WIDE:
        if start.match(body):
            return body.decode(name, "replace")
    seven_bit = [name for name in names if name == "iso-2022-jp" and b"\x1b" in body]
    for name in (*seven_bit, "utf-8", *names):
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return _guess(body)


def _guess(body: bytes) -> str:
    """Decode what no declaration fits: damaged UTF-8, Russian in windows-1251, or windows-1252.

    Cyrillic in one byte a letter shows as long runs of high bytes, Latin letters with marks as single ones.
    """
    text = body.decode("utf-8", "replace")
    if text.count("\ufffd") * 10 <= sum(char > "\x7f" for char in text):
        return text
    high = len(body) - len(body.translate(None, bytes(range(0x80, 0x100))))
    runs = sum(len(run) for run in _CYRILLIC_RUN.findall(body))
    return body.decode("windows-1251" if runs * 2 > high else "windows-1252", "replace")
