/* See h1_output.h. */
#include "http/h1_output.h"

#include <errno.h>
#include <unistd.h>

#include "base/pipe.h"
#include "http/chunked.h"

#define TEXT_BLOCK_BYTES 1024
#define COPIED_BYTES 512
#define IOV_MAX_USED 64
/* sendfile costs little for each byte and much for each call, so that a turn may go so far over its budget, where
 * nothing but that limits it. */
#define SENDFILE_BYTES (2u << 20)
#define SHARED_BYTES 65536u

void px_h1_output_clear(px_h1_output *output)
{
    px_queue_clear(&output->queue);
    px_block_release(&output->text);
}

void px_h1_output_move(px_h1_output *output, px_queue *to)
{
    px_queue_move(to, &output->queue);
    px_h1_output_clear(output);
}

static void take_text_block(px_h1_output *output, size_t bytes)
{
    px_block_release(&output->text);
    output->text = px_block_take(bytes > TEXT_BLOCK_BYTES ? bytes : TEXT_BLOCK_BYTES);
    output->text_used = 0;
}

px_h1_text px_h1_text_begin(px_h1_output *output, size_t hint)
{
    if (output->text != NULL && output->text->references == 1)
        output->text_used = 0; /* all that was in it has been written */
    if (output->text == NULL || output->text->size - output->text_used < hint)
        take_text_block(output, hint);
    uint8_t *at = output->text->data + output->text_used;
    return (px_h1_text){at, output->text->data + output->text->size, at, output};
}

void px_h1_text_end(px_h1_text *text)
{
    px_h1_output *output = text->output;
    size_t len = (size_t)(text->at - text->start);
    output->text_used += (uint32_t)len;
    px_queue_push(&output->queue, (px_piece){text->start, len, px_block_ref(output->text)});
    text->start = text->at;
}

/* Fills the block to its end and goes on in another: a value may be of any length. */
void px_h1_text_append_slow(px_h1_text *text, const void *bytes, size_t n)
{
    size_t room = (size_t)(text->limit - text->at);
    memcpy(text->at, bytes, room);
    text->at += room;
    px_h1_text_end(text);
    take_text_block(text->output, 4 * TEXT_BLOCK_BYTES);
    px_block *block = text->output->text;
    text->at = text->start = block->data;
    text->limit = block->data + block->size;
    px_h1_text_append(text, (const uint8_t *)bytes + room, n - room);
}

void px_h1_text_uint(px_h1_text *text, uint64_t value)
{
    uint8_t room[PX_UINT_DIGITS];
    px_h1_text_slice(text, px_slice_of_uint(room, value));
}

void px_h1_text_header(px_h1_text *text, const px_header *header)
{
    px_h1_text_slice(text, header->name);
    px_h1_text_literal(text, ": ");
    px_h1_text_slice(text, header->value);
    px_h1_text_literal(text, "\r\n");
}

/* A small piece behind text is cheaper copied there than sent as another entry: one entry needs no message header. */
static bool fits_behind_text(const px_h1_output *output, const px_piece *piece)
{
    return piece->len <= COPIED_BYTES && output->text != NULL && output->queue.bytes > 0 &&
           output->text->size - output->text_used >= piece->len && !px_piece_is_file(piece);
}

static void put_piece(px_h1_output *output, px_piece piece)
{
    if (!fits_behind_text(output, &piece)) {
        px_queue_push(&output->queue, piece);
        return;
    }
    px_h1_text text = px_h1_text_begin(output, piece.len);
    px_h1_text_append(&text, piece.data, piece.len);
    px_h1_text_end(&text);
    px_piece_release(&piece);
}

size_t px_h1_output_pieces(px_h1_output *output, px_piece *pieces, uint32_t count)
{
    size_t before = output->queue.bytes;
    for (uint32_t i = 0; i < count; i++)
        put_piece(output, pieces[i]);
    return output->queue.bytes - before;
}

void px_h1_output_chunk(px_h1_output *output, px_piece *pieces, uint32_t count, bool last)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += pieces[i].len;
    if (size > 0) {
        px_h1_text head = px_h1_text_begin(output, PX_CHUNK_HEAD_BYTES);
        head.at += px_chunk_head(head.at, size);
        px_h1_text_end(&head);
    }
    px_h1_output_pieces(output, pieces, count);
    px_slice end = size > 0 ? (last ? PX_SLICE("\r\n0\r\n\r\n") : PX_SLICE("\r\n"))
                            : (last ? PX_SLICE("0\r\n\r\n") : PX_SLICE(""));
    put_piece(output, (px_piece){end.data, end.len, NULL});
}

void px_h1_output_trailers(px_h1_output *output, const px_header *headers, uint32_t count)
{
    px_h1_text text = px_h1_text_begin(output, 256);
    px_h1_text_literal(&text, "0\r\n");
    for (uint32_t i = 0; i < count; i++)
        px_h1_text_header(&text, &headers[i]);
    px_h1_text_literal(&text, "\r\n");
    px_h1_text_end(&text);
}

/* ---- writing ---- */

static px_io file_failed(px_h1_output *output, int error)
{
    output->file_error = error;
    return PX_IO_ERROR;
}

