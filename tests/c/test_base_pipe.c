/* base/pipe. */
#include "check.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/pipe.h"

TEST(goes_through, "what goes in comes out, is counted, and an empty pipe is used again")
{
    px_block *pipe = px_pipe_take();
    REQUIRE(pipe != NULL);
    CHECK(px_block_is_file(pipe) && px_block_is_pipe(pipe));
    int out = px_block_fd(pipe);
    CHECK_INT(write(px_pipe_into(pipe), "hello", 5), 5);
    px_queue queue;
    px_queue_init(&queue);
    px_queue_push(&queue, px_pipe_put(pipe, 2));
    px_queue_push(&queue, px_pipe_put(pipe, 3));
    CHECK_INT(queue.count, 1); /* they follow each other */
    CHECK(px_piece_is_pipe(px_queue_item(&queue, 0)));
    CHECK_INT(px_pipe_filled(pipe), 5);
    struct iovec iov[4];
    CHECK_INT(px_queue_iovec(&queue, iov, 4), 0); /* not in memory */
    char bytes[8];
    CHECK_INT(read(out, bytes, sizeof bytes), 5);
    px_pipe_took(pipe, 5);
    px_queue_consume(&queue, 5);
    CHECK_INT(px_pipe_filled(pipe), 0);
    px_queue_clear(&queue);
    px_block_release(&pipe);
    CHECK_INT(px_block_live(), 0);
    pipe = px_pipe_take();
    CHECK_INT(px_block_fd(pipe), out);
    px_block_release(&pipe);
    px_block_pool_clear();
    CHECK_INT(read(out, bytes, 1), -1);
    CHECK_INT(errno, EBADF);
}

TEST(thrown_away, "a pipe in which something is left is closed: nobody finds another's bytes in it")
{
    px_block *pipe = px_pipe_take();
    REQUIRE(pipe != NULL);
    int out = px_block_fd(pipe);
    char byte;
    CHECK_INT(write(px_pipe_into(pipe), "secret", 6), 6);
    px_piece piece = px_pipe_put(pipe, 6);
    px_block_release(&pipe);
    CHECK_INT(read(out, &byte, 1), 1);
    px_pipe_took(piece.owner, 1);
    px_piece_release(&piece);
    CHECK_INT(read(out, &byte, 1), -1);
    CHECK_INT(errno, EBADF);
    CHECK_INT(px_block_live(), 0);
}

TEST(bounded, "there are only so many pipes, and none without descriptors")
{
    px_block *pipes[100];
    int count = 0;
    while (count < 100 && (pipes[count] = px_pipe_take()) != NULL)
        count++;
    CHECK_INT(count, 64);
    while (count > 0)
        px_block_release(&pipes[--count]);
    px_block_pool_clear();
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK(px_pipe_take() == NULL);
    setrlimit(RLIMIT_NOFILE, &before);
    pipes[0] = px_pipe_take();
    CHECK(pipes[0] != NULL);
    px_block_release(&pipes[0]);
    px_block_pool_clear();
}
