/* The life of a Request, over a carrier in memory: what each way to answer sends, and that the one end is
 * reached on every path. */
#include "check.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf_harness.h"
#include "proxy/filter.h"

static conf_world *world;

static bool has(px_slice text, const char *needle)
{
    return memmem(text.data, text.len, needle, strlen(needle)) != NULL;
}

/* A server with one location "/", which the caller has changed. */
static void serve(px_plan_location location)
{
    conf_listen_default(world, conf_server(world, "srv", conf_locations(world, &location, 1)));
}

static void serve_return(int status, const char *text)
{
    px_plan_location location = conf_location(world, "/");
    location.ret = conf_return(world, status, text);
    serve(location);
}

TEST(return_text, "return with a text sends it, with the type of the path's extension or the default one")
{
    world = conf_open();
    px_plan_type_entry entry = {S("css"), S("text/css")};
    px_plan_types types = {.entries = {&entry, 1}};
    CHECK(px_build_types(&world->build, &types));
    world->settings.types = &types;
    serve_return(200, "hello $uri");
    static const struct {
        const char *head, *type;
    } rows[] = {{"GET /a.css HTTP/1.1\nHost: a\n\n", "  Content-Type: text/css"},
                {"GET /a.CSS HTTP/1.1\nHost: a\n\n", "  Content-Type: text/css"},
                {"GET /.css HTTP/1.1\nHost: a\n\n", "  Content-Type: text/plain"},
                {"GET /a.css/b HTTP/1.1\nHost: a\n\n", "  Content-Type: text/plain"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memory_stream *stream = conf_request(world, rows[i].head);
        CHECK_INT(stream->status, 200);
        CHECK(memory_stream_called(stream, rows[i].type));
        CHECK(memory_stream_called(stream, "  Server: proxyd"));
        CHECK(memory_stream_called(stream, "done"));
        memory_stream_close(&stream);
    }
    conf_close(&world);
}

TEST(head_only, "an answer to HEAD has the length of the body and not the body")
{
    world = conf_open();
    serve_return(200, "12345");
    memory_stream *stream = conf_request(world, "HEAD / HTTP/1.1\nHost: a\n\n");
    CHECK(memory_stream_called(stream, "head 200 length 5"));
    CHECK_INT(stream->answer_len, 0);
    memory_stream_close(&stream);
    CHECK_SLICE(conf_log(world), "200 HEAD / HTTP/1.1 0\n");
    conf_close(&world);
}

TEST(error_page, "an error page looks like nginx's, with our name; some errors end the connection")
{
    world = conf_open();
    serve_return(404, NULL);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(memory_stream_called(stream, "head 404 length 147"));
    CHECK_SLICE(memory_stream_answer(stream),
                "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not "
                "Found</h1></center>\r\n<hr><center>proxyd</center>\r\n</body>\r\n</html>\r\n");
    memory_stream_close(&stream);
    serve_return(500, NULL);
    stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(memory_stream_called(stream, "head 500 length 171 close"));
    memory_stream_close(&stream);
    conf_close(&world);
}

TEST(no_answer, "return 444 closes without an answer and is logged")
{
    world = conf_open();
    serve_return(444, NULL);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(memory_stream_called(stream, "reset"));
    CHECK_INT(stream->status, 0);
    memory_stream_close(&stream);
    CHECK_SLICE(conf_log(world), "444 GET / HTTP/1.1 0\n");
    conf_close(&world);
}

TEST(locations, "a Location that begins with a slash becomes absolute; line feeds do not get through")
{
    static const struct {
        const char *text, *head, *want;
    } rows[] = {{"/x", "GET / HTTP/1.1\nHost: Name:80\n\n", "  Location: http://name/x"},
                {"http://other/", "GET / HTTP/1.1\nHost: a\n\n", "  Location: http://other/"},
                {"https://$host$request_uri", "GET /a?b HTTP/1.1\nHost: a\n\n", "  Location: https://a/a?b"},
                {"http://x$uri", "GET /a%0d%0aSet-Cookie:x HTTP/1.1\nHost: a\n\n",
                 "  Location: http://x/a  Set-Cookie:x"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world = conf_open();
        serve_return(302, rows[i].text);
        memory_stream *stream = conf_request(world, rows[i].head);
        CHECK_INT(stream->status, 302);
        if (!CHECK(memory_stream_called(stream, rows[i].want)))
            fprintf(stderr, "%s", stream->calls);
        memory_stream_close(&stream);
        conf_close(&world);
    }
}

TEST(server_return, "return of the server comes before any location")
{
    world = conf_open();
    px_plan_server *server = px_arena_zalloc(&world->arena, sizeof *server);
    px_plan_location location = conf_location(world, "/");
    *server = (px_plan_server){.name = S("s"),
                               .settings = conf_settings(world),
                               .ret = conf_return(world, 200, "server"),
                               .locations = conf_locations(world, &location, 1)};
    CHECK(px_build_server(&world->build, server));
    conf_listen_default(world, server);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK_SLICE(memory_stream_answer(stream), "server");
    memory_stream_close(&stream);
    conf_close(&world);
}

TEST(add_header, "add_header is for good answers, with always for all; an empty value adds nothing")
{
    for (int status = 200; status <= 404; status += 204) {
        world = conf_open();
        px_plan_add_header headers[] = {{S("X-Usual"), conf_text(world, "$uri"), false},
                                        {S("X-Always"), conf_text(world, "b"), true},
                                        {S("X-Empty"), conf_text(world, "$arg_none"), true},
                                        {S("X-Lines"), conf_text(world, "$arg_none$uri"), true}};
        world->settings.add_header = (px_plan_add_header_list){headers, 4};
        serve_return(status, "x");
        memory_stream *stream = conf_request(world, "GET /a%0ab HTTP/1.1\nHost: a\n\n");
        CHECK(memory_stream_called(stream, "  X-Usual: /a b") == (status == 200));
        CHECK(memory_stream_called(stream, "  X-Always: b"));
        CHECK(memory_stream_called(stream, "  X-Lines: /a b"));
        CHECK(!has(px_slice_from(stream->calls, stream->calls_len), "X-Empty"));
        memory_stream_close(&stream);
        conf_close(&world);
    }
}

TEST(too_large, "a body larger than client_max_body_size is refused by its announced length, and logged")
{
    world = conf_open();
    world->settings.client_max_body_size = 10;
    serve_return(200, "x");
    memory_stream *stream = conf_request(world, "POST / HTTP/1.1\nHost: a\nContent-Length: 11\n\n");
    CHECK_INT(stream->status, 413);
    memory_stream_close(&stream);
    stream = conf_request(world, "POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\n");
    CHECK_INT(stream->status, 200);
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world), "[error]"));
    conf_close(&world);
}

