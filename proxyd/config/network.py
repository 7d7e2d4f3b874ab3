"""Networks as nginx's directives name them: an address, a CIDR block, ``unix:``, or the name of a host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from proxyd.config.plan import Network
from proxyd.config.shapes import Invalid, Scope, Shape

_WRITTEN = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?\Z")


class Networks(Shape):
    """One network, or all addresses of a host."""

    least = 1
    most = 1
    hint = "an address, a network such as 10.0.0.0/8, unix: or the name of a host"

    def read(self, args: Sequence[str], scope: Scope) -> list[Network]:
        text = args[0]
        if text == "unix:":
            return [Network(address=b"", bits=0)]
        try:
            if not _WRITTEN.match(text):  # Python would take netmasks and zones, too
                raise ValueError
            given = ipaddress.ip_interface(text)
        except ValueError:
            return self._host(text, scope)
        network = given.network
        if given.ip != network.network_address:
            scope.warn(f"low address bits of {text} are meaningless", f"the network is {network}")
        return [Network(address=network.network_address.packed, bits=network.prefixlen)]

    def _host(self, text: str, scope: Scope) -> list[Network]:
        found = [] if "/" in text else scope.resolve(text, 0)
        if not found:
            raise Invalid(f'host not found in {scope.name} "{text}"', self.hint)
        return [Network(address=packed, bits=8 * len(packed)) for _, packed in found]

    def describe(self) -> str:
        return "address | CIDR | unix:"
