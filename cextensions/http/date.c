/* See date.h. Days are counted by the calendar's cycle of 400 years, beginning in March, so that a leap day is the
 * last of its year. */
#include "http/date.h"

#include "http/bytes.h"

#define DAY_SECONDS 86400
#define LAST_SECOND 253402300799 /* of the year 9999 */

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(int64_t number, int *year, int *month, int *day)
{
    number += 719468;
    int64_t era = (number >= 0 ? number : number - 146096) / 146097;
    int64_t of_era = number - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(years + era * 400 + (*month <= 2));
}

static uint8_t *put_two(uint8_t *at, int number)
{
    *at++ = (uint8_t)('0' + number / 10 % 10);
    *at++ = (uint8_t)('0' + number % 10);
    return at;
}

void px_date_put(uint8_t *into, int64_t seconds)
{
    int year, month, day;
    if (seconds < 0)
        seconds = 0;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    int64_t number = seconds / DAY_SECONDS;
    int rest = (int)(seconds % DAY_SECONDS);
    civil_from_days(number, &year, &month, &day);
    memcpy(into, days + (number + 4) % 7 * 3, 3);
    memcpy(into + 3, ", ", 2);
    uint8_t *at = put_two(into + 5, day);
    *at++ = ' ';
    memcpy(at, months + (month - 1) * 3, 3);
    at[3] = ' ';
    at = put_two(put_two(at + 4, year / 100), year % 100);
    *at++ = ' ';
    at = put_two(at, rest / 3600);
    *at++ = ':';
    at = put_two(at, rest / 60 % 60);
    *at++ = ':';
    at = put_two(at, rest % 60);
    memcpy(at, " GMT", 4);
}

/* ---- reading ---- */

typedef struct reader {
    const uint8_t *at, *end;
    bool bad;
} reader;

static int digits(reader *in, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (in->at == in->end || !px_byte_is_digit(*in->at)) {
            in->bad = true;
            return 0;
        }
        value = value * 10 + (*in->at++ - '0');
    }
    return value;
}

static void expect(reader *in, uint8_t byte)
{
    if (in->at == in->end || *in->at != byte)
        in->bad = true;
    else
        in->at++;
}

static int month_of(reader *in)
{
    if (in->end - in->at >= 3)
        for (int i = 0; i < 12; i++)
            if (memcmp(in->at, months + 3 * i, 3) == 0) {
                in->at += 3;
                return i + 1;
            }
    in->bad = true;
    return 1;
}

/* "15:00:00", in seconds. */
static int clock_of(reader *in)
{
    int hour = digits(in, 2);
    expect(in, ':');
    int minute = digits(in, 2);
    expect(in, ':');
    int second = digits(in, 2);
    if (hour > 23 || minute > 59 || second > 59)
        in->bad = true;
    return hour * 3600 + minute * 60 + second;
}

static bool is_day(int64_t year, int month, int day)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap);
}

static int64_t finish(const reader *in, int64_t year, int month, int day, int seconds)
{
    if (in->bad || !is_day(year, month, day))
        return PX_DATE_NONE;
    return days_from_civil(year, month, day) * DAY_SECONDS + seconds;
}

/* "Sun Nov  6 08:49:37 1994", behind the day's name. */
static int64_t parse_asctime(reader *in)
{
    int month = month_of(in);
    expect(in, ' ');
    if (in->at < in->end && *in->at == ' ')
        in->at++;
    int day = in->end - in->at > 1 && px_byte_is_digit(in->at[1]) ? digits(in, 2) : digits(in, 1);
    expect(in, ' ');
    int seconds = clock_of(in);
    expect(in, ' ');
    int64_t year = digits(in, 4);
    return finish(in, year, month, day, seconds);
}

/* "06 Nov 1994 08:49:37 GMT" and "06-Nov-94 08:49:37 GMT", behind the day's name and ", ". */
static int64_t parse_usual(reader *in)
{
    int day = digits(in, 2);
    bool old = in->at < in->end && *in->at == '-';
    uint8_t between = old ? '-' : ' ';
    expect(in, between);
    int month = month_of(in);
    expect(in, between);
    int64_t year = digits(in, old ? 2 : 4);
    if (old)
        year += year < 70 ? 2000 : 1900;
    expect(in, ' ');
    int seconds = clock_of(in);
    return finish(in, year, month, day, seconds);
}

int64_t px_date_parse(px_slice text)
{
    if (text.len == 0) /* it may point nowhere */
        return PX_DATE_NONE;
    reader in = {text.data, text.data + text.len, false};
    while (in.at < in.end && *in.at != ',' && *in.at != ' ')
        in.at++;
    if (in.at == in.end)
        return PX_DATE_NONE;
    bool usual = *in.at++ == ',';
    while (usual && in.at < in.end && *in.at == ' ')
        in.at++;
    return usual ? parse_usual(&in) : parse_asctime(&in);
}
