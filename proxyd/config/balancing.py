"""What the lines of an upstream block mean together: its balancing method, and what may stand beside it.

The order counts, as in nginx: a method decides which parameters the ``server`` lines behind it may have, and
takes the place of a method before it.
"""

from __future__ import annotations

from proxyd.config.check import Checker, Level
from proxyd.config.directives.balance import Balance, UpstreamZone
from proxyd.config.parser import Statement
from proxyd.config.plan import BALANCE_HASH_CONSISTENT, BALANCE_LEAST_CONN, BALANCE_ROUND_ROBIN, Peer
from proxyd.config.shapes import Invalid

METHODS = ("least_conn", "ip_hash", "hash", "random")
CONSISTENT_WEIGHT_MOST = 65536  # 160 points of 8 bytes for each unit: 80 MB in each worker


def _in_order(block: list[Statement], level: Level, names: tuple[str, ...]) -> list[tuple[Statement, object]]:
    """These statements of a block and their values, as far as they are right, in the file's order."""
    known: dict[int, object] = {}
    for name in names:
        values = level.values.get(name, [])
        listed = values if isinstance(values, list) else [values]
        known.update(zip(map(id, level.where.get(name, ())), listed, strict=True))
    return [(statement, known[id(statement)]) for statement in block if id(statement) in known]


def read_balance(checker: Checker, block: list[Statement], level: Level) -> Balance:
    """The method of an upstream block; what contradicts it is reported."""
    balance = Balance(BALANCE_ROUND_ROBIN, [])
    before = ""
    for statement, value in _in_order(block, level, (*METHODS, "server", "keepalive")):
        if isinstance(value, Balance):
            _warn_redefined(checker, statement, before)
            balance, before = value, statement.name
        elif statement.name == "keepalive":
            before = before or "keepalive"
        else:
            _check_backup(checker, statement, balance)
    if balance.method == BALANCE_HASH_CONSISTENT:
        _check_weight(checker, level)
    return balance


def _warn_redefined(checker: Checker, statement: Statement, before: str) -> None:
    if before:
        hint = (
            "nginx would not keep connections here: put it in front of keepalive"
            if before == "keepalive"
            else "the last one counts"
        )
        checker.scope.at(statement.name, statement).warn("load balancing method redefined", hint, -1)


def _check_backup(checker: Checker, statement: Statement, balance: Balance) -> None:
    if balance.method in (BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONN) or "backup" not in statement.args[1:]:
        return
    checker.wrong(
        statement,
        'balancing method does not support parameter "backup"',
        "only round robin and least_conn do",
        statement.args.index("backup", 1),
    )


def _check_weight(checker: Checker, level: Level) -> None:
    peers: list[Peer] = [peer for line in level.values.get("server", ()) for peer in line]
    total = sum(peer.weight for peer in peers if not peer.backup)
    if total > CONSISTENT_WEIGHT_MOST:
        checker.wrong(
            level.where["hash"][-1],
            f"the weights of a consistent hash add up to {total}",
            f"at most {CONSISTENT_WEIGHT_MOST}: each unit costs 160 points in memory",
        )


class Zones:
    """The zones that upstreams name. Several may share one, of one size."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._unsized: list[tuple[str, Statement]] = []

    def claim(self, checker: Checker, block: list[Statement]) -> None:
        """Note the zone lines of a block. Those that are wrong by themselves have been reported."""
        for statement in block:
            if statement.name != "zone" or not 1 <= len(statement.args) <= 2:
                continue
            try:
                value = UpstreamZone().read(statement.args, checker.scope)
            except Invalid:
                continue
            if value.size is None:
                self._unsized.append((value.name, statement))
                continue
            first = self._sizes.setdefault(value.name, value.size)
            if first != value.size:
                checker.wrong(
                    statement,
                    f'the size {value.size} of shared memory zone "{value.name}" conflicts with already '
                    f"declared size {first}",
                    "give it the same size, or none",
                    1,
                )

    def finish(self, checker: Checker) -> None:
        """Once all blocks are read: each zone has a size somewhere."""
        for name, statement in self._unsized:
            if name not in self._sizes:
                checker.wrong(statement, f'zero size shared memory zone "{name}"', "give it a size: 64k", 0)
