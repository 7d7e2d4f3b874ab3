/* See handler_static.h: one file. Small ones are read and leave together with the head; of larger ones only the
 * descriptor goes on, and the Stream's writer sends from it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/date.h"
#include "proxy/conditions.h"
#include "proxy/debug.h"
#include "proxy/handler_static.h"
#include "proxy/range.h"

/* A file up to this size costs less when it is read than when sendfile is called for it. */
#define READ_AT_ONCE_BYTES 16384
#define ETAG_BYTES 40

/* A file that is being sent. */
typedef struct sending {
    px_block *file;  /* one reference; NULL: all of it is in bytes */
    px_block *bytes; /* one reference, or NULL */
    int64_t size, modified;
    px_slice etag;
} sending;

/* ---- opening ---- */

static px_step open_failed(px_request *r, const px_file_name *name, int error)
{
    bool missing = px_file_is_missing(error);
    bool forbidden = px_file_is_forbidden(error);
    r->reason = missing ? PX_REASON_NOT_FOUND : forbidden ? PX_REASON_FORBIDDEN : PX_REASON_FILE_FAILED;
    if (!missing || r->settings->plan->log_not_found)
        px_request_log(r, missing || forbidden ? PX_LOG_ERROR : PX_LOG_CRIT, "%s \"%s\" failed (%s)",
                       px_docs_call(r, "open()"), name->data, px_log_errno(error));
    return px_request_send_error(r, missing ? 404 : forbidden ? 403 : 500);
}

/* The name without its final "/" was asked for. */
static px_step redirect_to_directory(px_request *r)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, r->uri.len + r->args.len + 2);
    px_path_escape(&text, r->uri);
    px_buffer_byte(&text, '/');
    if (r->args.len > 0) {
        px_buffer_byte(&text, '?');
        px_buffer_slice(&text, r->args);
    }
    return px_request_send_location(r, 301, px_buffer_view(&text));
}

static px_step refuse_kind(px_request *r, const px_file_name *name)
{
    r->reason = PX_REASON_NOT_FOUND;
    px_request_log(r, PX_LOG_CRIT, "\"%s\" is not a regular file", name->data);
    return px_request_send_error(r, 404);
}

/* ---- the head ---- */

static px_slice make_etag(px_request *r, const sending *file)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t text[ETAG_BYTES];
    uint8_t *at = text + sizeof text;
    bool before_1970 = file->modified < 0;
    uint64_t seconds = before_1970 ? 0 - (uint64_t)file->modified : (uint64_t)file->modified;
    const uint64_t numbers[] = {(uint64_t)file->size, seconds};
    *--at = '"';
    for (int i = 0; i < 2; i++) {
        uint64_t value = numbers[i];
        do
            *--at = (uint8_t)digits[value & 15];
        while ((value >>= 4) > 0);
        if (i == 1 && before_1970)
            *--at = '-';
        *--at = i == 0 ? '-' : '"';
    }
    return px_arena_copy(&r->arena, px_slice_from(at, (size_t)(text + sizeof text - at)));
}

static px_slice date_text(px_request *r, int64_t seconds)
{
    uint8_t *text = px_arena_alloc(&r->arena, PX_DATE_BYTES);
    px_date_put(text, seconds);
    return px_slice_from(text, PX_DATE_BYTES);
}

static void begin_answer(px_request *r, const sending *file)
{
    px_answer_begin(r, 200, 6);
    if (!r->answer.has_type && r->answer.status != 204) {
        px_slice type = px_request_media_type(r);
        if (type.len > 0)
            px_answer_content_type(r, type);
    }
    if (r->answer.status == 200 || r->answer.status == 206 || r->answer.status == 304)
        px_answer_add(r, PX_HEADER_LAST_MODIFIED, PX_SLICE("Last-Modified"), date_text(r, file->modified));
    if (file->etag.data != NULL)
        px_answer_add(r, PX_HEADER_ETAG, PX_SLICE("ETag"), file->etag);
    r->answer.content_length = file->size;
}

/* ---- the body ---- */

/* Whole, or not at all: a file that became shorter meanwhile is left to the writer. */
static bool read_at(int fd, uint8_t *bytes, size_t len, int64_t offset)
{
    ssize_t n;
    do
        n = pread(fd, bytes, len, offset);
    while (n < 0 && errno == EINTR);
    return n >= 0 && (size_t)n == len;
}

