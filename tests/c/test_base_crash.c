/* base/crash: what a process that dies of a signal leaves in its log. Each report is made by a child. Under
 * AddressSanitizer, which reports instead, only the text is tested. */
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/memory.h"

TEST(control_bytes, "what a peer sent cannot write lines of its own into a report")
{
    px_crash_line line = {.len = 0};
    px_crash_put_slice(&line, PX_SLICE("GET /\n\"x\\\x7f\xff"), 200);
    CHECK_SLICE(px_slice_from(line.text, line.len), "GET /\\x0A\\x22x\\x5C\\x7F\\xFF");
}

TEST(cut, "a report's line is cut where it is full, and what is shown of a request where it is told to be")
{
    static char much[4096];
    px_crash_line line = {.len = 0};
    memset(much, 'x', sizeof much);
    px_crash_put_slice(&line, px_slice_from(much, sizeof much), 200);
    CHECK_INT(line.len, 200);
    px_crash_put_slice(&line, px_slice_from(much, sizeof much), sizeof much);
    px_crash_put_uint(&line, UINT64_MAX);
    CHECK_INT(line.len, sizeof line.text - 1);
}

#ifndef PX_ASAN

static char report[16384];

static void describe(px_crash_line *line, const void *subject)
{
    px_crash_put(line, "crashed while serving ");
    px_crash_put(line, subject);
}

static void describe_badly(px_crash_line *line, const void *subject)
{
    px_crash_put(line, *(const char *volatile const *)subject);
}

/* Lets a child die; gives the signal that ended it, and its report in `report`. */
static int die(void (*how)(void))
{
    int ends[2], status = 0;
    size_t len = 0;
    if (pipe(ends) < 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        const px_log_target target = {.fd = ends[1], .level = PX_LOG_ERROR};
        const px_log log = {&target, 1, PX_LOG_ERROR};
        px_crash_use_log(&log);
        px_crash_generation = 7;
        px_crash_install(3);
        how();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], report + len, sizeof report - 1 - len)) > 0;)
        len += (size_t)n;
    report[len] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool said(const char *text)
{
    return strstr(report, text) != NULL;
}

static void by_kill(void)
{
    px_crash_subject = "a test";
    px_crash_describe = describe;
    kill(getpid(), SIGSEGV);
}

TEST(whole_report,
     "a crash tells signal, worker, generation, what was served and the stack, and ends the process")
{
    CHECK_INT(die(by_kill), SIGSEGV);
    CHECK(said("[alert] "));
    CHECK(said("worker 3 crashed: signal 11 (SIGSEGV) sent by process "));
    CHECK(said(", generation 7\n"));
    CHECK(said("crashed while serving a test\n"));
    CHECK(said("crashed with this stack"));
    CHECK(said("[0x"));
}

static void by_writing(void)
{
    px_crash_subject = NULL;
    *(volatile int *)16 = 1;
}

TEST(fault, "a write to nowhere tells where")
{
    CHECK_INT(die(by_writing), SIGSEGV);
    CHECK(said("worker 3 crashed: signal 11 (SIGSEGV) at address 0x10, generation 7\n"));
    CHECK(said("crashed while no request was served\n"));
}

TEST(aborted, "an abort is a crash too")
{
    CHECK_INT(die(abort), SIGABRT);
    CHECK(said("worker 3 crashed: signal 6 (SIGABRT)"));
}

static void twice(void)
{
    px_crash_subject = (const void *)16;
    px_crash_describe = describe_badly;
    abort();
}

TEST(within, "a crash within the report takes only what comes behind it")
{
    CHECK(die(twice) != 0);
    CHECK(said("worker 3 crashed: signal 6 (SIGABRT)"));
    CHECK(!said("stack"));
}

static int deep(volatile int *depth)
{
    volatile char room[4096];
    room[0] = (char)*depth;
    *depth += 1;
    return *depth > 0 ? deep(depth) + room[0] : 0; /* always; the compiler need not know */
}

static void by_overflow(void)
{
    int depth = 0;
    px_crash_subject = NULL;
    deep(&depth);
}

TEST(overflow, "a stack that overflows is reported from a stack of its own")
{
    CHECK_INT(die(by_overflow), SIGSEGV);
    CHECK(said("worker 3 crashed: signal 11 (SIGSEGV) at address"));
}

TEST(uninstall, "who ends in order leaves the handlers as they were")
{
    struct sigaction first, last;
    sigaction(SIGSEGV, NULL, &first);
    px_crash_install(1);
    px_crash_install(1);
    px_crash_uninstall();
    px_crash_uninstall();
    sigaction(SIGSEGV, NULL, &last);
    CHECK(first.sa_handler == last.sa_handler);
}

#endif