TEST(bad_target, "a path that leads out of the root is answered 400 and logged as such")
{
    world = conf_open();
    serve_return(200, "x");
    memory_stream *stream = conf_request(world, "GET /../x HTTP/1.1\nHost: a\n\n");
    CHECK(memory_stream_called(stream, "head 400 length 151 close"));
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world),
              "client sent invalid request while reading client request line, client: 192.0.2.7, "
              "server: srv, request: \"GET /../x HTTP/1.1\""));
    conf_close(&world);
}

TEST(dropped_names, "fields with names that nginx calls invalid are left out")
{
    world = conf_open();
    serve_return(200, "[$http_good_name][$http_bad_name][$http_bad]");
    memory_stream *stream =
        conf_request(world, "GET / HTTP/1.1\nHost: a\nGood-Name: 1\nBad_Name: 2\nBad.Name: 3\n\n");
    CHECK_SLICE(memory_stream_answer(stream), "[1][][]");
    memory_stream_close(&stream);
    conf_close(&world);
}

/* ---- proxying ---- */

typedef struct backend {
    int listening, fd, port;
    char got[16384];
    size_t got_len;
} backend;

static backend open_backend(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    backend made = {.fd = -1};
    made.listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind(made.listening, (struct sockaddr *)&address, sizeof address);
    listen(made.listening, 16);
    getsockname(made.listening, (struct sockaddr *)&address, &len);
    made.port = ntohs(address.sin_port);
    return made;
}

static void close_backend(backend *closed)
{
    if (closed->fd >= 0)
        close(closed->fd);
    close(closed->listening);
}

static void turn(void)
{
    px_loop_run(world->worker->loop, px_loop_now_ms(world->worker->loop) + 1);
}

