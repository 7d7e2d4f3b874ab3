/* Made by cextensions/generate.py from proxyd/shared/counters.py. Do not edit. */
#ifndef PX_GENERATED_COUNTERS_H
#define PX_GENERATED_COUNTERS_H

enum px_counter {
    /* counter, connections: Client connections that accept() gave. */
    PX_COUNTER_CONNECTIONS_ACCEPTED,
    /* counter, connections: Accepted connections that were served, not turned away. */
    PX_COUNTER_CONNECTIONS_HANDLED,
    /* counter, connections: Closed at once because worker_connections were in use. */
    PX_COUNTER_CONNECTIONS_REFUSED,
    /* counter, calls: accept() failed: out of descriptors or memory. */
    PX_COUNTER_ACCEPT_FAILURES,
    /* gauge, connections: Client connections open now, the idle ones included. */
    PX_COUNTER_CONNECTIONS_ACTIVE,
    /* gauge, connections: Client connections that wait for their next request. */
    PX_COUNTER_CONNECTIONS_IDLE,
    /* counter, requests: Request heads read completely, also those refused afterwards. */
    PX_COUNTER_REQUESTS,
    /* gauge, requests: Requests between their head and their end, tunnels included. */
    PX_COUNTER_REQUESTS_ACTIVE,
    /* counter, responses: Interim answers sent to clients, 101 included. */
    PX_COUNTER_RESPONSES_1XX,
    /* counter, responses: Requests that ended with a status of 200 to 299. */
    PX_COUNTER_RESPONSES_2XX,
    /* counter, responses: Requests that ended with a status of 300 to 399. */
    PX_COUNTER_RESPONSES_3XX,
    /* counter, responses: Requests that ended with a status of 400 to 499 (444, 499 too). */
    PX_COUNTER_RESPONSES_4XX,
    /* counter, responses: Requests that ended with a status of 500 to 599. */
    PX_COUNTER_RESPONSES_5XX,
    /* counter, requests: Refused because the message was not HTTP or was ambiguous. */
    PX_COUNTER_REQUESTS_MALFORMED,
    /* counter, requests: Ended because the client sent or took nothing for too long. */
    PX_COUNTER_REQUESTS_TIMED_OUT,
    /* counter, requests: The client went away before it had its answer. */
    PX_COUNTER_REQUESTS_ABORTED,
    /* counter, bytes: Read from clients. */
    PX_COUNTER_BYTES_RECEIVED,
    /* counter, bytes: Written to clients. */
    PX_COUNTER_BYTES_SENT,
    /* counter, tries: Times that a Request was handed to a Peer. */
    PX_COUNTER_UPSTREAM_TRIES,
    /* counter, tries: Tries that failed, whatever the Request did next. */
    PX_COUNTER_UPSTREAM_FAILURES,
    /* counter, tries: Tries after the first one of a Request (proxy_next_upstream). */
    PX_COUNTER_UPSTREAM_RETRIES,
    /* counter, tries: An idle connection was dead and the try was repeated unseen. */
    PX_COUNTER_UPSTREAM_STALE,
    /* counter, connections: connect() to a Peer failed or timed out. */
    PX_COUNTER_UPSTREAM_CONNECT_FAILURES,
    /* counter, tries: Tries ended by proxy_connect_, _send_ or _read_timeout. */
    PX_COUNTER_UPSTREAM_TIMEOUTS,
    /* counter, tries: Answers of Peers that were not HTTP or were ambiguous. */
    PX_COUNTER_UPSTREAM_MALFORMED,
    /* counter, requests: Requests for which every Peer was down or had failed. */
    PX_COUNTER_UPSTREAM_NO_LIVE,
    /* counter, connections: New connections to Peers. */
    PX_COUNTER_UPSTREAM_CONNECTIONS_OPENED,
    /* counter, connections: Tries that found an idle connection. */
    PX_COUNTER_UPSTREAM_CONNECTIONS_REUSED,
    /* gauge, connections: Connections to Peers in use, tunnels included. */
    PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE,
    /* gauge, connections: Connections to Peers kept for the next Request. */
    PX_COUNTER_UPSTREAM_CONNECTIONS_IDLE,
    /* counter, bytes: Read from Peers. */
    PX_COUNTER_UPSTREAM_BYTES_RECEIVED,
    /* counter, bytes: Written to Peers. */
    PX_COUNTER_UPSTREAM_BYTES_SENT,
    /* counter, times: A Peer reached max_fails and is left alone for fail_timeout. */
    PX_COUNTER_PEERS_FAILED,
    /* counter, times: A Peer that had failed answered again. */
    PX_COUNTER_PEERS_RECOVERED,
    /* counter, tunnels: Connections that became tunnels (Upgrade). */
    PX_COUNTER_TUNNELS_OPENED,
    /* gauge, tunnels: Tunnels open now. */
    PX_COUNTER_TUNNELS_ACTIVE,
    /* counter, lines: Access log lines made. */
    PX_COUNTER_LOG_LINES,
    /* counter, lines: Lines that could not be written; the error log says why. */
    PX_COUNTER_LOG_LINES_LOST,
    /* counter, buffers: No room in the Ledger: this log is not buffered. */
    PX_COUNTER_LOG_BUFFERS_REFUSED,
    /* counter, entries: A full Zone had no place for an entry; the error log names it. */
    PX_COUNTER_ZONE_REFUSALS,
    /* counter, entries: A full Zone gave up its oldest unused entry for a new one. */
    PX_COUNTER_ZONE_EVICTIONS,
    /* counter, times: A lock was taken over from a process that died holding it. */
    PX_COUNTER_ZONE_RECOVERIES,
    /* counter, generations: Plans that this worker put into service. */
    PX_COUNTER_GENERATIONS_ACTIVATED,
    /* counter, generations: Plans that this worker could not prepare. */
    PX_COUNTER_GENERATIONS_REFUSED,
    /* gauge, generations: Generations in memory: the current, and older in use. */
    PX_COUNTER_GENERATIONS_LIVE,
    PX_COUNTERS
};

