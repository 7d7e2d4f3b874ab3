/* Golden files: tests/http1/{valid,invalid}/parse-<kind>-<name>.http holds the bytes, the .expect beside
 * it what they mean, as text. A new .http gets its .expect by a run with PX_GOLDEN_WRITE=1 (files that
 * exist are left alone): read it before it is committed. Programs run in tests/c. */
#ifndef PX_TESTS_GOLDEN_H
#define PX_TESTS_GOLDEN_H

#include "check.h"

#include <glob.h>

#include "base/slice.h"
#include "http/h1_parse.h"

typedef struct golden_text {
    char *bytes;
    size_t len;
    FILE *stream;
} golden_text;

/* Bytes so that each stays visible and a line stays a line. */
static inline void golden_print(FILE *out, const char *label, px_slice bytes)
{
    fputs(label, out);
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] < 0x20 || bytes.data[i] >= 0x7f || bytes.data[i] == '\\')
            fprintf(out, "\\x%02x", bytes.data[i]);
        else
            fputc(bytes.data[i], out);
    }
    fputc('\n', out);
}

static inline void golden_print_error(FILE *out, const px_parse_error *error)
{
    fprintf(out, "BAD %d\n%s\n", error->status, error->text);
    if (error->where.len > 0)
        golden_print(out, "where: ", error->where);
    if (error->activity != NULL)
        fprintf(out, "while %s\n", error->activity);
}

static inline px_slice golden_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return px_slice_from(NULL, 0);
    char *bytes = NULL;
    size_t len = 0, got;
    do {
        bytes = realloc(bytes, len + 65536);
        got = fread(bytes + len, 1, 65536, file);
        len += got;
    } while (got > 0);
    fclose(file);
    return px_slice_from(bytes, len);
}

static inline void golden_compare(const char *path, const golden_text *got)
{
    char expected[512];
    snprintf(expected, sizeof(expected), "%.*s.expect", (int)(strlen(path) - strlen(".http")), path);
    px_slice want = golden_read(expected);
    if (want.data == NULL && getenv("PX_GOLDEN_WRITE") != NULL) {
        FILE *file = fopen(expected, "wb");
        if (file != NULL) {
            fwrite(got->bytes, 1, got->len, file);
            fclose(file);
        }
    } else if (!px_slice_equal(want, px_slice_from(got->bytes, got->len))) {
        check_failures++;
        fprintf(stderr, "%s: not what %s says, but\n%.*s", path, expected, (int)got->len, got->bytes);
    }
    free((void *)want.data);
}

/* Calls each with every file that matches the pattern, its bytes and a stream; what it writes there must
 * be the .expect. Gives how many there were. */
static inline size_t golden_each(const char *pattern,
                                 void (*each)(const char *path, px_slice bytes, FILE *out))
{
    glob_t found = {0};
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        px_slice bytes = golden_read(found.gl_pathv[i]);
        golden_text text = {0};
        text.stream = open_memstream(&text.bytes, &text.len);
        unsigned before = check_failures;
        each(found.gl_pathv[i], bytes, text.stream);
        fclose(text.stream);
        golden_compare(found.gl_pathv[i], &text);
        if (check_failures != before)
            fprintf(stderr, "in %s\n", found.gl_pathv[i]);
        free(text.bytes);
        free((void *)bytes.data);
    }
    size_t count = found.gl_pathc;
    globfree(&found);
    return count;
}

#endif
