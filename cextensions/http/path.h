/* The one normalisation of request paths, after nginx's: percent-decoding, "." and "..", repeated slashes
 * merged. */
#ifndef PX_HTTP_PATH_H
#define PX_HTTP_PATH_H

#include "base/buffer.h"
#include "http/h1_parse.h"

typedef struct px_path {
    px_slice uri; /* decoded and normalised, begins with "/" ("*" stays) */
    /* Behind the first "?", as it came, without a "#fragment"; data NULL when there is no "?". */
    px_slice args;
    bool quoted; /* escapes were decoded: uri must be escaped anew before it is sent on */
    bool plain;  /* uri and args are all the bytes on the wire: nothing was decoded, added or removed */
} px_path;

/* path: as of px_request_head. Bytes of uri: in the input or static when nothing was decoded, else in
 * arena. BAD: bad escape, NUL, ".." above the root, no "/" in front. */
px_parse px_path_normalize(px_slice path, bool merge_slashes, px_arena *arena, px_path *out,
                           px_parse_error *error);

/* Escapes what may not stand in a path (nginx's NGX_ESCAPE_URI set): for a rewritten uri that is sent to a
 * peer or in a Location. */
void px_path_escape(px_buffer *out, px_slice uri);
/* Also what parts arguments (NGX_ESCAPE_ARGS). */
void px_args_escape(px_buffer *out, px_slice text);

/* Validation of Host and authority as nginx has it since 1.29.4 (RFC 3986): name is what stands before the
 * port, without one final dot, as spelled. False: invalid (400): empty, "..", a bad port, user
 * information, any byte that no host may have. */
bool px_host_split(px_slice host, px_slice *name);
/* The same, lower-cased. Bytes in arena or input. */
bool px_host_normalize(px_slice host, px_arena *arena, px_slice *out);

#endif
