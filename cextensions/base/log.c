/* See log.h. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* with the line feed */

static const px_log_target stderr_target = {.fd = STDERR_FILENO, .level = PX_LOG_WARN};
px_log px_log_main = {&stderr_target, 1, PX_LOG_WARN};
bool px_log_debugging;

static const char *const level_names[] = {
#define LEVEL_NAME(constant, name) [constant] = name,
    PX_LOG_LEVEL_LIST(LEVEL_NAME)
#undef LEVEL_NAME
};

static size_t put_head(char *line, int level, uint64_t connection)
{
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    size_t len = strftime(line, 32, "%Y/%m/%d %H:%M:%S", &local);
    int pid = getpid(), tid = gettid();
    len += (size_t)snprintf(line + len, 64, " [%s] %d#%d: ", level_names[level], pid, tid);
    if (connection != 0)
        len += (size_t)snprintf(line + len, 32, "*%llu ", (unsigned long long)connection);
    return len;
}

/* Appends the message with control bytes as \xHH: a peer must not be able to write lines of its own. */
static size_t put_escaped(char *line, size_t len, const char *message, size_t message_len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < message_len; i++) {
        unsigned char c = (unsigned char)message[i];
        if (c >= 0x20 && c != 0x7f) {
            if (len + 1 >= LINE_MAX_BYTES)
                break;
            line[len++] = (char)c;
            continue;
        }
        if (len + 4 >= LINE_MAX_BYTES)
            break;
        line[len++] = '\\';
        line[len++] = 'x';
        line[len++] = hex[c >> 4];
        line[len++] = hex[c & 15];
    }
    return len;
}

static void put_line(const px_log_target *target, int level, px_slice line)
{
    if (target->send != NULL) {
        target->send(target->to, level, px_slice_from(line.data, line.len - 1));
        return;
    }
    ssize_t written = write(target->fd, line.data, line.len);
    (void)written; /* a full disk must not stop traffic; there is nobody to tell */
}

static void write_formatted(const px_log *log, int level, bool everywhere, uint64_t connection,
                            const char *format, va_list arguments)
{
    char message[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    int saved = errno;
    int n = vsnprintf(message, sizeof message, format, arguments);
    size_t message_len = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    size_t len = put_head(line, level, connection);
    len = put_escaped(line, len, message, message_len);
    line[len++] = '\n';
    for (uint32_t i = 0; i < log->count; i++)
        if (everywhere || level <= log->targets[i].level)
            put_line(&log->targets[i], level, px_slice_from(line, len));
    errno = saved;
}

void px_log_write(const px_log *log, int level, uint64_t connection, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(log, level, false, connection, format, arguments);
    va_end(arguments);
}

void px_log_debug(const px_log *log, bool everywhere, uint64_t connection, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(log, PX_LOG_DEBUG, everywhere, connection, format, arguments);
    va_end(arguments);
}

const char *px_log_errno(int error_number)
{
    static char text[128];
    const char *name = strerrordesc_np(error_number);
    if (name != NULL)
        snprintf(text, sizeof text, "%d: %s", error_number, name);
    else
        snprintf(text, sizeof text, "%d: Unknown error", error_number);
    return text;
}
