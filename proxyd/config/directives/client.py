"""What is peculiar about clients: fields that are none, old browsers, connections that do not end."""

from __future__ import annotations

from collections.abc import Sequence

from proxyd.config.directive import EVERYWHERE, HTTP, SERVER, Context, Directive
from proxyd.config.plan import KEEPALIVE_MSIE6, KEEPALIVE_SAFARI, LINGERING
from proxyd.config.shapes import (
    Bits,
    BufferCount,
    Choice,
    Duration,
    Flag,
    Invalid,
    Number,
    Scope,
    Shape,
    Size,
)
from proxyd.config.units import parse_time

MOST_HEADERS = 1000  # of what the parser has room for

KEEPALIVE_DISABLE = {"none": 0, "msie6": KEEPALIVE_MSIE6, "safari": KEEPALIVE_SAFARI}


class MaxHeaders(Number):
    """A number of fields, as far as there is room for them."""

    def value(self, text: str, scope: Scope) -> int:
        number = super().value(text, scope)
        if number > MOST_HEADERS:
            raise Invalid(
                f'"{scope.name}" directive invalid value "{text}"',
                f"nginx takes more than {MOST_HEADERS}, proxyd does not",
            )
        return number


class NameServers(Shape):
    """Addresses, and how long and what is asked of them."""

    least = 1
    most = None
    hint = "an address or several, then valid=TIME, ipv4=on|off, ipv6=on|off, status_zone=NAME"

    def read(self, args: Sequence[str], scope: Scope) -> bool:
        for place, text in enumerate(args):
            key, _, value = text.partition("=")
            good = {
                "valid": parse_time(value, seconds=True) is not None,
                "ipv4": value in ("on", "off"),
                "ipv6": value in ("on", "off"),
                "status_zone": bool(value),
            }
            if not good.get(key, "=" not in text):
                raise Invalid(f"invalid parameter: {text}", self.hint, place)
        if all("=" in text for text in args):
            raise Invalid("no name servers defined", self.hint)
        return True

    def describe(self) -> str:
        return "address ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone]"


def _nothing(name: str, contexts: Context, shape: Shape, doc: str, why: str) -> Directive:
    return Directive(name, contexts, shape, doc, nothing=why)


DIRECTIVES = (
    Directive(
        "underscores_in_headers",
        HTTP | SERVER,
        Flag(),
        "Whether a field's name may have underscores; if not, it is an invalid one. For fields in front of "
        "Host, the address's default server decides.",
        default="off",
        setting=True,
    ),
    Directive(
        "ignore_invalid_headers",
        HTTP | SERVER,
        Flag(),
        "Whether fields whose names have other characters than letters, digits and dashes are left out. "
        "What is no name at all (RFC 9110 5.6.2) is refused either way. For fields in front of Host, the "
        "address's default server decides.",
        default="on",
        setting=True,
    ),
    Directive(
        "merge_slashes",
        HTTP | SERVER,
        Flag(),
        "Whether neighbouring slashes of a path count as one. The address's default server decides.",
        default="on",
        setting=True,
    ),
    Directive(
        "max_headers",
        HTTP | SERVER,
        MaxHeaders(least=1),
        f"Header fields that a request may have (400); at most {MOST_HEADERS}.",
        default=str(MOST_HEADERS),
        setting=True,
    ),
    Directive(
        "keepalive_disable",
        EVERYWHERE,
        Bits(KEEPALIVE_DISABLE, most=2),
        "Browsers whose connections are closed after each request: old MSIE after POST, Safari on macOS.",
        default="msie6",
        setting=True,
    ),
    Directive(
        "keepalive_min_timeout",
        EVERYWHERE,
        Duration(),
        "For so long an idle connection is not closed to make room or because its worker leaves.",
        default="0",
        setting=True,
    ),
    Directive(
        "lingering_close",
        EVERYWHERE,
        Choice(LINGERING),
        "Whether a connection that ends is read for a while, so that the client gets to read the answer: "
        "on: when the client seems to be sending; always; off: never.",
        default="on",
        setting=True,
    ),
    Directive(
        "lingering_time",
        EVERYWHERE,
        Duration(),
        "How long what a client sends on and on is read and thrown away.",
        default="30s",
        setting=True,
    ),
    Directive(
        "lingering_timeout",
        EVERYWHERE,
        Duration(),
        "How long more of that is waited for.",
        default="5s",
        setting=True,
    ),
    Directive(
        "reset_timedout_connection",
        EVERYWHERE,
        Flag(),
        "Whether connections that timed out, and those closed by `return 444`, are reset: the kernel then "
        "keeps nothing of them.",
        default="off",
        setting=True,
    ),
    Directive(
        "chunked_transfer_encoding",
        EVERYWHERE,
        Flag(),
        "Whether answers of unknown length are sent in chunks; if not, the connection's end is theirs.",
        default="on",
        setting=True,
    ),
    Directive(
        "sendfile",
        EVERYWHERE,
        Flag(),
        "Whether files are sent without a copy in this process. In nginx the default is off; clients cannot "
        "tell.",
        default="on",
        setting=True,
    ),
    Directive(
        "sendfile_max_chunk",
        EVERYWHERE,
        Size(),
        "How much of a file one call may send, so that a fast client does not keep a worker to itself; 0: as "
        "much as the kernel takes.",
        default="2m",
        setting=True,
    ),
    Directive(
        "output_buffers",
        EVERYWHERE,
        BufferCount(),
        "Number and size of the buffers into which files are read where sendfile is off.",
        default="2 32k",
        setting=True,
    ),
    _nothing(
        "msie_padding",
        EVERYWHERE,
        Flag(),
        "Whether error pages for MSIE are padded to 512 bytes.",
        "Browsers that hid short error pages are no longer in use: no page is padded.",
    ),
    _nothing(
        "msie_refresh",
        EVERYWHERE,
        Flag(),
        "Whether MSIE is sent refreshes in the place of redirects.",
        "Browsers that did not understand redirects are no longer in use: redirects are sent.",
    ),
    _nothing(
        "subrequest_output_buffer_size",
        EVERYWHERE,
        Size(),
        "Buffer for the answer of a subrequest.",
        "No directive here makes subrequests.",
    ),
    _nothing(
        "postpone_output",
        EVERYWHERE,
        Size(),
        "How many bytes are gathered before they are sent.",
        "All output of one turn of the loop leaves in one call, and does not wait for more.",
    ),
    _nothing(
        "resolver",
        EVERYWHERE,
        NameServers(),
        "Name servers for names that are known only at run time.",
        "Names that variables of proxy_pass make are not looked up yet: unless an upstream has that name, "
        'the answer is 502 and the error log says "no resolver defined to resolve". Names written in the '
        "configuration are looked up by the system when it is loaded.",
    ),
    _nothing(
        "resolver_timeout",
        EVERYWHERE,
        Duration(),
        "How long the look-up of a name may take.",
        "See resolver.",
    ),
)
