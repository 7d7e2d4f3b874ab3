/* A Request: what proxyd does about one Stream. It takes its arena, walks the step table (request.c), and
 * ends in one place, px_request_end, on every path. Its memory is its own: it may outlive the Stream and
 * never points into the connection.
 *
 *     request_birth.c   from what a client sent
 *     request.c         the steps, the Stream's calls, the end
 *     request_answer.c  the answer on its way to the filters
 *     request_facts.c   what is known of it
 *     request_log.c     lines in the error log
 *
 * The memory of the Request is the first allocation of its arena; everything that it takes dies with it. */
#ifndef PX_PROXY_REQUEST_H
#define PX_PROXY_REQUEST_H

#include "base/crash.h"
#include "http/path.h"
#include "http/stream.h"
#include "proxy/conf.h"
#include "proxy/filter.h"
#include "proxy/handler.h"
#include "proxy/map.h"
#include "proxy/reason.h"
#include "proxy/worker.h"

#define PX_REQUEST_MAGIC 0x51455250u /* "PREQ" */

typedef struct px_proxy px_proxy;
typedef struct px_body px_body;

/* What a listening socket means: px_listener.owner. The engine embeds it in what it knows of the socket. */
typedef struct px_listening {
    px_worker *worker;
    px_generation *generation; /* one reference */
    const px_listen *listen;   /* of that Generation */
} px_listening;

/* The answer as far as it is known. Filled by a Handler, changed by filters, written by the last filter. */
typedef struct px_answer {
    int status;      /* 0: none yet */
    px_slice reason; /* empty: the standard one */
    px_header *headers;
    uint32_t count, capacity;
    int64_t content_length;    /* -1: not known */
    bool close;                /* the connection ends with this answer */
    bool upgrade;              /* 101 */
    bool has_type;             /* headers[0] is Content-Type, until a filter puts something in front */
    const px_header *trailers; /* fields behind the body */
    uint32_t trailer_count;
    bool has_server, has_date; /* among headers: the filter adds none */
} px_answer;

struct px_request {
    uint32_t magic;
    uint8_t step;      /* index into the step table */
    uint8_t redirects; /* internal ones */
    uint8_t capture_count;
    uint8_t reason;        /* px_reason: why it failed, for log lines, $proxyd_reason, counters */
    bool head_sent;        /* the answer's head went to the Stream */
    bool last_sent;        /* and all of its body */
    bool no_body;          /* the answer has none, whatever the Handler gives: HEAD, 204, 304 */
    bool done;             /* everything is with the kernel */
    bool body_left;        /* what still comes of the request's body is nobody's */
    bool internal;         /* led here by us: `internal` locations are open */
    bool in_error_page;    /* an error now has no error_page: recursive_error_pages is off */
    bool file_of_alias;    /* try_files found uri below the alias of a regular expression's location */
    uint16_t error_status; /* what the client is told whoever answers; 0: what that one says */
    bool excepted;         /* r->settings are those that limit_except gives other methods */
    uint8_t limit_req_status, limit_conn_status; /* enum px_limit_status */
    bool limit_rate_set;
    bool quoted_uri;         /* uri was decoded: it is escaped before it is sent on */
    bool changed;            /* uri or args are no longer what the client wrote */
    bool debugged;           /* debug_connection names the client */
    bool pipelined;          /* once the Stream is over, like the numbers below */
    uint16_t port;           /* of the listening socket; 0 for unix */
    px_stream *stream;       /* NULL: over */
    const px_client *client; /* the Stream's, or a copy when that is over */
    px_worker *worker;
    px_generation *generation; /* NULL: a tunnel let it go */
    px_list link;              /* in generation->requests */
    const px_listen *listen;
    const px_server *server;
    const px_location *location; /* NULL: none found (yet) */
    const px_settings *settings;
    const px_handler *handler; /* started and not ended; or NULL */
    void *handler_state;
    px_body *body;   /* the client's; NULL: nobody asked for it */
    px_proxy *proxy; /* of handler_proxy, for $upstream_*; NULL: never proxied */
    px_filter *filters;

