/* expires: how long clients may keep an answer, in Expires and Cache-Control. */
#include "proxy/expires.h"

#include <time.h>

#include "http/bytes.h"
#include "http/date.h"
#include "proxy/request.h"

#define DAY_SECONDS 86400

static const struct {
    const char *unit;
    int64_t seconds;
} units[] = {{"y", 365 * DAY_SECONDS},
             {"M", 30 * DAY_SECONDS},
             {"w", 7 * DAY_SECONDS},
             {"d", DAY_SECONDS},
             {"h", 3600},
             {"m", 60},
             {"s", 1}};
#define UNITS (sizeof units / sizeof units[0])
#define SECONDS_MOST ((int64_t)1 << 43)

/* "1h 30m" as configurations write times. False: it is none. */
static bool read_time(px_slice text, int64_t *seconds)
{
    *seconds = 0;
    if (text.len == 0)
        return false;
    const uint8_t *at = text.data, *end = text.data + text.len;
    size_t next_unit = 0;
    while (at < end) {
        int64_t number = 0;
        const uint8_t *digits = at;
        while (at < end && px_byte_is_digit(*at) && number < SECONDS_MOST)
            number = number * 10 + (*at++ - '0');
        size_t unit = UNITS - 1;
        if (at < end && *at != ' ')
            for (unit = next_unit; unit < UNITS && *at != (uint8_t)units[unit].unit[0]; unit++)
                ;
        if (at == digits || unit == UNITS || unit < next_unit || number > SECONDS_MOST / units[unit].seconds)
            return false;
        at += at < end && *at != ' ';
        next_unit = unit + 1;
        *seconds += number * units[unit].seconds;
        while (at < end && *at == ' ')
            at++;
    }
    return true;
}

bool px_expires_read(px_slice text, bool modified, int64_t *kind, int64_t *seconds)
{
    static const struct {
        const char *word;
        int64_t kind;
    } words[] = {{"epoch", PX_EXPIRES_EPOCH}, {"max", PX_EXPIRES_MAX}, {"off", PX_EXPIRES_OFF}};
    *seconds = 0;
    for (size_t i = 0; !modified && i < sizeof words / sizeof words[0]; i++)
        if (px_slice_equal(text, px_slice_from(words[i].word, strlen(words[i].word)))) {
            *kind = words[i].kind;
            return true;
        }
    uint8_t sign = text.len > 0 ? text.data[0] : 0;
    bool daily = sign == '@';
    if (daily || sign == '+' || sign == '-')
        text = px_slice_from(text.data + 1, text.len - 1);
    if (!read_time(text, seconds) || (daily && (modified || *seconds > DAY_SECONDS)))
        return false;
    if (sign == '-')
        *seconds = -*seconds;
    *kind = daily ? PX_EXPIRES_DAILY : modified ? PX_EXPIRES_MODIFIED : PX_EXPIRES_ACCESS;
    return true;
}

/* The next time that it is so many seconds after midnight here. */
static int64_t next_time_of_day(int64_t now, int64_t seconds)
{
    time_t clock = (time_t)now;
    struct tm day;
    localtime_r(&clock, &day);
    day.tm_hour = (int)(seconds / 3600);
    day.tm_min = (int)(seconds / 60 % 60);
    day.tm_sec = (int)(seconds % 60);
    int64_t next = mktime(&day);
    if (next > now)
        return next;
    day.tm_mday++;
    return mktime(&day);
}

static int64_t modified_of(const px_answer *answer)
{
    for (uint32_t i = 0; i < answer->count; i++)
        if (answer->headers[i].id == PX_HEADER_LAST_MODIFIED)
            return px_date_parse(answer->headers[i].value);
    return PX_DATE_NONE;
}

static void set(px_request *r, px_slice expires, px_slice cache_control)
{
    px_answer_remove(&r->answer, PX_HEADER_EXPIRES);
    px_answer_remove(&r->answer, PX_HEADER_CACHE_CONTROL);
    px_answer_add(r, PX_HEADER_EXPIRES, PX_SLICE("Expires"), expires);
    px_answer_add(r, PX_HEADER_CACHE_CONTROL, PX_SLICE("Cache-Control"), cache_control);
}

static px_slice max_age(px_request *r, int64_t seconds)
{
    px_buffer text;
    px_buffer_init(&text, &r->arena, 32);
    px_buffer_literal(&text, "max-age=");
    px_buffer_uint(&text, (uint64_t)seconds);
    return px_buffer_view(&text);
}

static void set_times(px_request *r, int64_t kind, int64_t seconds)
{
    int64_t now = px_loop_realtime(r->worker->loop)->tv_sec;
    int64_t modified = kind == PX_EXPIRES_MODIFIED ? modified_of(&r->answer) : PX_DATE_NONE;
    int64_t until = kind == PX_EXPIRES_DAILY ? next_time_of_day(now, seconds)
                                             : (modified == PX_DATE_NONE ? now : modified) + seconds;
    int64_t age = until - now;
    if (seconds == 0 && kind != PX_EXPIRES_DAILY)
        until = now, age = 0;
    uint8_t *text = px_arena_alloc(&r->arena, PX_DATE_BYTES);
    px_date_put(text, until);
    set(r, px_slice_from(text, PX_DATE_BYTES),
        seconds < 0 || age < 0 ? PX_SLICE("no-cache") : max_age(r, age));
}

void px_expires_set(px_request *r)
{
    const px_plan_expires *plan = r->settings->plan->expires;
    int64_t kind = plan->kind, seconds = plan->seconds;
    if (kind == PX_EXPIRES_VARIABLE) {
        px_slice value = px_template_value(&r->settings->docs.expires, r);
        if (!px_expires_read(value, plan->modified, &kind, &seconds))
            return;
    }
    if (kind == PX_EXPIRES_EPOCH)
        set(r, PX_SLICE("Thu, 01 Jan 1970 00:00:01 GMT"), PX_SLICE("no-cache"));
    else if (kind == PX_EXPIRES_MAX)
        set(r, PX_SLICE("Thu, 31 Dec 2037 23:55:55 GMT"), PX_SLICE("max-age=315360000"));
    else if (kind != PX_EXPIRES_OFF)
        set_times(r, kind, seconds);
}