static px_piece piece_of(const sending *file, int64_t start, int64_t end)
{
    size_t len = (size_t)(end - start);
    if (file->bytes != NULL)
        return (px_piece){file->bytes->data + start, len, px_block_ref(file->bytes)};
    return px_piece_of_file(px_block_ref(file->file), start, len);
}

static px_step send_whole(px_request *r, const sending *file)
{
    px_request_send_head(r);
    if (r->no_body || file->size == 0) {
        px_request_send_body(r, NULL, 0, true);
        return PX_STEP_ANSWERED;
    }
    px_piece piece = piece_of(file, 0, file->size);
    px_request_send_body(r, &piece, 1, true);
    return PX_STEP_ANSWERED;
}

/* Small ranges, one behind the other: to send each from the file would cost two system calls more. NULL: they are
 * large, or in memory already, or could not be read. */
static px_block *read_ranges(const sending *file, const px_range *ranges, uint32_t count)
{
    int64_t size = 0;
    for (uint32_t i = 0; i < count && size <= READ_AT_ONCE_BYTES; i++)
        size += ranges[i].end - ranges[i].start;
    if (file->bytes != NULL || size > READ_AT_ONCE_BYTES)
        return NULL;
    px_block *bytes = px_block_take((size_t)size);
    size_t at = 0;
    for (uint32_t i = 0; i < count && bytes != NULL; i++) {
        size_t len = (size_t)(ranges[i].end - ranges[i].start);
        if (!read_at(px_block_fd(file->file), bytes->data + at, len, ranges[i].start))
            px_block_release(&bytes);
        at += len;
    }
    return bytes;
}

/* texts: what stands in front of each range and behind the last one; NULL: nothing. */
static px_step send_pieces(px_request *r, const sending *file, const px_range *ranges, uint32_t count,
                           const px_slice *texts)
{
    px_request_send_head(r);
    if (r->no_body) {
        px_request_send_body(r, NULL, 0, true);
        return PX_STEP_ANSWERED;
    }
    px_block *bytes = read_ranges(file, ranges, count);
    px_piece *pieces = px_arena_alloc(&r->arena, (2 * count + 1u) * sizeof *pieces);
    size_t at = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t len = (size_t)(ranges[i].end - ranges[i].start);
        if (texts != NULL)
            pieces[n++] = (px_piece){texts[i].data, texts[i].len, NULL};
        pieces[n++] = bytes != NULL ? (px_piece){bytes->data + at, len, px_block_ref(bytes)}
                                    : piece_of(file, ranges[i].start, ranges[i].end);
        at += len;
    }
    px_block_release(&bytes);
    if (texts != NULL)
        pieces[n++] = (px_piece){texts[count].data, texts[count].len, NULL};
    px_request_send_body(r, pieces, n, true);
    return PX_STEP_ANSWERED;
}

static px_step send_range(px_request *r, const sending *file, const px_range *range)
{
    px_answer_add(r, PX_HEADER_CONTENT_RANGE, PX_SLICE("Content-Range"),
                  px_range_field(&r->arena, range, file->size));
    r->answer.content_length = range->end - range->start;
    return send_pieces(r, file, range, 1, NULL);
}

static px_slice new_boundary(px_request *r)
{
    static uint64_t last;
    uint8_t *text = px_arena_alloc(&r->arena, 20);
    uint64_t value = ++last;
    for (int i = 19; i >= 0; i--, value /= 10)
        text[i] = (uint8_t)('0' + value % 10);
    return px_slice_from(text, 20);
}

static px_slice part_head(px_request *r, const px_range *range, int64_t size, px_slice type,
                          px_slice boundary)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, 128 + type.len);
    px_range_put_part(&text, *range, size, type, boundary);
    return px_buffer_view(&text);
}