/* Until the backend has got this; it stays within the harness's patience of some seconds. */
static bool backend_gets(backend *b, const char *needle)
{
    for (int i = 0; i < 5000; i++) {
        if (b->fd < 0)
            b->fd = accept4(b->listening, NULL, NULL, SOCK_NONBLOCK);
        ssize_t n = b->fd < 0 ? 0 : recv(b->fd, b->got + b->got_len, sizeof b->got - b->got_len, 0);
        b->got_len += n > 0 ? (size_t)n : 0;
        if (has(px_slice_from(b->got, b->got_len), needle))
            return true;
        turn();
    }
    fprintf(stderr, "the backend got: %.*s\n", (int)b->got_len, b->got);
    return false;
}

static void backend_says(backend *b, const char *text)
{
    b->got_len = 0;
    CHECK(write(b->fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static bool stream_gets(memory_stream *stream, const char *call)
{
    for (int i = 0; i < 5000; i++) {
        if (memory_stream_called(stream, call))
            return true;
        turn();
    }
    fprintf(stderr, "the client got: %s\n", stream->calls);
    return false;
}

static void serve_proxy(const px_plan_peer *peers, uint32_t count, const char *uri, int prefix_bytes)
{
    px_plan_location location = conf_location(world, "/");
    location.ret = NULL;
    location.proxy = conf_proxy(world, conf_upstream(world, "up", peers, count), uri, prefix_bytes);
    serve(location);
}

TEST(proxied, "a request goes to the peer framed anew, the answer comes back with our Server and Date")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    px_plan_set_header set[] = {{S("X-Real-IP"), conf_text(world, "$remote_addr")},
                                {S("X-Not"), conf_text(world, "")}};
    px_slice hidden[] = {S("Server"), S("Date"), S("X-Secret")};
    world->settings.proxy_set_header = (px_plan_set_header_list){set, 2};
    world->settings.proxy_hide_header = (px_plan_bytes_list){hidden, 3};
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream =
        conf_request(world, "GET /a%20b?c HTTP/1.1\nHost: a\nX-Real-IP: forged\nX-Not: x\nConnection: "
                            "X-Hop\nX-Hop: 1\nTE: trailers\nVia: v\n\n");
    CHECK(backend_gets(&b, "\r\n\r\n"));
    CHECK_STRING(b.got, "GET /a%20b?c HTTP/1.1\r\nHost: up\r\nX-Real-IP: 192.0.2.7\r\nVia: v\r\n\r\n");
    backend_says(
        &b, "HTTP/1.1 200 Fine\r\nServer: theirs\r\nDate: then\r\nX-Secret: 1\r\nX-Open: 2\r\nConnection: "
            "X-Theirs\r\nX-Theirs: 3\r\nContent-Length: 2\r\n\r\nok");
    CHECK(stream_gets(stream, "done"));
    px_slice calls = px_slice_from(stream->calls, stream->calls_len);
    CHECK(has(calls, "head 200 length 2") && has(calls, "Server: proxyd\n") && has(calls, "X-Open: 2\n"));
    CHECK(!has(calls, "theirs") && !has(calls, "then") && !has(calls, "X-Secret") && !has(calls, "X-Theirs"));
    CHECK_SLICE(memory_stream_answer(stream), "ok");
    memory_stream_close(&stream);
    CHECK_INT(world->worker->idle_count, 1);
    close_backend(&b);
    conf_close(&world);
}

TEST(repeated_type, "of several Content-Type fields of a peer the last one counts")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(backend_gets(&b, "\r\n\r\n"));
    backend_says(&b, "HTTP/1.1 200 OK\r\nContent-Type: a/1\r\nContent-Type: a/2\r\nContent-Type: a/3\r\n"
                     "Content-Type: a/4\r\nContent-Length: 0\r\n\r\n");
    CHECK(stream_gets(stream, "done"));
    CHECK(memory_stream_called(stream, "  Content-Type: a/4"));
    CHECK(!has(px_slice_from(stream->calls, stream->calls_len), "a/1"));
    memory_stream_close(&stream);
    close_backend(&b);
    conf_close(&world);
}

TEST(uri_replaced, "proxy_pass with a URI replaces what the location's name matched")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    px_plan_location location = conf_location(world, "/dir/");
    location.ret = NULL;
    location.proxy = conf_proxy(world, conf_upstream(world, "up", &peer, 1), "/v2/", 5);
    serve(location);
    memory_stream *stream = conf_request(world, "GET /x/../dir/a%20b%3F?q HTTP/1.1\nHost: a\n\n");
    CHECK(backend_gets(&b, "GET /v2/a%20b%3F?q HTTP/1.1\r\n"));
    backend_says(&b, "HTTP/1.1 302 Found\r\nLocation: http://up/v2/there\r\nContent-Length: 0\r\n\r\n");
    CHECK(stream_gets(stream, "done"));
    CHECK(memory_stream_called(stream, "  Location: http://a/dir/there"));
    memory_stream_close(&stream);
    close_backend(&b);
    conf_close(&world);
}

