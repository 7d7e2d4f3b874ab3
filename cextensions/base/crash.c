/* See crash.h. */
#include "base/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define STACK_BYTES 65536 /* of its own: the process's may be what overflowed */
#define FRAMES 64
#define FDS 8
#define PATIENCE_SECONDS 5 /* for a report that hangs: the loader's lock may be held */

const void *px_crash_subject;
void (*px_crash_describe)(px_crash_line *line, const void *subject);
uint64_t px_crash_generation;

static int fds[FDS] = {STDERR_FILENO};
static uint32_t fd_count = 1;
#ifndef PX_ASAN
static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE};
#define NUMBERS (sizeof numbers / sizeof numbers[0])
static struct sigaction before[NUMBERS];
static stack_t stack_before;
static bool installed;
static int worker_index;
static long utc_offset; /* found when it is safe to look */
static uint8_t stack[STACK_BYTES];
#endif

/* ---- text ---- */

static void put_byte(px_crash_line *line, char c)
{
    if (line->len < sizeof line->text - 1) /* one is kept for the line feed */
        line->text[line->len++] = c;
}

void px_crash_put(px_crash_line *line, const char *text)
{
    while (*text != '\0')
        put_byte(line, *text++);
}

void px_crash_put_slice(px_crash_line *line, px_slice bytes, size_t most)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len && i < most; i++) {
        uint8_t c = bytes.data[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            put_byte(line, (char)c);
            continue;
        }
        put_byte(line, '\\');
        put_byte(line, 'x');
        put_byte(line, hex[c >> 4]);
        put_byte(line, hex[c & 15]);
    }
}

static void put_number(px_crash_line *line, uint64_t value, unsigned base, unsigned width)
{
    char digits[32];
    unsigned at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0 || sizeof digits - at < width);
    while (at < sizeof digits)
        put_byte(line, digits[at++]);
}

void px_crash_put_uint(px_crash_line *line, uint64_t value)
{
    put_number(line, value, 10, 1);
}

void px_crash_use_log(const px_log *log)
{
    fd_count = 0;
    for (uint32_t i = 0; i < log->count && fd_count < FDS; i++)
        if (log->targets[i].level >= PX_LOG_ALERT && log->targets[i].fd >= 0)
            fds[fd_count++] = log->targets[i].fd;
    if (fd_count == 0 && log->count > 0)
        fds[fd_count++] =
            STDERR_FILENO; /* all of them are syslog servers, to which a dying process cannot talk */
}

#ifndef PX_ASAN

/* Days since 1970 to a date (proleptic Gregorian, from March on, so that leap days are last). */
static void put_date(px_crash_line *line, int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day = shifted % 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t number = month < 10 ? month + 3 : month - 9;
    put_number(line, (uint64_t)(year + era * 400 + (number <= 2)), 10, 4);
    put_byte(line, '/');
    put_number(line, (uint64_t)number, 10, 2);
    put_byte(line, '/');
    put_number(line, (uint64_t)(of_year - (153 * month + 2) / 5 + 1), 10, 2);
}

/* As other lines of the error log begin. localtime_r() may not be called here. */
static void begin(px_crash_line *line)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t local = (int64_t)now.tv_sec + utc_offset;
    line->len = 0;
    put_date(line, local / 86400);
    for (int64_t unit = 3600, rest = local % 86400; unit > 0; rest %= unit, unit /= 60) {
        put_byte(line, unit == 3600 ? ' ' : ':');
        put_number(line, (uint64_t)(rest / unit), 10, 2);
    }
    px_crash_put(line, " [alert] ");
    px_crash_put_uint(line, (uint64_t)getpid());
    put_byte(line, '#');
    px_crash_put_uint(line, (uint64_t)gettid());
    px_crash_put(line, ": ");
}

static void end(px_crash_line *line)
{
    line->text[line->len++] = '\n';
    for (uint32_t i = 0; i < fd_count; i++) {
        ssize_t written = write(fds[i], line->text, line->len);
        (void)written;
    }
}

/* ---- the report ---- */

static const char *name_of(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGABRT:
        return "SIGABRT";
    default:
        return "SIGFPE";
    }
}

static void tell_signal(int number, const siginfo_t *about)
{
    px_crash_line line;
    begin(&line);
    px_crash_put(&line, "worker ");
    px_crash_put_uint(&line, (uint64_t)worker_index);
    px_crash_put(&line, " crashed: signal ");
    px_crash_put_uint(&line, (uint64_t)number);
    px_crash_put(&line, " (");
    px_crash_put(&line, name_of(number));
    if (about->si_code > 0) {
        px_crash_put(&line, ") at address 0x");
        put_number(&line, (uint64_t)(uintptr_t)about->si_addr, 16, 1);
    } else {
        px_crash_put(&line, ") sent by process ");
        px_crash_put_uint(&line, (uint64_t)about->si_pid);
    }
    px_crash_put(&line, ", generation ");
    px_crash_put_uint(&line, px_crash_generation);
    end(&line);
}

static void tell_subject(void)
{
    px_crash_line line;
    const void *subject = px_crash_subject;
    begin(&line);
    if (subject == NULL || px_crash_describe == NULL)
        px_crash_put(&line, "crashed while no request was served");
    else
        px_crash_describe(&line, subject);
    end(&line);
}

static void tell_stack(void)
{
    void *frames[FRAMES];
    px_crash_line line;
    int count = backtrace(frames, FRAMES);
    begin(&line);
    px_crash_put(&line, "crashed with this stack (addr2line -e FILE OFFSET tells the lines):");
    end(&line);
    for (uint32_t i = 0; i < fd_count; i++)
        backtrace_symbols_fd(frames, count, fds[i]);
}

static void on_signal(int number, siginfo_t *about, void *context)
{
    (void)context;
    signal(number, SIG_DFL);
    signal(SIGALRM, SIG_DFL);
    alarm(PATIENCE_SECONDS);
    tell_signal(number, about);
    tell_subject();
    tell_stack();
    raise(number); /* pending until this returns: then the end, with a core of where it happened */
}

/* ---- life ---- */

/* The first backtrace() loads a library, which no handler may do. */
static void prepare(void)
{
    void *frame;
    time_t now = time(NULL);
    struct tm local;
    backtrace(&frame, 1);
    localtime_r(&now, &local);
    utc_offset = local.tm_gmtoff;
}

void px_crash_install(int worker)
{
    worker_index = worker;
    if (installed)
        return;
    installed = true;
    prepare();
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&own, &stack_before);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NUMBERS; i++) /* a crash within the report ends it, and the process */
        sigaddset(&action.sa_mask, numbers[i]);
    for (size_t i = 0; i < NUMBERS; i++)
        sigaction(numbers[i], &action, &before[i]);
}

void px_crash_uninstall(void)
{
    if (!installed)
        return;
    installed = false;
    for (size_t i = 0; i < NUMBERS; i++)
        sigaction(numbers[i], &before[i], NULL);
    sigaltstack(&stack_before, NULL);
}

#else

void px_crash_install(int worker)
{
    (void)worker;
}

void px_crash_uninstall(void) {}

#endif