    px_request_head head;
    px_slice host; /* lower case, without the port; empty: none */
    px_slice uri;  /* decoded and normalised */
    px_slice args; /* data NULL: none */
    px_answer answer;
    int end_status;    /* what the log shows when no head was sent: 499, 444, ...; 0: nothing special */
    px_timer *waiting; /* of a step that lets the Request wait; NULL: none does */
    uint64_t started_ms;
    uint64_t limit_rate; /* bytes per second; counts when limit_rate_set, else the Settings' does */
    uint32_t head_bytes; /* about how long the request's head was */
    uint64_t bytes_sent, bytes_received; /* once the Stream is over */
    uint64_t answer_head_bytes;
    px_slice server_addr, request_id; /* data NULL: not asked for yet */

    px_map_kept *map_values;
    px_slice *slots; /* generation->plan->slots of them; NULL: none set yet */
    uint32_t slot_count;
    px_header *carried; /* px_request_carry */
    uint32_t carried_count, carried_capacity;
    uint64_t repeated;              /* bit per px_header_id: more than one such field */
    uint16_t first[PX_HEADER_IDS];  /* 1 + index of the first field of this id; 0: none */
    px_slice captures[PX_CAPTURES]; /* of the last match: capture_count are set */
    px_arena arena;
};

/* What Streams call: one static table. */
extern const px_stream_user px_request_stream_user;

/* Goes on with the steps from r->step. r may be gone afterwards. */
void px_request_continue(px_request *r);
#define PX_REDIRECTS_MOST 10
/* Starts again at the server's rewriting with another uri (args: data NULL for none). False: too many times (500 was
 * answered). The caller is a step or Handler that has sent nothing, and returns PX_STEP_AGAIN, or calls
 * px_request_continue when it was waiting. */
bool px_request_redirect(px_request *r, px_slice uri, px_slice args);
/* The same at a named location ("@name") of the server; uri stays. */
bool px_request_redirect_named(px_request *r, px_slice name);
/* What stands behind the first "?" of a uri, which ends there then; data NULL: there is none. */
px_slice px_split_args(px_slice *uri);

/* ---- answering ---- */

/* Begins the answer; room: how many fields will be added. */
void px_answer_begin(px_request *r, int status, uint32_t room);
void px_answer_add(px_request *r, px_header_id id, px_slice name, px_slice value);
/* Content-Type goes where nginx has it: behind Server and Date. */
void px_answer_content_type(px_request *r, px_slice value);
/* add_header and add_trailer without `always` (nginx's list). */
bool px_status_is_usual(int status);
void px_answer_remove(px_answer *answer, uint16_t id);
/* A field of every answer that is begun from now on: it stays over internal redirects. Slices as of the
 * request. */
void px_request_carry(px_request *r, px_header_id id, px_slice name, px_slice value);
/* By the extension of uri, else default_type; empty: none. */
px_slice px_request_media_type(const px_request *r);
/* Through the filters to the Stream. */
void px_request_send_head(px_request *r);
void px_request_send_body(px_request *r, px_piece *pieces, uint32_t count, bool last);
/* Head and body at once. body must live as long as the request. */
px_step px_request_send_whole(px_request *r, px_slice body);
/* What error_page says, else the page of this error (or an empty body where nginx has none). When a head was sent
 * already, the answer is cut off instead. Ends the Handler. The Request may be gone afterwards, or be answered by
 * another Handler: the caller returns. */
px_step px_request_send_error(px_request *r, int status);
/* The same, for this reason. */
static inline px_step px_request_fail(px_request *r, int status, px_reason reason)
{
    r->reason = (uint8_t)reason;
    return px_request_send_error(r, status);
}
/* The page itself, whatever error_page says. location: data NULL for none. */
px_step px_request_send_page(px_request *r, int status, px_slice location);
/* error_page.c: whether one is configured; whether one was found and has answered, or is going to. */
bool px_error_page_is_there(const px_request *r, int status);
bool px_error_page_run(px_request *r, int status);
/* A redirect with Location (absolute when it begins with "/", as nginx makes it) and its small page. */
px_step px_request_send_location(px_request *r, int status, px_slice location);
/* Closes without an answer; the log shows status (444, 408, ...). r is gone afterwards. */
px_step px_request_close(px_request *r, int status);
/* The rest of an answer that has begun will never come. */
void px_request_truncate(px_request *r);

