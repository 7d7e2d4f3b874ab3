/* Plans are loaded, shared and refused: what a reload must and must not do. The Plans here are written byte
 * by byte, of the kinds that need no Settings. */
#include "check.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine_private.h"
#include "main_segments.h"
#include "proxy/log_sink.h"
#include "proxy/upstream.h"

static px_engine *engine;
static px_engine_error error;
static px_arena arena;
static px_buffer plan; /* the objects so far */
static uint32_t objects;

static void open_engine(void)
{
    int ledgers = px_main_ledgers(), peers = px_main_peers();
    engine = px_engine_new(0, ledgers, peers, &error);
    close(ledgers);
    close(peers);
    REQUIRE(engine != NULL);
    px_arena_init(&arena, 16384);
}

static void close_engine(void)
{
    px_arena_clear(&arena);
    px_engine_delete(&engine);
    CHECK_INT(px_block_live(), 0);
}

/* ---- msgpack ---- */

static void put(px_buffer *out, unsigned byte)
{
    px_buffer_byte(out, (uint8_t)byte);
}

static void put_number(px_buffer *out, uint64_t number)
{
    put(out, 0xd3);
    for (int i = 7; i >= 0; i--)
        put(out, (unsigned)(number >> (8 * i)) & 0xff);
}

static void put_bytes(px_buffer *out, px_slice bytes)
{
    put(out, 0xc5);
    put(out, (unsigned)(bytes.len >> 8));
    put(out, (unsigned)(bytes.len & 0xff));
    px_buffer_slice(out, bytes);
}

static void put_text(px_buffer *out, const char *text)
{
    put_bytes(out, px_slice_from(text, strlen(text)));
}

static void put_ref(px_buffer *out, uint8_t digest)
{
    uint8_t bytes[16] = {digest};
    put(out, 0xc4);
    put(out, 16);
    px_buffer_append(out, bytes, 16);
}

static px_buffer begin(unsigned fields)
{
    px_buffer body;
    px_buffer_init(&body, &arena, 256);
    put(&body, 0x90 + fields);
    return body;
}

static void begin_plan(void)
{
    px_buffer_init(&plan, &arena, 1024);
    objects = 0;
}

static void add(const char *kind, uint8_t digest, px_buffer body)
{
    uint8_t bytes[16] = {digest};
    objects++;
    put(&plan, 0x93);
    put(&plan, 0xa0 + (unsigned)strlen(kind));
    px_buffer_append(&plan, kind, strlen(kind));
    put(&plan, 0xc4);
    put(&plan, 16);
    px_buffer_append(&plan, bytes, 16);
    put_bytes(&plan, px_buffer_view(&body));
}

static px_slice whole_plan(int64_t layout)
{
    px_buffer out;
    px_buffer_init(&out, &arena, plan.len + 16);
    put(&out, 0x92);
    put_number(&out, (uint64_t)layout);
    put(&out, 0x90 + objects);
    px_buffer_slice(&out, px_buffer_view(&plan));
    return px_buffer_view(&out);
}

/* ---- objects ---- */

static void add_upstream(uint8_t digest, const char *name, unsigned port)
{
    px_buffer body = begin(9);
    put_text(&body, name);
    put(&body, 0xc2); /* implicit */
    put(&body, 0x91);
    put(&body, 0x9b); /* a Peer */
    put_text(&body, "127.0.0.1");
    put_text(&body, "127.0.0.1");
    put_bytes(&body, px_slice_from("\x7f\0\0\1", 4));
    put(&body, 4);
    put_number(&body, port);
    put(&body, 1); /* weight */
    put(&body, 0); /* max_conns */
    put(&body, 1);
    put_number(&body, 10000);
    put(&body, 0xc2);
    put(&body, 0xc2);
    put(&body, 0); /* balance */
    put(&body, 0x90);
    put(&body, 32);
    put_number(&body, 1000);
    put_number(&body, 3600000);
    put_number(&body, 60000);
    add("Upstream", digest, body);
}

static void add_log_file(uint8_t digest, const char *path)
{
    px_buffer body = begin(5);
    put_text(&body, path);
    put(&body, 0);
    put(&body, 0);
    put(&body, 0);
    put(&body, 0xc0); /* no syslog */
    add("LogFile", digest, body);
}

static void add_map(uint8_t digest, int other)
{
    px_buffer body = begin(10);
    put_text(&body, "m");
    if (other < 0) {
        put(&body, 0x90);
    } else { /* its source is another map */
        put(&body, 0x91);
        put(&body, 0x95);
        put_text(&body, "");
        put(&body, 0xff);
        put_ref(&body, (uint8_t)other);
        put(&body, 0xff);
        put(&body, 0xff);
    }
    put(&body, 0x90);
    put(&body, 0xc2);
    for (int i = 0; i < 4; i++)
        put(&body, 0x90);
    put(&body, 0xc2);
    put(&body, 0xff);
    add("Map", digest, body);
}

