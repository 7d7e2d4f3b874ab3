/* http/path: what nginx makes of a path (asked from nginx 1.22 with the same bytes), and hosts. */
#include "check.h"
#include "guard.h"

#include "http/path.h"

static px_slice text(const char *bytes)
{
    return px_slice_from(bytes, strlen(bytes));
}

typedef struct path_case {
    const char *path;
    const char *uri;  /* NULL: refused */
    const char *args; /* NULL: there is no "?" */
    bool plain;
} path_case;

static void check_path(const path_case *c, bool merge_slashes, px_slice placed)
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_path got;
    px_parse_error error = {0};
    unsigned before = check_failures;
    px_parse result = px_path_normalize(placed, merge_slashes, &arena, &got, &error);
    if (c->uri == NULL) {
        CHECK_INT(result, PX_PARSE_BAD);
        CHECK_INT(error.status, 400);
        CHECK_STRING(error.text, "client sent invalid request");
    } else if (CHECK_INT(result, PX_PARSE_DONE)) {
        check_bytes(got.uri.data, got.uri.len, c->uri, strlen(c->uri), __FILE__, __LINE__, "uri");
        CHECK_INT(got.args.data != NULL, c->args != NULL);
        if (c->args != NULL)
            check_bytes(got.args.data, got.args.len, c->args, strlen(c->args), __FILE__, __LINE__, "args");
        CHECK_INT(got.plain, c->plain);
        CHECK_INT(got.quoted, memchr(c->path, '%', strcspn(c->path, "?#")) != NULL);
    }
    if (check_failures != before)
        fprintf(stderr, "of path %s\n", c->path);
    px_arena_clear(&arena);
}

static void check_paths(const path_case *cases, size_t count, bool merge_slashes)
{
    for (size_t i = 0; i < count; i++) {
        check_path(&cases[i], merge_slashes, guard_end(text(cases[i].path)));
        check_path(&cases[i], merge_slashes, guard_start(text(cases[i].path)));
    }
}

#define CHECK_PATHS(cases, merge_slashes)                                                                    \
    check_paths(cases, sizeof(cases) / sizeof((cases)[0]), merge_slashes)

TEST(plain_paths, "a path with nothing to decode or remove is taken as it is")
{
    static const path_case cases[] = {
        {"/", "/", NULL, true},
        {"/a/b.html", "/a/b.html", NULL, true},
        {"/a?b=c", "/a", "b=c", true},
        {"/?", "/", "", true},
        {"/a??b?", "/a", "?b?", true},
        {"/a?%", "/a", "%", true},
        {"/a?../%2e//", "/a", "../%2e//", true},
        {"/...", "/...", NULL, true},
        {"/.a/..b/c../d./....", "/.a/..b/c../d./....", NULL, true},
        {"/a+b", "/a+b", NULL, true},
        {"/a\\..\\b", "/a\\..\\b", NULL, true},
        {"/\"<>|", "/\"<>|", NULL, true},
        {"/\xc3\xa9", "/\xc3\xa9", NULL, true},
        {"*", "*", NULL, true},
    };
    CHECK_PATHS(cases, true);
    CHECK_PATHS(cases, false);
}

TEST(decoding, "escapes are decoded once; a decoded slash or dot counts as one, a decoded ? # % does not")
{
    static const path_case cases[] = {
        {"/%61%2D%7e", "/a-~", NULL, false},
        {"/a%2fb", "/a/b", NULL, false},
        {"/a%2Fb%3fc", "/a/b?c", NULL, false},
        {"/%23a", "/#a", NULL, false},
        {"/%3fa?b", "/?a", "b", false},
        {"/a%25b", "/a%b", NULL, false},
        {"/a%252e%252e/b", "/a%2e%2e/b", NULL, false},
        {"/%25%32%65", "/%2e", NULL, false},
        {"/%0a%0D", "/\n\r", NULL, false},
        {"/%c3%A9", "/\xc3\xa9", NULL, false},
        {"/a%2e/b", "/a./b", NULL, false},
        {"/%5c..%5c", "/\\..\\", NULL, false},
        {"/%20", "/ ", NULL, false},
        {"/%", NULL, NULL, false},
        {"/%4", NULL, NULL, false},
        {"/%4?5", NULL, NULL, false},
        {"/%zz", NULL, NULL, false},
        {"/%4g", NULL, NULL, false},
        {"/%g4", NULL, NULL, false},
        {"/%-1", NULL, NULL, false},
        {"/%%41", NULL, NULL, false},
        {"/a%00", NULL, NULL, false},
        {"/%00/../a", NULL, NULL, false},
    };
    CHECK_PATHS(cases, true);
    CHECK_PATHS(cases, false);
}

