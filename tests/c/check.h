/* The smallest thing that runs C tests: each tests/c/test_*.c includes this once and is one program. It
 * owns main().
 *
 *     TEST(a_timer_never_fires_early, "a timer never fires before its time")
 *     {
 *         CHECK(fired);
 *         CHECK_INT(count, 3);
 *         CHECK_SLICE(view, "GET /");
 *     }
 *
 * A failed CHECK prints where and what, and the test goes on; REQUIRE returns from the test. Arguments of
 * the program are words: only tests whose names contain one of them run. Exit status 1 when anything
 * failed. */
#ifndef PX_TESTS_CHECK_H
#define PX_TESTS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_test {
    struct check_test *next;
    const char *name;
    const char *sentence;
    void (*run)(void);
} check_test;

static check_test *check_first, **check_end = &check_first;
static unsigned check_failures;

#define TEST(identifier, text)                                                                               \
    static void identifier(void);                                                                            \
    static check_test identifier##_test = {NULL, #identifier, text, identifier};                             \
    __attribute__((constructor)) static void identifier##_add(void)                                          \
    {                                                                                                        \
        *check_end = &identifier##_test;                                                                     \
        check_end = &identifier##_test.next;                                                                 \
    }                                                                                                        \
    static void identifier(void)

static inline bool check_true(bool good, const char *file, int line, const char *expression)
{
    if (!good) {
        check_failures++;
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, expression);
    }
    return good;
}

static inline bool check_int(int64_t got, int64_t want, const char *file, int line, const char *expression)
{
    if (got == want)
        return true;
    check_failures++;
    fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, expression, (long long)got, (long long)want);
    return false;
}

static inline bool check_bytes(const void *got, size_t got_len, const char *want, size_t want_len,
                               const char *file, int line, const char *expression)
{
    if (got_len == want_len && (got_len == 0 || memcmp(got, want, got_len) == 0))
        return true;
    check_failures++;
    fprintf(stderr, "%s:%d: %s is \"%.*s\" (%zu bytes), not \"%.*s\" (%zu)\n", file, line, expression,
            (int)got_len, (const char *)got, got_len, (int)want_len, want, want_len);
    return false;
}

#define CHECK(expression) check_true((expression) ? true : false, __FILE__, __LINE__, #expression)
#define CHECK_INT(got, want) check_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, #got)
/* got: a px_slice; want: a string literal. */
#define CHECK_SLICE(got, want)                                                                               \
    do {                                                                                                     \
        __typeof__(got) check_got = (got);                                                                   \
        check_bytes(check_got.data, check_got.len, "" want, sizeof(want) - 1, __FILE__, __LINE__, #got);     \
    } while (0)
#define CHECK_STRING(got, want)                                                                              \
    check_bytes((got), strlen(got), (want), strlen(want), __FILE__, __LINE__, #got)
#define REQUIRE(expression)                                                                                  \
    do {                                                                                                     \
        if (!CHECK(expression))                                                                              \
            return;                                                                                          \
    } while (0)

static inline bool check_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i]) != NULL)
            return true;
    return argc < 2;
}

int main(int argc, char **argv)
{
    unsigned ran = 0, failed = 0;
    for (check_test *test = check_first; test != NULL; test = test->next) {
        if (!check_wanted(test->name, argc, argv))
            continue;
        unsigned before = check_failures;
        test->run();
        ran++;
        if (check_failures != before) {
            failed++;
            fprintf(stderr, "FAILED: %s\n", test->sentence);
        }
    }
    printf("%s: %u tests, %u failed\n", argv[0], ran, failed);
    return failed == 0 && ran > 0 ? 0 : 1;
}

#endif
