// content_coding - which of the codings that a client takes a stream is sent in
// SPDX-License-Identifier: MPL-2.0
#include "content_coding.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { UNSAID = -1, WHOLE = 1000 };    // weights, in thousandths

static size_t
blanks(const char *text)
{
    return strspn(text, " \t");
}

// A weight is "0" or "1" with up to three digits after a dot, of which 1 has only zeros.
// Returns it in thousandths and puts *text_p behind it; or UNSAID.
static int
read_weight(const char **text_p)
{
    const char *text = *text_p;
    if (*text != '0' && *text != '1')
        return UNSAID;
    int weight = (*text++ - '0') * WHOLE;
    if (*text == '.') {
        text++;
        for (int unit = WHOLE / 10; unit > 0 && *text >= '0' && *text <= '9'; unit /= 10)
            weight += (*text++ - '0') * unit;
    }
    *text_p = text;
    return weight <= WHOLE ? weight : UNSAID;
}

// Read what follows a coding's name up to the member's end. Returns its weight, or UNSAID when
// it is none.
static int
read_parameter(const char *text, const char *end)
{
    text += blanks(text);
    if (text == end)
        return WHOLE;
    if (*text++ != ';')
        return UNSAID;
    text += blanks(text);
    if (strncasecmp(text, "q=", 2) != 0)
        return UNSAID;
    text += 2;
    int weight = read_weight(&text);
    text += blanks(text);
    return text == end ? weight : UNSAID;
}

static bool
is_named(const char *text, size_t bytes, const char *name)
{
    return strlen(name) == bytes && strncasecmp(text, name, bytes) == 0;
}

content_coding_t
content_coding_choose(const char *accept_encoding)
{
    int gzip = UNSAID;
    int identity = UNSAID;
    int any = UNSAID;
    for (const char *at = accept_encoding ? accept_encoding : ""; *at;) {
        at += blanks(at);
        const char *end = at + strcspn(at, ",");
        size_t bytes = strcspn(at, " \t;,");
        int weight = read_parameter(at + bytes, end);
        if (weight != UNSAID) {
            if (is_named(at, bytes, "gzip") || is_named(at, bytes, "x-gzip"))
                gzip = weight;
            else if (is_named(at, bytes, "identity"))
                identity = weight;
            else if (is_named(at, bytes, "*"))
                any = weight;
        }
        at = end + (*end == ',');
    }
    if (gzip == UNSAID)
        gzip = any == UNSAID ? 0 : any;
    // Identity is taken unless it is ruled out, by itself or with the rest.
    bool takes_identity = identity == UNSAID ? any != 0 : identity != 0;
    if (gzip > 0 && gzip >= identity)
        return CONTENT_CODING_GZIP;
    return takes_identity ? CONTENT_CODING_IDENTITY : CONTENT_CODING_NONE;
}
