"""What became of each directive of nginx: works here, has nothing to do here, or is refused as not there yet.

``nginx_directives.tsv`` lists all of nginx 1.31.5; the declarations in directives/ say the rest. A
directive of stream or mail with the name of one of http is another directive, and refused.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from proxyd.config.directive import Context, Directive
from proxyd.config.directives import ALL

Status = Literal["works", "nothing to do", "refused"]

_TABLE = Path(__file__).with_name("nginx_directives.tsv")
_CONTEXTS = {
    "main": Context.MAIN,
    "events": Context.EVENTS,
    "http": Context.HTTP,
    "server": Context.SERVER,
    "location": Context.LOCATION,
    "upstream": Context.UPSTREAM,
    "limit_except": Context.LIMIT_EXCEPT,
}


@dataclass(frozen=True, slots=True)
class NginxDirective:
    """One line of the table."""

    name: str
    module: str
    contexts: tuple[str, ...]  # as nginx names them: "http", "if in location", "stream server", ...
    arguments: str

    @property
    def known_contexts(self) -> Context:
        """Those of its contexts that exist here."""
        found = Context(0)
        if self.module.startswith(("stream", "mail")):
            return found
        for word in self.contexts:
            found |= _CONTEXTS.get(word, Context(0))
        return found

    def declaration(self) -> Directive | None:
        """Ours, if there is one for the same place."""
        for directive in ALL:
            if directive.name == self.name and directive.contexts & self.known_contexts:
                return directive
        return None

    def status(self) -> Status:
        """What became of it."""
        found = self.declaration()
        if self.name == "include":
            return "works"
        if found is None:
            return "refused"
        return "nothing to do" if found.nothing else "works"


@functools.cache
def nginx_directives() -> tuple[NginxDirective, ...]:
    """The whole table."""
    found = []
    for line in _TABLE.read_text().splitlines():
        if line.startswith("#") or not line:
            continue
        name, module, contexts, arguments = (line + "\t\t").split("\t")[:4]
        found.append(
            NginxDirective(name, module, tuple(part.strip() for part in contexts.split(",")), arguments)
        )
    return tuple(found)


@functools.cache
def nginx_names() -> frozenset[str]:
    """All names that mean something to nginx."""
    return frozenset(directive.name for directive in nginx_directives())


def nginx_allows(name: str, context: str) -> bool:
    """Whether nginx has a directive of this name in a context, as nginx names it."""
    return any(line.name == name and context in line.contexts for line in nginx_directives())
