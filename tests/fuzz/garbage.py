"""What no well-behaved caller sends: text, numbers, JSON and bytes that parsers and databases stumble over."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, ...]
TEXTS = (
    *("\0", "a\0b", "\n\0", "\x1b[2J", "\r\nX-Evil: 1", "\u202e", "\ufffe", "\x7f", "😀" * 40, "é", "ß" * 300),
    *("²", "٣", "1_000", " 1 ", "+1", "-1", "-0", "0", "1.", "1e3", "9e999999", "1e-999999", "0x10", "9" * 5000),
    *("NaN", "sNaN", "Infinity", "-Infinity", "inf", str(2**31), str(2**63), str(-(2**63) - 1), str(10**30)),
    *("0001-01-01", "9999-12-31", "2026-02-30", "10000-01-01", "2026-W01-1", "25:61", "1970-01-01T00:00:00+99:99"),
    *(
        "",
        " ",
        "x" * 300,
        "x" * 5000,
        "%",
        "%00",
        "_",
        "\\",
        "'",
        '"',
        "';--",
        "<b>",
        "{{ x }}",
        "{%",
        "../..",
        "//",
        "a,b",
    ),
    *("None", "null", "true", "[]", "{}", "[" * 5000, '{"a":' * 2000, "00000000-0000-0000-0000-000000000000"),
)
SURROGATES = ("\ud800", "a\udfff", "\udc00\ud800")
"""Text that JSON can escape and UTF-8 cannot hold."""

texts = st.sampled_from(TEXTS[:3]) | st.sampled_from(TEXTS) | st.text(max_size=30)
any_texts = texts | st.sampled_from(SURROGATES)
numbers = (
    st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.1, -0.0, 1e308])
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
)
scalars = st.none() | st.booleans() | numbers | any_texts
values = any_texts | st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_texts, inner, max_size=3), max_leaves=6
)
"""What JSON can say, and what Python's JSON says beside it: NaN, halves of surrogate pairs."""

UNREADABLE = (
    *(b"", b"{", b"[", b"nul", b'{"a":1', b'{"a":1}}', b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b"\0", b"{}\0"),
    *(b"[" * 50_000, b'{"a":' * 10_000, b"9" * 5000, b'{"a":' + b"9" * 5000 + b"}", b"1e999999", b"NaN", b'"\\ud800"'),
    *(
        "{}".encode("utf-16"),
        b"a=1&b=%00",
        b"--x\r\n\r\n",
        b'{"a":1,"a":2}',
        b"[]",
        b'"text"',
        b"null",
        b"<html>no</html>",
    ),
)
bodies = st.sampled_from(UNREADABLE) | st.binary(max_size=60)
header_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40) | st.sampled_from(
    [text for text in TEXTS if all(" " <= letter <= "ÿ" for letter in text)]
)
"""What a web server lets through in a header field."""


@st.composite
def mutated(draw: st.DrawFn, valid: Any, unfit: st.SearchStrategy[Any] = values) -> Any:
    """The valid value with a part of it, now and then three, replaced, left out or added to.

    Mostly one: where the rest is right, the part gets as far as it can.
    """
    made = json.loads(json.dumps(valid))
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 3]))):
        made = draw(_changed(made, draw(st.sampled_from(_places(made))), unfit))
    return made


def _places(value: Any, place: Place = ()) -> list[Place]:
    """The way to each part of it, itself among them, by names and positions."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*(way for name, part in inner for way in _places(part, (*place, name))), place]


@st.composite
def _changed(draw: st.DrawFn, value: Any, place: Place, unfit: st.SearchStrategy[Any]) -> Any:
    if place:
        name, inner = place[0], place[1:]
        new = dict(value) if isinstance(value, dict) else list(value)
        if not inner and not draw(st.integers(0, 5)):
            del new[name]
        else:
            new[name] = draw(_changed(value[name], inner, unfit))
        return new
    if isinstance(value, dict) and draw(st.booleans()):
        return value | {draw(any_texts): draw(unfit)}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [*value, value[0]]
    return draw(unfit)