/* upstreams: their digests; log: of the error log, or 0. */
static void add_root(uint8_t digest, const char *upstreams, uint8_t log)
{
    px_buffer body = begin(9);
    put(&body, 0x90);
    put(&body, 0x90 + (unsigned)strlen(upstreams));
    for (; *upstreams != '\0'; upstreams++)
        put_ref(&body, (uint8_t)*upstreams);
    put(&body, 0x90);
    put(&body, 0);
    put_number(&body, 512);
    put(&body, 0xc2);
    put(&body, 0);
    put(&body, log != 0 ? 0x91 : 0x90);
    if (log != 0) {
        put(&body, 0x92);
        put_ref(&body, log);
        put(&body, PX_LOG_WARN);
    }
    put(&body, 0x90);
    add("Root", digest, body);
}

static uint64_t prepare_with(const px_descriptor *descriptors, uint32_t count)
{
    return px_engine_prepare(engine, whole_plan(PX_PLAN_LAYOUT), descriptors, count, &error);
}

static uint64_t prepare(void)
{
    return prepare_with(NULL, 0);
}

static uint64_t live_objects(void)
{
    return px_engine_count_live(engine).objects;
}

static px_upstream *upstream_of(const px_generation *generation, uint32_t index)
{
    return generation->plan->upstreams.items[index]->runtime;
}

/* ---- sharing ---- */

TEST(shares, "an object of the same digest is shared with the generation before, with its state")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_upstream('b', "two", 2);
    add_root('1', "ab", 0);
    uint64_t first = prepare();
    REQUIRE(first > 0 && px_engine_activate(engine, first, &error));
    px_upstream *one = upstream_of(engine->active, 0), *two = upstream_of(engine->active, 1);
    one->peers[0].current_weight = 77;
    CHECK_INT(live_objects(), 3);
    begin_plan();
    add_upstream('a', "one", 1);
    add_upstream('c', "two", 3);
    add_root('2', "ac", 0);
    uint64_t second = prepare();
    REQUIRE(second > 0);
    CHECK_INT(live_objects(), 5); /* of the old: a, b, 1; of the new: c, 2 */
    CHECK_INT(px_engine_count_live(engine).generations, 2);
    REQUIRE(px_engine_activate(engine, second, &error));
    CHECK(upstream_of(engine->active, 0) == one);
    CHECK(upstream_of(engine->active, 1) != two);
    CHECK_INT(one->peers[0].current_weight, 77);
    CHECK_INT(live_objects(), 3);
    CHECK_INT(px_engine_count_live(engine).generations, 1);
    close_engine();
}

TEST(same_again, "the same plan again makes no new object")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_root('1', "a", 0);
    uint64_t first = prepare();
    REQUIRE(first > 0 && px_engine_activate(engine, first, &error));
    for (int i = 0; i < 5; i++) {
        uint64_t next = prepare();
        REQUIRE(next > first && px_engine_activate(engine, next, &error));
        CHECK_INT(live_objects(), 2);
    }
    close_engine();
}

TEST(unused, "an object that nothing refers to does not stay")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_upstream('b', "two", 2);
    add_root('1', "a", 0);
    CHECK(prepare() > 0);
    CHECK_INT(live_objects(), 2);
    close_engine();
}

TEST(discarded, "a generation that is discarded leaves nothing, and cannot be activated")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_root('1', "a", 0);
    uint64_t number = prepare();
    px_engine_discard(engine, number);
    CHECK_INT(live_objects(), 0);
    CHECK_INT(px_engine_count_live(engine).generations, 0);
    CHECK(!px_engine_activate(engine, number, &error));
    px_engine_discard(engine, number); /* twice is fine */
    close_engine();
}

TEST(many, "hundreds of objects are found again")
{
    open_engine();
    for (int round = 0; round < 2; round++) {
        px_buffer_init(&plan, &arena, 65536);
        objects = 0;
        px_buffer out;
        px_buffer_init(&out, &arena, 65536);
        put(&out, 0x92);
        put_number(&out, (uint64_t)PX_PLAN_LAYOUT);
        put(&out, 0xdc);
        put(&out, 0);
        put(&out, 255);
        for (int i = 1; i < 255; i++)
            add_map((uint8_t)i, -1);
        add_root(255, "", 0);
        px_buffer_slice(&out, px_buffer_view(&plan));
        CHECK(px_engine_prepare(engine, px_buffer_view(&out), NULL, 0, &error) > 0);
        CHECK_INT(live_objects(), 1); /* nothing refers to the maps */
    }
    close_engine();
}

