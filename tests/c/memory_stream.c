/* See memory_stream.h. */
#include "memory_stream.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

#define CALLS_BYTES 131072

static memory_stream *of(px_stream *stream)
{
    return PX_CONTAINER(stream, memory_stream, stream);
}

__attribute__((format(printf, 2, 3))) static void note(memory_stream *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(m->calls + m->calls_len, CALLS_BYTES - m->calls_len, format, arguments);
    va_end(arguments);
    if (n > 0 && (size_t)n < CALLS_BYTES - m->calls_len)
        m->calls_len += (size_t)n;
}

static void complain(memory_stream *m, const char *what)
{
    m->errors++;
    fprintf(stderr, "memory_stream: %s\n", what);
}

static void wake(memory_stream *m)
{
    px_loop_defer(m->stream.loop, &m->task);
}

/* ---- what the Request calls ---- */

static void note_headers(memory_stream *m, const px_response_head *head)
{
    for (uint32_t i = 0; i < head->header_count; i++)
        note(m, "  %.*s: %.*s\n", PX_SLICE_ARGS(head->headers[i].name),
             PX_SLICE_ARGS(head->headers[i].value));
}

static void send_informational(px_stream *stream, const px_response_head *head)
{
    memory_stream *m = of(stream);
    if (m->over || m->head_sent)
        complain(m, "send_informational after the head or the end");
    note(m, "inform %d\n", head->status);
    note_headers(m, head);
}

static void send_head(px_stream *stream, const px_response_head *head)
{
    memory_stream *m = of(stream);
    if (m->over || m->head_sent)
        complain(m, "send_head twice or after the end");
    m->head_sent = true;
    m->status = head->status;
    note(m, "head %d", head->status);
    if (head->content_length >= 0)
        note(m, " length %lld", (long long)head->content_length);
    note(m, "%s%s\n", head->close ? " close" : "", head->upgrade ? " upgrade" : "");
    note_headers(m, head);
    wake(m);
}

static void send_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    memory_stream *m = of(stream);
    if (m->over || !m->head_sent || m->last_sent)
        complain(m, "send_body without a head, after the last, or after the end");
    size_t before = m->queue.bytes;
    for (uint32_t i = 0; i < count; i++)
        px_queue_push(&m->queue, pieces[i]);
    note(m, "body %zu%s\n", m->queue.bytes - before, last ? " last" : "");
    stream->unsent = m->queue.bytes;
    m->last_sent |= last;
    m->writable_owed = true;
    wake(m);
}

static void truncate_answer(px_stream *stream)
{
    memory_stream *m = of(stream);
    if (m->over || m->last_sent)
        complain(m, "truncate after the last or after the end");
    m->last_sent = m->truncated = true;
    note(m, "truncate\n");
    wake(m);
}

static void read_body(px_stream *stream, size_t max_bytes)
{
    memory_stream *m = of(stream);
    if (m->over || m->wanted > 0)
        complain(m, "read_body while one is waiting, or after the end");
    note(m, "read %zu\n", max_bytes);
    m->wanted = max_bytes;
    wake(m);
}

static void end(memory_stream *m)
{
    m->over = true;
    m->stream.request = NULL;
    m->wanted = 0;
    px_queue_clear(&m->queue);
    px_task_cancel(&m->task);
}

static void reset(px_stream *stream)
{
    memory_stream *m = of(stream);
    if (m->over)
        complain(m, "reset after the end");
    note(m, "reset\n");
    end(m);
}

static void send_trailers(px_stream *stream, const px_header *headers, uint32_t count)
{
    (void)stream, (void)headers, (void)count; /* this carrier has no room for them */
}

static const px_stream_ops ops = {.send_trailers = send_trailers,
                                  .send_informational = send_informational,
                                  .send_head = send_head,
                                  .send_body = send_body,
                                  .read_body = read_body,
                                  .reset = reset,
                                  .truncate = truncate_answer};

/* ---- what the carrier does from its task ---- */

static void deliver_body(memory_stream *m)
{
    size_t left = m->body_len - m->body_read;
    size_t len = left < m->wanted ? left : m->wanted;
    bool last = m->body_ended && len == left;
    if (m->wanted == 0 || (len == 0 && !last))
        return;
    px_piece piece = {NULL, 0, NULL};
    if (len > 0) {
        px_block *block = px_block_take(len);
        memcpy(block->data, m->body + m->body_read, len);
        piece = (px_piece){block->data, len, block};
    }
    m->body_read += len;
    m->stream.received += len;
    m->wanted = 0;
    m->stream.user->on_body(&m->stream, &piece, len > 0, last);
}

