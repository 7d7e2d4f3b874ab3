/* Locations and servers are found as nginx finds them. */
#include "check.h"

#include "conf_harness.h"
#include "proxy/route.h"

/* Which location answers, by the name that it was given (conf_location returns it as text). */
static void check_uri(conf_world *world, const char *uri, const char *want)
{
    char head[512];
    snprintf(head, sizeof head, "GET %s HTTP/1.1\nHost: a\n\n", uri);
    memory_stream *stream = conf_request(world, head);
    px_slice answer = memory_stream_answer(stream);
    if (stream->status != 200)
        CHECK_INT(stream->status, atoi(want));
    else
        check_bytes(answer.data, answer.len, want, strlen(want), __FILE__, __LINE__, uri);
    memory_stream_close(&stream);
}

typedef struct row {
    const char *uri, *want;
} row;

static void check_level(const char *const *names, uint32_t count, const row *rows, uint32_t row_count)
{
    conf_world *world = conf_open();
    px_plan_location locations[16];
    for (uint32_t i = 0; i < count; i++)
        locations[i] = conf_location(world, names[i]);
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, locations, count)));
    for (uint32_t i = 0; i < row_count; i++)
        check_uri(world, rows[i].uri, rows[i].want);
    conf_close(&world);
}

#define CHECK_LEVEL(names, rows)                                                                             \
    check_level(names, sizeof(names) / sizeof(names[0]), rows, sizeof(rows) / sizeof(rows[0]))

TEST(longest_prefix, "the longest prefix wins, whatever the order in the file")
{
    static const char *const names[] = {"/a/b/c/", "/", "/a", "/ab", "/a/b"};
    static const row rows[] = {{"/", "/"},         {"/x", "/"},
                               {"/a", "/a"},       {"/a/", "/a"},
                               {"/ab", "/ab"},     {"/abc", "/ab"},
                               {"/a/b", "/a/b"},   {"/a/bx", "/a/b"},
                               {"/a/b/c", "/a/b"}, {"/a/b/c/", "/a/b/c/"},
                               {"/A", "/"},        {"/a/b/c/d", "/a/b/c/"}};
    CHECK_LEVEL(names, rows);
}

TEST(no_location, "a path that no location begins is answered 404")
{
    static const char *const names[] = {"/a/"};
    static const row rows[] = {{"/", "404"}, {"/a", "404"}, {"/b", "404"}, {"/a/b", "/a/"}};
    CHECK_LEVEL(names, rows);
}

TEST(exact_first, "an exact location comes before all others, also before its own prefix")
{
    static const char *const names[] = {"/x", "= /x", "~ x", "= /", "/"};
    static const row rows[] = {{"/x", "= /x"}, {"/x/", "~ x"}, {"/xy", "~ x"}, {"/", "= /"}, {"/b", "/"}};
    CHECK_LEVEL(names, rows);
}

TEST(regex_order, "regular expressions come before prefixes, in the order of the file; ^~ keeps them out")
{
    static const char *const names[] = {"/", "~ \\.(gif|png)$", "~* \\.GIF$", "^~ /static/", "~ ^/static/x"};
    static const row rows[] = {
        {"/a.gif", "~ \\.(gif|png)$"}, {"/a.Gif", "~* \\.GIF$"}, {"/static/a.gif", "^~ /static/"},
        {"/static/x", "^~ /static/"},  {"/staticx", "/"},        {"/a.gif/", "/"}};
    CHECK_LEVEL(names, rows);
}

TEST(named_unreachable, "a named location is not reached by a path")
{
    static const char *const names[] = {"@name", "/"};
    static const row rows[] = {{"/@name", "/"}, {"/", "/"}};
    CHECK_LEVEL(names, rows);
}

TEST(nested, "a nested location is found inside its parent; the parent's level of expressions still counts")
{
    conf_world *world = conf_open();
    px_plan_location outer[4], inner[3], innermost[1];
    innermost[0] = conf_location(world, "= /a/deep/x");
    inner[0] = conf_location(world, "/a/deep/");
    inner[0].locations = conf_locations(world, innermost, 1);
    inner[1] = conf_location(world, "~ \\.css$");
    inner[2] = conf_location(world, "= /a/one");
    outer[0] = conf_location(world, "/a/");
    outer[0].locations = conf_locations(world, inner, 3);
    outer[1] = conf_location(world, "~ \\.(css|js)$");
    outer[2] = conf_location(world, "^~ /b/");
    px_plan_location in_b[1];
    in_b[0] = conf_location(world, "/b/c/");
    outer[2].locations = conf_locations(world, in_b, 1);
    outer[3] = conf_location(world, "/");
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, outer, 4)));
    static const row rows[] = {{"/a/", "/a/"},
                               {"/a/one", "= /a/one"},
                               {"/a/x.css", "~ \\.css$"},
                               {"/a/x.js", "~ \\.(css|js)$"},
                               {"/a/deep/", "/a/deep/"},
                               {"/a/deep/x", "= /a/deep/x"},
                               {"/a/deep/y.css", "~ \\.css$"},
                               {"/b/c/x.js", "/b/c/"},
                               {"/b/x.js", "^~ /b/"},
                               {"/x.css", "~ \\.(css|js)$"},
                               {"/x", "/"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_uri(world, rows[i].uri, rows[i].want);
    conf_close(&world);
}

TEST(expression_with_nested, "locations inside of one with a regular expression are found there")
{
    conf_world *world = conf_open();
    px_plan_location outer[1], inner[2];
    inner[0] = conf_location(world, "~ ^/u/(\\d+)$");
    inner[0].ret = conf_return(world, 200, "number $1");
    inner[1] = conf_location(world, "~ x");
    outer[0] = conf_location(world, "~ ^/u/(.*)$");
    outer[0].ret = conf_return(world, 200, "outer $1");
    outer[0].locations = conf_locations(world, inner, 2);
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, outer, 1)));
    check_uri(world, "/u/12", "number 12");
    check_uri(world, "/u/ab", "outer ab");
    check_uri(world, "/u/ax", "~ x");
    conf_close(&world);
}