TEST(dots, "\".\" and \"..\" are removed, however they are spelled, and never climb above the root")
{
    static const path_case cases[] = {
        {"/.", "/", NULL, false},
        {"/./", "/", NULL, false},
        {"/a/.", "/a/", NULL, false},
        {"/a/./b/.", "/a/b/", NULL, false},
        {"/a/..", "/", NULL, false},
        {"/a/../", "/", NULL, false},
        {"/a/b/..", "/a/", NULL, false},
        {"/a/b/../c", "/a/c", NULL, false},
        {"/a/b/../../c/", "/c/", NULL, false},
        {"/a/b/.././../c", "/c", NULL, false},
        {"/abc/def/../ghi/../../j", "/j", NULL, false},
        {"/a/..?x", "/", "x", false},
        {"/a/.?x", "/a/", "x", false},
        {"/a/..#x", "/", NULL, false},
        {"/%2e", "/", NULL, false},
        {"/a/%2E%2e", "/", NULL, false},
        {"/a/.%2e/b", "/b", NULL, false},
        {"/a/%2e%2e%2fb", "/b", NULL, false},
        {"/a/b/..%2f..?z", "/", "z", false},
        {"/a%2f..%2fb", "/b", NULL, false},
        {"/a/..%23", "/a/..#", NULL, false},
        {"/a/..%3f", "/a/..?", NULL, false},
        {"/..", NULL, NULL, false},
        {"/../", NULL, NULL, false},
        {"/../a", NULL, NULL, false},
        {"/a/../..", NULL, NULL, false},
        {"/a/../../b/c", NULL, NULL, false},
        {"/./..", NULL, NULL, false},
        {"/%2e%2e/", NULL, NULL, false},
        {"/..%2f", NULL, NULL, false},
        {"/%2f..%2f..", NULL, NULL, false},
    };
    CHECK_PATHS(cases, true);
}

TEST(slashes_merged, "repeated slashes become one, also escaped ones")
{
    static const path_case cases[] = {
        {"//", "/", NULL, false},           {"/a//b", "/a/b", NULL, false},
        {"/a///b//", "/a/b/", NULL, false}, {"/a%2F%2Fb", "/a/b", NULL, false},
        {"/a/%2f/b", "/a/b", NULL, false},  {"/a//../b", "/b", NULL, false},
        {"/a/.//b", "/a/b", NULL, false},   {"//../a", NULL, NULL, false},
        {"/a//..//..", NULL, NULL, false},  {"//a?b//c", "/a", "b//c", false},
    };
    CHECK_PATHS(cases, true);
}

TEST(slashes_kept, "merge_slashes off: repeated slashes stay, and \"..\" removes an empty segment")
{
    static const path_case cases[] = {
        {"//", "//", NULL, true},
        {"/a//b", "/a//b", NULL, true},
        {"/a//../b", "/a/b", NULL, false},
        {"//../a", "/a", NULL, false},
        {"/a%2F%2Fb", "/a//b", NULL, false},
        {"/a//./b", "/a//b", NULL, false},
        {"//../../a", NULL, NULL, false},
        {"/a///..//", "/a///", NULL, false},
    };
    CHECK_PATHS(cases, false);
}

TEST(fragments, "a fragment ends path and arguments, and belongs to neither")
{
    static const path_case cases[] = {
        {"/a#b", "/a", NULL, false},      {"/a#b?c", "/a", NULL, false}, {"/a?x#y", "/a", "x", false},
        {"/a?#", "/a", "", false},        {"/#", "/", NULL, false},      {"/a%20#", "/a ", NULL, false},
        {"/a/./#..", "/a/", NULL, false},
    };
    CHECK_PATHS(cases, true);
}

TEST(odd_paths, "the target of an absolute-form without a path is the root; other beginnings are refused")
{
    static const path_case cases[] = {
        {"?a=b", "/", "a=b", false}, {"?", "/", "", false},      {"?a#b", "/", "a", false},
        {"", NULL, NULL, false},     {"a", NULL, NULL, false},   {"#", NULL, NULL, false},
        {"*a", NULL, NULL, false},   {"*?a", NULL, NULL, false}, {"../a", NULL, NULL, false},
        {"%2f", NULL, NULL, false},
    };
    CHECK_PATHS(cases, true);
}

TEST(raw_nul, "a NUL byte is refused, where no parser has refused it before")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_path path;
    px_parse_error error;
    CHECK_INT(px_path_normalize(px_slice_from("/a\0b", 4), true, &arena, &path, &error), PX_PARSE_BAD);
    CHECK_INT(px_path_normalize(px_slice_from("/a?b\0", 5), true, &arena, &path, &error), PX_PARSE_DONE);
    px_arena_clear(&arena);
}

