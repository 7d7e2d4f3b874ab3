/* base/piece: a queue against a model of bytes, and that each reference is given up exactly once. */
#include "check.h"

#include "base/block.h"
#include "base/piece.h"

static px_piece piece_of(px_block *block, size_t from, size_t len)
{
    return (px_piece){block->data + from, len, px_block_ref(block)};
}

TEST(queue_order, "what was pushed first is written first, from where the last write ended")
{
    px_queue queue;
    px_queue_init(&queue);
    px_block *block = px_block_take(1024);
    memcpy(block->data, "hello, world", 12);
    px_queue_push(&queue, piece_of(block, 0, 5));
    px_queue_push(&queue, piece_of(block, 7, 5));
    px_queue_push(&queue, (px_piece){(const uint8_t *)"!", 1, NULL});
    CHECK_INT(queue.bytes, 11);
    struct iovec iov[8];
    CHECK_INT(px_queue_iovec(&queue, iov, 8), 3);
    CHECK_INT(px_queue_iovec(&queue, iov, 2), 2);
    px_queue_consume(&queue, 7);
    CHECK_INT(px_queue_iovec(&queue, iov, 8), 2);
    CHECK_SLICE(px_slice_from(iov[0].iov_base, iov[0].iov_len), "rld");
    CHECK_INT(block->references, 2);
    px_queue_consume(&queue, 3);
    CHECK_INT(block->references, 1);
    px_queue_consume(&queue, 1);
    CHECK_INT(queue.bytes, 0);
    CHECK_INT(px_queue_iovec(&queue, iov, 8), 0);
    px_block_release(&block);
    px_queue_clear(&queue);
    CHECK_INT(px_block_live(), 0);
}

TEST(queue_joins, "reads behind each other in one block are one piece")
{
    px_queue queue;
    px_queue_init(&queue);
    px_block *block = px_block_take(1024), *other = px_block_take(1024);
    memset(block->data, 'x', 1024);
    px_queue_push(&queue, piece_of(block, 0, 100));
    px_queue_push(&queue, piece_of(block, 100, 50));
    px_queue_push(&queue, piece_of(block, 160, 10));
    px_queue_push(&queue, piece_of(other, 0, 10));
    CHECK_INT(queue.count, 3);
    CHECK_INT(queue.bytes, 170);
    CHECK_INT(block->references, 3);
    px_queue_clear(&queue);
    CHECK_INT(block->references, 1);
    px_block_release(&block);
    px_block_release(&other);
    CHECK_INT(px_block_live(), 0);
}

TEST(queue_empty_pieces, "an empty piece is released and leaves no trace")
{
    px_queue queue;
    px_queue_init(&queue);
    px_block *block = px_block_take(1024);
    px_queue_push(&queue, piece_of(block, 0, 0));
    px_queue_push(&queue, (px_piece){NULL, 0, NULL});
    CHECK_INT(queue.count, 0);
    CHECK_INT(block->references, 1);
    px_block_release(&block);
    px_queue_clear(&queue);
}

TEST(queue_moves, "all pieces of one queue go behind those of another, with their references")
{
    px_queue from, to;
    px_queue_init(&from);
    px_queue_init(&to);
    px_block *block = px_block_take(1024);
    for (size_t i = 0; i < 10; i++) {
        block->data[2 * i] = (uint8_t)('0' + i);
        px_queue_push(i < 3 ? &to : &from, piece_of(block, 2 * i, 1));
    }
    px_queue_move(&to, &from);
    px_queue_move(&to, &from);
    CHECK_INT(from.count, 0);
    CHECK_INT(from.bytes, 0);
    CHECK_INT(to.bytes, 10);
    CHECK_INT(block->references, 11);
    struct iovec iov[16];
    CHECK_INT(px_queue_iovec(&to, iov, 16), 10);
    for (size_t i = 0; i < 10; i++)
        CHECK_INT(*(const uint8_t *)iov[i].iov_base, '0' + (int)i);
    px_queue_clear(&to);
    px_queue_clear(&from);
    px_block_release(&block);
    CHECK_INT(px_block_live(), 0);
}

TEST(queue_against_a_model, "pushes and writes of random sizes keep all bytes in order and lose no reference")
{
    enum { TOTAL = 200000 };
    px_queue queue;
    px_queue_init(&queue);
    unsigned random = 42;
    size_t pushed = 0, written = 0;
    while (written < TOTAL) {
        random = random * 1664525 + 1013904223;
        if (pushed < TOTAL && (random >> 16) % 5 < 3) {
            size_t len = (random >> 8) % 900 + 1;
            if (len > TOTAL - pushed)
                len = TOTAL - pushed;
            px_block *block = px_block_take(len);
            for (size_t i = 0; i < len; i++)
                block->data[i] = (uint8_t)((pushed + i) * 31 >> 3);
            px_queue_push(&queue, (px_piece){block->data, len, block});
            pushed += len;
        } else if (queue.bytes > 0) {
            struct iovec iov[16];
            int n = px_queue_iovec(&queue, iov, 16);
            size_t take = (random >> 4) % 2500, done = 0;
            for (int i = 0; i < n && done < take; i++)
                for (size_t j = 0; j < iov[i].iov_len && done < take; j++, done++)
                    REQUIRE(((const uint8_t *)iov[i].iov_base)[j] == (uint8_t)((written + done) * 31 >> 3));
            px_queue_consume(&queue, done);
            written += done;
        }
        REQUIRE(queue.bytes == pushed - written);
    }
    CHECK_INT(queue.count, 0);
    px_queue_clear(&queue);
    CHECK_INT(px_block_live(), 0);
    px_block_pool_clear();
}
