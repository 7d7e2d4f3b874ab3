/* base/wheel: timers against a model that looks at all of them, with a clock of the test's own. */
#include "check.h"

#include "base/wheel.h"

enum { COUNT = 400 };

typedef struct {
    px_timer timer;
    uint64_t want_ms; /* the model: 0 when not running */
    unsigned fired;
} tested;

static px_wheel wheel;
static tested all[COUNT];
static uint64_t now_ms, previous_fired_ms;
static unsigned long fired;
static bool restart_in_callback;
static uint64_t random_state;

static uint64_t pick(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* Delays of all magnitudes, as 1..10 ms, a minute, an hour, and the edges of the wheel's levels. */
static uint64_t any_delay(void)
{
    switch (pick(5)) {
    case 0:
        return 1 + pick(10);
    case 1:
        return 1 + pick(100000);
    case 2:
        return ((uint64_t)1 << (6 * (1 + pick(5)))) - 1 + pick(3);
    case 3:
        return 60000;
    default:
        return 1 + pick((uint64_t)1 << (1 + pick(40)));
    }
}

static void start(tested *one, uint64_t due_ms)
{
    px_wheel_start(&wheel, &one->timer, due_ms);
    one->want_ms = due_ms;
}

static void on_due(px_timer *timer)
{
    tested *one = PX_CONTAINER(timer, tested, timer);
    if (one->want_ms == 0 || one->want_ms > now_ms || px_timer_running(timer) ||
        one->want_ms < previous_fired_ms)
        CHECK(!"a timer fired early, twice, after stop or out of order");
    previous_fired_ms = one->want_ms;
    one->want_ms = 0;
    one->fired++;
    fired++;
    if (!restart_in_callback)
        return;
    tested *other = &all[pick(COUNT)];
    if (pick(2) == 0) {
        px_wheel_stop(&wheel, &other->timer);
        other->want_ms = 0;
    }
    start(one, now_ms + 1 + pick(200));
}

static void prepare(uint64_t start_ms)
{
    now_ms = start_ms;
    random_state = 88172645463325252u;
    fired = 0;
    previous_fired_ms = 0;
    restart_in_callback = false;
    px_wheel_init(&wheel, now_ms);
    for (int i = 0; i < COUNT; i++) {
        all[i] = (tested){.timer = {.on_due = on_due}};
        px_list_init(&all[i].timer.link);
    }
}

static uint64_t model_next(void)
{
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < COUNT; i++)
        if (all[i].want_ms != 0 && all[i].want_ms < next)
            next = all[i].want_ms;
    return next;
}

/* True when the model and the wheel agree. */
static bool agree(void)
{
    unsigned running = 0;
    for (int i = 0; i < COUNT; i++) {
        if (px_timer_running(&all[i].timer) != (all[i].want_ms != 0))
            return false;
        if (all[i].want_ms != 0 && all[i].want_ms <= now_ms)
            return false; /* should have fired */
        running += all[i].want_ms != 0;
    }
    return running == wheel.running && px_wheel_next(&wheel) <= model_next() &&
           (running > 0 || px_wheel_next(&wheel) == UINT64_MAX);
}

static void change_some(void)
{
    for (uint64_t n = pick(20); n > 0; n--) {
        tested *one = &all[pick(COUNT)];
        if (pick(4) == 0) {
            px_wheel_stop(&wheel, &one->timer);
            one->want_ms = 0;
        } else {
            start(one, now_ms + any_delay());
        }
    }
}

static uint64_t step_forward(void)
{
    uint64_t next = px_wheel_next(&wheel);
    switch (pick(4)) {
    case 0: /* a loop that sleeps exactly until then */
        return next == UINT64_MAX ? 1 : next - now_ms;
    case 1:
        return pick(5);
    case 2:
        return pick(1000);
    default:
        return any_delay();
    }
}

static void run_model(uint64_t start_ms, bool restarts)
{
    prepare(start_ms);
    restart_in_callback = restarts;
    for (int round = 0; round < 20000; round++) {
        change_some();
        uint64_t step = step_forward();
        if (restarts && step > 100000)
            step %= 100000; /* timers that restart themselves every 200 ms fire often enough */
        now_ms += step;
        previous_fired_ms = 0;
        px_wheel_advance(&wheel, now_ms);
        REQUIRE(agree());
    }
    CHECK(fired > 10000);
}

TEST(wheel_against_a_model,
     "timers fire in order, never early, never twice, never after stop, and none is forgotten")
{
    run_model(0, false);
    run_model(123456789, false);
}

TEST(wheel_callbacks, "callbacks may restart their own timer and stop others, also those due now")
{
    run_model(262143, true);
}

TEST(wheel_moves_later, "moving a timer later does not touch the wheel; it fires at the later time alone")
{
    prepare(1000);
    start(&all[0], 1100);
    px_list *where = all[0].timer.link.next;
    for (uint64_t later = 1101; later < 61000; later += 7)
        start(&all[0], later);
    CHECK(all[0].timer.link.next == where);
    CHECK_INT(all[0].timer.slot_ms, 1100);
    uint64_t want = all[0].want_ms;
    unsigned wakes = 0;
    while (all[0].fired == 0 && wakes < 10) {
        now_ms = px_wheel_next(&wheel);
        previous_fired_ms = 0;
        px_wheel_advance(&wheel, now_ms);
        wakes++;
    }
    CHECK_INT(now_ms, want);
    CHECK(wakes <= 6); /* the old time, then a level each */
}

TEST(wheel_moves_earlier, "a timer that is moved earlier fires then")
{
    prepare(1000);
    start(&all[0], 100000);
    start(&all[0], 1005);
    now_ms = 1004;
    px_wheel_advance(&wheel, now_ms);
    CHECK_INT(all[0].fired, 0);
    now_ms = 1005;
    px_wheel_advance(&wheel, now_ms);
    CHECK_INT(all[0].fired, 1);
}

static void restart_at_once(px_timer *timer)
{
    tested *one = PX_CONTAINER(timer, tested, timer);
    one->fired++;
    px_wheel_start(&wheel, timer, now_ms + 1);
}

TEST(wheel_ends, "a timer that starts itself again does not keep the wheel busy for ever")
{
    prepare(1000);
    all[0].timer.on_due = restart_at_once;
    px_wheel_start(&wheel, &all[0].timer, 1001);
    for (now_ms = 1001; now_ms <= 1010; now_ms++)
        px_wheel_advance(&wheel, now_ms);
    CHECK_INT(all[0].fired, 10);
    px_wheel_stop(&wheel, &all[0].timer);
    px_wheel_stop(&wheel, &all[0].timer);
    CHECK_INT(wheel.running, 0);
    CHECK(px_wheel_next(&wheel) == UINT64_MAX);
}
