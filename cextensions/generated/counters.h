/* Made by cextensions/generate.py from proxyd/shared/counters.py and cells.py. Do not edit. */
#ifndef PX_GENERATED_COUNTERS_H
#define PX_GENERATED_COUNTERS_H

enum px_counter {
    /* counter, connections: Client connections that accept() gave. */
    PX_COUNTER_CONNECTIONS_ACCEPTED,
    /* counter, connections: Accepted connections that were served, not turned away. */
    PX_COUNTER_CONNECTIONS_HANDLED,
    /* counter, calls: accept() failed: out of descriptors or memory. */
    PX_COUNTER_ACCEPT_FAILURES,
    /* gauge, connections: Client connections open now, the idle ones included. */
    PX_COUNTER_CONNECTIONS_ACTIVE,
    /* gauge, connections: Of these, waiting for a request, or for the client's end. */
    PX_COUNTER_CONNECTIONS_IDLE,
    /* counter, requests: Request heads read completely, also those refused afterwards. */
    PX_COUNTER_REQUESTS,
    /* gauge, requests: Requests between their head and their end, tunnels included. */
    PX_COUNTER_REQUESTS_ACTIVE,
    /* counter, responses: Requests that ended with a status of 100 to 199: 101, tunnels. */
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
    /* counter, requests: Requests that limit_req let in at once. */
    PX_COUNTER_LIMIT_REQ_PASSED,
    /* counter, requests: Requests that limit_req let wait. */
    PX_COUNTER_LIMIT_REQ_DELAYED,
    /* counter, requests: Requests that limit_req refused. */
    PX_COUNTER_LIMIT_REQ_REJECTED,
    /* counter, requests: Those that it would have let wait. */
    PX_COUNTER_LIMIT_REQ_DELAYED_DRY_RUN,
    /* counter, requests: Those that it would have refused. */
    PX_COUNTER_LIMIT_REQ_REJECTED_DRY_RUN,
    /* counter, requests: Requests that limit_conn let in. */
    PX_COUNTER_LIMIT_CONN_PASSED,
    /* counter, requests: Requests that limit_conn refused. */
    PX_COUNTER_LIMIT_CONN_REJECTED,
    /* counter, requests: Those that it would have refused. */
    PX_COUNTER_LIMIT_CONN_REJECTED_DRY_RUN,
    /* gauge, places: Places that requests hold in zones of limit_conn now. */
    PX_COUNTER_LIMIT_CONN_HELD,
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
    /* counter, reloads: Configurations that replaced the one before. */
    PX_COUNTER_RELOADS,
    /* counter, reloads: Reloads that changed nothing: an error, or a worker that refused. */
    PX_COUNTER_RELOADS_FAILED,
    /* counter, deaths: Workers that ended without being asked to. */
    PX_COUNTER_WORKER_DEATHS,
    /* counter, deaths: Helpers that ended without being asked to. */
    PX_COUNTER_HELPER_DEATHS,
    /* counter, bytes: Log lines that were written for workers that had died. */
    PX_COUNTER_LOG_BYTES_SAVED,
    /* gauge, number: Number of the configuration that serves, from 1. */
    PX_COUNTER_GENERATION,
    /* gauge, milliseconds since 1970: When the master started. */
    PX_COUNTER_STARTED_MS,
    /* gauge, milliseconds since 1970: When the configuration that serves was activated. */
    PX_COUNTER_ACTIVATED_MS,
    /* counter, requests: Failed: The peer refused the connection. */
    PX_COUNTER_REASON_CONNECT_REFUSED,
    /* counter, requests: Failed: The peer did not accept a connection within `proxy_connect_timeout`. */
    PX_COUNTER_REASON_CONNECT_TIMEOUT,
    /* counter, requests: Failed: connect() failed for another reason; the line in the error log has the system's. */
    PX_COUNTER_REASON_CONNECT_FAILED,
    /* counter, requests: Failed: The peer closed or reset the connection while the request was being sent. */
    PX_COUNTER_REASON_SEND_FAILED,
    /* counter, requests: Failed: The peer took no byte of the request for `proxy_send_timeout`. */
    PX_COUNTER_REASON_SEND_TIMEOUT,
    /* counter, requests: Failed: The peer reset the connection while its answer was awaited or read. */
    PX_COUNTER_REASON_READ_FAILED,
    /* counter, requests: Failed: The peer sent no byte for `proxy_read_timeout`. */
    PX_COUNTER_REASON_READ_TIMEOUT,
    /* counter, requests: Failed: The peer closed the connection before its answer was complete. */
    PX_COUNTER_REASON_PREMATURE_CLOSE,
    /* counter, requests: Failed: The head of the peer's answer is larger than `proxy_buffer_size`. */
    PX_COUNTER_REASON_HEAD_TOO_LARGE,
    /* counter, requests: Failed: What the peer sent is not HTTP, or can be read in two ways. */
    PX_COUNTER_REASON_INVALID_RESPONSE,
    /* counter, requests: Failed: All peers of the upstream are down, or failed `max_fails` times within `fail_timeout`. */
    PX_COUNTER_REASON_NO_LIVE_UPSTREAM,
    /* counter, requests: Failed: The client closed the connection before its request or its answer was complete. */
    PX_COUNTER_REASON_CLIENT_CLOSED,
    /* counter, requests: Failed: Nothing was sent or taken for `client_header_timeout`, `client_body_timeout` or `send_timeout`. */
    PX_COUNTER_REASON_CLIENT_TIMEOUT,
    /* counter, requests: Failed: The request is not HTTP, or can be read in two ways. */
    PX_COUNTER_REASON_MALFORMED_REQUEST,
    /* counter, requests: Failed: The chunks of the request's body are broken. */
    PX_COUNTER_REASON_MALFORMED_BODY,
    /* counter, requests: Failed: An HTTP/1.1 request without Host. */
    PX_COUNTER_REASON_NO_HOST,
    /* counter, requests: Failed: Host is not a name or address. */
    PX_COUNTER_REASON_INVALID_HOST,
    /* counter, requests: Failed: The request line is longer than one buffer of `large_client_header_buffers`. */
    PX_COUNTER_REASON_URI_TOO_LONG,
    /* counter, requests: Failed: A field is longer than one of `large_client_header_buffers`, or all are longer than these together. */
    PX_COUNTER_REASON_REQUEST_HEAD_TOO_LARGE,
    /* counter, requests: Failed: The request's body is larger than `client_max_body_size`. */
    PX_COUNTER_REASON_BODY_TOO_LARGE,
    /* counter, requests: Failed: A version of HTTP that does not exist here. */
    PX_COUNTER_REASON_UNSUPPORTED_VERSION,
    /* counter, requests: Failed: A Transfer-Encoding other than chunked. */
    PX_COUNTER_REASON_UNSUPPORTED_ENCODING,
    /* counter, requests: Failed: This method means nothing here: a static file cannot be posted to. */
    PX_COUNTER_REASON_METHOD_NOT_ALLOWED,
    /* counter, requests: Failed: If-Match or If-Unmodified-Since does not hold. */
    PX_COUNTER_REASON_PRECONDITION_FAILED,
    /* counter, requests: Failed: The range lies behind the end of the file. */
    PX_COUNTER_REASON_RANGE_NOT_SATISFIABLE,
    /* counter, requests: Failed: There is no such file, or no location for the path. */
    PX_COUNTER_REASON_NOT_FOUND,
    /* counter, requests: Failed: `return`, or `=code` of try_files or error_page, says so. */
    PX_COUNTER_REASON_RETURNED,
    /* counter, requests: Failed: `deny` or `limit_except` forbids it. */
    PX_COUNTER_REASON_DENIED,
    /* counter, requests: Failed: More requests than `limit_req` admits. */
    PX_COUNTER_REASON_LIMITED_REQUESTS,
    /* counter, requests: Failed: More at the same time than `limit_conn` admits. */
    PX_COUNTER_REASON_LIMITED_CONNECTIONS,
    /* counter, requests: Failed: A location that is `internal` was asked for by a client. */
    PX_COUNTER_REASON_INTERNAL_ONLY,
    /* counter, requests: Failed: More than 10 internal redirects: error_page, index, try_files or rewrite lead in a circle. */
    PX_COUNTER_REASON_REDIRECT_CYCLE,
    /* counter, requests: Failed: The file or directory may not be read, or a directory has no index. */
    PX_COUNTER_REASON_FORBIDDEN,
    /* counter, requests: Failed: What the variables of `proxy_pass` made is not an address. */
    PX_COUNTER_REASON_INVALID_UPSTREAM,
    /* counter, requests: Failed: A name that only variables of `proxy_pass` make known cannot be looked up. */
    PX_COUNTER_REASON_RESOLVER_MISSING,
    /* counter, requests: Failed: No connection, descriptor or memory was left in this worker. */
    PX_COUNTER_REASON_RESOURCES,
    /* counter, requests: Failed: A request's body could not be written to a temporary file. An answer that could not be is not cut off: its upstream waits for the client. */
    PX_COUNTER_REASON_TEMP_FILE_FAILED,
    /* counter, requests: Failed: A file could not be read; the line in the error log has the system's reason. */
    PX_COUNTER_REASON_FILE_FAILED,
    /* counter, requests: Failed: The shared memory of a limit has no room for another key. */
    PX_COUNTER_REASON_ZONE_FULL,
    /* counter, requests: Failed: `worker_shutdown_timeout` was over before the request was. */
    PX_COUNTER_REASON_SHUTTING_DOWN,
    /* counter, requests: Failed: What should not happen did. */
    PX_COUNTER_REASON_INTERNAL_ERROR,
    PX_COUNTERS
};

