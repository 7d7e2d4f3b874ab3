/* Pieces of files: in a queue, through sendfile, read, to clients and to peers. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/memory.h"
#include "h1_harness.h"
#include "http/h1_client.h"
#include "http/h1_output.h"

#define FILE_BYTES 700000u

static const px_h1_files by_sendfile = {true, 2u << 20, 2, 32768};
static const px_h1_files by_reading = {false, 0, 2, 4096};

static px_loop *loop;
static px_transport transport;
static px_h1_output output;
static far_end far;

static uint8_t byte_at(size_t offset)
{
    return (uint8_t)(offset * 31 >> 3);
}

/* An unlinked file of these bytes; the reference is the caller's. */
static px_block *make_file(size_t len)
{
    char path[] = "/tmp/px-test-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    uint8_t *bytes = px_memory_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(i);
    if (write(fd, bytes, len) != (ssize_t)len)
        abort();
    free(bytes);
    return px_block_of_file(fd);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void on_ready(px_transport *ready)
{
    (void)ready;
}

static void begin(bool tcp, bool small)
{
    signal(SIGPIPE, SIG_IGN); /* as workers do */
    int near;
    far = far_end_open(&near, tcp, small);
    loop = harness_open();
    px_h1_output_init(&output);
    CHECK(px_transport_plain(&transport, loop, near, true, on_ready));
}

static void end(void)
{
    px_h1_output_clear(&output);
    px_transport_close(&transport, false);
    far_end_close(&far);
    harness_close(&loop);
}

static void push_text(const char *text)
{
    px_queue_push(&output.queue, (px_piece){(const uint8_t *)text, strlen(text), NULL});
}

/* head, bytes [from, from + len) of the file, tail; the file twice. */
static void push_mixture(px_block *file, size_t from, size_t len)
{
    push_text("head");
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(file), (off_t)from, len));
    push_text("middle");
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(file), (off_t)from, len));
    push_text("tail");
}

/* Writes and reads until all has arrived, or an error; at most 5 s. */
static px_io pump(const px_h1_files *files, size_t limit)
{
    px_io io = PX_IO_OK;
    size_t wanted = output.queue.bytes;
    for (uint64_t end_ms = px_clock_ms() + PATIENCE_MS; far.len < wanted && px_clock_ms() < end_ms;) {
        size_t moved = 0, before = output.queue.bytes;
        io = px_h1_output_write(&output, &transport, files, limit, &moved);
        CHECK_INT(before - output.queue.bytes, moved);
        if (io == PX_IO_ERROR)
            break;
        far_end_read(&far);
        px_loop_run(loop, 0);
    }
    return io == PX_IO_AGAIN ? PX_IO_OK : io;
}

static void check_bytes_of_file(const uint8_t *got, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (got[i] != byte_at(from + i)) {
            CHECK_INT(got[i], byte_at(from + i));
            return;
        }
}

static void check_mixture(size_t from, size_t len)
{
    px_slice got = far_end_view(&far);
    REQUIRE(got.len == 14 + 2 * len);
    CHECK(memcmp(got.data, "head", 4) == 0);
    check_bytes_of_file(got.data + 4, from, len);
    CHECK(memcmp(got.data + 4 + len, "middle", 6) == 0);
    check_bytes_of_file(got.data + 10 + len, from, len);
    CHECK(memcmp(got.data + 10 + 2 * len, "tail", 4) == 0);
}

static void check_all_ways(bool tcp, bool small, const px_h1_files *files, size_t limit)
{
    begin(tcp, small);
    px_block *file = make_file(FILE_BYTES);
    int fd = px_block_fd(file);
    push_mixture(file, 1000, FILE_BYTES - 1000);
    px_block_release(&file);
    CHECK(is_open(fd));
    CHECK_INT(pump(files, limit), PX_IO_OK);
    check_mixture(1000, FILE_BYTES - 1000);
    CHECK(!is_open(fd));
    CHECK_INT(output.file_error, PX_H1_FILE_FINE);
    end();
}

TEST(memory_and_file_in_order, "memory and pieces of files arrive in order, however they are sent")
{
    static const px_h1_files little = {true, 1000, 1, 1000};
    check_all_ways(true, false, &by_sendfile, SIZE_MAX);
    check_all_ways(true, false, &by_reading, SIZE_MAX);
    check_all_ways(false, false, &by_sendfile, 262144);
    check_all_ways(false, false, &by_reading, 262144);
    check_all_ways(true, false, &little, 5000);
}

TEST(through_a_small_socket,
     "a socket that takes little at a time gets the same bytes, and little is read ahead")
{
    check_all_ways(false, true, &by_reading, 262144);
    check_all_ways(false, true, &by_sendfile, 262144);
}

