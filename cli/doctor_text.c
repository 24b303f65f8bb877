// doctor_text - the doctor's report for people
// SPDX-License-Identifier: MPL-2.0
#include <string.h>

#include "doctor_parts.h"
#include "event_line.h"

enum { TEXT_LIMIT = 512 };

static const char *
text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found ? found : "";
}

// Print a word from outside, so that it cannot write to the terminal.
static void
put(FILE *out, const char *word)
{
    event_line_write_text(out, word, TEXT_LIMIT);
}

static void
put_problem(FILE *out, const json_t *object)
{
    if (*text(object, "problem")) {
        fputs(": ", out);
        put(out, text(object, "problem"));
    }
    fputc('\n', out);
}

static void
print_directories(const json_t *report, FILE *out)
{
    size_t index;
    const json_t *directory;
    json_array_foreach(json_object_get(report, "directories"), index, directory)
    {
        fprintf(out, "%-7s directory  ", text(directory, "what"));
        put(out, text(directory, "path"));
        if (*text(directory, "mode"))
            fprintf(out, "  mode %s", text(directory, "mode"));
        put_problem(out, directory);
    }
    if (*text(report, "lock_held_by")) {
        fputs("broker's lock      held by ", out);
        put(out, text(report, "lock_held_by"));
        fputc('\n', out);
    }
}

static void
print_discovery(const json_t *discovery, FILE *out)
{
    fputs("discovery file     ", out);
    put(out, text(discovery, "file"));
    if (!json_is_true(json_object_get(discovery, "used")))
        fputs("  (not used: features/discovery is off)", out);
    put_problem(out, discovery);
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(discovery, "entries"), index, entry)
    {
        fprintf(out, "  %-6s  ", text(entry, "life"));
        put(out, text(entry, "type"));
        fputs("  ", out);
        put(out, text(entry, "id"));
        fputs("  ", out);
        put(out, text(entry, "endpoint"));
        fprintf(out, "  heartbeat %.0f s ago\n",
                json_number_value(json_object_get(entry, "heartbeat_age")));
    }
}

static void
print_spools(const json_t *spools, FILE *out)
{
    fputs("spools             ", out);
    put(out, text(spools, "path"));
    const json_t *dead = json_object_get(spools, "dead");
    if (json_object_get(spools, "path"))
        fprintf(out, "  %lld of bridges that run, %zu of others",
                (long long) json_integer_value(json_object_get(spools, "held")),
                json_array_size(dead));
    put_problem(out, spools);
    size_t index;
    const json_t *entry;
    json_array_foreach(dead, index, entry)
    {
        fputs("  waits   ", out);
        put(out, text(entry, "name"));
        fprintf(out, "  %lld bytes  %.0f s old\n",
                (long long) json_integer_value(json_object_get(entry, "bytes")),
                json_number_value(json_object_get(entry, "age")));
    }
    if (json_array_size(dead) > 0)
        fputs("  aidermesh flush delivers them, as does any bridge that runs\n", out);
}

static void
print_secrets(const json_t *report, FILE *out)
{
    const json_t *keys = json_object_get(report, "keys");
    bool key = json_is_true(json_object_get(keys, "key"));
    bool secret = json_is_true(json_object_get(keys, "mesh_secret"));
    fprintf(out, "key                %s",
            !key     ? "none: the mesh is spoken to without keys"
            : secret ? "there, with the mesh's secret"
                     : "there, without the mesh's secret");
    put_problem(out, keys);
    const json_t *token = json_object_get(report, "token");
    fprintf(out, "token              %s",
            json_is_true(json_object_get(token, "there")) ? "there" : "none");
    put_problem(out, token);
    const json_t *http = json_object_get(report, "http");
    fputs("sse-bridge         ", out);
    put(out, text(http, "url"));
    const json_t *status = json_object_get(http, "status");
    if (status)
        fprintf(out, "  answers %lld", (long long) json_integer_value(status));
    put_problem(out, http);
}

static void
print_beacons(const json_t *beacons, FILE *out)
{
    double listened_s = json_number_value(json_object_get(beacons, "listened"));
    fputs("beacons            ", out);
    if (listened_s > 0)
        fprintf(out, "listened for %.0f s", listened_s);
    else
        fputs("not listened for", out);
    if (json_object_get(beacons, "interface")) {
        const char *interface = text(beacons, "interface");
        fprintf(out, " on %s", *interface ? interface : "no interface: none can broadcast");
    }
    put_problem(out, beacons);
    static const char *const kinds[] = {"heard", "ignored"};
    for (size_t i = 0; i < 2; i++) {
        size_t index;
        const json_t *row;
        json_array_foreach(json_object_get(beacons, kinds[i]), index, row)
        {
            fprintf(out, "  %-7s  %lld from %s", kinds[i],
                    (long long) json_integer_value(json_object_get(row, "count")),
                    text(row, "sender"));
            if (i > 0)
                fprintf(out, "  %s", text(row, "why"));
            if (*text(row, "endpoint"))
                fprintf(out, "  %s  mesh %s  clock %+.1f s", text(row, "endpoint"),
                        text(row, "mesh_id"),
                        json_number_value(json_object_get(row, "clock_ahead")));
            fputc('\n', out);
        }
    }
}

static void
print_broker(const json_t *report, FILE *out)
{
    fputs("looked for a broker at\n", out);
    size_t index;
    const json_t *place, *peer;
    json_array_foreach(json_object_get(report, "places"), index, place)
    {
        fprintf(out, "  %-9s  ", text(place, "found_by"));
        put(out, text(place, "endpoint"));
        fputs(json_is_true(json_object_get(place, "answers")) ? "  answers" : "  does not",
              out);
        put_problem(out, place);
    }
    const json_t *broker = json_object_get(report, "broker");
    if (!broker)
        return;
    fputs("broker             ", out);
    put(out, text(broker, "broker_id"));
    fputs("  version ", out);
    put(out, text(broker, "version"));
    put_problem(out, broker);
    json_array_foreach(json_object_get(report, "peers"), index, peer)
    {
        fputs("  ", out);
        put(out, text(peer, "transport_id"));
        fputs("  on ", out);
        put(out, text(peer, "host"));
        fputs("  found it by ", out);
        const char *by = text(json_object_get(peer, "metadata"), "found_by");
        put(out, *by ? by : "(not told)");
        fputc('\n', out);
    }
}

void
doctor_print(const json_t *report, FILE *out)
{
    print_directories(report, out);
    print_discovery(json_object_get(report, "discovery"), out);
    print_spools(json_object_get(report, "spools"), out);
    print_secrets(report, out);
    print_beacons(json_object_get(report, "beacons"), out);
    if (*text(report, "problem")) {
        put(out, text(report, "problem"));
        fputc('\n', out);
    }
    print_broker(report, out);
    fputs(
        json_is_true(json_object_get(report, "found"))
            ? "A broker was found and answers.\n"
            : "No broker was found: start one with aidermesh up, or name one with --broker.\n",
        out);
}