static void take_answer(memory_stream *m)
{
    while (m->queue.bytes > 0 && m->window > 0) {
        struct iovec iov;
        px_queue_iovec(&m->queue, &iov, 1);
        size_t len = iov.iov_len < m->window ? iov.iov_len : m->window;
        if (m->answer_len + len > MEMORY_BYTES) {
            complain(m, "the answer is larger than this test can hold");
            len = MEMORY_BYTES - m->answer_len;
            break;
        }
        memcpy(m->answer + m->answer_len, iov.iov_base, len);
        m->answer_len += len;
        px_queue_consume(&m->queue, len);
        if (m->window != SIZE_MAX)
            m->window -= len;
        m->stream.sent += len;
    }
    m->stream.unsent = m->queue.bytes;
}

static void flush(memory_stream *m)
{
    take_answer(m);
    if (m->queue.bytes > 0)
        return;
    if (m->last_sent) {
        note(m, "done\n");
        m->stream.user->on_done(&m->stream);
        end(m);
    } else if (m->writable_owed) {
        m->writable_owed = false;
        m->stream.user->on_writable(&m->stream);
    }
}

static void on_task(px_task *task)
{
    memory_stream *m = PX_CONTAINER(task, memory_stream, task);
    if (m->over || m->stream.request == NULL)
        return;
    if (m->aborting) {
        note(m, "abort %d\n", (int)m->abort_reason);
        px_queue_clear(&m->queue); /* its bytes may live in the arena that on_abort clears */
        m->stream.user->on_abort(&m->stream, m->abort_reason);
        end(m);
        return;
    }
    deliver_body(m);
    if (!m->over)
        flush(m);
}

/* ---- what the test calls ---- */

memory_stream *memory_stream_open(px_loop *loop, const px_stream_user *user, px_listener *listener)
{
    memory_stream *m = px_memory_zalloc(sizeof *m);
    m->client = (px_client){.number = 1,
                            .requests = 1,
                            .started_ms = px_loop_now_ms(loop),
                            .address_text = PX_SLICE("192.0.2.1"),
                            .fd = -1,
                            .listener = listener};
    m->stream = (px_stream){.ops = &ops, .user = user, .client = &m->client, .loop = loop, .keepalive = true};
    m->body = px_memory_alloc(MEMORY_BYTES);
    m->answer = px_memory_alloc(MEMORY_BYTES);
    m->calls = px_memory_zalloc(CALLS_BYTES);
    m->window = SIZE_MAX;
    px_task_init(&m->task, on_task);
    px_queue_init(&m->queue);
    return m;
}

void memory_stream_close(memory_stream **stream)
{
    memory_stream *m = *stream;
    *stream = NULL;
    if (!m->over && m->stream.request != NULL)
        complain(m, "closed before the Request ended");
    end(m);
    px_block_release(&m->head_block);
    free(m->body);
    free(m->answer);
    free(m->calls);
    free(m);
}

bool memory_stream_request(memory_stream *m, const char *text)
{
    static px_header headers[PX_MAX_HEADERS];
    px_request_head head;
    px_parse_error error;
    size_t len = strlen(text);
    m->head_block = px_block_take(len);
    memcpy(m->head_block->data, text, len);
    if (px_h1_parse_request(px_slice_from(m->head_block->data, len), headers, &head, &error) !=
        PX_PARSE_DONE) {
        complain(m, error.text);
        return false;
    }
    m->stream.body = head.body;
    m->stream.received = len;
    m->body_ended |= head.body == 0;
    m->stream.user->on_request(&m->stream, &head, m->head_block);
    px_block_release(&m->head_block); /* who needs it holds it */
    return true;
}

void memory_stream_body(memory_stream *m, const void *bytes, size_t len, bool last)
{
    if (m->body_len + len > MEMORY_BYTES) {
        complain(m, "the body is larger than this test can hold");
        return;
    }
    memcpy(m->body + m->body_len, bytes, len);
    m->body_len += len;
    m->body_ended |= last;
    wake(m);
}

void memory_stream_take(memory_stream *m, size_t bytes)
{
    m->window = bytes > SIZE_MAX - m->window ? SIZE_MAX : m->window + bytes;
    wake(m);
}

void memory_stream_abort(memory_stream *m, px_abort_reason reason)
{
    m->aborting = true;
    m->abort_reason = reason;
    m->stream.client_ended = true;
    wake(m);
}

bool memory_stream_called(const memory_stream *m, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = m->calls; at < m->calls + m->calls_len;) {
        const char *end_of_line = strchr(at, '\n');
        if ((size_t)(end_of_line - at) == len && memcmp(at, line, len) == 0)
            return true;
        at = end_of_line + 1;
    }
    return false;
}
