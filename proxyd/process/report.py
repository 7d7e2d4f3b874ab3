"""What `proxyd reload` tells: how long it took, and what is different now."""

from __future__ import annotations

from proxyd.config.change import Change
from proxyd.process.messages import Reply

_MOST_DETAILS = 12
_MOST_CHANGES = 60


def reload_facts(reply: Reply, seconds: float) -> dict[str, object]:
    """For programs."""
    return {
        "done": reply.done,
        "generation": reply.generation,
        "seconds": round(seconds, 3),
        "errors": reply.errors,
        "warnings": reply.warnings,
        "changes": [
            {"what": one.what, "kind": one.kind, "name": one.name, "details": one.details}
            for one in reply.changes
        ],
    }


def reload_text(reply: Reply, seconds: float) -> str:
    """For people: one line, and one for each change."""
    lines = [f"reloaded in {seconds:.3f} s, generation {reply.generation}"]
    lines += [line for change in reply.changes[:_MOST_CHANGES] for line in _lines(change)]
    if len(reply.changes) > _MOST_CHANGES:
        lines.append(f"  and {len(reply.changes) - _MOST_CHANGES} more; --json shows all")
    if not reply.changes:
        lines.append("  no server, location, upstream, map, zone or address is different")
    return "\n".join(lines)


def _lines(change: Change) -> list[str]:
    lines = [f"  {change.what:<8} {change.kind} {change.name}"]
    lines += [f"             {detail}" for detail in change.details[:_MOST_DETAILS]]
    if len(change.details) > _MOST_DETAILS:
        lines.append(f"             and {len(change.details) - _MOST_DETAILS} more")
    return lines
