/* See clock.h. Names of days and months are English whatever the locale says. */
#include "proxy/clock.h"

#include <stdio.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void put_http(px_clock *clock, time_t now)
{
    struct tm utc;
    gmtime_r(&now, &utc);
    clock->http_len =
        (uint8_t)snprintf((char *)clock->http, sizeof clock->http, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                          days[utc.tm_wday % 7], utc.tm_mday, months[utc.tm_mon % 12],
                          (utc.tm_year + 1900) % 10000, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static void put_local(px_clock *clock, time_t now)
{
    struct tm local;
    localtime_r(&now, &local);
    int year = (local.tm_year + 1900) % 10000;
    long minutes = local.tm_gmtoff / 60;
    char sign = minutes < 0 ? '-' : '+';
    int away = (int)((minutes < 0 ? -minutes : minutes) % 6000);
    clock->local_len =
        (uint8_t)snprintf((char *)clock->local, sizeof clock->local, "%02d/%s/%04d:%02d:%02d:%02d %c%02d%02d",
                          local.tm_mday, months[local.tm_mon % 12], year, local.tm_hour, local.tm_min,
                          local.tm_sec, sign, away / 60, away % 60);
    clock->iso_len =
        (uint8_t)snprintf((char *)clock->iso, sizeof clock->iso, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                          year, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                          sign, away / 60, away % 60);
}

void px_clock_update(px_clock *clock, px_loop *loop)
{
    time_t now = px_loop_realtime(loop)->tv_sec;
    if (clock->second == now && clock->http_len > 0)
        return;
    clock->second = now;
    put_http(clock, now);
    put_local(clock, now);
}
