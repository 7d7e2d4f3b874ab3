"""What may have been meant: the hints for statements that make no sense as they stand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from proxyd.config import status
from proxyd.config.directive import Context
from proxyd.config.directives import ALL, BY_CONTEXT
from proxyd.config.parser import Statement

_CLOSE = 0.75

# What is left of "^/a{2}$" where "{" has opened a block.
_REST_OF_REGEX = re.compile(r"\d+,?\d*\}")

# Letters that look like others, as word processors and web pages make them.
_LOOKALIKES = {
    **dict.fromkeys("\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb", "a quote that is none: write \" or '"),
    **dict.fromkeys("\u00a0\u2007\u202f", "a no-break space: write a plain one"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "a character that nobody sees: write the line anew"),
    **dict.fromkeys("\u2010\u2011\u2013\u2014\u2212", "a dash that is none: write -"),
}

# How names of directives begin that come with modules of others, and what to do without these.
_MODULES_OF_OTHERS = {
    "brotli": "ngx_brotli",
    "zstd": "zstd-nginx-module",
    "more_": "headers-more: add_header, proxy_set_header and proxy_hide_header do most of it",
    "lua_": "ngx_lua",
    "js_": "njs",
    "pagespeed": "ngx_pagespeed",
    "modsecurity": "ModSecurity-nginx",
    "vhost_traffic_status": "nginx-module-vts: `metrics` and `proxyd status` count",
    "geoip2": "ngx_http_geoip2_module",
    "echo": "echo-nginx-module: `return 200 text` answers",
    "rtmp": "nginx-rtmp-module",
    "passenger_": "Passenger",
    "fancyindex": "ngx-fancyindex",
    "sticky": "nginx-sticky-module: `hash $cookie_name consistent` keeps clients with their servers",
    "check": "nginx_upstream_check_module: max_fails and fail_timeout notice what fails",
    "upstream_show": "nginx_upstream_check_module: `proxyd status` shows it",
    "subs_filter": "ngx_http_substitutions_filter_module",
}
_LUA = ("_by_lua", "_by_lua_block", "_by_lua_file")


def of_unknown(statement: Statement, context: Context) -> str:
    """A hint about a name that no directive has."""
    name = statement.name
    if name.startswith("\ufeff"):
        return "it begins with a byte order mark: save the file without one"
    if hint := lookalike([name]):
        return hint
    if _REST_OF_REGEX.match(name):
        return "a regular expression with { or } belongs into quotes"
    if name.startswith(("//", "/*")):
        return 'a comment begins with "#"'
    return _of_a_module(name) or _near(name, context)


def _of_a_module(name: str) -> str:
    if name.endswith(_LUA):
        return "of a module that is not nginx's own: ngx_lua"
    for start, module in _MODULES_OF_OTHERS.items():
        if name.startswith(start):
            return f"of a module that is not nginx's own: {module}"
    return ""


def _near(name: str, context: Context) -> str:
    """One that is allowed here, rather than any."""
    for known in (
        list(BY_CONTEXT[context]),
        [directive.name for directive in ALL],
        sorted(status.nginx_names()),
    ):
        if close := nearest(name.lower(), known):
            return f'did you mean "{close}"?'
    return ""


def nearest(text: str, known: Iterable[str]) -> str:
    """Which of the known words is nearly this one; "": none."""
    close = difflib.get_close_matches(text, list(known), 1, _CLOSE)
    return close[0] if close else ""


def lookalike(words: Iterable[str]) -> str:
    """A hint about the first letter that only looks like one that means something."""
    for word in words:
        for letter in word:
            if letter in _LOOKALIKES:
                return f'there is U+{ord(letter):04X} in "{word}", {_LOOKALIKES[letter]}'
    return ""


def missing_semicolon(statement: Statement) -> str:
    """A hint, if a word of a statement begins a line and names a directive: the ";" before it is missing."""
    source = statement.source
    names = status.nginx_names()
    line = source.locate(statement.offset())[0]
    for place, word in enumerate(statement.args):
        at = source.locate(statement.offset(place))[0]
        if at > line and word in names:
            before = statement.args[place - 1] if place else statement.name
            return f'is ";" missing after "{before}" in line {line}?'
        line = at
    return ""