TEST(nothing_read_for_a_full_socket, "while the socket is full no more of the file is read into memory")
{
    begin(false, true);
    px_block *file = make_file(FILE_BYTES);
    px_queue_push(&output.queue, px_piece_of_file(file, 0, FILE_BYTES));
    size_t moved;
    px_io io;
    while ((io = px_h1_output_write(&output, &transport, &by_reading, 1000, &moved)) == PX_IO_OK)
        ;
    CHECK_INT(io, PX_IO_AGAIN);
    for (int i = 0; i < 5; i++)
        CHECK_INT(px_h1_output_write(&output, &transport, &by_reading, 1000, &moved), PX_IO_AGAIN);
    CHECK(px_block_live() <= 4);
    end();
}

TEST(limit_holds, "no more than the limit leaves at once from a file")
{
    begin(false, false);
    px_block *file = make_file(FILE_BYTES);
    px_queue_push(&output.queue, px_piece_of_file(file, 0, FILE_BYTES));
    size_t moved;
    CHECK_INT(px_h1_output_write(&output, &transport, &by_sendfile, 10000, &moved), PX_IO_OK);
    CHECK_INT(moved, 10000);
    CHECK_INT(output.queue.bytes, FILE_BYTES - 10000);
    end();
}

static void check_truncated(const px_h1_files *files)
{
    begin(true, false);
    px_block *file = make_file(5000);
    int fd = px_block_fd(file);
    push_text("head");
    px_queue_push(&output.queue, px_piece_of_file(file, 0, 9000));
    size_t moved;
    CHECK_INT(px_h1_output_write(&output, &transport, files, SIZE_MAX, &moved), PX_IO_ERROR);
    CHECK_INT(output.file_error, PX_H1_FILE_SHORT);
    CHECK(!transport.write_failed);
    px_h1_output_clear(&output);
    CHECK(!is_open(fd));
    px_transport_close(&transport, false);
    settle(loop, &far, NULL);
    CHECK_INT(far_end_view(&far).len, 5004);
    CHECK(far.ended);
    end();
}

TEST(truncated, "a file that is shorter than its piece is an error, after what there is of it")
{
    check_truncated(&by_sendfile);
    check_truncated(&by_reading);
}

TEST(unreadable, "a file that cannot be read is an error with its errno")
{
    begin(true, false);
    px_queue_push(&output.queue,
                  px_piece_of_file(px_block_of_file(open("/tmp", O_RDONLY | O_CLOEXEC)), 0, 10));
    size_t moved;
    CHECK_INT(px_h1_output_write(&output, &transport, &by_reading, SIZE_MAX, &moved), PX_IO_ERROR);
    CHECK_INT(output.file_error, EISDIR);
    px_h1_output_clear(&output);
    px_h1_output_init(&output);
    px_queue_push(&output.queue,
                  px_piece_of_file(px_block_of_file(open("/dev/null", O_WRONLY | O_CLOEXEC)), 0, 10));
    CHECK_INT(px_h1_output_write(&output, &transport, &by_sendfile, SIZE_MAX, &moved), PX_IO_ERROR);
    CHECK_INT(output.file_error, EBADF);
    end();
}

TEST(what_sendfile_refuses, "what sendfile does not take is read")
{
    begin(true, false);
    /* A directory of /proc gives EINVAL to sendfile, a text of it is read. */
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    px_queue_push(&output.queue, px_piece_of_file(px_block_of_file(fd), 0, 5));
    CHECK_INT(pump(&by_sendfile, SIZE_MAX), PX_IO_OK);
    CHECK_INT(far_end_view(&far).len, 5);
    end();
}

TEST(peer_gone, "a peer that is gone is an error of the socket, not of the file, and no signal")
{
    begin(true, false);
    px_block *file = make_file(FILE_BYTES);
    px_queue_push(&output.queue, px_piece_of_file(file, 0, FILE_BYTES));
    far_end_reset(&far);
    size_t moved;
    px_io io = PX_IO_OK;
    for (int i = 0; i < 10 && io != PX_IO_ERROR; i++)
        io = px_h1_output_write(&output, &transport, &by_sendfile, 1000, &moved);
    CHECK_INT(io, PX_IO_ERROR);
    CHECK(transport.write_failed);
    CHECK_INT(output.file_error, PX_H1_FILE_FINE);
    end();
}

TEST(joined_pieces, "pieces of a file behind each other are one; others are not")
{
    begin(true, false);
    px_block *file = make_file(100), *other = make_file(100);
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(file), 0, 10));
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(file), 10, 10));
    CHECK_INT(output.queue.count, 1);
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(file), 30, 10));
    px_queue_push(&output.queue, px_piece_of_file(px_block_ref(other), 40, 10));
    CHECK_INT(output.queue.count, 3);
    CHECK_INT(output.queue.bytes, 40);
    px_block_release(&file);
    px_block_release(&other);
    CHECK_INT(pump(&by_sendfile, SIZE_MAX), PX_IO_OK);
    px_slice got = far_end_view(&far);
    REQUIRE(got.len == 40);
    check_bytes_of_file(got.data, 0, 20);
    check_bytes_of_file(got.data + 20, 30, 10);
    check_bytes_of_file(got.data + 30, 40, 10);
    end();
}

