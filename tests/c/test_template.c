/* Templates, variables, maps, captures, and how log lines escape them. */
#include "check.h"

#include "conf_harness.h"
#include "proxy/access_log.h"
#include "proxy/map.h"
#include "proxy/vars.h"

static conf_world *world;
static memory_stream *stream;

/* A location whose answer is this text, asked with this head. */
static px_slice answer_to(const char *text, const char *head)
{
    px_plan_location location = conf_location(world, "~ ^/([^/]*)/?(.*)$");
    location.ret = conf_return(world, 200, text);
    conf_listen_default(world, conf_server(world, "first.name", conf_locations(world, &location, 1)));
    stream = conf_request(world, head);
    return memory_stream_answer(stream);
}

static void over(void)
{
    memory_stream_close(&stream);
    conf_close(&world);
}

#define CHECK_ANSWER(text, head, want)                                                                       \
    do {                                                                                                     \
        world = conf_open();                                                                                 \
        CHECK_SLICE(answer_to(text, head), want);                                                            \
        over();                                                                                              \
    } while (0)

TEST(every_number, "every variable that is declared has a function")
{
    for (int i = 0; i < PX_VARIABLES; i++)
        CHECK(px_variable_table[i].get != NULL);
}

TEST(request_line, "the request line's parts")
{
    CHECK_ANSWER("$request|$request_method|$request_uri|$uri|$args|$is_args|$server_protocol|$scheme|$https",
                 "GET /a%20b/../c//d?x=1&y HTTP/1.1\nHost: h\n\n",
                 "GET /a%20b/../c//d?x=1&y HTTP/1.1|GET|/a%20b/../c//d?x=1&y|/c/d|x=1&y|?|HTTP/1.1|http|");
    CHECK_ANSWER("[$args][$is_args][$query_string]$document_uri", "GET /? HTTP/1.0\n\n", "[][][]/");
}

TEST(hosts,
     "$host comes from the target, then from Host, lower-cased and without the port, then from the server")
{
    CHECK_ANSWER("$host", "GET http://Target:80/ HTTP/1.1\nHost: b\n\n", "target");
    CHECK_ANSWER("$host $http_host", "GET / HTTP/1.1\nHost: Some.Host:8080\n\n", "some.host Some.Host:8080");
    CHECK_ANSWER("$host $server_name", "GET / HTTP/1.0\n\n", "first.name first.name");
}

TEST(arguments, "$arg_NAME is the first argument of that name, in any case, as it was sent")
{
    CHECK_ANSWER("[$arg_a][$arg_b][$arg_c][$arg_none][$arg_aa]",
                 "GET /?b=1&A=2%20&a=3&c=&aa HTTP/1.1\nHost: a\n\n", "[2%20][1][][][]");
}

TEST(fields, "$http_NAME is a field of the request; several are joined")
{
    CHECK_ANSWER("[$http_user_agent][$http_x_one][$http_x_two][$http_none]",
                 "GET / HTTP/1.1\nHost: a\nUser-Agent: me\nX-One: 1\nX-Two: a\nx-two: b\n\n",
                 "[me][1][a, b][]");
    CHECK_ANSWER("$http_cookie|$content_length|$content_type",
                 "GET / HTTP/1.1\nHost: a\nCookie: a=1\nCookie: b=2\n\n", "a=1; b=2||");
}

TEST(cookies, "$cookie_NAME is found in any Cookie field, by its whole name")
{
    CHECK_ANSWER("[$cookie_a][$cookie_b][$cookie_ab][$cookie_c][$cookie_d]",
                 "GET / HTTP/1.1\nHost: a\nCookie: ab=3;a=1 ; b=2\nCookie: d=x=y\n\n", "[1 ][2][3][][x=y]");
}