TEST(next_peer, "a body that was gathered goes to the next peer when the first one is not there")
{
    world = conf_open();
    backend b = open_backend(), dead = open_backend();
    px_plan_peer peers[] = {conf_peer(dead.port, 2), conf_peer(b.port, 1)};
    close_backend(&dead);
    serve_proxy(peers, 2, NULL, 0);
    memory_stream *stream = conf_request(world, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
    memory_stream_body(stream, "hello ", 6, false);
    conf_settle(world);
    memory_stream_body(stream, "world", 5, true);
    CHECK(backend_gets(&b, "Content-Length: 11\r\n\r\nhello world"));
    backend_says(&b, "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(stream_gets(stream, "done"));
    memory_stream_close(&stream);
    px_slice errors = conf_errors(world);
    CHECK(has(errors, "[error]") &&
          has(errors, "connect() failed (111: Connection refused) while connecting to upstream"));
    CHECK(has(errors, "[warn]") &&
          has(errors, "upstream server temporarily disabled while connecting to upstream"));
    close_backend(&b);
    conf_close(&world);
}

TEST(streamed, "a chunked body larger than its buffer is streamed, and then not sent twice")
{
    world = conf_open();
    world->settings.client_body_buffer_size = 8;
    world->settings.proxy_request_buffering = false;
    backend b = open_backend();
    px_plan_peer peers[] = {conf_peer(b.port, 1), conf_peer(b.port, 1)};
    serve_proxy(peers, 2, NULL, 0);
    memory_stream *stream = conf_request(world, "PUT / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
    memory_stream_body(stream, "12345678", 8, false);
    CHECK(backend_gets(&b, "Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n"));
    memory_stream_body(stream, "abc", 3, true);
    CHECK(backend_gets(&b, "3\r\nabc\r\n0\r\n\r\n"));
    close(b.fd);
    b.fd = -1;
    CHECK(stream_gets(stream, "done"));
    CHECK_INT(stream->status, 502);
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world),
              "upstream prematurely closed connection while reading response header from upstream"));
    close_backend(&b);
    conf_close(&world);
}

TEST(spooled,
     "a body larger than its buffer goes into a file, gets its length, and is sent to the next peer too")
{
    world = conf_open();
    world->settings.client_body_buffer_size = 8;
    backend b = open_backend(), dead = open_backend();
    px_plan_peer peers[] = {conf_peer(dead.port, 2), conf_peer(b.port, 1)};
    close_backend(&dead);
    serve_proxy(peers, 2, NULL, 0);
    memory_stream *stream = conf_request(world, "PUT / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
    for (int i = 0; i < 100; i++) {
        memory_stream_body(stream, "12345678", 8, i == 99);
        turn();
    }
    CHECK(backend_gets(&b, "Content-Length: 800\r\n\r\n1234567812345678"));
    while (b.got_len < 800 && backend_gets(&b, "8"))
        turn();
    backend_says(&b, "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(stream_gets(stream, "done"));
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world), "a client request body is buffered to a temporary file /tmp/"));
    close_backend(&b);
    conf_close(&world);
}

