/* Made by cextensions/generate.py from proxyd/shared/reasons.py. Do not edit. */
#ifndef PX_GENERATED_REASONS_H
#define PX_GENERATED_REASONS_H

typedef enum px_reason {
    PX_REASON_NONE,
    PX_REASON_CONNECT_REFUSED, /* peer: 502 */
    PX_REASON_CONNECT_TIMEOUT, /* peer: 504 */
    PX_REASON_CONNECT_FAILED, /* peer: 502 */
    PX_REASON_SEND_FAILED, /* peer: 502 */
    PX_REASON_SEND_TIMEOUT, /* peer: 504 */
    PX_REASON_READ_FAILED, /* peer: 502 */
    PX_REASON_READ_TIMEOUT, /* peer: 504 */
    PX_REASON_PREMATURE_CLOSE, /* peer: 502 */
    PX_REASON_HEAD_TOO_LARGE, /* peer: 502 */
    PX_REASON_INVALID_RESPONSE, /* peer: 502 */
    PX_REASON_NO_LIVE_UPSTREAM, /* peer: 502 */
    PX_REASON_CLIENT_CLOSED, /* client: 499 or 400 */
    PX_REASON_CLIENT_TIMEOUT, /* client: 408 */
    PX_REASON_MALFORMED_REQUEST, /* client: 400 */
    PX_REASON_MALFORMED_BODY, /* client: 400 */
    PX_REASON_NO_HOST, /* client: 400 */
    PX_REASON_INVALID_HOST, /* client: 400 */
    PX_REASON_URI_TOO_LONG, /* client: 414 */
    PX_REASON_REQUEST_HEAD_TOO_LARGE, /* client: 400 */
    PX_REASON_BODY_TOO_LARGE, /* client: 413 */
    PX_REASON_UNSUPPORTED_VERSION, /* client: 505 */
    PX_REASON_UNSUPPORTED_ENCODING, /* client: 501 */
    PX_REASON_METHOD_NOT_ALLOWED, /* client: 405 */
    PX_REASON_PRECONDITION_FAILED, /* client: 412 */
    PX_REASON_RANGE_NOT_SATISFIABLE, /* client: 416 */
    PX_REASON_NOT_FOUND, /* client: 404 */
    PX_REASON_RETURNED, /* configuration: any */
    PX_REASON_DENIED, /* configuration: 403 */
    PX_REASON_LIMITED_REQUESTS, /* configuration: 503 */
    PX_REASON_LIMITED_CONNECTIONS, /* configuration: 503 */
    PX_REASON_INTERNAL_ONLY, /* configuration: 404 */
    PX_REASON_REDIRECT_CYCLE, /* configuration: 500 */
    PX_REASON_FORBIDDEN, /* configuration: 403 */
    PX_REASON_INVALID_UPSTREAM, /* configuration: 500 */
    PX_REASON_RESOLVER_MISSING, /* configuration: 502 */
    PX_REASON_RESOURCES, /* proxyd: 500 */
    PX_REASON_TEMP_FILE_FAILED, /* proxyd: 500 */
    PX_REASON_FILE_FAILED, /* proxyd: 500 */
    PX_REASON_ZONE_FULL, /* proxyd: 503 */
    PX_REASON_SHUTTING_DOWN, /* proxyd: 444 or 499 */
    PX_REASON_INTERNAL_ERROR, /* proxyd: 500 */
    PX_REASONS
} px_reason;

/* X(constant, name) for each, in the order of the numbers; not of NONE. */
#define PX_REASON_LIST(X) \
    X(PX_REASON_CONNECT_REFUSED, "connect_refused") \
    X(PX_REASON_CONNECT_TIMEOUT, "connect_timeout") \
    X(PX_REASON_CONNECT_FAILED, "connect_failed") \
    X(PX_REASON_SEND_FAILED, "send_failed") \
    X(PX_REASON_SEND_TIMEOUT, "send_timeout") \
    X(PX_REASON_READ_FAILED, "read_failed") \
    X(PX_REASON_READ_TIMEOUT, "read_timeout") \
    X(PX_REASON_PREMATURE_CLOSE, "premature_close") \
    X(PX_REASON_HEAD_TOO_LARGE, "head_too_large") \
    X(PX_REASON_INVALID_RESPONSE, "invalid_response") \
    X(PX_REASON_NO_LIVE_UPSTREAM, "no_live_upstream") \
    X(PX_REASON_CLIENT_CLOSED, "client_closed") \
    X(PX_REASON_CLIENT_TIMEOUT, "client_timeout") \
    X(PX_REASON_MALFORMED_REQUEST, "malformed_request") \
    X(PX_REASON_MALFORMED_BODY, "malformed_body") \
    X(PX_REASON_NO_HOST, "no_host") \
    X(PX_REASON_INVALID_HOST, "invalid_host") \
    X(PX_REASON_URI_TOO_LONG, "uri_too_long") \
    X(PX_REASON_REQUEST_HEAD_TOO_LARGE, "request_head_too_large") \
    X(PX_REASON_BODY_TOO_LARGE, "body_too_large") \
    X(PX_REASON_UNSUPPORTED_VERSION, "unsupported_version") \
    X(PX_REASON_UNSUPPORTED_ENCODING, "unsupported_encoding") \
    X(PX_REASON_METHOD_NOT_ALLOWED, "method_not_allowed") \
    X(PX_REASON_PRECONDITION_FAILED, "precondition_failed") \
    X(PX_REASON_RANGE_NOT_SATISFIABLE, "range_not_satisfiable") \
    X(PX_REASON_NOT_FOUND, "not_found") \
    X(PX_REASON_RETURNED, "returned") \
    X(PX_REASON_DENIED, "denied") \
    X(PX_REASON_LIMITED_REQUESTS, "limited_requests") \
    X(PX_REASON_LIMITED_CONNECTIONS, "limited_connections") \
    X(PX_REASON_INTERNAL_ONLY, "internal_only") \
    X(PX_REASON_REDIRECT_CYCLE, "redirect_cycle") \
    X(PX_REASON_FORBIDDEN, "forbidden") \
    X(PX_REASON_INVALID_UPSTREAM, "invalid_upstream") \
    X(PX_REASON_RESOLVER_MISSING, "resolver_missing") \
    X(PX_REASON_RESOURCES, "resources") \
    X(PX_REASON_TEMP_FILE_FAILED, "temp_file_failed") \
    X(PX_REASON_FILE_FAILED, "file_failed") \
    X(PX_REASON_ZONE_FULL, "zone_full") \
    X(PX_REASON_SHUTTING_DOWN, "shutting_down") \
    X(PX_REASON_INTERNAL_ERROR, "internal_error")

#endif
