/* For tests of what speaks HTTP/1 on sockets: a real loop, socket pairs whose other end the test plays by
 * hand, and an application that answers by the path. Nothing here waits for time to pass: `settle` turns the
 * loop until nothing moves. */
#ifndef PX_TESTS_H1_HARNESS_H
#define PX_TESTS_H1_HARNESS_H

#include "base/loop.h"
#include "base/slice.h"
#include "http/h1_server.h"

/* The far end of a connection, in the test's hands: non-blocking; bytes that come are gathered. */
typedef struct far_end {
    int fd;
    uint8_t *bytes;
    size_t len, capacity;
    bool ended; /* FIN came */
    bool reset; /* RST came */
    bool deaf;  /* settle does not read it */
} far_end;

/* What a server is told that has nothing special to do: nginx's defaults, and a log without targets. */
px_h1_settings harness_settings(void);

px_loop *harness_open(void);
/* Checks that no watch, timer or block is left. */
void harness_close(px_loop **loop);

/* A connected pair: the far end, and *near for the code under test. tcp: a real connection over 127.0.0.1
 * (needed for RST). small: the smallest buffers that the kernel allows, both ways. */
far_end far_end_open(int *near, bool tcp, bool small);
void far_end_close(far_end *end);
void far_end_reset(far_end *end); /* closes with RST */
/* Writes as much as goes; gives how much. */
size_t far_end_write(far_end *end, const void *bytes, size_t len);
#define far_end_say(end, literal) far_end_write((end), "" literal, sizeof(literal) - 1)
/* Reads what is there. True when something came or ended. */
bool far_end_read(far_end *end);
px_slice far_end_view(const far_end *end);
/* What came so far, forgotten now. Good until the next read. */
px_slice far_end_take(far_end *end);

/* How long one waits for what must come: never a measure, only the end of a test that has failed. */
#define PATIENCE_MS 60000
/* Turns the loop until this end got something. No timer that began with it has had a turn by then: an answer that is
 * said now is in time, however late it is. */
void turn_until_said(px_loop *loop, far_end *end);
/* Turns the loop, reading these ends (far_end *, NULL ends the list), until several turns move nothing. */
void settle(px_loop *loop, ...) __attribute__((sentinel));
/* Turns the loop, waiting, until *flag is not 0, or for PATIENCE_MS (then the test's next check fails). */
void run_until(px_loop *loop, const int *flag);

bool slice_has(px_slice haystack, const char *needle);
size_t slice_count(px_slice haystack, const char *needle);

#endif
