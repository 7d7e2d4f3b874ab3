/* Random delays around the system calls of a server under test, so that what is ordered by luck comes out
 * in another order. Loaded with LD_PRELOAD by tests/support/jitter; it knows nothing of what it is loaded into.
 *
 *   PROXYD_TEST_JITTER           the longest delay, in microseconds
 *   PROXYD_TEST_JITTER_PERCENT   how many of a hundred calls are delayed
 *   PROXYD_TEST_JITTER_SEED      another number, other delays
 *
 * A call is delayed before it is made; epoll_wait after it too, so that what it reports is old when it is read.
 * Reading a file is not delayed (an interpreter reads hundreds), writing one is: log lines are written so.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static uint64_t longest_us;
static double percent;
static _Atomic uint64_t state;

static double number_of(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtod(text, NULL) : 0;
}

/* SplitMix64. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t draw(void)
{
    return mixed(atomic_fetch_add(&state, 0x9e3779b97f4a7c15u));
}

/* A child goes on with other numbers than its parent, and than the next child. */
static void on_fork_in_parent(void)
{
    draw();
}

static void on_fork_in_child(void)
{
    atomic_store(&state, draw());
}

__attribute__((constructor)) static void begin(void)
{
    longest_us = (uint64_t)number_of("PROXYD_TEST_JITTER");
    percent = number_of("PROXYD_TEST_JITTER_PERCENT");
    atomic_store(&state, mixed((uint64_t)number_of("PROXYD_TEST_JITTER_SEED") + 1));
    pthread_atfork(NULL, on_fork_in_parent, on_fork_in_child);
}

/* A signal ends the delay; the caller's errno stays. */
static void delay(void)
{
    if (longest_us == 0 || (double)(draw() % 1000000) >= percent * 10000)
        return;
    uint64_t us = draw() % (longest_us + 1);
    struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    int error = errno;
    nanosleep(&time, NULL);
    errno = error;
}

static void delay_unless_file(int fd)
{
    int error = errno;
    struct stat status;
    int known = fstat(fd, &status);
    errno = error;
    if (known != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        delay();
}

/* The function of that name which the next library has. */
#define NEXT(name)                                                                                           \
    static __typeof__(name) *next;                                                                           \
    if (next == NULL) {                                                                                      \
        *(void **)&next = dlsym(RTLD_NEXT, #name);                                                           \
    }

#define DELAYED(type, name, parameters, arguments)                                                           \
    type name parameters                                                                                     \
    {                                                                                                        \
        NEXT(name);                                                                                          \
        delay();                                                                                             \
        return next arguments;                                                                               \
    }

#define DELAYED_UNLESS_FILE(type, name, parameters, arguments)                                               \
    type name parameters                                                                                     \
    {                                                                                                        \
        NEXT(name);                                                                                          \
        delay_unless_file(fd);                                                                               \
        return next arguments;                                                                               \
    }

typedef struct sockaddr *address;
typedef const struct sockaddr *const_address;
typedef const struct iovec *pieces;

DELAYED(int, accept, (int fd, address peer, socklen_t *len), (fd, peer, len))
DELAYED(int, accept4, (int fd, address peer, socklen_t *len, int flags), (fd, peer, len, flags))
DELAYED(int, connect, (int fd, const_address peer, socklen_t len), (fd, peer, len))
DELAYED(int, shutdown, (int fd, int how), (fd, how))
DELAYED_UNLESS_FILE(int, close, (int fd), (fd))

DELAYED(ssize_t, recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))
DELAYED(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
DELAYED_UNLESS_FILE(ssize_t, read, (int fd, void *data, size_t len), (fd, data, len))
DELAYED_UNLESS_FILE(ssize_t, readv, (int fd, pieces iov, int count), (fd, iov, count))

DELAYED(ssize_t, send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
DELAYED(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
DELAYED(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
DELAYED(ssize_t, writev, (int fd, pieces iov, int count), (fd, iov, count))
DELAYED(ssize_t, sendfile, (int to, int from, off_t *at, size_t len), (to, from, at, len))
DELAYED(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t len), (to, from, at, len))
DELAYED(ssize_t, splice, (int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags),
        (from, from_at, to, to_at, len, flags))
DELAYED(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    NEXT(epoll_wait);
    delay();
    int count = next(epoll, events, most, timeout_ms);
    delay();
    return count;
}