static px_step send_ranges(px_request *r, const sending *file, const px_ranges *ranges)
{
    px_slice *texts = px_arena_alloc(&r->arena, (ranges->count + 1u) * sizeof *texts);
    px_slice boundary = new_boundary(r);
    px_slice type = r->answer.has_type ? r->answer.headers[0].value : px_slice_from(NULL, 0);
    px_buffer text;
    int64_t length = 0;
    for (uint32_t i = 0; i < ranges->count; i++) {
        const px_range *range = &ranges->items[i];
        texts[i] = part_head(r, range, file->size, type, boundary);
        length += (int64_t)texts[i].len + range->end - range->start;
    }
    px_buffer_init(&text, &r->arena, 64);
    px_range_put_last(&text, boundary);
    texts[ranges->count] = px_buffer_view(&text);
    r->answer.content_length = length + (int64_t)text.len;
    px_buffer_init(&text, &r->arena, 64);
    px_buffer_literal(&text, "multipart/byteranges; boundary=");
    px_buffer_slice(&text, boundary);
    px_answer_content_type(r, px_buffer_view(&text));
    return send_pieces(r, file, ranges->items, ranges->count, texts);
}

static px_step refuse_range(px_request *r, const sending *file)
{
    px_request_carry(r, PX_HEADER_CONTENT_RANGE, PX_SLICE("Content-Range"),
                     px_range_field(&r->arena, NULL, file->size));
    return px_request_fail(r, 416, PX_REASON_RANGE_NOT_SATISFIABLE);
}

static px_step send_wanted(px_request *r, const sending *file)
{
    px_slice field = px_request_header(r, PX_HEADER_RANGE);
    uint32_t most = (uint32_t)r->settings->plan->max_ranges;
    px_ranges ranges;
    if (r->answer.status != 200 || most == 0)
        return send_whole(r, file);
    px_range_result wanted = PX_RANGE_WHOLE;
    if (field.data != NULL && !px_conditions_forbid_range(r, file->modified, file->etag))
        wanted = px_range_parse(field, file->size, most, &r->arena, &ranges);
    if (wanted == PX_RANGE_NOT_SATISFIABLE)
        return refuse_range(r, file);
    if (wanted == PX_RANGE_PARTIAL) {
        r->answer.status = 206;
        return ranges.count == 1 ? send_range(r, file, &ranges.items[0]) : send_ranges(r, file, &ranges);
    }
    px_answer_add(r, PX_HEADER_ACCEPT_RANGES, PX_SLICE("Accept-Ranges"), PX_SLICE("bytes"));
    return send_whole(r, file);
}

static px_step answer(px_request *r, const sending *file)
{
    begin_answer(r, file);
    px_step step = px_conditions_answer(r, file->modified, file->etag);
    return step == PX_STEP_NEXT ? send_wanted(r, file) : step;
}

/* ---- start ---- */

static px_block *read_small(int fd, int64_t size)
{
    px_block *bytes = px_block_take((size_t)size);
    if (!read_at(fd, bytes->data, (size_t)size, 0))
        px_block_release(&bytes);
    return bytes;
}

static px_step send_file(px_request *r, int fd, const struct stat *facts)
{
    sending file = {.size = facts->st_size, .modified = facts->st_mtime};
    if (r->settings->plan->etag)
        file.etag = make_etag(r, &file);
    if (file.size > 0 && file.size <= READ_AT_ONCE_BYTES && r->head.method != PX_METHOD_HEAD)
        file.bytes = read_small(fd, file.size);
    if (file.bytes != NULL || r->head.method == PX_METHOD_HEAD)
        close(fd);
    else
        file.file = px_block_of_file(fd);
    px_step step = answer(r, &file);
    px_block_release(&file.bytes);
    px_block_release(&file.file);
    return step;
}

static px_step start(px_request *r)
{
    px_file_name name;
    struct stat facts = {0};
    int status = px_docs_name(r, r->uri, &name);
    if (status != 0)
        return px_request_fail(r, status, px_reason_of_name(status));
    px_request_debug(r, "file: \"%s\"", (const char *)name.data);
    /* NONBLOCK: a fifo or device answers at once */
    int fd = px_docs_open(r, px_file_path(&name), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return open_failed(r, &name, errno);
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && r->head.method != PX_METHOD_POST)
        return send_file(r, fd, &facts);
    close(fd);
    if (S_ISDIR(facts.st_mode))
        return redirect_to_directory(r);
    if (S_ISREG(facts.st_mode))
        return px_request_fail(r, 405, PX_REASON_METHOD_NOT_ALLOWED);
    return refuse_kind(r, &name);
}

const px_handler px_handler_static = {.name = "static", .start = start};