/* X(constant, name) for each, in the order of the numbers. */
#define PX_COUNTER_LIST(X) \
    X(PX_COUNTER_CONNECTIONS_ACCEPTED, "connections_accepted") \
    X(PX_COUNTER_CONNECTIONS_HANDLED, "connections_handled") \
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
    X(PX_COUNTER_LIMIT_REQ_PASSED, "limit_req_passed") \
    X(PX_COUNTER_LIMIT_REQ_DELAYED, "limit_req_delayed") \
    X(PX_COUNTER_LIMIT_REQ_REJECTED, "limit_req_rejected") \
    X(PX_COUNTER_LIMIT_REQ_DELAYED_DRY_RUN, "limit_req_delayed_dry_run") \
    X(PX_COUNTER_LIMIT_REQ_REJECTED_DRY_RUN, "limit_req_rejected_dry_run") \
    X(PX_COUNTER_LIMIT_CONN_PASSED, "limit_conn_passed") \
    X(PX_COUNTER_LIMIT_CONN_REJECTED, "limit_conn_rejected") \
    X(PX_COUNTER_LIMIT_CONN_REJECTED_DRY_RUN, "limit_conn_rejected_dry_run") \
    X(PX_COUNTER_LIMIT_CONN_HELD, "limit_conn_held") \
    X(PX_COUNTER_ZONE_REFUSALS, "zone_refusals") \
    X(PX_COUNTER_ZONE_EVICTIONS, "zone_evictions") \
    X(PX_COUNTER_ZONE_RECOVERIES, "zone_recoveries") \
    X(PX_COUNTER_GENERATIONS_ACTIVATED, "generations_activated") \
    X(PX_COUNTER_GENERATIONS_REFUSED, "generations_refused") \
    X(PX_COUNTER_GENERATIONS_LIVE, "generations_live") \
    X(PX_COUNTER_RELOADS, "reloads") \
    X(PX_COUNTER_RELOADS_FAILED, "reloads_failed") \
    X(PX_COUNTER_WORKER_DEATHS, "worker_deaths") \
    X(PX_COUNTER_HELPER_DEATHS, "helper_deaths") \
    X(PX_COUNTER_LOG_BYTES_SAVED, "log_bytes_saved") \
    X(PX_COUNTER_GENERATION, "generation") \
    X(PX_COUNTER_STARTED_MS, "started_ms") \
    X(PX_COUNTER_ACTIVATED_MS, "activated_ms") \
    X(PX_COUNTER_REASON_CONNECT_REFUSED, "reason_connect_refused") \
    X(PX_COUNTER_REASON_CONNECT_TIMEOUT, "reason_connect_timeout") \
    X(PX_COUNTER_REASON_CONNECT_FAILED, "reason_connect_failed") \
    X(PX_COUNTER_REASON_SEND_FAILED, "reason_send_failed") \
    X(PX_COUNTER_REASON_SEND_TIMEOUT, "reason_send_timeout") \
    X(PX_COUNTER_REASON_READ_FAILED, "reason_read_failed") \
    X(PX_COUNTER_REASON_READ_TIMEOUT, "reason_read_timeout") \
    X(PX_COUNTER_REASON_PREMATURE_CLOSE, "reason_premature_close") \
    X(PX_COUNTER_REASON_HEAD_TOO_LARGE, "reason_head_too_large") \
    X(PX_COUNTER_REASON_INVALID_RESPONSE, "reason_invalid_response") \
    X(PX_COUNTER_REASON_NO_LIVE_UPSTREAM, "reason_no_live_upstream") \
    X(PX_COUNTER_REASON_CLIENT_CLOSED, "reason_client_closed") \
    X(PX_COUNTER_REASON_CLIENT_TIMEOUT, "reason_client_timeout") \
    X(PX_COUNTER_REASON_MALFORMED_REQUEST, "reason_malformed_request") \
    X(PX_COUNTER_REASON_MALFORMED_BODY, "reason_malformed_body") \
    X(PX_COUNTER_REASON_NO_HOST, "reason_no_host") \
    X(PX_COUNTER_REASON_INVALID_HOST, "reason_invalid_host") \
    X(PX_COUNTER_REASON_URI_TOO_LONG, "reason_uri_too_long") \
    X(PX_COUNTER_REASON_REQUEST_HEAD_TOO_LARGE, "reason_request_head_too_large") \
    X(PX_COUNTER_REASON_BODY_TOO_LARGE, "reason_body_too_large") \
    X(PX_COUNTER_REASON_UNSUPPORTED_VERSION, "reason_unsupported_version") \
    X(PX_COUNTER_REASON_UNSUPPORTED_ENCODING, "reason_unsupported_encoding") \
    X(PX_COUNTER_REASON_METHOD_NOT_ALLOWED, "reason_method_not_allowed") \
    X(PX_COUNTER_REASON_PRECONDITION_FAILED, "reason_precondition_failed") \
    X(PX_COUNTER_REASON_RANGE_NOT_SATISFIABLE, "reason_range_not_satisfiable") \
    X(PX_COUNTER_REASON_NOT_FOUND, "reason_not_found") \
    X(PX_COUNTER_REASON_RETURNED, "reason_returned") \
    X(PX_COUNTER_REASON_DENIED, "reason_denied") \
    X(PX_COUNTER_REASON_LIMITED_REQUESTS, "reason_limited_requests") \
    X(PX_COUNTER_REASON_LIMITED_CONNECTIONS, "reason_limited_connections") \
    X(PX_COUNTER_REASON_INTERNAL_ONLY, "reason_internal_only") \
    X(PX_COUNTER_REASON_REDIRECT_CYCLE, "reason_redirect_cycle") \
    X(PX_COUNTER_REASON_FORBIDDEN, "reason_forbidden") \
    X(PX_COUNTER_REASON_INVALID_UPSTREAM, "reason_invalid_upstream") \
    X(PX_COUNTER_REASON_RESOLVER_MISSING, "reason_resolver_missing") \
    X(PX_COUNTER_REASON_RESOURCES, "reason_resources") \
    X(PX_COUNTER_REASON_TEMP_FILE_FAILED, "reason_temp_file_failed") \
    X(PX_COUNTER_REASON_FILE_FAILED, "reason_file_failed") \
    X(PX_COUNTER_REASON_ZONE_FULL, "reason_zone_full") \
    X(PX_COUNTER_REASON_SHUTTING_DOWN, "reason_shutting_down") \
    X(PX_COUNTER_REASON_INTERNAL_ERROR, "reason_internal_error")

