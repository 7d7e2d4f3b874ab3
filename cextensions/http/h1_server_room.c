/* See h1_server_private.h: which heads are too large. nginx reads a head into one buffer of
 * client_header_buffer_size and then, whole lines each, into at most `number` of large_client_header_buffers.
 * We have one block; this walks the lines as they would fall into those buffers, so that the same heads are
 * refused. */
#include "http/h1_server_private.h"

/* What a line of the error log has room for. */
#define LONG_LINE_SHOWN_BYTES 1748u

static bool line_fits(px_h1_conn *conn, const px_h1_settings *settings, uint32_t len)
{
    if (conn->line == 0 && conn->buffers == 0)
        conn->room = settings->header_buffer_bytes;
    if (len <= conn->room)
        return true;
    return len <= settings->large_buffer_bytes;
}

static bool count_line(px_h1_conn *conn, const px_h1_settings *settings, uint32_t len)
{
    if (len > conn->room) {
        if (++conn->buffers > settings->large_buffer_count)
            return false;
        conn->room = settings->large_buffer_bytes;
    }
    conn->room -= len;
    return true;
}

/* nginx says the same when one line is too long and when all together are, and shows of it what its buffer
 * would have room for. */
static px_parse_error too_long(const px_h1_conn *conn, const px_h1_settings *settings, const uint8_t *line,
                               size_t len)
{
    size_t room = conn->buffers < settings->large_buffer_count ? settings->large_buffer_bytes : conn->room;
    size_t most = room < LONG_LINE_SHOWN_BYTES ? room : LONG_LINE_SHOWN_BYTES;
    if (len > most)
        len = most;
    return (px_parse_error){.status = 494,
                            .text = "client sent too long header line",
                            .where = {line, len},
                            .activity = PX_H1_READING_HEADERS};
}

bool px_h1_lines_fit(px_h1_conn *conn, px_slice bytes, px_parse_error *error)
{
    const px_h1_settings *settings = px_h1_conn_settings(conn);
    for (;;) {
        const uint8_t *line = bytes.data + conn->line;
        size_t rest = bytes.len - conn->line;
        const uint8_t *end = rest > 0 ? memchr(line, '\n', rest) : NULL;
        uint32_t len = (uint32_t)(end != NULL ? (size_t)(end - line) + 1 : rest);
        if (!line_fits(conn, settings, len)) {
            if (conn->line == 0)
                *error = (px_parse_error){
                    .status = 414, .text = "client sent too long URI", .activity = PX_H1_READING_LINE};
            else
                *error = too_long(conn, settings, line, len);
            return false;
        }
        if (end == NULL && (len <= conn->room || conn->buffers < settings->large_buffer_count))
            return true;
        if (end == NULL || !count_line(conn, settings, len)) {
            *error = too_long(conn, settings, line, len);
            return false;
        }
        conn->line += len;
    }
}
