"""All declarations, by theme. A new theme is added to THEMES; everything else follows from its DIRECTIVES."""

from __future__ import annotations

from types import ModuleType

from proxyd.config.directive import Context, Directive
from proxyd.config.directives import (
    access,
    balance,
    client,
    core,
    error_page,
    headers,
    limit,
    listen,
    location,
    log,
    main,
    map,
    processes,
    proxy,
    proxy_request,
    proxy_rewrite,
    reading,
    report,
    rewrite,
    server_name,
    spooling,
    static,
    symlinks,
    tables,
    trailers,
    types,
    upstream,
)

THEMES: dict[str, ModuleType] = {
    "main": main,
    "processes": processes,
    "core": core,
    "client": client,
    "listen": listen,
    "server_name": server_name,
    "location": location,
    "rewrite": rewrite,
    "types": types,
    "static": static,
    "symlinks": symlinks,
    "reading": reading,
    "error_page": error_page,
    "headers": headers,
    "trailers": trailers,
    "log": log,
    "map": map,
    "upstream": upstream,
    "balance": balance,
    "proxy": proxy,
    "proxy_request": proxy_request,
    "spooling": spooling,
    "proxy_rewrite": proxy_rewrite,
    "limit": limit,
    "access": access,
    "report": report,
    "tables": tables,
}

ALL: tuple[Directive, ...] = tuple(directive for theme in THEMES.values() for directive in theme.DIRECTIVES)

BY_CONTEXT: dict[Context, dict[str, Directive]] = {
    context: {directive.name: directive for directive in ALL if context in directive.contexts}
    for context in Context
}