TEST(remote_user, "$remote_user is the name in Basic credentials")
{
    CHECK_ANSWER("[$remote_user]", "GET / HTTP/1.1\nHost: a\nAuthorization: Basic dXNlcjpwYXNz\n\n",
                 "[user]");
    CHECK_ANSWER("[$remote_user]", "GET / HTTP/1.1\nHost: a\nAuthorization: basic   dXNlcg==\n\n", "[]");
    CHECK_ANSWER("[$remote_user]", "GET / HTTP/1.1\nHost: a\nAuthorization: Bearer dXNlcjpwYXNz\n\n", "[]");
}

TEST(forwarded_for, "$proxy_add_x_forwarded_for appends the client's address")
{
    CHECK_ANSWER("$proxy_add_x_forwarded_for", "GET / HTTP/1.1\nHost: a\n\n", "192.0.2.7");
    CHECK_ANSWER("$proxy_add_x_forwarded_for",
                 "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\n\n",
                 "1.1.1.1, 2.2.2.2, 192.0.2.7");
    CHECK_ANSWER("$proxy_add_x_forwarded_for",
                 "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\n\n",
                 "1.1.1.1, 2.2.2.2, 192.0.2.7");
}

TEST(connection, "the connection's numbers and addresses")
{
    CHECK_ANSWER("$remote_addr $remote_port $connection $server_port $pipe", "GET / HTTP/1.1\nHost: a\n\n",
                 "192.0.2.7 54321 7 80 .");
}

TEST(captures, "$1 to $9 are what the location's expression captured, decoded")
{
    CHECK_ANSWER("[$1][$2][$3]", "GET /one%21/two/3 HTTP/1.1\nHost: a\n\n", "[one!][two/3][]");
}

TEST(named_captures, "a named group fills its slot, also when the location is left for another name")
{
    world = conf_open();
    px_plan_location location = conf_location(world, "~ ^/(?<first>\\w+)/(?<second>\\w+)");
    px_plan_regex_group groups[] = {{1, 3}, {2, 0}};
    location.regex->groups = (px_plan_regex_group_list){groups, 2};
    location.ret = conf_return(world, 200, "");
    *location.ret->text = conf_piece(world, (px_plan_piece){.variable = -1, .slot = 3, .capture = -1});
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, &location, 1)));
    stream = conf_request(world, "GET /abc/def HTTP/1.1\nHost: a\n\n");
    CHECK_SLICE(memory_stream_answer(stream), "abc");
    over();
}

TEST(bad_numbers, "a plan with numbers that mean nothing is refused, not obeyed")
{
    px_template made;
    char why[128];
    world = conf_open();
    px_plan_piece pieces[] = {{.variable = PX_VARIABLES, .slot = -1, .capture = -1},
                              {.variable = INT64_MAX, .slot = -1, .capture = -1},
                              {.variable = -1, .slot = -1, .capture = 10}};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        px_plan_piece_list list = {&pieces[i], 1};
        CHECK(!px_template_compile(&made, &world->arena, &list, why, sizeof why));
    }
    conf_close(&world);
}

/* ---- maps ---- */

static px_plan_map_entry entry(const char *key, const char *value)
{
    return (px_plan_map_entry){px_slice_from(key, strlen(key)), conf_text(world, value)};
}

static px_slice mapped(px_plan_map *map, const char *head)
{
    px_plan_location location = conf_location(world, "/");
    location.ret = conf_return(world, 200, "");
    *location.ret->text =
        conf_piece(world, (px_plan_piece){.variable = -1, .map = map, .slot = -1, .capture = -1});
    conf_listen_default(world, conf_server(world, "a", conf_locations(world, &location, 1)));
    stream = conf_request(world, head);
    return memory_stream_answer(stream);
}

