"""Plan objects: encoded one by one, named by the digest of kind and bytes, kept once each."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from proxyd.config.plan import DIGEST_BYTES, PlanObject


class Objects:
    """Gathers the objects of one Plan. Each is added after all that it refers to, so the order is right."""

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._found: dict[bytes, PlanObject] = {}

    def add(self, struct: Any) -> bytes:
        """Encode a Struct; its digest."""
        kind = type(struct).__name__
        body = self._encode(struct)
        digest = hashlib.blake2b(kind.encode() + body, digest_size=DIGEST_BYTES).digest()
        if digest not in self._found:
            self._found[digest] = PlanObject(kind=kind, digest=digest, body=body)
        return digest

    def all(self) -> list[PlanObject]:
        """Every object, each after those that it refers to."""
        return list(self._found.values())