/* Entry `number` is of a file: reads of it what one block takes. */
static px_io read_file(px_h1_output *output, uint32_t number, size_t most)
{
    const px_piece *piece = px_queue_item(&output->queue, number);
    size_t len = piece->len < most ? piece->len : most;
    px_block *block = px_block_take(len);
    ssize_t n;
    do
        n = pread(px_block_fd(piece->owner), block->data, len, px_piece_offset(piece));
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        px_queue_put_read(&output->queue, number, (px_piece){block->data, (size_t)n, block});
        return PX_IO_OK;
    }
    px_block_release(&block);
    return file_failed(output, n == 0 ? PX_H1_FILE_SHORT : errno);
}

static size_t bytes_of(const struct iovec *iov, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    return bytes;
}

/* Leaves out what is more than limit bytes. */
static bool cut(struct iovec *iov, int *count, size_t limit)
{
    for (int i = 0; i < *count; i++) {
        if (iov[i].iov_len >= limit) {
            bool less = iov[i].iov_len > limit || i + 1 < *count;
            iov[i].iov_len = limit;
            *count = i + 1;
            return less;
        }
        limit -= iov[i].iov_len;
    }
    return false;
}

/* What stands in front of the first file, and, when files are read, the beginning of that. What is read waits in
 * the queue while the socket is full, so no more is read then. */
static px_io write_memory(px_h1_output *output, px_transport *transport, const px_h1_files *files, bool reads,
                          size_t limit, size_t *moved)
{
    struct iovec iov[IOV_MAX_USED];
    px_queue *queue = &output->queue;
    int count = px_queue_iovec(queue, iov, IOV_MAX_USED);
    size_t room = reads && transport->writable ? (size_t)files->read_count * files->read_bytes : 0;
    while (count < IOV_MAX_USED && (uint32_t)count < queue->count && bytes_of(iov, count) < room &&
           !px_piece_is_pipe(px_queue_item(queue, (uint32_t)count))) {
        px_io io = read_file(output, (uint32_t)count, files->read_bytes);
        if (io != PX_IO_OK && count == 0)
            return io;
        if (io != PX_IO_OK)
            break; /* first what there is; then this again */
        count = px_queue_iovec(queue, iov, IOV_MAX_USED);
    }
    /* A large file is better sent from the beginning of a page, in packets of its own. */
    bool more = (uint32_t)count < queue->count && queue->bytes - bytes_of(iov, count) < SHARED_BYTES;
    if (cut(iov, &count, limit))
        more = false;
    return transport->ops->write(transport, iov, count, more, moved);
}

static px_io send_file(px_h1_output *output, px_transport *transport, const px_h1_files *files, size_t limit,
                       bool whole_budget, size_t *moved)
{
    const px_piece *piece = px_queue_item(&output->queue, 0);
    size_t len = piece->len < limit ? piece->len : limit;
    if (whole_budget && len < piece->len)
        len = piece->len < SENDFILE_BYTES ? piece->len : SENDFILE_BYTES;
    if (files->chunk_bytes > 0 && len > files->chunk_bytes)
        len = files->chunk_bytes;
    px_io io =
        transport->ops->send_file(transport, px_block_fd(piece->owner), px_piece_offset(piece), len, moved);
    if (io == PX_IO_OK && *moved == 0)
        return file_failed(output, PX_H1_FILE_SHORT);
    if (io == PX_IO_ERROR && !transport->write_failed) {
        if (transport->error != EINVAL && transport->error != ENOSYS && transport->error != EOVERFLOW)
            return file_failed(output, transport->error);
        output->reads_files = true;
        return PX_IO_OK;
    }
    return io;
}

static px_io splice_pipe(px_h1_output *output, px_transport *transport, size_t limit, size_t *moved)
{
    const px_piece *piece = px_queue_item(&output->queue, 0);
    size_t len = piece->len < limit ? piece->len : limit;
    px_io io =
        transport->ops->splice_out(transport, px_block_fd(piece->owner), len, output->queue.count > 1, moved);
    if (io == PX_IO_OK)
        px_pipe_took(piece->owner, *moved);
    return io;
}

px_io px_h1_output_write(px_h1_output *output, px_transport *transport, const px_h1_files *files,
                         size_t limit, size_t *moved)
{
    *moved = 0;
    while (output->queue.bytes > 0 && *moved < limit) {
        bool reads = !files->sendfile || output->reads_files || transport->ops->send_file == NULL;
        bool file = !reads && px_piece_is_file(px_queue_item(&output->queue, 0));
        size_t n = 0;
        bool pipe = px_piece_is_pipe(px_queue_item(&output->queue, 0));
        px_io io =
            pipe   ? splice_pipe(output, transport, limit - *moved, &n)
            : file ? send_file(output, transport, files, limit - *moved, limit >= PX_EVENT_BUDGET_BYTES, &n)
                   : write_memory(output, transport, files, reads, limit - *moved, &n);
        if (io != PX_IO_OK)
            return io;
        px_queue_consume(&output->queue, n);
        *moved += n;
    }
    return PX_IO_OK;
}