TEST(slash_redirect,
     "the name of a proxied location without its slash is redirected to it, with the arguments")
{
    conf_world *world = conf_open();
    px_plan_location locations[5];
    static const char *const names[] = {"/dir/", "/dir-x", "/both", "/both/", "/ein leer/"};
    for (int i = 0; i < 5; i++)
        locations[i] = conf_location(world, names[i]);
    locations[0].slash_redirect = locations[3].slash_redirect = locations[4].slash_redirect = true;
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, locations, 5)));
    static const struct {
        const char *uri, *location;
    } rows[] = {{"/dir", "  Location: http://a/dir/"},
                {"/dir?x=1&y", "  Location: http://a/dir/?x=1&y"},
                {"/ein%20leer", "  Location: http://a/ein%20leer/"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char head[256];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\nHost: a\n\n", rows[i].uri);
        memory_stream *stream = conf_request(world, head);
        CHECK_INT(stream->status, 301);
        CHECK(memory_stream_called(stream, rows[i].location));
        memory_stream_close(&stream);
    }
    check_uri(world, "/both", "/both");
    check_uri(world, "/dir/x", "/dir/");
    check_uri(world, "/dir-x", "/dir-x");
    check_uri(world, "/di", "404");
    conf_close(&world);
}

TEST(catastrophic, "an expression that would take for ever ends the request with 500, not the worker")
{
    conf_world *world = conf_open();
    px_plan_location locations[] = {conf_location(world, "~ ^/(a|a?)+$"), conf_location(world, "/")};
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, locations, 2)));
    check_uri(world, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "500");
    px_slice errors = conf_errors(world);
    CHECK(memmem(errors.data, errors.len, "pcre2_match() failed", 20) != NULL);
    check_uri(world, "/b", "/");
    conf_close(&world);
}

/* ---- servers ---- */

static const px_plan_server *server_named(conf_world *world, const char *name)
{
    return conf_server(world, name, (px_plan_location_list){NULL, 0});
}

static px_plan_server_name_list names_of(conf_world *world, const char *const *names, uint32_t count)
{
    px_plan_server_name *list = px_arena_alloc(&world->arena, count * sizeof *list);
    for (uint32_t i = 0; i < count; i++)
        list[i] =
            (px_plan_server_name){px_slice_from(names[i], strlen(names[i])), server_named(world, names[i])};
    return (px_plan_server_name_list){list, count};
}

TEST(server_names, "a server is found by exact name, longest wildcard at either end, expression, default")
{
    static const char *const exact[] = {"a.example.com", ""},
                             *const heads[] = {".example.com", ".b.example.com"},
                             *const tails[] = {"www.example.", "www.example.co."};
    static const row rows[] = {{"a.example.com", "a.example.com"},
                               {"b.example.com", ".example.com"},
                               {"x.b.example.com", ".b.example.com"},
                               {"y.x.b.example.com", ".b.example.com"},
                               {"example.com", "default"},
                               {"www.example.org", "www.example."},
                               {"www.example.co.uk", "www.example.co."},
                               {"www.example.com", ".example.com"},
                               {"www.example", "default"},
                               {"api7.test", "expression"},
                               {"other", "default"},
                               {"", ""}};
    conf_world *world = conf_open();
    px_plan_server_regex expression = {conf_regex(world, "^api\\d+\\.test$", false),
                                       server_named(world, "expression")};
    px_plan_listen_address address = {.address = S(""),
                                      .default_ = server_named(world, "default"),
                                      .exact = names_of(world, exact, 2),
                                      .heads = names_of(world, heads, 2),
                                      .tails = names_of(world, tails, 2),
                                      .regexes = {&expression, 1}};
    conf_listen(world, &address);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        px_slice host = px_slice_from(rows[i].uri, strlen(rows[i].uri));
        px_request *nobody = px_arena_zalloc(&world->arena, sizeof *nobody);
        const px_server *found = px_route_server(world->listening.listen->any, host, nobody);
        check_bytes(found->plan->name.data, found->plan->name.len, rows[i].want, strlen(rows[i].want),
                    __FILE__, __LINE__, rows[i].uri);
    }
    conf_close(&world);
}
