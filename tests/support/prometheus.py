"""A strict reader of Prometheus' text format, version 0.0.4: what a scraper might stumble over is an error.

https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf|NaN)")
_TYPES = ("counter", "gauge", "histogram", "summary", "untyped")

Labels = tuple[tuple[str, str], ...]


class Wrong(AssertionError):
    """The page is not in the format."""


@dataclass
class Family:
    """One metric: its HELP and TYPE, and the samples by name and labels."""

    name: str
    help: str
    type: str = "untyped"
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)


class Metrics:
    """A page, read."""

    def __init__(self, page: bytes) -> None:
        text = page.decode("utf-8")
        if not text.endswith("\n"):
            raise Wrong("the last line has no line feed")
        self.families: dict[str, Family] = {}
        self._current: Family | None = None
        for number, line in enumerate(text[:-1].split("\n"), 1):
            try:
                self._line(line)
            except Wrong as error:
                raise Wrong(f"line {number}: {error}: {line!r}") from None
        for family in self.families.values():
            _check(family)

    def value(self, name: str, **labels: str) -> float:
        """The value of one sample; KeyError when there is none."""
        for family in self.families.values():
            for (sample, found), value in family.samples.items():
                if sample == name and dict(found) == labels:
                    return value
        raise KeyError((name, labels))

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name whose labels have these values among others."""
        return sum(
            value
            for family in self.families.values()
            for (sample, found), value in family.samples.items()
            if sample == name and labels.items() <= dict(found).items()
        )

    def _line(self, line: str) -> None:
        if line.startswith("# HELP "):
            self._begin(line.removeprefix("# HELP "))
        elif line.startswith("# TYPE "):
            self._type(line.removeprefix("# TYPE "))
        elif not line.startswith("#"):
            self._sample(line)

    def _begin(self, rest: str) -> None:
        name, _, help_text = rest.partition(" ")
        _whole(_NAME, name, "name")
        if name in self.families:
            raise Wrong("a second group of this metric")
        if re.search(r"\\(?![\\n])", help_text):
            raise Wrong("an unknown escape")
        self._current = self.families[name] = Family(name, help_text)

    def _type(self, rest: str) -> None:
        name, _, kind = rest.partition(" ")
        family = self._current
        if family is None or name != family.name or family.samples or family.type != "untyped":
            raise Wrong("TYPE does not follow HELP")
        if kind not in _TYPES:
            raise Wrong("an unknown type")
        family.type = kind

    def _sample(self, line: str) -> None:
        match = _NAME.match(line)
        if match is None:
            raise Wrong("no name")
        name, rest = match[0], line[match.end() :]
        labels, rest = _labels(rest)
        if not rest.startswith(" "):
            raise Wrong("no space in front of the value")
        _whole(_VALUE, rest[1:], "value")
        family = self._current
        if family is None or name.removeprefix(family.name) not in _suffixes(family.type):
            raise Wrong("a sample outside of its group")
        key = (name, tuple(sorted(labels.items())))
        if key in family.samples:
            raise Wrong("the same sample twice")
        family.samples[key] = float(rest[1:])


def _suffixes(kind: str) -> tuple[str, ...]:
    return ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)


def _whole(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not pattern.fullmatch(text):
        raise Wrong(f"no {what}")


def _labels(rest: str) -> tuple[dict[str, str], str]:
    labels: dict[str, str] = {}
    if not rest.startswith("{"):
        return labels, rest
    rest = rest[1:]
    while True:
        match = _LABEL.match(rest)
        if match is None or match[0] in labels:
            raise Wrong("no label, or one twice")
        name, rest = match[0], rest[match.end() :]
        if not rest.startswith('="'):
            raise Wrong("a label without a value")
        labels[name], rest = _quoted(rest[2:])
        if rest.startswith("}"):
            return labels, rest[1:]
        if not rest.startswith(","):
            raise Wrong("labels without a comma")
        rest = rest[1:]


def _quoted(rest: str) -> tuple[str, str]:
    value, at = "", 0
    while rest[at : at + 1] != '"':
        if at >= len(rest):
            raise Wrong("a value without end")
        if rest[at] == "\\":
            at += 1
            if rest[at : at + 1] not in ("\\", '"', "n"):
                raise Wrong("an unknown escape")
            value += "\n" if rest[at] == "n" else rest[at]
        else:
            value += rest[at]
        at += 1
    return value, rest[at + 1 :]


def _check(family: Family) -> None:
    if not family.samples:
        raise Wrong(f"{family.name} has no samples")
    if not family.help:
        raise Wrong(f"{family.name} has no help")
    if family.type == "counter" and not family.name.endswith("_total"):
        raise Wrong(f"{family.name} is a counter and does not end in _total")
    for key, value in family.samples.items():
        if family.type == "counter" and not (value >= 0 and math.isfinite(value)):
            raise Wrong(f"{key} is {value}")
    if family.type == "histogram":
        _check_histogram(family)


def _check_histogram(family: Family) -> None:
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (name, labels), value in family.samples.items():
        if name.endswith("_bucket"):
            others = tuple(label for label in labels if label[0] != "le")
            series.setdefault(others, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in series.items():
        bounds, values = [bound for bound, _ in buckets], [value for _, value in buckets]
        if bounds != sorted(set(bounds)) or bounds[-1] != math.inf:
            raise Wrong(f"{family.name}{labels}: buckets out of order")
        if values != sorted(values):
            raise Wrong(f"{family.name}{labels}: a bucket has less than the one before")
        if family.samples[(f"{family.name}_count", labels)] != values[-1]:
            raise Wrong(f"{family.name}{labels}: _count is not the last bucket")
        if (f"{family.name}_sum", labels) not in family.samples:
            raise Wrong(f"{family.name}{labels}: no _sum")