TEST(no_place, "a body for which there is no file is answered 500, and the peer is never asked")
{
    world = conf_open();
    px_plan_temp_path nowhere = {.path = PX_SLICE("/nonexistent")};
    world->settings.client_body_buffer_size = 8;
    world->settings.client_body_temp_path = &nowhere;
    px_plan_peer peer = conf_peer(1, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "PUT / HTTP/1.1\nHost: a\nContent-Length: 20\n\n");
    memory_stream_body(stream, "12345678901234567890", 20, true);
    CHECK(stream_gets(stream, "done"));
    CHECK_INT(stream->status, 500);
    memory_stream_close(&stream);
    px_slice errors = conf_errors(world);
    CHECK(has(errors, "[crit]") && has(errors, "open() \"/nonexistent/") && !has(errors, "connect()"));
    conf_close(&world);
}

TEST(small_pieces, "a body that comes byte by byte is held in few blocks")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    uint64_t before = px_block_live();
    memory_stream *stream = conf_request(world, "POST / HTTP/1.1\nHost: a\nContent-Length: 6000\n\n");
    for (int i = 0; i < 6000; i++) {
        memory_stream_body(stream, "x", 1, i == 5999);
        px_loop_run(world->worker->loop, 0);
        if (i == 5000)
            CHECK(px_block_live() - before < 16);
    }
    CHECK(backend_gets(&b, "\r\n\r\nxxx"));
    while (b.got_len < 6000 && backend_gets(&b, "x"))
        turn();
    CHECK(has(px_slice_from(b.got, b.got_len), "Content-Length: 6000\r\n"));
    backend_says(&b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(stream_gets(stream, "done"));
    memory_stream_close(&stream);
    close_backend(&b);
    conf_close(&world);
}

TEST(chunked_too_large, "a chunked body is refused as soon as it has become too large")
{
    world = conf_open();
    world->settings.client_max_body_size = 10;
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
    memory_stream_body(stream, "0123456789", 10, false);
    conf_settle(world);
    CHECK_INT(stream->status, 0);
    memory_stream_body(stream, "x", 1, false);
    conf_settle(world);
    CHECK_INT(stream->status, 413);
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world), "client intended to send too large chunked body: 11 bytes"));
    close_backend(&b);
    conf_close(&world);
}

TEST(aborted, "a client that leaves takes its upstream connection with it: 499")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(backend_gets(&b, "\r\n\r\n"));
    CHECK_INT(world->worker->upstreams, 1);
    memory_stream_abort(stream, PX_ABORT_CLOSED);
    CHECK(stream_gets(stream, "abort 0"));
    CHECK_INT(world->worker->upstreams, 0);
    memory_stream_close(&stream);
    CHECK_SLICE(conf_log(world), "499 GET / HTTP/1.1 0\n");
    CHECK(has(conf_errors(world), "client prematurely closed connection, so upstream connection is "
                                  "closed too while sending request to upstream"));
    close_backend(&b);
    conf_close(&world);
}

TEST(cut_off, "an answer whose rest never comes is cut off, so that the client can tell")
{
    world = conf_open();
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    CHECK(backend_gets(&b, "\r\n\r\n"));
    backend_says(&b, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK(stream_gets(stream, "body 4"));
    close(b.fd);
    b.fd = -1;
    CHECK(stream_gets(stream, "truncate"));
    CHECK(stream_gets(stream, "done"));
    memory_stream_close(&stream);
    CHECK(has(conf_errors(world), "upstream prematurely closed connection while reading upstream"));
    close_backend(&b);
    conf_close(&world);
}

TEST(slow_client, "a peer is read no further than read-ahead allows while the client takes nothing")
{
    world = conf_open();
    world->settings.proxy_buffering = false; /* read-ahead: proxy_buffer_size, 4096 */
    backend b = open_backend();
    px_plan_peer peer = conf_peer(b.port, 1);
    serve_proxy(&peer, 1, NULL, 0);
    memory_stream *stream = conf_request(world, "GET / HTTP/1.1\nHost: a\n\n");
    stream->window = 0;
    CHECK(backend_gets(&b, "\r\n\r\n"));
    backend_says(&b, "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n");
    static char bytes[100000];
    size_t sent = 0;
    for (int i = 0; i < 300; i++) {
        ssize_t n = send(b.fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        turn();
    }
    CHECK(sent > 4096);
    CHECK(stream->stream.unsent <= 4096 + 65536);
    memory_stream_abort(stream, PX_ABORT_CLOSED);
    CHECK(stream_gets(stream, "abort 0"));
    memory_stream_close(&stream);
    close_backend(&b);
    conf_close(&world);
}
