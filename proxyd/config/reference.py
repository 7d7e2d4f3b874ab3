"""The reference pages, in Markdown, from the declarations. cextensions/generate.py writes the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from proxyd.config import status
from proxyd.config.directive import Directive
from proxyd.config.directives import THEMES
from proxyd.config.variables import VARIABLES

MADE = "<!-- Made by cextensions/generate.py. Do not edit. -->"

TITLES = {
    "main": "Processes and events",
    "processes": "Processes of workers",
    "core": "Clients",
    "client": "Peculiar clients",
    "listen": "Addresses",
    "server_name": "Names of servers",
    "location": "Servers and locations",
    "rewrite": "Rewriting: set and return",
    "types": "Media types",
    "static": "Static files",
    "symlinks": "Symbolic links",
    "reading": "Reading of files",
    "error_page": "Errors and redirects",
    "headers": "Header fields",
    "trailers": "Early hints and trailers",
    "log": "Logs",
    "map": "Variables by look-up",
    "upstream": "Upstreams",
    "balance": "Balancing",
    "proxy": "Proxying",
    "proxy_request": "Requests to upstreams",
    "spooling": "Temporary files and rates",
    "proxy_rewrite": "Names and paths in answers of upstreams",
    "limit": "Limits",
    "access": "Who may come in",
    "report": "What proxyd tells about itself",
    "tables": "Nothing to do",
}


def directives_page() -> str:
    """Every directive, by theme."""
    return "\n".join(_directives()) + "\n"


def _directives() -> Iterator[str]:
    yield from (MADE, "", "# Directives", "")
    yield "Sizes take `k`, `m` and, where they are of bodies, `g`. Times take `ms`, `s`, `m`, `h`, `d`, `w`,"
    yield "also several: `1h 30m`; a number alone is seconds. A directive that a level does not have is taken"
    yield "from the level around it. [The table of nginx's directives](nginx.md)"
    yield "says what became of each."
    yield from (
        "",
        "## Other files",
        "",
        "### include",
        "",
        *_facts("include file | pattern;", "", "any"),
        "",
    )
    yield "Puts the statements of other files here; relative names start at the directory of the main file."
    yield "A pattern may fit no file."
    for theme, module in THEMES.items():
        yield from ("", f"## {TITLES[theme]}")
        for directive in module.DIRECTIVES:
            yield from ("", f"### {directive.name}", "", *_entry(directive))


def _entry(directive: Directive) -> Iterator[str]:
    shown = directive.shape.describe()
    syntax = f"{directive.name} {shown}".rstrip() + (" { ... }" if directive.block else ";")
    default = directive.default if directive.default is not None else directive.default_note
    yield from _facts(syntax, default, directive.contexts.words())
    yield from ("", directive.doc)
    if directive.nothing:
        yield from ("", f"*Accepted, with nothing to do:* {directive.nothing}")


def _facts(syntax: str, default: str, contexts: str) -> Iterator[str]:
    yield f"    {syntax}"
    if default:
        yield f"    default: {default}"
    yield f"    context: {contexts}"


def variables_page() -> str:
    """Every variable."""
    lines = [MADE, "", "# Variables", ""]
    lines += [
        "`map` makes more, and so do named groups of regular expressions; `$1` to `$9` are the groups of "
        "the last one that matched.",
        "",
        "| variable | what it says |",
        "|---|---|",
    ]
    for variable in sorted(VARIABLES, key=lambda variable: variable.name):
        rest = "*name*" if variable.prefix else ""
        lines.append(f"| `${variable.name}`{rest} | {variable.doc} |")
    return "\n".join(lines) + "\n"


def _anchors() -> dict[int, str]:
    """Anchors of the directives' headings, by identity (None: include). Equal names are numbered."""
    found, seen = {id(None): "include"}, Counter[str]()
    for module in THEMES.values():
        for directive in module.DIRECTIVES:
            number = seen[directive.name]
            found[id(directive)] = directive.name + (f"_{number}" if number else "")
            seen[directive.name] += 1
    return found


def nginx_page() -> str:
    """What became of each directive of nginx."""
    table = status.nginx_directives()
    by_status = {
        word: [line for line in table if line.status() == word]
        for word in ("works", "nothing to do", "refused")
    }
    works, idle, refused = by_status.values()
    lines = [MADE, "", "# The directives of nginx 1.31.5", ""]
    lines += [
        f"Of {len(table)} directives {len(works)} work and {len(idle)} are accepted with nothing to do. "
        f"The other {len(refused)} are refused with an error that says so.",
    ]
    anchors = _anchors()
    lines += ["", "## They work", "", *_by_module(works, anchors)]
    lines += [
        "## Accepted, with nothing to do",
        "",
        "| directive | why there is nothing to do |",
        "|---|---|",
    ]
    for line in idle:
        found = line.declaration()
        assert found is not None
        lines.append(f"| {_linked(line, anchors)} | {found.nothing} |")
    lines += ["", "## Refused", "", "proxyd does not have them yet.", "", *_by_module(refused, anchors)]
    return "\n".join(lines)


def _linked(line: status.NginxDirective, anchors: dict[int, str]) -> str:
    """The name, with a link to what is said of it here."""
    found = line.declaration()
    if found is None and line.name != "include":
        return f"`{line.name}`"
    return f"[`{line.name}`](directives.md#{anchors[id(found)]})"


def _by_module(table: Sequence[status.NginxDirective], anchors: dict[int, str]) -> Iterator[str]:
    """A paragraph for each module of nginx."""
    for module in sorted({line.module for line in table}):
        names = [_linked(line, anchors) for line in table if line.module == module]
        yield from (f"**{module.removesuffix('_module')}**:", ",\n".join(names), "")
