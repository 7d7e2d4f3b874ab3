"""Sizes of nginx's hash tables, and other tuning of what is different here: accepted, with nothing to do."""

from __future__ import annotations

from proxyd.config.directive import EVERYWHERE, HTTP, SERVER, Context, Directive
from proxyd.config.shapes import Flag, Number, Shape, Size

_TABLES = {
    "types_hash": EVERYWHERE,
    "server_names_hash": HTTP,
    "variables_hash": HTTP,
    "map_hash": HTTP,
    "proxy_headers_hash": EVERYWHERE,
}


def _nothing(name: str, contexts: Context, shape: Shape, doc: str, why: str) -> Directive:
    return Directive(name, contexts, shape, doc, nothing=why)


DIRECTIVES = (
    *(
        _nothing(
            f"{table}_{what}_size",
            contexts,
            Number(),
            f"Sizes nginx's {table.removesuffix('_hash').replace('_', ' ')} hash table.",
            "Tables here take the size that their contents need.",
        )
        for table, contexts in _TABLES.items()
        for what in ("max", "bucket")
    ),
    _nothing(
        "connection_pool_size",
        HTTP | SERVER,
        Size(),
        "Memory taken at once for a connection.",
        "Memory of connections and requests comes from arenas, whose blocks have the size that suits them.",
    ),
    _nothing(
        "request_pool_size",
        HTTP | SERVER,
        Size(),
        "Memory taken at once for a request.",
        "Memory of connections and requests comes from arenas, whose blocks have the size that suits them.",
    ),
    _nothing(
        "tcp_nodelay",
        EVERYWHERE,
        Flag(),
        "Whether small packets leave at once.",
        "All output of one turn of the loop leaves in one call, and at once.",
    ),
    _nothing(
        "tcp_nopush",
        EVERYWHERE,
        Flag(),
        "Whether a head waits for its body, to share a packet.",
        "Head and body share packets without it: they leave in one call; before a file the kernel is told "
        "that more follows.",
    ),
    _nothing(
        "send_lowat",
        EVERYWHERE,
        Size(),
        "Low-water mark of sending.",
        "Linux has none; nginx ignores it there too.",
    ),
    _nothing(
        "proxy_send_lowat",
        EVERYWHERE,
        Size(),
        "Low-water mark of sending to upstreams.",
        "Linux has none; nginx ignores it there too.",
    ),
)
