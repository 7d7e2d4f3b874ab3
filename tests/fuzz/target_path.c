/* Paths and hosts: any bytes; a normalised path has nothing left to remove, and stays as it is when it is
 * escaped and normalised again. */
#include "fuzz.h"

#include "http/path.h"

static bool contains(px_slice text, const char *part)
{
    return text.len > 0 && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static bool ends(px_slice text, const char *part)
{
    size_t len = strlen(part);
    return text.len >= len && memcmp(text.data + text.len - len, part, len) == 0;
}

static void check_normal(px_slice uri, bool merge_slashes)
{
    HOLDS(uri.len > 0 && uri.data[0] == '/');
    HOLDS(memchr(uri.data, '\0', uri.len) == NULL);
    HOLDS(!contains(uri, "/./") && !contains(uri, "/../") && !ends(uri, "/.") && !ends(uri, "/.."));
    HOLDS(!merge_slashes || !contains(uri, "//"));
}

static void check_escaped_again(px_slice uri, bool merge_slashes, px_arena *arena)
{
    px_buffer escaped;
    px_buffer_init(&escaped, arena, 0);
    px_path_escape(&escaped, uri);
    px_slice view = px_buffer_view(&escaped);
    px_path again;
    px_parse_error error = {0};
    for (size_t i = 0; i < view.len; i++)
        HOLDS(view.data[i] > ' ' && view.data[i] < 0x7f && view.data[i] != '?' && view.data[i] != '#');
    HOLDS(px_path_normalize(view, merge_slashes, arena, &again, &error) == PX_PARSE_DONE);
    HOLDS(px_slice_equal(again.uri, uri));
    HOLDS(again.args.data == NULL);
}

static void check_path(px_slice bytes, bool merge_slashes)
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_path path;
    px_parse_error error = {0};
    px_parse result = px_path_normalize(bytes, merge_slashes, &arena, &path, &error);
    HOLDS(result == PX_PARSE_DONE || (result == PX_PARSE_BAD && error.status == 400));
    if (result == PX_PARSE_DONE) {
        HOLDS(fuzz_within(path.args, bytes));
        size_t wire = path.uri.len + (path.args.data != NULL ? path.args.len + 1 : 0);
        HOLDS(!path.plain || (wire == bytes.len && memcmp(path.uri.data, bytes.data, path.uri.len) == 0));
        if (!px_slice_equal(path.uri, PX_SLICE("*"))) {
            check_normal(path.uri, merge_slashes);
            check_escaped_again(path.uri, merge_slashes, &arena);
        }
    }
    px_arena_clear(&arena);
}

static void check_host(px_slice bytes)
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_slice name, again;
    if (px_host_normalize(bytes, &arena, &name)) {
        HOLDS(name.len > 0 && name.len <= bytes.len);
        for (size_t i = 0; i < name.len; i++)
            HOLDS(name.data[i] > ' ' && name.data[i] < 0x7f && strchr("/\\?#@", name.data[i]) == NULL);
        HOLDS(px_host_normalize(name, &arena, &again) && px_slice_equal(name, again));
    }
    px_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    px_slice bytes = px_slice_from(input, size);
    check_path(bytes, true);
    check_path(bytes, false);
    check_host(bytes);
    return 0;
}
