"""stub_status, metrics: locations, or servers without any, that tell how proxyd is doing."""

from __future__ import annotations

from proxyd.config.directive import LOCATION, SERVER, Directive
from proxyd.config.shapes import Shape


class Old(Shape):
    """Nothing; older configurations write "on"."""

    most = 1


DIRECTIVES = (
    Directive(
        "stub_status",
        SERVER | LOCATION,
        Old(),
        "Answers with the numbers of connections and requests, in nginx's form, summed over all workers.",
    ),
    Directive(
        "metrics",
        SERVER | LOCATION,
        Shape(),
        "Answers with all counters in the text format of Prometheus, summed over all workers. Who may see "
        "them is for the location to say.",
    ),
)
