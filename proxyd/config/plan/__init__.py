"""The Plan: a finished configuration as plain values, nothing left to inherit or look up.

The files of this folder, by theme:

- base: references, templates, patterns, of which the others are made;
- maps, logs, limits, documents, proxying: the values of directives, as Settings hold them;
- upstreams, servers: the graph that a request walks, from a listening socket to a location and a peer;
- process: what the master does; whole: the two together.

``cextensions/generate.py`` turns every ``S`` here (and ``Settings``, made from the directive table) into a C
struct ``px_plan_<name>`` and its reader: a field exists once, here.

The engine's part of a Plan is a set of *objects*, each encoded on its own and named by the digest of its
bytes. Objects refer to each other by digest, so an object's digest covers everything below it (as in git).
A worker that already holds an object of that digest shares it with the Generation before; only what changed
is read. Objects are ordered so that an object comes after all that it refers to.

How Python types travel: ``bool``, ``int`` (signed 64 bit), ``bytes`` (px_slice), ``list[T]`` (items and
count), a Struct or ``Struct | None`` (pointer, NULL for None), ``Ref`` (16 bytes of digest; in C a pointer
to the object), ``Ref | None``. All Structs are arrays by position. Times are milliseconds, sizes are bytes,
unless the name says otherwise.
"""

from __future__ import annotations

from proxyd.config.plan.base import *
from proxyd.config.plan.documents import *
from proxyd.config.plan.limits import *
from proxyd.config.plan.logs import *
from proxyd.config.plan.maps import *
from proxyd.config.plan.process import *
from proxyd.config.plan.proxying import *
from proxyd.config.plan.servers import *
from proxyd.config.plan.upstreams import *
from proxyd.config.plan.whole import *