/* What stays must be a path that means itself: normalising what was escaped again changes nothing. */
TEST(same_again, "a normalised path that is escaped and normalised again stays the same")
{
    static const char *const paths[] = {"/a%2fb",    "/%23a%3fb%25c", "/a/../b%20c",  "/%0a%7f%ff",
                                        "/%5c..%5c", "/a//b/./c",     "/%252e%252e/", "/x/%2e%2e%2f%2e/y"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        px_arena arena;
        px_arena_init(&arena, 4096);
        px_path first, second;
        px_parse_error error;
        REQUIRE(px_path_normalize(text(paths[i]), true, &arena, &first, &error) == PX_PARSE_DONE);
        px_buffer escaped;
        px_buffer_init(&escaped, &arena, 0);
        px_path_escape(&escaped, first.uri);
        CHECK_INT(px_path_normalize(px_buffer_view(&escaped), true, &arena, &second, &error), PX_PARSE_DONE);
        CHECK(px_slice_equal(first.uri, second.uri));
        px_arena_clear(&arena);
    }
}

TEST(escaping, "a path is escaped where nginx escapes it, with upper-case digits")
{
    static const char untouched[] =
        "!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~";
    for (int byte = 0; byte < 256; byte++) {
        px_arena arena;
        px_arena_init(&arena, 4096);
        px_buffer out;
        px_buffer_init(&out, &arena, 0);
        char one = (char)byte, want[8];
        if (byte != 0 && strchr(untouched, byte) != NULL)
            snprintf(want, sizeof(want), "%c", byte);
        else
            snprintf(want, sizeof(want), "%%%02X", byte);
        px_path_escape(&out, px_slice_from(&one, 1));
        check_bytes(out.data, out.len, want, strlen(want), __FILE__, __LINE__, "escaped byte");
        px_arena_clear(&arena);
    }
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_buffer out;
    px_buffer_init(&out, &arena, 0);
    px_path_escape(&out, px_slice_from(NULL, 0));
    CHECK_INT(out.len, 0);
    px_path_escape(&out, guard_end(text("/a b/%\xc3\xa9/c")));
    CHECK_SLICE(px_buffer_view(&out), "/a%20b/%25%C3%A9/c");
    px_arena_clear(&arena);
}

TEST(hosts, "a host is lower-cased and loses its port and one final dot")
{
    static const struct {
        const char *host, *name; /* NULL: refused */
    } cases[] = {
        {"a", "a"},
        {"Example.COM", "example.com"},
        {"example.com:8080", "example.com"},
        {"example.com:", "example.com"},
        {"example.com:0", "example.com"},
        {"example.com:65535", "example.com"},
        {"example.com:000000080", "example.com"},
        {"example.com.", "example.com"},
        {"A.B.:80", "a.b"},
        {".a", ".a"},
        {"a_b~c", "a_b~c"},
        {"10.0.0.1:80", "10.0.0.1"},
        {"a,b;c=d", "a,b;c=d"},
        {"%41b", "%41b"},
        {"[::1]", "[::1]"},
        {"[FE80::A.1]:443", "[fe80::a.1]"},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {":80", NULL},
        {":", NULL},
        {"a..b", NULL},
        {"a..", NULL},
        {"a:b", NULL},
        {"a:65536", NULL},
        {"a:99999999999999999999", NULL},
        {"a:80:80", NULL},
        {"a:+80", NULL},
        {"a:80 ", NULL},
        {"a b", NULL},
        {"a/b", NULL},
        {"a\\b", NULL},
        {"a?b", NULL},
        {"a#b", NULL},
        {"u@a", NULL},
        {"a%", NULL},
        {"a%4", NULL},
        {"a%4x", NULL},
        {"\"a\"", NULL},
        {"a\x01", NULL},
        {"a\x7f", NULL},
        {"\xc3\xa9", NULL},
        {"[::1", NULL},
        {"[]", NULL},
        {"[", NULL},
        {"[::1]a", NULL},
        {"[::1].", NULL},
        {"[::1]]", NULL},
        {"[::g]", NULL},
        {"[fe80::1%25eth0]", NULL},
        {"a[::1]", NULL},
        {"::1", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        px_arena arena;
        px_arena_init(&arena, 4096);
        px_slice name = {NULL, 0};
        unsigned before = check_failures;
        CHECK_INT(px_host_normalize(guard_end(text(cases[i].host)), &arena, &name), cases[i].name != NULL);
        if (cases[i].name != NULL)
            check_bytes(name.data, name.len, cases[i].name, strlen(cases[i].name), __FILE__, __LINE__,
                        "name");
        if (check_failures != before)
            fprintf(stderr, "of host %s\n", cases[i].host);
        px_arena_clear(&arena);
    }
}

TEST(host_in_place, "a host that is lower-case already is not copied")
{
    px_arena arena;
    px_arena_init(&arena, 4096);
    px_slice host = text("example.com:80"), name;
    REQUIRE(px_host_normalize(host, &arena, &name));
    CHECK(name.data == host.data);
    CHECK(arena.blocks == NULL);
    px_arena_clear(&arena);
}