TEST(map_order, "a map looks for the exact value, wildcards, expressions, the default")
{
    static const struct {
        const char *host, *want;
    } rows[] = {{"exact.org", "exact"},   {"EXACT.org", "exact"},
                {"a.wild.org", "head"},   {"b.a.wild.org", "longer head"},
                {"www.tail.net", "tail"}, {"www.tail.", "by default www.tail"},
                {"re9", "expression 9"},  {"x", "by default x"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world = conf_open();
        px_plan_map_entry exact[] = {entry("exact.org", "exact")};
        px_plan_map_entry heads[] = {entry(".wild.org", "head"), entry(".a.wild.org", "longer head")};
        px_plan_map_entry tails[] = {entry("www.tail.", "tail")};
        px_plan_map_regex regexes[] = {
            {conf_regex(world, "^re(\\d)$", false), conf_text(world, "expression $1")}};
        px_plan_map map = {.name = S("m"),
                           .source = conf_text(world, "$http_x_key"),
                           .default_ = conf_text(world, "by default $host"),
                           .hostnames = true,
                           .exact = {exact, 1},
                           .heads = {heads, 2},
                           .tails = {tails, 1},
                           .regexes = {regexes, 1}};
        CHECK(px_build_map(&world->build, &map));
        char head[256];
        snprintf(head, sizeof head, "GET / HTTP/1.1\nHost: %s\nX-Key: %s\n\n", rows[i].host, rows[i].host);
        px_slice answer = mapped(&map, head);
        check_bytes(answer.data, answer.len, rows[i].want, strlen(rows[i].want), __FILE__, __LINE__,
                    rows[i].host);
        over();
    }
}

TEST(map_missing, "a variable without a value is looked up as an empty one")
{
    world = conf_open();
    px_plan_map_entry exact[] = {entry("", "close")};
    px_plan_map map = {.name = S("m"),
                       .source = conf_text(world, "$http_upgrade"),
                       .default_ = conf_text(world, "upgrade"),
                       .exact = {exact, 1}};
    CHECK(px_build_map(&world->build, &map));
    CHECK_SLICE(mapped(&map, "GET / HTTP/1.1\nHost: a\n\n"), "close");
    over();
}

/* ---- log lines ---- */

static void check_escape(const char *value, size_t len, int64_t escape, const char *want)
{
    px_arena arena;
    px_buffer line;
    px_arena_init(&arena, 4096);
    px_buffer_init(&line, &arena, 0);
    px_access_log_escape(&line, px_slice_from(value, len), escape);
    check_bytes(line.data, line.len, want, strlen(want), __FILE__, __LINE__, want);
    px_arena_clear(&arena);
}

#define CHECK_ESCAPE(value, escape, want) check_escape(value, sizeof(value) - 1, escape, want)

TEST(escapes, "unsafe bytes of a log line are escaped, wherever in the value they stand")
{
    CHECK_ESCAPE("plain text without any", PX_ESCAPE_DEFAULT, "plain text without any");
    CHECK_ESCAPE("a\"b\\c\nd\x7f\xe9", PX_ESCAPE_DEFAULT, "a\\x22b\\x5Cc\\x0Ad\\x7F\\xE9");
    CHECK_ESCAPE("a\"b\\c\nd\te\x01\xc3\xa9", PX_ESCAPE_JSON, "a\\\"b\\\\c\\nd\\te\\u0001\xc3\xa9");
    CHECK_ESCAPE("a\"\n", PX_ESCAPE_NONE, "a\"\n");
    check_escape(NULL, 0, PX_ESCAPE_DEFAULT, "-");
    check_escape(NULL, 0, PX_ESCAPE_JSON, "");
    check_escape("", 0, PX_ESCAPE_DEFAULT, "");
}

TEST(escape_places, "each byte is escaped at each place of a value as it is alone")
{
    for (unsigned c = 0; c < 256; c++) {
        bool plain = c >= 32 && c < 127 && c != '"' && c != '\\';
        for (size_t at = 0; at < 20; at++) {
            char value[20], want[64];
            memset(value, 'x', sizeof value);
            value[at] = (char)c;
            if (plain)
                snprintf(want, sizeof want, "%.*s", 20, value);
            else
                snprintf(want, sizeof want, "%.*s\\x%02X%.*s", (int)at, value, c, (int)(19 - at),
                         value + at + 1);
            check_escape(value, sizeof value, PX_ESCAPE_DEFAULT, want);
        }
    }
}