/* X(constant, name) for each, in the order of the numbers. */
#define PX_COUNTER_LIST(X) \
    X(PX_COUNTER_CONNECTIONS_ACCEPTED, "connections_accepted") \
    X(PX_COUNTER_CONNECTIONS_HANDLED, "connections_handled") \
    X(PX_COUNTER_CONNECTIONS_REFUSED, "connections_refused") \
    X(PX_COUNTER_ACCEPT_FAILURES, "accept_failures") \
    X(PX_COUNTER_CONNECTIONS_ACTIVE, "connections_active") \
    X(PX_COUNTER_CONNECTIONS_IDLE, "connections_idle") \
    X(PX_COUNTER_REQUESTS, "requests") \
    X(PX_COUNTER_REQUESTS_ACTIVE, "requests_active") \
    X(PX_COUNTER_RESPONSES_1XX, "responses_1xx") \
    X(PX_COUNTER_RESPONSES_2XX, "responses_2xx") \
    X(PX_COUNTER_RESPONSES_3XX, "responses_3xx") \
    X(PX_COUNTER_RESPONSES_4XX, "responses_4xx") \
    X(PX_COUNTER_RESPONSES_5XX, "responses_5xx") \
    X(PX_COUNTER_REQUESTS_MALFORMED, "requests_malformed") \
    X(PX_COUNTER_REQUESTS_TIMED_OUT, "requests_timed_out") \
    X(PX_COUNTER_REQUESTS_ABORTED, "requests_aborted") \
    X(PX_COUNTER_BYTES_RECEIVED, "bytes_received") \
    X(PX_COUNTER_BYTES_SENT, "bytes_sent") \
    X(PX_COUNTER_UPSTREAM_TRIES, "upstream_tries") \
    X(PX_COUNTER_UPSTREAM_FAILURES, "upstream_failures") \
    X(PX_COUNTER_UPSTREAM_RETRIES, "upstream_retries") \
    X(PX_COUNTER_UPSTREAM_STALE, "upstream_stale") \
    X(PX_COUNTER_UPSTREAM_CONNECT_FAILURES, "upstream_connect_failures") \
    X(PX_COUNTER_UPSTREAM_TIMEOUTS, "upstream_timeouts") \
    X(PX_COUNTER_UPSTREAM_MALFORMED, "upstream_malformed") \
    X(PX_COUNTER_UPSTREAM_NO_LIVE, "upstream_no_live") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_OPENED, "upstream_connections_opened") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_REUSED, "upstream_connections_reused") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, "upstream_connections_active") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_IDLE, "upstream_connections_idle") \
    X(PX_COUNTER_UPSTREAM_BYTES_RECEIVED, "upstream_bytes_received") \
    X(PX_COUNTER_UPSTREAM_BYTES_SENT, "upstream_bytes_sent") \
    X(PX_COUNTER_PEERS_FAILED, "peers_failed") \
    X(PX_COUNTER_PEERS_RECOVERED, "peers_recovered") \
    X(PX_COUNTER_TUNNELS_OPENED, "tunnels_opened") \
    X(PX_COUNTER_TUNNELS_ACTIVE, "tunnels_active") \
    X(PX_COUNTER_LOG_LINES, "log_lines") \
    X(PX_COUNTER_LOG_LINES_LOST, "log_lines_lost") \
    X(PX_COUNTER_LOG_BUFFERS_REFUSED, "log_buffers_refused") \
    X(PX_COUNTER_ZONE_REFUSALS, "zone_refusals") \
    X(PX_COUNTER_ZONE_EVICTIONS, "zone_evictions") \
    X(PX_COUNTER_ZONE_RECOVERIES, "zone_recoveries") \
    X(PX_COUNTER_GENERATIONS_ACTIVATED, "generations_activated") \
    X(PX_COUNTER_GENERATIONS_REFUSED, "generations_refused") \
    X(PX_COUNTER_GENERATIONS_LIVE, "generations_live")

#endif
