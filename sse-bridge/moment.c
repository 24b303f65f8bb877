// moment - a time as users write it: RFC 3339, or an age such as 10m
// SPDX-License-Identifier: MPL-2.0
#include "moment.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { SECOND_US = 1000000 };

// Read exactly count digits. Returns 0, or -1.
static int
read_digits(const char **text, int count, int *value)
{
    *value = 0;
    for (int at = 0; at < count; at++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        *value = *value * 10 + (**text - '0');
    }
    return 0;
}

static int
read_char(const char **text, const char *allowed)
{
    if (**text == '\0' || !strchr(allowed, **text))
        return -1;
    return (unsigned char) *(*text)++;
}

static int
parse_age(const char *text, int64_t now_us, int64_t *us)
{
    int64_t count = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 9)
        return -1;
    for (size_t at = 0; at < digits; at++)
        count = count * 10 + (text[at] - '0');
    int64_t unit_s;
    switch (text[digits]) {
    case 's':
        unit_s = 1;
        break;
    case 'm':
        unit_s = 60;
        break;
    case 'h':
        unit_s = (int64_t) 60 * 60;
        break;
    case 'd':
        unit_s = (int64_t) 24 * 60 * 60;
        break;
    default:
        return -1;
    }
    if (text[digits + 1] != '\0')
        return -1;
    int64_t age_s = count * unit_s;
    *us = age_s > now_us / SECOND_US ? 0 : now_us - age_s * SECOND_US;
    return 0;
}

static int
parse_zone(const char **text, int64_t *seconds)
{
    int sign = read_char(text, "Zz+- ");
    int hours = 0;
    int minutes = 0;
    if (sign < 0)
        return -1;
    if (sign != 'Z' && sign != 'z') {
        if (read_digits(text, 2, &hours) || read_char(text, ":") < 0 ||
            read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
            return -1;
    }
    *seconds = ((int64_t) hours * 60 + minutes) * 60;
    if (sign == '-')
        *seconds = -*seconds;
    return 0;
}

static int64_t
parse_fraction_us(const char **text)
{
    int64_t us = 0;
    int64_t unit_us = SECOND_US / 10;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit_us /= 10)
        us += (**text - '0') * unit_us;
    return us;
}

static bool
is_calendar(const struct tm *given)
{
    // timegm turns the 30th of February into March: what comes back must be what went in.
    struct tm copy = *given;
    time_t seconds = timegm(&copy);
    struct tm back;
    return gmtime_r(&seconds, &back) && back.tm_mday == given->tm_mday &&
           back.tm_mon == given->tm_mon && back.tm_hour == given->tm_hour &&
           back.tm_min == given->tm_min;
}

static int
parse_rfc3339(const char *text, int64_t *us)
{
    struct tm parts = {0};
    int64_t zone_s = 0;
    int64_t fraction_us = 0;
    if (read_digits(&text, 4, &parts.tm_year) || read_char(&text, "-") < 0 ||
        read_digits(&text, 2, &parts.tm_mon) || read_char(&text, "-") < 0 ||
        read_digits(&text, 2, &parts.tm_mday) || read_char(&text, "Tt ") < 0 ||
        read_digits(&text, 2, &parts.tm_hour) || read_char(&text, ":") < 0 ||
        read_digits(&text, 2, &parts.tm_min) || read_char(&text, ":") < 0 ||
        read_digits(&text, 2, &parts.tm_sec) || parts.tm_sec > 60)
        return -1;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    if (!is_calendar(&parts))
        return -1;
    if (*text == '.') {
        text++;
        if (*text < '0' || *text > '9')
            return -1;
        fraction_us = parse_fraction_us(&text);
    }
    if (parse_zone(&text, &zone_s) || *text != '\0')
        return -1;
    *us = ((int64_t) timegm(&parts) - zone_s) * SECOND_US + fraction_us;
    return 0;
}

int
moment_parse(const char *text, int64_t now_us, int64_t *us)
{
    return parse_age(text, now_us, us) == 0 ? 0 : parse_rfc3339(text, us);
}
