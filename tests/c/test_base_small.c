/* base/slice, base/list, base/hash, base/log. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/slice.h"

TEST(slice_numbers, "a number is digits only and not above its bound")
{
    static const struct {
        const char *text;
        uint64_t max;
        int64_t want; /* -1: refused */
    } cases[] = {
        {"0", 0, 0},
        {"1", 0, -1},
        {"007", 10, 7},
        {"255", 255, 255},
        {"256", 255, -1},
        {"", 10, -1},
        {"-1", 10, -1},
        {"+1", 10, -1},
        {" 1", 10, -1},
        {"1 ", 10, -1},
        {"1a", 100, -1},
        {"0x1", 100, -1},
        {"99", 100, 99},
        {"101", 100, -1},
        {"1000", 100, -1},
        {"9223372036854775807", INT64_MAX, INT64_MAX},
        {"9223372036854775808", INT64_MAX, -1},
        {"99999999999999999999999999", UINT64_MAX, -1},
        {"18446744073709551616", UINT64_MAX, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = 12345;
        bool good =
            px_slice_to_uint(px_slice_from(cases[i].text, strlen(cases[i].text)), cases[i].max, &value);
        CHECK_INT(good ? (int64_t)value : -1, cases[i].want);
        if (!good)
            CHECK_INT(value, 12345);
    }
    uint64_t largest;
    CHECK(px_slice_to_uint(PX_SLICE("18446744073709551615"), UINT64_MAX, &largest) && largest == UINT64_MAX);
}

TEST(slice_caseless, "case folding knows ASCII alone")
{
    CHECK(px_slice_equal_caseless(PX_SLICE("Content-LENGTH"), PX_SLICE("content-length")));
    CHECK(!px_slice_equal_caseless(PX_SLICE("a"), PX_SLICE("ab")));
    CHECK(!px_slice_equal_caseless(PX_SLICE("@[`{"), PX_SLICE("`{@[")));
    CHECK(!px_slice_equal_caseless(PX_SLICE("\xc4"), PX_SLICE("\xe4")));
    CHECK(px_slice_equal_caseless((px_slice){NULL, 0}, PX_SLICE("")));
    CHECK(px_slice_equal((px_slice){NULL, 0}, PX_SLICE("")));
}

typedef struct {
    px_list link;
    char name;
} node;

static px_slice names(const px_list *list)
{
    static char text[16];
    size_t len = 0;
    for (const px_list *at = list->next; at != list; at = at->next)
        text[len++] = PX_CONTAINER(at, node, link)->name;
    return px_slice_from(text, len);
}

TEST(lists, "nodes keep their order, leave from anywhere, and whole lists move")
{
    px_list list, other;
    node a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    px_list_init(&list);
    px_list_init(&other);
    px_list_init(&a.link);
    px_list_unlink(&a.link); /* in no list: nothing happens */
    px_list_append(&list, &b.link);
    px_list_append(&list, &c.link);
    px_list_prepend(&list, &a.link);
    CHECK_SLICE(names(&list), "abc");
    px_list_unlink(&b.link);
    CHECK_SLICE(names(&list), "ac");
    px_list_append(&other, &b.link);
    px_list_splice(&other, &list);
    CHECK_SLICE(names(&other), "bac");
    CHECK(px_list_empty(&list));
    px_list_splice(&other, &list);
    CHECK_SLICE(names(&other), "bac");
}

TEST(hash_is_keyed, "another secret gives another hash; the same gives the same")
{
    uint64_t before = px_hash(PX_SLICE("example.com")); /* before the seed: a secret of zeros */
    px_hash_seed();
    CHECK(px_hash(PX_SLICE("example.com")) != before);
    CHECK(px_hash(PX_SLICE("example.com")) == px_hash(PX_SLICE("example.com")));
    CHECK(px_hash((px_slice){NULL, 0}) == px_hash(PX_SLICE("")));
}

TEST(hash_caseless, "hashing without case equals hashing the lower case, for every byte and every length")
{
    uint8_t bytes[300], lower[300];
    for (unsigned i = 0; i < 300; i++) {
        bytes[i] = (uint8_t)i;
        lower[i] = px_ascii_lower((uint8_t)i);
    }
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; from + len <= 300; len++)
            REQUIRE(px_hash_caseless((px_slice){bytes + from, len}) ==
                    px_hash((px_slice){lower + from, len}));
}