TEST(chunks_of_files, "pieces of files are framed as chunks like any others")
{
    begin(true, false);
    px_block *file = make_file(300);
    px_piece piece = px_piece_of_file(file, 0, 300);
    px_h1_output_chunk(&output, &piece, 1, true);
    CHECK_INT(pump(&by_sendfile, SIZE_MAX), PX_IO_OK);
    px_slice got = far_end_view(&far);
    REQUIRE(got.len == 5 + 300 + 7);
    CHECK(memcmp(got.data, "12c\r\n", 5) == 0);
    check_bytes_of_file(got.data + 5, 0, 300);
    CHECK(memcmp(got.data + 305, "\r\n0\r\n\r\n", 7) == 0);
    end();
}

TEST(queue_with_files_read_in_the_middle,
     "what is read takes its place in a queue, at every fill of the ring")
{
    for (uint32_t before = 0; before < 9; before++)
        for (uint32_t behind = 0; behind < 9; behind++) {
            px_queue queue;
            px_queue_init(&queue);
            for (uint32_t i = 0; i < before; i++)
                px_queue_push(&queue, (px_piece){(const uint8_t *)"abcdefghi" + i, 1, NULL});
            px_queue_push(&queue, px_piece_of_file(make_file(10), 0, 10));
            for (uint32_t i = 0; i < behind; i++)
                px_queue_push(&queue, (px_piece){(const uint8_t *)"ABCDEFGHI" + i, 1, NULL});
            struct iovec iov[32];
            CHECK_INT(px_queue_iovec(&queue, iov, 32), before);
            px_queue_put_read(&queue, before, (px_piece){(const uint8_t *)"0123", 4, NULL});
            CHECK_INT(px_queue_iovec(&queue, iov, 32), before + 1);
            CHECK_INT(px_piece_offset(px_queue_item(&queue, before + 1)), 4);
            px_queue_put_read(&queue, before + 1, (px_piece){(const uint8_t *)"456789", 6, NULL});
            CHECK_INT(queue.bytes, before + behind + 10);
            CHECK_INT(px_queue_iovec(&queue, iov, 32), before + behind + 2);
            char all[64];
            size_t len = 0;
            for (uint32_t i = 0; i < queue.count; i++) {
                memcpy(all + len, iov[i].iov_base, iov[i].iov_len);
                len += iov[i].iov_len;
            }
            char want[64];
            int wanted = snprintf(want, sizeof want, "%.*s0123456789%.*s", (int)before, "abcdefghi",
                                  (int)behind, "ABCDEFGHI");
            CHECK(len == (size_t)wanted && memcmp(all, want, len) == 0);
            px_queue_clear(&queue);
            CHECK_INT(px_block_live(), 0);
        }
    px_block_pool_clear();
}

/* ---- to peers ---- */

static struct {
    uint32_t failures;
    px_h1_failure failure;
} seen;

static void on_head(px_h1_client *of, const px_response_head_in *head, px_block *block, bool body_follows)
{
    (void)of, (void)head, (void)block, (void)body_follows;
}

static void on_body(px_h1_client *of, px_piece *pieces, uint32_t count, bool last)
{
    (void)of, (void)last;
    for (uint32_t i = 0; i < count; i++)
        px_piece_release(&pieces[i]);
}

static void on_writable(px_h1_client *of)
{
    (void)of;
}

static px_h1_client *client;

static void on_failure(px_h1_client *of, const px_h1_failure *failure)
{
    (void)of;
    seen.failures++;
    seen.failure = *failure;
    client = NULL;
}

static const px_h1_client_user user = {NULL, NULL, on_head, on_body, on_writable, on_failure};

static void send_to_peer(size_t has, size_t says)
{
    int near;
    px_h1_client_limits limits = {60000, 60000, 60000, 4096, 65536};
    memset(&seen, 0, sizeof seen);
    far = far_end_open(&near, true, false);
    loop = harness_open();
    client = px_h1_client_new(loop, near, false);
    px_h1_client_start(client, &user, &seen, &limits, false);
    px_piece pieces[2] = {{(const uint8_t *)"PUT", 3, NULL}, px_piece_of_file(make_file(has), 0, says)};
    px_h1_client_send(client, pieces, 2, false, true);
    settle(loop, &far, NULL);
}

static void peer_done(void)
{
    px_h1_client_close(&client);
    far_end_close(&far);
    harness_close(&loop);
}

TEST(body_to_a_peer, "a request's body may be a file")
{
    send_to_peer(FILE_BYTES, FILE_BYTES);
    px_slice got = far_end_view(&far);
    CHECK_INT(got.len, 3 + FILE_BYTES);
    check_bytes_of_file(got.data + 3, 0, FILE_BYTES);
    CHECK_INT(seen.failures, 0);
    peer_done();
}

TEST(short_body_to_a_peer, "a request's body that cannot be read to its end is a failure, not a wait")
{
    send_to_peer(1000, 2000);
    CHECK_INT(seen.failures, 1);
    CHECK_INT(seen.failure.kind, PX_FAIL_SEND);
    CHECK_INT(seen.failure.error_number, EIO);
    peer_done();
}
