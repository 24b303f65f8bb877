// aider_patterns - which kind of line AIDER has printed, and how it writes numbers
// SPDX-License-Identifier: MPL-2.0
#include "aider_patterns.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcmp(text + length - suffix_length, suffix) == 0;
}

// Whether all up to the next blank, at least seven characters, is a hash.
static bool
is_hash(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");
    return length >= 7 && length <= 40 && (text[length] == ' ' || text[length] == '\0');
}

// Besides prefix and suffix, what makes a sentence of a reply unlikely to be taken for AIDER's.
static bool
is_plausible(aider_line_kind_t kind, const char *text)
{
    switch (kind) {
    case AIDER_LINE_COMMIT:
        return is_hash(text);
    case AIDER_LINE_TOKENS:
        return isdigit((unsigned char) text[0]);
    case AIDER_LINE_RETRYING:
        return isdigit((unsigned char) text[0]) && strspn(text, "0123456789.") > 0;
    case AIDER_LINE_VERSION:
        return isdigit((unsigned char) text[0]);
    case AIDER_LINE_EDIT:
        return text[0] == '\0' || text[0] == ' ';
    default:
        return true;
    }
}

static bool
fits(const aider_line_t *pattern, const char *line)
{
    if (pattern->prefix[0] != line[0] || !starts_with(line, pattern->prefix))
        return false;
    const char *rest = line + strlen(pattern->prefix);
    if (pattern->suffix) {
        bool found = pattern->suffix[0] == '*' ? strstr(rest, pattern->suffix + 1) != NULL
                                               : ends_with(rest, pattern->suffix);
        if (!found)
            return false;
    }
    return is_plausible(pattern->kind, rest);
}

aider_line_kind_t
aider_patterns_line(const char *line, const char **text)
{
    assert(line && text);
    *text = line;
    // Blanks, and the line AIDER draws across a terminal.
    if (line[strspn(line, " \t─")] == '\0')
        return AIDER_LINE_BLANK;
    // No line of the table begins with a blank or a small letter, most of a reply's do.
    if (line[0] == ' ' || (line[0] >= 'a' && line[0] <= 'z' && line[0] != 'h'))
        return strstr(line, "(Y)es/(N)o") ? AIDER_LINE_CONFIRM : AIDER_LINE_OTHER;
    for (const aider_line_t *row = AIDER_LINES; row->prefix; row++) {
        if (fits(row, line)) {
            *text = line + strlen(row->prefix);
            *text += strspn(*text, " ");
            if (row->kind == AIDER_LINE_SHELL && line[0] == 'A')
                *text = line;    // "Added 3 lines of output to the chat." says it as it is
            return row->kind;
        }
    }
    if (strstr(line, "(Y)es/(N)o"))
        return AIDER_LINE_CONFIRM;
    if ((starts_with(line, "https://") || starts_with(line, "http://")) && !strchr(line, ' '))
        return AIDER_LINE_URL;
    return AIDER_LINE_OTHER;
}

double
aider_patterns_number(const char *text, const char **end)
{
    assert(text && end);
    // Not strtod: it reads "1e5" and "0x10", and asks the locale what a point is.
    enum { LONGEST_DIGITS = 12 };
    *end = text;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > LONGEST_DIGITS)
        return -1;
    double value = 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    text += digits;
    if (*text == '.' && isdigit((unsigned char) text[1])) {
        double place = 1;
        for (text++; isdigit((unsigned char) *text); text++) {
            place /= 10;
            value += place * (*text - '0');
        }
    }
    *end = text;
    return value;
}

// How many seconds a unit is, by its word; 0 for a word that is no unit. No word is seconds.
static double
unit_seconds(const char *word, size_t length)
{
    static const struct {
        const char *words;
        double seconds;
    } UNITS[] = {
        {" s sec secs second seconds ", 1},
        {" ms msec millisecond milliseconds ", 0.001},
        {" m min mins minute minutes ", 60},
        {" h hr hrs hour hours ", 3600},
        {" d day days ", 86400},
    };
    char wanted[16];
    if (length == 0)
        return 1;
    if (length > sizeof wanted - 3)
        return 0;
    snprintf(wanted, sizeof wanted, " %.*s ", (int) length, word);
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (strcasestr(UNITS[i].words, wanted))
            return UNITS[i].seconds;
    }
    return 0;
}

double
aider_patterns_duration(const char *text)
{
    assert(text);
    double total = -1;
    double last = 0;    // the unit before; each is smaller than the one it follows
    while (isdigit((unsigned char) *text)) {
        double value = aider_patterns_number(text, &text);
        if (value < 0)
            return -1;
        const char *word = text + strspn(text, " ");
        size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        double unit = unit_seconds(word, length);
        if (unit == 0 || (last != 0 && (unit >= last || length == 0)))
            break;
        last = unit;
        total = (total < 0 ? 0 : total) + value * unit;
        text = word + length;
        text += strspn(text, " ");
    }
    return total;
}

bool
aider_patterns_prompt(const char *partial, const char **typed)
{
    assert(partial && typed);
    // "[<edit format>][ multi]> "; the blank behind it may be trimmed by a terminal.
    size_t length = strspn(partial, "abcdefghijklmnopqrstuvwxyz-");
    if (length > 0 && !strncmp(partial + length, " multi", 6))
        length += 6;
    if (length > 24 || partial[length] != '>' ||
        (partial[length + 1] != ' ' && partial[length + 1] != '\0'))
        return false;
    *typed = partial + length + 1;
    *typed += **typed == ' ';
    return true;
}

long long
aider_patterns_count(const char *text, const char **end)
{
    assert(text && end);
    double value = aider_patterns_number(text, end);
    if (value < 0)
        return -1;
    if (**end == 'k') {
        (*end)++;
        value *= 1000;
    }
    return (long long) (value + 0.5);
}
