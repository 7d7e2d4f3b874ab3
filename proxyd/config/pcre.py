"""Checks regular expressions with the library that will run them.

The engine matches with PCRE2, whose syntax is not that of Python's ``re``; so PCRE2 compiles each pattern
here too, and says what is wrong and which named groups there are.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass, field

LIBRARY = "libpcre2-8.so.0"

_CASELESS = 0x00000008
_INFO_NAMECOUNT, _INFO_NAMEENTRYSIZE, _INFO_NAMETABLE = 17, 18, 19


@dataclass(frozen=True, slots=True)
class Compiled:
    """What PCRE2 says about one pattern: an error, or the numbers of its named groups."""

    error: str = ""
    at: int = 0  # byte of the pattern where the error was found
    groups: dict[str, int] = field(default_factory=dict)


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(LIBRARY)
    library.pcre2_compile_8.restype = ctypes.c_void_p
    library.pcre2_compile_8.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_int),
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.c_void_p,
    ]
    library.pcre2_get_error_message_8.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
    library.pcre2_pattern_info_8.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p]
    library.pcre2_code_free_8.argtypes = [ctypes.c_void_p]
    library.pcre2_code_free_8.restype = None
    return library


@functools.lru_cache(maxsize=65536)
def check(pattern: bytes, caseless: bool) -> Compiled:
    """Compile a pattern and throw the result away."""
    library = _library()
    number, at = ctypes.c_int(), ctypes.c_size_t()
    options = _CASELESS if caseless else 0
    code = library.pcre2_compile_8(
        pattern, len(pattern), options, ctypes.byref(number), ctypes.byref(at), None
    )
    if not code:
        text = ctypes.create_string_buffer(256)
        library.pcre2_get_error_message_8(number, text, len(text))
        return Compiled(text.value.decode("ascii", "replace"), at.value)
    try:
        return Compiled(groups=_groups(library, code) if b"(?" in pattern else {})
    finally:
        library.pcre2_code_free_8(code)


def _groups(library: ctypes.CDLL, code: int) -> dict[str, int]:
    """Names and numbers of the named groups. The table has a two-byte number before each name."""
    count, size, table = ctypes.c_uint32(), ctypes.c_uint32(), ctypes.c_void_p()
    library.pcre2_pattern_info_8(code, _INFO_NAMECOUNT, ctypes.byref(count))
    library.pcre2_pattern_info_8(code, _INFO_NAMEENTRYSIZE, ctypes.byref(size))
    library.pcre2_pattern_info_8(code, _INFO_NAMETABLE, ctypes.byref(table))
    if not count.value or not table.value:
        return {}
    raw = ctypes.string_at(table.value, count.value * size.value)
    found = {}
    for start in range(0, len(raw), size.value):
        name = raw[start + 2 : start + size.value].split(b"\0", 1)[0]
        found[name.decode("utf-8", "surrogateescape")] = int.from_bytes(raw[start : start + 2], "big")
    return found
