/* The carrier in memory itself: a Request that follows http/stream.h sees from it what HTTP/1 would show. */
#include "check.h"

#include "base/memory.h"
#include "h1_harness.h"
#include "memory_stream.h"

static char gathered[256];
static size_t gathered_len;
static int ends;

/* A Request that answers with the body it was sent, 4 bytes at a time. */
static void on_request(px_stream *stream, const px_request_head *head, px_block *block)
{
    (void)block;
    gathered_len = 0;
    stream->request = gathered;
    CHECK_SLICE(head->path, "/echo");
    stream->ops->read_body(stream, 4);
}

static void on_body(px_stream *stream, px_piece *pieces, uint32_t count, bool last)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(gathered + gathered_len, pieces[i].data, pieces[i].len);
        gathered_len += pieces[i].len;
        px_piece_release(&pieces[i]);
    }
    if (!last) {
        stream->ops->read_body(stream, 4);
        return;
    }
    px_header header = {PX_SLICE("X-Test"), PX_SLICE("yes"), PX_HEADER_OTHER};
    px_response_head head = {
        .status = 200, .headers = &header, .header_count = 1, .content_length = (int64_t)gathered_len};
    px_piece piece = {(const uint8_t *)gathered, gathered_len, NULL};
    stream->ops->send_head(stream, &head);
    stream->ops->send_body(stream, &piece, 1, true);
}

static void on_writable(px_stream *stream)
{
    (void)stream;
}

static void on_done(px_stream *stream)
{
    CHECK(stream->request == gathered);
    ends++;
}

static void on_abort(px_stream *stream, px_abort_reason reason)
{
    CHECK(stream->request == gathered);
    CHECK_INT(reason, PX_ABORT_CLOSED);
    ends++;
}

static const px_stream_user user = {.on_request = on_request,
                                    .on_body = on_body,
                                    .on_writable = on_writable,
                                    .on_done = on_done,
                                    .on_abort = on_abort};

#define HEAD "POST /echo HTTP/1.1\nHost: a\nContent-Length: 6\n\n"

TEST(echo, "the body comes in parts, the answer is recorded, and on_done comes when it was taken")
{
    px_loop *loop = harness_open();
    memory_stream *m = memory_stream_open(loop, &user, NULL);
    ends = 0;
    m->window = 0;
    CHECK(memory_stream_request(m, HEAD));
    CHECK_STRING(m->calls, "read 4\n");
    memory_stream_body(m, "abcdef", 6, true);
    settle(loop, NULL);
    CHECK_STRING(m->calls, "read 4\nread 4\nhead 200 length 6\n  X-Test: yes\nbody 6 last\n");
    CHECK(memory_stream_called(m, "read 4"));
    CHECK(!memory_stream_called(m, "read"));
    CHECK_INT(ends, 0);
    CHECK_INT(m->stream.unsent, 6);
    memory_stream_take(m, 4);
    settle(loop, NULL);
    CHECK_SLICE(memory_stream_answer(m), "abcd");
    memory_stream_take(m, 100);
    settle(loop, NULL);
    CHECK_SLICE(memory_stream_answer(m), "abcdef");
    CHECK_INT(ends, 1);
    CHECK_INT(m->errors, 0);
    memory_stream_close(&m);
    harness_close(&loop);
}

TEST(abort_once, "a client that leaves is told of once, and nothing follows")
{
    px_loop *loop = harness_open();
    memory_stream *m = memory_stream_open(loop, &user, NULL);
    ends = 0;
    CHECK(memory_stream_request(m, HEAD));
    memory_stream_abort(m, PX_ABORT_CLOSED);
    CHECK_INT(ends, 0);
    memory_stream_body(m, "abcdef", 6, true);
    settle(loop, NULL);
    CHECK_INT(ends, 1);
    CHECK_STRING(m->calls, "read 4\nabort 0\n");
    memory_stream_close(&m);
    harness_close(&loop);
}