/* Of a px_reason that is not NONE. */
#define PX_COUNTER_OF_REASON(reason) (PX_COUNTER_REASON_CONNECT_REFUSED + (int)(reason)-1)

/* X(constant, metric, type, label, value, help); label NULL: none. A family's stand together. */
#define PX_COUNTER_METRICS(X) \
    X(PX_COUNTER_CONNECTIONS_ACCEPTED, "connections_accepted_total", "counter", NULL, NULL, "Client connections that accept() gave.") \
    X(PX_COUNTER_CONNECTIONS_HANDLED, "connections_handled_total", "counter", NULL, NULL, "Accepted connections that were served, not turned away.") \
    X(PX_COUNTER_ACCEPT_FAILURES, "accept_failures_total", "counter", NULL, NULL, "accept() failed: out of descriptors or memory.") \
    X(PX_COUNTER_CONNECTIONS_ACTIVE, "connections_active", "gauge", NULL, NULL, "Client connections open now, the idle ones included.") \
    X(PX_COUNTER_CONNECTIONS_IDLE, "connections_idle", "gauge", NULL, NULL, "Of these, waiting for a request, or for the client's end.") \
    X(PX_COUNTER_REQUESTS, "requests_total", "counter", NULL, NULL, "Request heads read completely, also those refused afterwards.") \
    X(PX_COUNTER_REQUESTS_ACTIVE, "requests_active", "gauge", NULL, NULL, "Requests between their head and their end, tunnels included.") \
    X(PX_COUNTER_RESPONSES_1XX, "responses_total", "counter", "class", "1xx", "Requests that ended, by class of status.") \
    X(PX_COUNTER_RESPONSES_2XX, "responses_total", "counter", "class", "2xx", "Requests that ended, by class of status.") \
    X(PX_COUNTER_RESPONSES_3XX, "responses_total", "counter", "class", "3xx", "Requests that ended, by class of status.") \
    X(PX_COUNTER_RESPONSES_4XX, "responses_total", "counter", "class", "4xx", "Requests that ended, by class of status.") \
    X(PX_COUNTER_RESPONSES_5XX, "responses_total", "counter", "class", "5xx", "Requests that ended, by class of status.") \
    X(PX_COUNTER_REQUESTS_MALFORMED, "requests_malformed_total", "counter", NULL, NULL, "Refused because the message was not HTTP or was ambiguous.") \
    X(PX_COUNTER_REQUESTS_TIMED_OUT, "requests_timed_out_total", "counter", NULL, NULL, "Ended because the client sent or took nothing for too long.") \
    X(PX_COUNTER_REQUESTS_ABORTED, "requests_aborted_total", "counter", NULL, NULL, "The client went away before it had its answer.") \
    X(PX_COUNTER_BYTES_RECEIVED, "bytes_received_total", "counter", NULL, NULL, "Read from clients.") \
    X(PX_COUNTER_BYTES_SENT, "bytes_sent_total", "counter", NULL, NULL, "Written to clients.") \
    X(PX_COUNTER_UPSTREAM_TRIES, "upstream_tries_total", "counter", NULL, NULL, "Times that a Request was handed to a Peer.") \
    X(PX_COUNTER_UPSTREAM_FAILURES, "upstream_failures_total", "counter", NULL, NULL, "Tries that failed, whatever the Request did next.") \
    X(PX_COUNTER_UPSTREAM_RETRIES, "upstream_retries_total", "counter", NULL, NULL, "Tries after the first one of a Request (proxy_next_upstream).") \
    X(PX_COUNTER_UPSTREAM_STALE, "upstream_stale_total", "counter", NULL, NULL, "An idle connection was dead and the try was repeated unseen.") \
    X(PX_COUNTER_UPSTREAM_CONNECT_FAILURES, "upstream_connect_failures_total", "counter", NULL, NULL, "connect() to a Peer failed or timed out.") \
    X(PX_COUNTER_UPSTREAM_TIMEOUTS, "upstream_timeouts_total", "counter", NULL, NULL, "Tries ended by proxy_connect_, _send_ or _read_timeout.") \
    X(PX_COUNTER_UPSTREAM_MALFORMED, "upstream_malformed_total", "counter", NULL, NULL, "Answers of Peers that were not HTTP or were ambiguous.") \
    X(PX_COUNTER_UPSTREAM_NO_LIVE, "upstream_no_live_total", "counter", NULL, NULL, "Requests for which every Peer was down or had failed.") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_OPENED, "upstream_connections_opened_total", "counter", NULL, NULL, "New connections to Peers.") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_REUSED, "upstream_connections_reused_total", "counter", NULL, NULL, "Tries that found an idle connection.") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_ACTIVE, "upstream_connections_active", "gauge", NULL, NULL, "Connections to Peers in use, tunnels included.") \
    X(PX_COUNTER_UPSTREAM_CONNECTIONS_IDLE, "upstream_connections_idle", "gauge", NULL, NULL, "Connections to Peers kept for the next Request.") \
    X(PX_COUNTER_UPSTREAM_BYTES_RECEIVED, "upstream_bytes_received_total", "counter", NULL, NULL, "Read from Peers.") \
    X(PX_COUNTER_UPSTREAM_BYTES_SENT, "upstream_bytes_sent_total", "counter", NULL, NULL, "Written to Peers.") \
    X(PX_COUNTER_PEERS_FAILED, "peers_failed_total", "counter", NULL, NULL, "A Peer reached max_fails and is left alone for fail_timeout.") \
    X(PX_COUNTER_PEERS_RECOVERED, "peers_recovered_total", "counter", NULL, NULL, "A Peer that had failed answered again.") \
    X(PX_COUNTER_TUNNELS_OPENED, "tunnels_opened_total", "counter", NULL, NULL, "Connections that became tunnels (Upgrade).") \
    X(PX_COUNTER_TUNNELS_ACTIVE, "tunnels_active", "gauge", NULL, NULL, "Tunnels open now.") \
    X(PX_COUNTER_LOG_LINES, "log_lines_total", "counter", NULL, NULL, "Access log lines made.") \
    X(PX_COUNTER_LOG_LINES_LOST, "log_lines_lost_total", "counter", NULL, NULL, "Lines that could not be written; the error log says why.") \
    X(PX_COUNTER_LOG_BUFFERS_REFUSED, "log_buffers_refused_total", "counter", NULL, NULL, "No room in the Ledger: this log is not buffered.") \
    X(PX_COUNTER_LIMIT_REQ_PASSED, "limit_req_passed_total", "counter", NULL, NULL, "Requests that limit_req let in at once.") \
    X(PX_COUNTER_LIMIT_REQ_DELAYED, "limit_req_delayed_total", "counter", NULL, NULL, "Requests that limit_req let wait.") \
    X(PX_COUNTER_LIMIT_REQ_REJECTED, "limit_req_rejected_total", "counter", NULL, NULL, "Requests that limit_req refused.") \
    X(PX_COUNTER_LIMIT_REQ_DELAYED_DRY_RUN, "limit_req_delayed_dry_run_total", "counter", NULL, NULL, "Those that it would have let wait.") \
    X(PX_COUNTER_LIMIT_REQ_REJECTED_DRY_RUN, "limit_req_rejected_dry_run_total", "counter", NULL, NULL, "Those that it would have refused.") \
    X(PX_COUNTER_LIMIT_CONN_PASSED, "limit_conn_passed_total", "counter", NULL, NULL, "Requests that limit_conn let in.") \
    X(PX_COUNTER_LIMIT_CONN_REJECTED, "limit_conn_rejected_total", "counter", NULL, NULL, "Requests that limit_conn refused.") \
    X(PX_COUNTER_LIMIT_CONN_REJECTED_DRY_RUN, "limit_conn_rejected_dry_run_total", "counter", NULL, NULL, "Those that it would have refused.") \
    X(PX_COUNTER_LIMIT_CONN_HELD, "limit_conn_held", "gauge", NULL, NULL, "Places that requests hold in zones of limit_conn now.") \
    X(PX_COUNTER_ZONE_REFUSALS, "zone_refusals_total", "counter", NULL, NULL, "A full Zone had no place for an entry; the error log names it.") \
    X(PX_COUNTER_ZONE_EVICTIONS, "zone_evictions_total", "counter", NULL, NULL, "A full Zone gave up its oldest unused entry for a new one.") \
    X(PX_COUNTER_ZONE_RECOVERIES, "zone_recoveries_total", "counter", NULL, NULL, "A lock was taken over from a process that died holding it.") \
    X(PX_COUNTER_GENERATIONS_ACTIVATED, "generations_activated_total", "counter", NULL, NULL, "Plans that this worker put into service.") \
    X(PX_COUNTER_GENERATIONS_REFUSED, "generations_refused_total", "counter", NULL, NULL, "Plans that this worker could not prepare.") \
    X(PX_COUNTER_GENERATIONS_LIVE, "generations_live", "gauge", NULL, NULL, "Generations in memory: the current, and older in use.") \
    X(PX_COUNTER_RELOADS, "reloads_total", "counter", NULL, NULL, "Configurations that replaced the one before.") \
    X(PX_COUNTER_RELOADS_FAILED, "reloads_failed_total", "counter", NULL, NULL, "Reloads that changed nothing: an error, or a worker that refused.") \
    X(PX_COUNTER_WORKER_DEATHS, "worker_deaths_total", "counter", NULL, NULL, "Workers that ended without being asked to.") \
    X(PX_COUNTER_HELPER_DEATHS, "helper_deaths_total", "counter", NULL, NULL, "Helpers that ended without being asked to.") \
    X(PX_COUNTER_LOG_BYTES_SAVED, "log_bytes_saved_total", "counter", NULL, NULL, "Log lines that were written for workers that had died.") \
    X(PX_COUNTER_GENERATION, "generation", "gauge", NULL, NULL, "Number of the configuration that serves, from 1.") \
    X(PX_COUNTER_REASON_CONNECT_REFUSED, "requests_failed_total", "counter", "reason", "connect_refused", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_CONNECT_TIMEOUT, "requests_failed_total", "counter", "reason", "connect_timeout", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_CONNECT_FAILED, "requests_failed_total", "counter", "reason", "connect_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_SEND_FAILED, "requests_failed_total", "counter", "reason", "send_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_SEND_TIMEOUT, "requests_failed_total", "counter", "reason", "send_timeout", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_READ_FAILED, "requests_failed_total", "counter", "reason", "read_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_READ_TIMEOUT, "requests_failed_total", "counter", "reason", "read_timeout", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_PREMATURE_CLOSE, "requests_failed_total", "counter", "reason", "premature_close", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_HEAD_TOO_LARGE, "requests_failed_total", "counter", "reason", "head_too_large", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_INVALID_RESPONSE, "requests_failed_total", "counter", "reason", "invalid_response", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_NO_LIVE_UPSTREAM, "requests_failed_total", "counter", "reason", "no_live_upstream", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_CLIENT_CLOSED, "requests_failed_total", "counter", "reason", "client_closed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_CLIENT_TIMEOUT, "requests_failed_total", "counter", "reason", "client_timeout", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_MALFORMED_REQUEST, "requests_failed_total", "counter", "reason", "malformed_request", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_MALFORMED_BODY, "requests_failed_total", "counter", "reason", "malformed_body", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_NO_HOST, "requests_failed_total", "counter", "reason", "no_host", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_INVALID_HOST, "requests_failed_total", "counter", "reason", "invalid_host", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_URI_TOO_LONG, "requests_failed_total", "counter", "reason", "uri_too_long", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_REQUEST_HEAD_TOO_LARGE, "requests_failed_total", "counter", "reason", "request_head_too_large", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_BODY_TOO_LARGE, "requests_failed_total", "counter", "reason", "body_too_large", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_UNSUPPORTED_VERSION, "requests_failed_total", "counter", "reason", "unsupported_version", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_UNSUPPORTED_ENCODING, "requests_failed_total", "counter", "reason", "unsupported_encoding", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_METHOD_NOT_ALLOWED, "requests_failed_total", "counter", "reason", "method_not_allowed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_PRECONDITION_FAILED, "requests_failed_total", "counter", "reason", "precondition_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_RANGE_NOT_SATISFIABLE, "requests_failed_total", "counter", "reason", "range_not_satisfiable", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_NOT_FOUND, "requests_failed_total", "counter", "reason", "not_found", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_RETURNED, "requests_failed_total", "counter", "reason", "returned", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_DENIED, "requests_failed_total", "counter", "reason", "denied", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_LIMITED_REQUESTS, "requests_failed_total", "counter", "reason", "limited_requests", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_LIMITED_CONNECTIONS, "requests_failed_total", "counter", "reason", "limited_connections", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_INTERNAL_ONLY, "requests_failed_total", "counter", "reason", "internal_only", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_REDIRECT_CYCLE, "requests_failed_total", "counter", "reason", "redirect_cycle", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_FORBIDDEN, "requests_failed_total", "counter", "reason", "forbidden", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_INVALID_UPSTREAM, "requests_failed_total", "counter", "reason", "invalid_upstream", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_RESOLVER_MISSING, "requests_failed_total", "counter", "reason", "resolver_missing", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_RESOURCES, "requests_failed_total", "counter", "reason", "resources", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_TEMP_FILE_FAILED, "requests_failed_total", "counter", "reason", "temp_file_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_FILE_FAILED, "requests_failed_total", "counter", "reason", "file_failed", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_ZONE_FULL, "requests_failed_total", "counter", "reason", "zone_full", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_SHUTTING_DOWN, "requests_failed_total", "counter", "reason", "shutting_down", "Requests that failed, by reason.") \
    X(PX_COUNTER_REASON_INTERNAL_ERROR, "requests_failed_total", "counter", "reason", "internal_error", "Requests that failed, by reason.")

#define PX_SLOT_CELLS 32
#define PX_LATENCY_BUCKETS 18
#define PX_LATENCY_BOUNDS_MS 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536

/* Cells of a slot that belongs to a server. */
enum px_server_cell {
    PX_SERVER_CELL_RESPONSES_1XX = 0,
    PX_SERVER_CELL_RESPONSES_2XX = 1,
    PX_SERVER_CELL_RESPONSES_3XX = 2,
    PX_SERVER_CELL_RESPONSES_4XX = 3,
    PX_SERVER_CELL_RESPONSES_5XX = 4,
    PX_SERVER_CELL_BYTES_RECEIVED = 5,
    PX_SERVER_CELL_BYTES_SENT = 6,
    PX_SERVER_CELL_LATENCY_SUM_MS = 7,
    PX_SERVER_CELL_LATENCY = 8,
};

/* X(first cell, number of cells, metric, label, value, meaning); label NULL: none. */
#define PX_SERVER_CELL_LIST(X) \
    X(0, 1, "server_responses_total", "class", "1xx", "Requests that ended, by server (its first name) and class of status.") \
    X(1, 1, "server_responses_total", "class", "2xx", "Requests that ended, by server (its first name) and class of status.") \
    X(2, 1, "server_responses_total", "class", "3xx", "Requests that ended, by server (its first name) and class of status.") \
    X(3, 1, "server_responses_total", "class", "4xx", "Requests that ended, by server (its first name) and class of status.") \
    X(4, 1, "server_responses_total", "class", "5xx", "Requests that ended, by server (its first name) and class of status.") \
    X(5, 1, "server_received_bytes_total", NULL, NULL, "Read from clients, by server.") \
    X(6, 1, "server_sent_bytes_total", NULL, NULL, "Written to clients, by server.") \
    X(7, 1, "server_request_duration_seconds", NULL, NULL, "From the first byte of a request to the end of its answer.") \
    X(8, 18, "server_request_duration_seconds", NULL, NULL, "From the first byte of a request to the end of its answer.")

/* Cells of a slot that belongs to a peer. */
enum px_peer_cell {
    PX_PEER_CELL_TRIES = 0,
    PX_PEER_CELL_RESPONSES_1XX = 1,
    PX_PEER_CELL_RESPONSES_2XX = 2,
    PX_PEER_CELL_RESPONSES_3XX = 3,
    PX_PEER_CELL_RESPONSES_4XX = 4,
    PX_PEER_CELL_RESPONSES_5XX = 5,
    PX_PEER_CELL_FAILURES_CONNECT = 6,
    PX_PEER_CELL_FAILURES_TIMEOUT = 7,
    PX_PEER_CELL_FAILURES_CLOSED = 8,
    PX_PEER_CELL_FAILURES_INVALID = 9,
    PX_PEER_CELL_FAILURES_STATUS = 10,
    PX_PEER_CELL_BYTES_RECEIVED = 11,
    PX_PEER_CELL_BYTES_SENT = 12,
    PX_PEER_CELL_LATENCY_SUM_MS = 13,
    PX_PEER_CELL_LATENCY = 14,
};

/* X(first cell, number of cells, metric, label, value, meaning); label NULL: none. */
#define PX_PEER_CELL_LIST(X) \
    X(0, 1, "peer_tries_total", NULL, NULL, "Requests handed to the peer.") \
    X(1, 1, "peer_responses_total", "class", "1xx", "Answers of the peer by class of status.") \
    X(2, 1, "peer_responses_total", "class", "2xx", "Answers of the peer by class of status.") \
    X(3, 1, "peer_responses_total", "class", "3xx", "Answers of the peer by class of status.") \
    X(4, 1, "peer_responses_total", "class", "4xx", "Answers of the peer by class of status.") \
    X(5, 1, "peer_responses_total", "class", "5xx", "Answers of the peer by class of status.") \
    X(6, 1, "peer_failures_total", "cause", "connect", "Tries that failed, by peer and cause.") \
    X(7, 1, "peer_failures_total", "cause", "timeout", "Tries that failed, by peer and cause.") \
    X(8, 1, "peer_failures_total", "cause", "closed", "Tries that failed, by peer and cause.") \
    X(9, 1, "peer_failures_total", "cause", "invalid", "Tries that failed, by peer and cause.") \
    X(10, 1, "peer_failures_total", "cause", "status", "Tries that failed, by peer and cause.") \
    X(11, 1, "peer_received_bytes_total", NULL, NULL, "Read from the peer.") \
    X(12, 1, "peer_sent_bytes_total", NULL, NULL, "Written to the peer.") \
    X(13, 1, "peer_response_duration_seconds", NULL, NULL, "From the beginning of a try to the end of the peer's answer.") \
    X(14, 18, "peer_response_duration_seconds", NULL, NULL, "From the beginning of a try to the end of the peer's answer.")

/* Cells of a slot that belongs to a zone. */
enum px_zone_cell {
    PX_ZONE_CELL_PASSED = 0,
    PX_ZONE_CELL_DELAYED = 1,
    PX_ZONE_CELL_REJECTED = 2,
    PX_ZONE_CELL_DELAYED_DRY_RUN = 3,
    PX_ZONE_CELL_REJECTED_DRY_RUN = 4,
    PX_ZONE_CELL_EVICTIONS = 5,
    PX_ZONE_CELL_REFUSALS = 6,
};

/* X(first cell, number of cells, metric, label, value, meaning); label NULL: none. */
#define PX_ZONE_CELL_LIST(X) \
    X(0, 1, "limit_decisions_total", "decision", "passed", "What a limit decided, by zone.") \
    X(1, 1, "limit_decisions_total", "decision", "delayed", "What a limit decided, by zone.") \
    X(2, 1, "limit_decisions_total", "decision", "rejected", "What a limit decided, by zone.") \
    X(3, 1, "limit_decisions_total", "decision", "delayed_dry_run", "What a limit decided, by zone.") \
    X(4, 1, "limit_decisions_total", "decision", "rejected_dry_run", "What a limit decided, by zone.") \
    X(5, 1, "limit_zone_evictions_total", NULL, NULL, "Keys that gave their place to newer ones.") \
    X(6, 1, "limit_zone_refusals_total", NULL, NULL, "Keys for which there was no place.")

#endif