TEST(hash_spreads, "every byte and the length count; the low bits of many short names differ")
{
    CHECK(px_hash(px_slice_from("\0\0", 1)) != px_hash(px_slice_from("\0\0", 2)));
    unsigned used[256] = {0};
    for (unsigned i = 0; i < 25600; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "n%u", i);
        used[px_hash(px_slice_from(text, (size_t)len)) & 255]++;
    }
    for (int i = 0; i < 256; i++)
        REQUIRE(used[i] > 40 && used[i] < 180); /* 100 on the average, sigma 10 */
}

/* Runs the call with a log that writes to a file, and gives what was written. */
static char written[8192];

static int log_file(void)
{
    char name[] = "/tmp/px_test_log_XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    return fd;
}

static px_slice read_log(int fd)
{
    ssize_t n = pread(fd, written, sizeof written - 1, 0);
    written[n > 0 ? n : 0] = '\0';
    return px_slice_from(written, n > 0 ? (size_t)n : 0);
}

static bool matches(const char *pattern)
{
    regex_t compiled;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool good = regexec(&compiled, written, 0, NULL, 0) == 0;
    regfree(&compiled);
    return good;
}

TEST(log_line, "a line has nginx's form")
{
    int fd = log_file();
    px_log_target target = {.fd = fd, .level = PX_LOG_INFO};
    px_log log = {&target, 1, PX_LOG_INFO};
    px_log_at(&log, PX_LOG_ERROR, 7, "connect() failed (%s) while connecting to %.*s",
              px_log_errno(ECONNREFUSED), PX_SLICE_ARGS(PX_SLICE("upstream")));
    px_log_at(&log, PX_LOG_INFO, 0, "ready");
    px_log_at(&log, PX_LOG_DEBUG, 0, "not written");
    read_log(fd);
    char first[200];
    snprintf(first, sizeof first,
             "^[0-9]{4}/[01][0-9]/[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9] \\[error\\] %d#%d: "
             "\\*7 connect\\(\\) failed "
             "\\(111: Connection refused\\) while connecting to upstream\n",
             (int)getpid(), (int)gettid());
    CHECK(matches(first));
    CHECK(matches("\n[0-9/]+ [0-9:]+ \\[info\\] [0-9]+#[0-9]+: ready\n$"));
    CHECK(strstr(written, "not written") == NULL);
    close(fd);
}

TEST(log_escapes, "a peer's line feed cannot begin a line of its own")
{
    int fd = log_file();
    px_log_target target = {.fd = fd, .level = PX_LOG_INFO};
    px_log log = {&target, 1, PX_LOG_INFO};
    px_log_at(&log, PX_LOG_ERROR, 0, "got \"%s\"", "a\nb\r\x1b[1m\x7f\xc3\xa4");
    read_log(fd);
    CHECK(strstr(written, "got \"a\\x0Ab\\x0D\\x1B[1m\\x7F\xc3\xa4\"\n") != NULL);
    close(fd);
}

TEST(log_cuts, "a line has 2048 bytes at most, and its line feed, wherever escapes fall")
{
    char long_text[4001];
    for (int escapes = 0; escapes < 8; escapes++) {
        memset(long_text, 'x', 4000);
        memset(long_text + 1990, '\n', 1000);
        long_text[4000] = '\0';
        int fd = log_file();
        px_log_target target = {.fd = fd, .level = PX_LOG_INFO};
        px_log log = {&target, 1, PX_LOG_INFO};
        px_log_at(&log, PX_LOG_ERROR, 0, "%s", long_text + escapes);
        px_slice line = read_log(fd);
        CHECK(line.len > 2040 && line.len <= 2048);
        CHECK(line.data[line.len - 1] == '\n');
        CHECK(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
        close(fd);
    }
}

TEST(log_levels, "each target takes the lines up to its own level, and errno survives")
{
    int all = log_file(), few = log_file();
    px_log_target targets[] = {{.fd = all, .level = PX_LOG_DEBUG},
                               {.fd = few, .level = PX_LOG_ERROR},
                               {.fd = -1, .level = PX_LOG_DEBUG}};
    px_log log = {targets, 3, PX_LOG_DEBUG};
    errno = EPIPE;
    px_log_at(&log, PX_LOG_NOTICE, 0, "a notice");
    px_log_at(&log, PX_LOG_CRIT, 0, "critical");
    CHECK_INT(errno, EPIPE);
    read_log(all);
    CHECK(strstr(written, "[notice]") != NULL && strstr(written, "[crit]") != NULL);
    read_log(few);
    CHECK(strstr(written, "[notice]") == NULL && strstr(written, "[crit]") != NULL);
    close(all);
    close(few);
}

TEST(log_unknown_errno, "an errno without a name has its number")
{
    CHECK_STRING(px_log_errno(99999), "99999: Unknown error");
}