/* ---- refusals: nothing has changed, and the reason is told ---- */

static void check_refused(const char *why)
{
    uint64_t before = live_objects();
    CHECK_INT(prepare(), 0);
    if (!CHECK(strstr(error.text, why) != NULL))
        fprintf(stderr, "the error is \"%s\"\n", error.text);
    CHECK_INT(live_objects(), before);
}

TEST(refusals, "a plan that makes no sense is refused as a whole")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_root('1', "a", 0);
    REQUIRE(prepare() > 0);

    begin_plan();
    check_refused("the plan is empty");
    add_upstream('b', "two", 1);
    check_refused("last object is no Root");
    begin_plan();
    add_root('2', "x", 0);
    check_refused("refers to an object that is not there");
    begin_plan();
    add_map('m', -1);
    add_root('2', "m", 0); /* a Map where an Upstream is meant */
    check_refused("refers to an object that is not there");
    begin_plan();
    add("Nonsense", 'n', begin(0));
    check_refused("unknown kind");
    begin_plan();
    add("Root", 'r', begin(3));
    check_refused("has 3 fields");
    begin_plan();
    add_upstream('b', "two", 1);
    add_upstream('c', "three", 70000);
    add_root('2', "bc", 0);
    check_refused("a number of peer");
    close_engine();
}

TEST(other_build, "a plan of another build is refused")
{
    open_engine();
    begin_plan();
    add_root('1', "", 0);
    CHECK_INT(px_engine_prepare(engine, whole_plan(PX_PLAN_LAYOUT + 1), NULL, 0, &error), 0);
    CHECK(strstr(error.text, "another build") != NULL);
    close_engine();
}

TEST(cut_short, "a plan that ends anywhere before its end is refused")
{
    open_engine();
    begin_plan();
    add_upstream('a', "one", 1);
    add_root('1', "a", 0);
    px_slice bytes = whole_plan(PX_PLAN_LAYOUT);
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *copy = malloc(len + 1); /* ASan sees who reads beyond it */
        memcpy(copy, bytes.data, len);
        copy = realloc(copy, len > 0 ? len : 1);
        CHECK_INT(px_engine_prepare(engine, px_slice_from(copy, len), NULL, 0, &error), 0);
        free(copy);
    }
    CHECK_INT(live_objects(), 0);
    close_engine();
}

TEST(deep_maps, "maps that refer to maps are bounded in depth")
{
    open_engine();
    px_buffer_init(&plan, &arena, 65536);
    objects = 0;
    px_buffer out;
    px_buffer_init(&out, &arena, 65536);
    put(&out, 0x92);
    put_number(&out, (uint64_t)PX_PLAN_LAYOUT);
    put(&out, 0xdc);
    put(&out, 0);
    put(&out, 101);
    for (int i = 0; i < 100; i++)
        add_map((uint8_t)(i + 1), i == 0 ? -1 : i);
    add_root(200, "", 0);
    px_buffer_slice(&out, px_buffer_view(&plan));
    CHECK_INT(px_engine_prepare(engine, px_buffer_view(&out), NULL, 0, &error), 0);
    CHECK(strstr(error.text, "not there") != NULL);
    close_engine();
}

/* ---- logs ---- */

TEST(logs, "a log needs its descriptor once; reopening puts a new file under the same number")
{
    char path[] = "/tmp/proxyd-test-XXXXXX";
    open_engine();
    begin_plan();
    add_log_file('l', "/some.log");
    add_root('1', "", 'l');
    CHECK_INT(prepare(), 0);
    CHECK(strstr(error.text, "no descriptor came for the log \"/some.log\"") != NULL);
    int ends[2], fd = mkstemp(path);
    REQUIRE(fd >= 0 && pipe(ends) == 0);
    px_descriptor descriptor = {PX_SLICE("log:/some.log"), fd};
    uint64_t first = prepare_with(&descriptor, 1);
    REQUIRE(first > 0 && px_engine_activate(engine, first, &error));
    CHECK(prepare() > 0); /* it is open already */
    px_log_write(&px_log_main, PX_LOG_WARN, 0, "to the first");
    descriptor.fd = ends[1];
    CHECK(px_engine_reopen(engine, &descriptor, 1, &error));
    px_log_write(&px_log_main, PX_LOG_WARN, 0, "to the second");
    char text[256];
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    CHECK(strstr(text, "to the second") != NULL && strstr(text, "to the first") == NULL);
    n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    CHECK(strstr(text, "to the first") != NULL && strstr(text, "to the second") == NULL);
    close(fd);
    unlink(path);
    close(ends[0]);
    close(ends[1]);
    close_engine();
}
