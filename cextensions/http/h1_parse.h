/* HTTP/1 heads: bytes to slices, in one pass, strict (RFC 9112): one framing or an error, never a repair.
 * No I/O, no allocation. All slices point into the caller's bytes. */
#ifndef PX_HTTP_H1_PARSE_H
#define PX_HTTP_H1_PARSE_H

#include "http/headers.h"

typedef enum { PX_PARSE_MORE, PX_PARSE_DONE, PX_PARSE_BAD } px_parse;

/* clang-format off */
typedef enum px_method {
    PX_METHOD_OTHER = 0,
    PX_METHOD_GET, PX_METHOD_HEAD, PX_METHOD_POST, PX_METHOD_PUT, PX_METHOD_DELETE, PX_METHOD_OPTIONS,
    PX_METHOD_PATCH, PX_METHOD_CONNECT, PX_METHOD_TRACE, PX_METHOD_MKCOL, PX_METHOD_COPY, PX_METHOD_MOVE,
    PX_METHOD_PROPFIND, PX_METHOD_PROPPATCH, PX_METHOD_LOCK, PX_METHOD_UNLOCK
} px_method;
/* clang-format on */

#define PX_BODY_CHUNKED ((int64_t)-1)
#define PX_BODY_UNTIL_CLOSE ((int64_t)-2) /* responses only */

#define PX_MAX_HEADERS 1000

typedef struct px_request_head {
    px_method method;
    px_slice method_name;
    px_slice target;    /* as on the wire */
    px_slice scheme;    /* of an absolute-form target, else empty */
    px_slice authority; /* of an absolute-form target: it overrides Host (RFC 9112 3.2.2) */
    /* Path and query of the target; "*" for OPTIONS *; "/" when an absolute-form has none. Of
     * "http://host?query" it is "?query": who sends it on puts a "/" in front. */
    px_slice path;
    int minor_version;     /* 0: HTTP/1.0; 1: HTTP/1.1 and above; -1: refused before it was known */
    px_slice request_line; /* the whole line without its end: $request. Set also when the head is BAD */
    px_header *headers;
    uint32_t header_count;
    px_slice host;  /* value of the one Host field; data NULL when absent */
    int64_t body;   /* length, 0: none, or PX_BODY_CHUNKED */
    bool keepalive; /* by version and Connection */
    bool expect_continue;
    bool upgrade; /* Connection names "upgrade" and there is an Upgrade field */
    /* Connection names more than close, keep-alive, upgrade: those fields are hop-by-hop. */
    bool connection_names;
} px_request_head;

typedef struct px_response_head_in {
    int status;
    int minor_version; /* 0: HTTP/1.0; 1: HTTP/1.1 and above */
    px_slice reason;
    px_slice status_line;
    px_header *headers;
    uint32_t header_count;
    /* Length, PX_BODY_CHUNKED or PX_BODY_UNTIL_CLOSE; not yet adjusted for HEAD, 1xx, 204, 304. */
    int64_t body;
    bool keepalive;
    bool upgrade;
    bool connection_names;
} px_response_head_in;

/* Why a head is bad: for the client's status, for the log ("client sent invalid header line: ..."). */
typedef struct px_parse_error {
    int status;       /* 400, 414, 431?, 501, 505: what nginx answers */
    const char *text; /* static, nginx's words where it has them: "client sent invalid method" */
    /* The bytes it is about, or empty. Of an invalid line: from its beginning up to and including the
     * first bad byte. */
    px_slice where;
    px_slice previous; /* where is a repeated field: the first one */
    /* Static: what nginx's log says behind "while", such as "reading client request line"; NULL: nothing. */
    const char *activity;
} px_parse_error;

/* Looks for the end of the head (an empty line; lines end in CRLF or LF) in bytes[*scanned..]. Gives its
 * length with the empty line, or 0: not there yet; *scanned then says where to go on. Leading empty lines
 * (CRLF) before a request line must be skipped by the caller first. */
size_t px_h1_find_end(px_slice bytes, size_t *scanned);

/* The beginning of a head whose end has not come: BAD when the request line cannot become valid whatever
 * follows, so that a peer that speaks no HTTP is answered at once; otherwise MORE (also when the line is
 * whole and good). Header lines are not looked at. */
px_parse px_h1_check_partial(px_slice bytes, px_parse_error *error);
/* The same for the status line of a response. */
px_parse px_h1_check_partial_response(px_slice bytes, px_parse_error *error);

/* bytes: exactly one head as px_h1_find_end measured it. headers: room for PX_MAX_HEADERS. Gives DONE or
 * BAD; BAD: head is as far as it got (host also when it is invalid).
 *
 * Refused: CL with TE; CL repeated or not a plain number; TE other than exactly one "chunked", or in
 * HTTP/1.0; bare CR; NUL and control bytes; obs-fold; blanks before the colon; empty or non-token names;
 * missing Host in 1.1, repeated or invalid Host; as in nginx, repeated Authorization, Expect, Content-Range, If-Match,
 * If-None-Match, If-Modified-Since, If-Unmodified-Since and If-Range; versions other than 1.0 and 1.1; CONNECT and TRACE (405).
 *
 * A name that is a token but has an underscore or a dot is passed as is with id OTHER (the caller drops
 * underscores when told to). Methods are A-Z, "_" and "-", as nginx has it. */
px_parse px_h1_parse_request(px_slice bytes, px_header *headers, px_request_head *head,
                             px_parse_error *error);
/* As above, status 502. Host means nothing here; a status line may end behind the number. */
px_parse px_h1_parse_response(px_slice bytes, px_header *headers, px_response_head_in *head,
                              px_parse_error *error);

#endif
