"""allow, deny, satisfy, limit_except: who may come in."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from proxyd.config import plan
from proxyd.config.directive import EVERYWHERE, LIMIT_EXCEPT, LOCATION, Directive
from proxyd.config.plan import AccessRule
from proxyd.config.shapes import Choice, Invalid, OneArgument, Scope, Shape, encode

METHODS = frozenset(
    (
        *("GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND"),
        *("PROPPATCH", "LOCK", "UNLOCK", "PATCH"),
    )
)


class AccessShape(OneArgument):
    """An address, a network, unix: or all."""

    type = list[AccessRule]
    hint = "an address, a network such as 10.0.0.0/8 or 2001:db8::/32, unix: or all"

    def value(self, text: str, scope: Scope) -> AccessRule:
        deny = scope.name == "deny"
        if text == "all":
            return AccessRule(deny=deny, family=0, network=b"", prefix=0)
        if text == "unix:":
            return AccessRule(deny=deny, family=1, network=b"", prefix=0)
        address, slash, prefix = text.partition("/")
        try:
            if (slash and not prefix.isdigit()) or "%" in address:
                raise ValueError  # Python knows more forms than an operator means
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise Invalid(f'invalid parameter "{text}"', self.hint) from None
        if str(network.network_address) != str(ipaddress.ip_address(address)):
            scope.warn(f"low address bits of {text} are meaningless", f"it is the network {network}")
        return AccessRule(
            deny=deny,
            family=network.version,
            network=network.network_address.packed,
            prefix=network.prefixlen,
        )

    def describe(self) -> str:
        return "address | network | unix: | all"


class MethodsShape(Shape):
    """Names of methods."""

    least = 1
    most = None
    hint = "methods such as GET and POST"

    def read(self, args: Sequence[str], scope: Scope) -> list[bytes]:
        names: list[str] = []
        for place, text in enumerate(args):
            name = text.upper()
            if name not in METHODS:
                raise Invalid(f'invalid method "{text}"', f"one of {', '.join(sorted(METHODS))}", place)
            names += [name, "HEAD"] if name == "GET" else [name]
        return [encode(name) for name in dict.fromkeys(names)]

    def describe(self) -> str:
        return "method ..."


_RULES = "The first of the `allow` and `deny` lines that fits the client's address decides."

DIRECTIVES = (
    Directive(
        "allow",
        EVERYWHERE | LIMIT_EXCEPT,
        AccessShape(),
        f"Lets these clients in. {_RULES} Those of an outer level apply only where a level has neither.",
        setting=True,
        fields=(("access_rules", list[AccessRule]),),
        repeats=True,
        group="access",
    ),
    Directive(
        "deny",
        EVERYWHERE | LIMIT_EXCEPT,
        AccessShape(),
        f"Keeps these clients out: they get 403. {_RULES}",
        setting=True,
        fields=(),
        repeats=True,
        group="access",
    ),
    Directive(
        "satisfy",
        EVERYWHERE,
        Choice({"all": plan.SATISFY_ALL, "any": plan.SATISFY_ANY}),
        "Whether a client must satisfy all that guards a location, or any of it. Only `allow` and `deny` "
        "guard so far.",
        default="all",
        setting=True,
    ),
    Directive(
        "limit_except",
        LOCATION,
        MethodsShape(),
        "What else holds for requests with other methods than these (GET includes HEAD): `allow`, `deny` and "
        "`access_log`.",
        block=True,
        repeats=True,
    ),
)
