/* Header fields: names are recognised once, by number. */
#ifndef PX_HTTP_HEADERS_H
#define PX_HTTP_HEADERS_H

#include "base/buffer.h"
#include "base/slice.h"

/* Known names: one list. px_header_name gives the usual spelling. 0 is any other name. */
/* clang-format off */
#define PX_HEADER_NAMES(X)                                                                                  \
    X(HOST, "Host") X(CONNECTION, "Connection") X(CONTENT_LENGTH, "Content-Length")                         \
    X(TRANSFER_ENCODING, "Transfer-Encoding") X(KEEP_ALIVE, "Keep-Alive") X(UPGRADE, "Upgrade")             \
    X(EXPECT, "Expect") X(TE, "TE") X(TRAILER, "Trailer") X(PROXY_CONNECTION, "Proxy-Connection")           \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate") X(PROXY_AUTHORIZATION, "Proxy-Authorization")               \
    X(USER_AGENT, "User-Agent") X(REFERER, "Referer") X(X_FORWARDED_FOR, "X-Forwarded-For")                 \
    X(X_FORWARDED_PROTO, "X-Forwarded-Proto") X(X_REAL_IP, "X-Real-IP") X(COOKIE, "Cookie")                 \
    X(AUTHORIZATION, "Authorization") X(ACCEPT, "Accept") X(ACCEPT_ENCODING, "Accept-Encoding")             \
    X(ACCEPT_LANGUAGE, "Accept-Language") X(RANGE, "Range") X(IF_RANGE, "If-Range")                         \
    X(IF_MODIFIED_SINCE, "If-Modified-Since") X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since")                 \
    X(IF_MATCH, "If-Match") X(IF_NONE_MATCH, "If-None-Match") X(VIA, "Via") X(DATE, "Date")                 \
    X(SERVER, "Server") X(CONTENT_TYPE, "Content-Type") X(CONTENT_ENCODING, "Content-Encoding")             \
    X(CONTENT_RANGE, "Content-Range") X(LOCATION, "Location") X(REFRESH, "Refresh")                         \
    X(LAST_MODIFIED, "Last-Modified") X(ETAG, "ETag") X(ACCEPT_RANGES, "Accept-Ranges")                     \
    X(CACHE_CONTROL, "Cache-Control") X(EXPIRES, "Expires") X(VARY, "Vary") X(SET_COOKIE, "Set-Cookie")     \
    X(LINK, "Link") X(WWW_AUTHENTICATE, "WWW-Authenticate") X(P3P, "P3P") X(X_PAD, "X-Pad")                 \
    X(X_ACCEL_BUFFERING, "X-Accel-Buffering") X(X_ACCEL_CHARSET, "X-Accel-Charset")                         \
    X(X_ACCEL_EXPIRES, "X-Accel-Expires") X(X_ACCEL_LIMIT_RATE, "X-Accel-Limit-Rate")                       \
    X(X_ACCEL_REDIRECT, "X-Accel-Redirect") X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")                       \
    X(HTTP2_SETTINGS, "HTTP2-Settings")
/* clang-format on */

typedef enum px_header_id {
    PX_HEADER_OTHER = 0,
#define PX_HEADER_ENUM(id, name) PX_HEADER_##id,
    PX_HEADER_NAMES(PX_HEADER_ENUM) PX_HEADER_IDS
#undef PX_HEADER_ENUM
} px_header_id;

typedef struct px_header {
    px_slice name;  /* as the peer spelled it */
    px_slice value; /* without blanks around it */
    uint16_t id;    /* px_header_id */
} px_header;

/* The number of a name, case folded; 0 when not in the list. O(1). */
px_header_id px_header_lookup(px_slice name);
px_slice px_header_name(px_header_id id);

/* Without spaces and tabs at both ends. */
px_slice px_header_trim(px_slice text);
/* True when the comma separated list value contains token (case folded). */
bool px_header_has_token(px_slice value, px_slice token);
/* Calls visit for each non-empty element of a comma separated list. visit returns false to stop. */
void px_header_each_token(px_slice value, bool (*visit)(void *argument, px_slice token), void *argument);

/* The standard reason of a status ("Not Found"), empty for unknown. */
px_slice px_status_reason(int status);

#endif
