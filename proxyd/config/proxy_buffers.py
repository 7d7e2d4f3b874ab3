"""The sizes of proxy_*buffer* and proxy_*temp_file* of one level, which must agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxyd.config.errors import Report
from proxyd.config.node import Node
from proxyd.config.plan import Buffers


def temp_file_write_size(node: Node) -> int:
    """proxy_temp_file_write_size; where nobody gave it, twice the largest buffer."""
    given: int | None = node.values["proxy_temp_file_write_size"]
    if given is not None:
        return given
    buffers: Buffers = node.values["proxy_buffers"]
    single: int = node.values["proxy_buffer_size"]
    return 2 * max(single, buffers.size)


def check_buffers(node: Node, report: Report) -> None:
    """Report the first rule that the sizes of a level break."""
    sizes = _Sizes.of(node)
    for rule in _RULES:
        found = rule(sizes)
        if found is None:
            continue
        blame, message, hint = found
        report.at(node.first_of(*blame), "emerg", message, hint)
        return


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The sizes of one level that must agree with each other."""

    buffers: Buffers
    largest: int  # of all single buffers
    busy: int
    write: int
    file: int

    @classmethod
    def of(cls, node: Node) -> _Sizes:
        values = node.values
        buffers: Buffers = values["proxy_buffers"]
        largest = max(values["proxy_buffer_size"], buffers.size)
        busy: int | None = values["proxy_busy_buffers_size"]
        return cls(
            buffers,
            largest,
            2 * largest if busy is None else busy,
            temp_file_write_size(node),
            values["proxy_max_temp_file_size"],
        )


_Wrong = tuple[tuple[str, ...], str, str]  # directives to blame, message, hint
_LARGEST = 'maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"'


def _too_few_buffers(sizes: _Sizes) -> _Wrong | None:
    if sizes.buffers.number >= 2:
        return None
    return ("proxy_buffers",), 'there must be at least 2 "proxy_buffers"', ""


def _busy_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.busy >= sizes.largest:
        return None
    return (
        ("proxy_busy_buffers_size", "proxy_buffer_size", "proxy_buffers"),
        f'"proxy_busy_buffers_size" must be equal to or greater than the {_LARGEST}',
        f"{sizes.busy} is less than {sizes.largest}",
    )


def _busy_too_large(sizes: _Sizes) -> _Wrong | None:
    room = (sizes.buffers.number - 1) * sizes.buffers.size
    if sizes.busy <= room:
        return None
    return (
        ("proxy_busy_buffers_size", "proxy_buffers", "proxy_buffer_size"),
        '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer',
        f"{sizes.busy} is more than {room}; more or larger proxy_buffers help",
    )


def _write_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.write >= sizes.largest:
        return None
    return (
        ("proxy_temp_file_write_size", "proxy_buffer_size", "proxy_buffers"),
        f'"proxy_temp_file_write_size" must be equal to or greater than the {_LARGEST}',
        f"{sizes.write} is less than {sizes.largest}",
    )


def _file_too_small(sizes: _Sizes) -> _Wrong | None:
    if sizes.file == 0 or sizes.file >= sizes.largest:
        return None
    return (
        ("proxy_max_temp_file_size", "proxy_buffer_size", "proxy_buffers"),
        '"proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must be equal '
        f"to or greater than the {_LARGEST}",
        f"{sizes.file} is less than {sizes.largest}",
    )


_RULES: tuple[Callable[[_Sizes], _Wrong | None], ...] = (
    _too_few_buffers,
    _busy_too_small,
    _busy_too_large,
    _write_too_small,
    _file_too_small,
)
