"""The counters: one table of name, kind, unit and meaning.

From it come the C enum (``generated/counters.h``), the cells of a worker's Ledger, ``proxyd status``
and the reference page. A counter states a fact and is added to at the one place where that fact happens.
Each worker writes its own cells; readers add up. A *counter* only grows and outlives its worker (the master
keeps what the dead counted); a *gauge* is what is so now and dies with its worker.

New ones go to the end of their group; the numbers are no interface: engine and master of one build agree, and
the layout digest refuses any other pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from proxyd.shared.reasons import REASONS

Kind = Literal["counter", "gauge"]


@dataclass(frozen=True)
class Counter:
    """One counter: its cell's number is its place in COUNTERS."""

    name: str
    kind: Kind
    unit: str
    meaning: str

    @property
    def metric(self) -> tuple[str, tuple[str, str] | None]:
        """How Prometheus sees it, behind "proxyd_": a name, and a label where several make one family."""
        if self.name.startswith("responses_"):
            return "responses_total", ("class", self.name.removeprefix("responses_"))
        if self.name.startswith("reason_"):
            return "requests_failed_total", ("reason", self.name.removeprefix("reason_"))
        return self.name + ("_total" if self.kind == "counter" else ""), None

    @property
    def metric_help(self) -> str:
        """One sentence for the family."""
        if self.name.startswith("responses_"):
            return "Requests that ended, by class of status."
        return "Requests that failed, by reason." if self.name.startswith("reason_") else self.meaning


def _of(kind: Kind) -> Callable[[str, str, str], Counter]:
    def declare(name: str, unit: str, meaning: str) -> Counter:
        return Counter(name, kind, unit, meaning)

    return declare


_counter = _of("counter")
_gauge = _of("gauge")

COUNTERS: tuple[Counter, ...] = (
    # Clients.
    _counter("connections_accepted", "connections", "Client connections that accept() gave."),
    _counter("connections_handled", "connections", "Accepted connections that were served, not turned away."),
    _counter("accept_failures", "calls", "accept() failed: out of descriptors or memory."),
    _gauge("connections_active", "connections", "Client connections open now, the idle ones included."),
    _gauge("connections_idle", "connections", "Of these, waiting for a request, or for the client's end."),
    # Requests.
    _counter("requests", "requests", "Request heads read completely, also those refused afterwards."),
    _gauge("requests_active", "requests", "Requests between their head and their end, tunnels included."),
    _counter("responses_1xx", "responses", "Requests that ended with a status of 100 to 199: 101, tunnels."),
    _counter("responses_2xx", "responses", "Requests that ended with a status of 200 to 299."),
    _counter("responses_3xx", "responses", "Requests that ended with a status of 300 to 399."),
    _counter("responses_4xx", "responses", "Requests that ended with a status of 400 to 499 (444, 499 too)."),
    _counter("responses_5xx", "responses", "Requests that ended with a status of 500 to 599."),
    _counter("requests_malformed", "requests", "Refused because the message was not HTTP or was ambiguous."),
    _counter("requests_timed_out", "requests", "Ended because the client sent or took nothing for too long."),
    _counter("requests_aborted", "requests", "The client went away before it had its answer."),
    _counter("bytes_received", "bytes", "Read from clients."),
    _counter("bytes_sent", "bytes", "Written to clients."),
    # Upstreams.
    _counter("upstream_tries", "tries", "Times that a Request was handed to a Peer."),
    _counter("upstream_failures", "tries", "Tries that failed, whatever the Request did next."),
    _counter("upstream_retries", "tries", "Tries after the first one of a Request (proxy_next_upstream)."),
    _counter("upstream_stale", "tries", "An idle connection was dead and the try was repeated unseen."),
    _counter("upstream_connect_failures", "connections", "connect() to a Peer failed or timed out."),
    _counter("upstream_timeouts", "tries", "Tries ended by proxy_connect_, _send_ or _read_timeout."),
    _counter("upstream_malformed", "tries", "Answers of Peers that were not HTTP or were ambiguous."),
    _counter("upstream_no_live", "requests", "Requests for which every Peer was down or had failed."),
    _counter("upstream_connections_opened", "connections", "New connections to Peers."),
    _counter("upstream_connections_reused", "connections", "Tries that found an idle connection."),
    _gauge("upstream_connections_active", "connections", "Connections to Peers in use, tunnels included."),
    _gauge("upstream_connections_idle", "connections", "Connections to Peers kept for the next Request."),
    _counter("upstream_bytes_received", "bytes", "Read from Peers."),
    _counter("upstream_bytes_sent", "bytes", "Written to Peers."),
    _counter("peers_failed", "times", "A Peer reached max_fails and is left alone for fail_timeout."),
    _counter("peers_recovered", "times", "A Peer that had failed answered again."),
    # Tunnels.
    _counter("tunnels_opened", "tunnels", "Connections that became tunnels (Upgrade)."),
    _gauge("tunnels_active", "tunnels", "Tunnels open now."),
    # Logs.
    _counter("log_lines", "lines", "Access log lines made."),
    _counter("log_lines_lost", "lines", "Lines that could not be written; the error log says why."),
    _counter("log_buffers_refused", "buffers", "No room in the Ledger: this log is not buffered."),
    # Limits.
    _counter("limit_req_passed", "requests", "Requests that limit_req let in at once."),
    _counter("limit_req_delayed", "requests", "Requests that limit_req let wait."),
    _counter("limit_req_rejected", "requests", "Requests that limit_req refused."),
    _counter("limit_req_delayed_dry_run", "requests", "Those that it would have let wait."),
    _counter("limit_req_rejected_dry_run", "requests", "Those that it would have refused."),
    _counter("limit_conn_passed", "requests", "Requests that limit_conn let in."),
    _counter("limit_conn_rejected", "requests", "Requests that limit_conn refused."),
    _counter("limit_conn_rejected_dry_run", "requests", "Those that it would have refused."),
    _gauge("limit_conn_held", "places", "Places that requests hold in zones of limit_conn now."),
    # Shared memory.
    _counter("zone_refusals", "entries", "A full Zone had no place for an entry; the error log names it."),
    _counter("zone_evictions", "entries", "A full Zone gave up its oldest unused entry for a new one."),
    _counter("zone_recoveries", "times", "A lock was taken over from a process that died holding it."),
    # Generations.
    _counter("generations_activated", "generations", "Plans that this worker put into service."),
    _counter("generations_refused", "generations", "Plans that this worker could not prepare."),
    _gauge("generations_live", "generations", "Generations in memory: the current, and older in use."),
    # The master.
    _counter("reloads", "reloads", "Configurations that replaced the one before."),
    _counter(
        "reloads_failed", "reloads", "Reloads that changed nothing: an error, or a worker that refused."
    ),
    _counter("worker_deaths", "deaths", "Workers that ended without being asked to."),
    _counter("helper_deaths", "deaths", "Helpers that ended without being asked to."),
    _counter("log_bytes_saved", "bytes", "Log lines that were written for workers that had died."),
    _gauge("generation", "number", "Number of the configuration that serves, from 1."),
    _gauge("started_ms", "milliseconds since 1970", "When the master started."),
    _gauge("activated_ms", "milliseconds since 1970", "When the configuration that serves was activated."),
    # Why requests failed: one for each code, in the order of the codes.
    *(_counter(f"reason_{reason.name}", "requests", f"Failed: {reason.meaning}") for reason in REASONS),
)

NUMBER: dict[str, int] = {counter.name: number for number, counter in enumerate(COUNTERS)}


# The metrics page says these in seconds.
IN_SECONDS = ("started_ms", "activated_ms")