/* The Handler lets go; it is not called again. Nor does a step that lets the Request wait go on. */
void px_request_end_handler(px_request *r);
/* The one end: counters, access log, the arena. r is gone. */
void px_request_end(px_request *r);

/* Keeps an Object until the Request ends, whatever becomes of its Generation. */
void px_object_hold(px_request *r, px_object *object);

/* A tunnel takes over: the Stream and the Generation are let go, the Server is kept for the log line. */
void px_request_detach(px_request *r);

/* ---- what is known of it ---- */

/* The value of the first field with this id; NULL data: none. */
static inline px_slice px_request_header(const px_request *r, px_header_id id)
{
    uint16_t at = r->first[id];
    return at == 0 ? (px_slice){NULL, 0} : r->head.headers[at - 1].value;
}
uint64_t px_request_bytes_sent(const px_request *r);
uint64_t px_request_body_bytes_sent(const px_request *r);
uint64_t px_request_bytes_received(const px_request *r);
/* What the log shows. */
int px_request_status(const px_request *r);
/* The address at which the connection arrived ("127.0.0.1", "unix:/run/x.sock"); one system call, the first
 * time. */
px_slice px_request_server_addr(px_request *r);
/* "example.com" or "example.com:8080": what an absolute Location of ours names. Also in front of it
 * "http://". */
void px_request_put_origin(px_request *r, px_buffer *buffer);
/* What proxyd calls itself to this client, on one line; empty: it does not. */
px_slice px_request_server_tokens(px_request *r);
px_slice px_request_slot(const px_request *r, uint64_t slot);
/* A value for a field of a head: CR, LF and NUL, which only decoded text can hold, become spaces. */
px_slice px_request_one_line(px_request *r, px_slice value);
void px_request_set_slot(px_request *r, uint64_t slot, px_slice value);

/* What is wrong with a head and where, in nginx's form. */
void px_request_log_bad(px_request *r, int level, const char *text, px_slice where, const char *activity);
/* Of the step that runs, or waits. */
const char *px_request_step_name(const px_request *r);
/* For a crash report: which request, at which step, of whom. subject: a Request. */
void px_request_describe(px_crash_line *line, const void *subject);
/* A line in the error log with nginx's context behind it: ", client: ..., server: ..., request: ...,
 * upstream: ..., host: ...". */
void px_request_log(px_request *r, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- of the files of request ---- */

/* request_birth.c */
void px_request_on_request(px_stream *stream, const px_request_head *head, px_block *head_block);
void px_request_on_bad_request(px_stream *stream, const px_parse_error *error, px_slice request_line,
                               px_block *block);
void px_request_make_slots(px_request *r);
/* ---- request_client.c ---- */

/* Whether a field without a number is taken over; if not, that was logged. *named: NULL at first; the rules of
 * the server that Host names, once they were looked for. */
bool px_request_takes_field(px_request *r, const px_request_head *head, uint32_t index,
                            const px_h1_settings **named);
/* keepalive_disable */
void px_request_judge_browser(px_request *r);

/* ---- steps that live elsewhere ---- */

px_step px_step_server(px_request *r);           /* route.c: by address and Host */
px_step px_step_server_rewrite(px_request *r);   /* rewrite.c */
px_step px_step_location(px_request *r);         /* route.c: by path; also client_max_body_size */
px_step px_step_try_files(px_request *r);        /* try_files.c */
px_step px_step_content(px_request *r);          /* step_content.c */
px_step px_step_location_rewrite(px_request *r); /* rewrite.c */
px_step px_step_preaccess(px_request *r);        /* limit.c */
px_step px_step_access(px_request *r);           /* access.c */
/* A location was found: its limit_except may give the Request other settings. */
void px_access_except(px_request *r);

#ifdef PX_DEBUG
#define PX_REQUEST_CHECK(r)                                                                                  \
    do {                                                                                                     \
        if ((r)->magic != PX_REQUEST_MAGIC)                                                                  \
            abort();                                                                                         \
    } while (0)
#else
#define PX_REQUEST_CHECK(r) ((void)(r))
#endif

#endif
