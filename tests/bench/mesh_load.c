// mesh_load - one process with many publishers and subscribers, to measure a broker with
// SPDX-License-Identifier: MPL-2.0
//
// tests/bench/broker.py starts it, beside each of the brokers it compares.
#include <assert.h>
#include <getopt.h>
#include <stdlib.h>

#include "ends.h"
#include "mesh/program.h"
#include "replay.h"

static const char usage[] =
    "usage: mesh_load raw|acks|nats|replay [OPTION]...\n"
    "  raw     event frames, no hello: for aidermesh-broker and zmq_proxy\n"
    "  acks    the mesh's publishers, with hello, window and acknowledgements\n"
    "  nats    PUB and SUB to a NATS server\n"
    "  replay  pull what the broker keeps, again and again\n"
    "  --publish ENDPOINT      where publishers connect (nats: HOST:PORT of the server)\n"
    "  --subscribe ENDPOINT    where subscribers connect (raw, acks)\n"
    "  --control ENDPOINT      the control socket (acks, replay)\n"
    "  --publishers N          default 1\n"
    "  --subscribers N         default 1\n"
    "  --rate N                events a second; default 0, as many as go\n"
    "  --window N              events under way at most without a rate; default 4000\n"
    "  --body BYTES            of a body frame; default 300\n"
    "  --warm MS               before measuring; default 300\n"
    "  --measure MS            default 2000\n"
    "  --server PID            whose CPU time is counted\n"
    "Prints one line of JSON. Exit status: 0 every event came once and in order, 1 not, 2\n"
    "wrongly called.\n";

enum { MOST_PUBLISHERS = 1000, MOST_SUBSCRIBERS = 100, LEAST_BODY_BYTES = 120 };

static const struct option long_options[] = {
    {"publish", required_argument, NULL, 'p'},     {"subscribe", required_argument, NULL, 's'},
    {"control", required_argument, NULL, 'c'},     {"publishers", required_argument, NULL, 'P'},
    {"subscribers", required_argument, NULL, 'S'}, {"rate", required_argument, NULL, 'r'},
    {"window", required_argument, NULL, 'w'},      {"body", required_argument, NULL, 'b'},
    {"warm", required_argument, NULL, 'a'},        {"measure", required_argument, NULL, 'm'},
    {"server", required_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
};

static int
number_within(const char *text, long least, long most, long *number)
{
    char *end;
    *number = strtol(text, &end, 10);
    return *text && !*end && *number >= least && *number <= most ? 0 : -1;
}

static int
read_option(load_options_t *options, int option, const char *text)
{
    long number = 0;
    int rc = 0;
    switch (option) {
    case 'p':
        options->publish = text;
        break;
    case 's':
        options->subscribe = text;
        break;
    case 'c':
        options->control = text;
        break;
    case 'P':
        rc = number_within(text, 1, MOST_PUBLISHERS, &number);
        options->publishers = (size_t) number;
        break;
    case 'S':
        rc = number_within(text, 1, MOST_SUBSCRIBERS, &number);
        options->subscribers = (size_t) number;
        break;
    case 'r':
        rc = number_within(text, 0, 1000000, &number);
        options->rate = (uint64_t) number;
        break;
    case 'w':
        rc = number_within(text, 8, 1000000, &number);
        options->window = (uint64_t) number;
        break;
    case 'b':
        rc = number_within(text, LEAST_BODY_BYTES, MESH_WIRE_PAYLOAD_LIMIT, &number);
        options->body_bytes = (size_t) number;
        break;
    case 'a':
        rc = number_within(text, 0, 60000, &number);
        options->warm_ms = number;
        break;
    case 'm':
        rc = number_within(text, 1, 600000, &number);
        options->measure_ms = number;
        break;
    case 'v':
        rc = number_within(text, 1, INT32_MAX, &number);
        options->server = (pid_t) number;
        break;
    default:
        rc = -1;
    }
    return rc;
}

static int
run_raw(zloop_t *loop, load_t *load, const load_options_t *options)
{
    raw_ends_t *ends = raw_ends_new(loop, load, options);
    int rc = ends ? load_run(load, &raw_ends, ends) : -1;
    raw_ends_destroy(&ends);
    return rc;
}

static int
run_acks(zloop_t *loop, load_t *load, const load_options_t *options)
{
    mesh_ends_t *ends = mesh_ends_new(loop, load, options);
    int rc = ends ? load_run(load, &mesh_ends, ends) : -1;
    mesh_ends_destroy(&ends);
    return rc;
}

static int
run_nats(zloop_t *loop, load_t *load, const load_options_t *options)
{
    nats_ends_t *ends = nats_ends_new(loop, load, options);
    int rc = ends ? load_run(load, &nats_ends, ends) : -1;
    nats_ends_destroy(&ends);
    return rc;
}

typedef struct mode {
    const char *name;
    int (*run)(zloop_t *loop, load_t *load, const load_options_t *options);
    bool publish, subscribe, control;    // the endpoints it needs
} load_mode_t;

static const load_mode_t modes[] = {
    {"raw", run_raw, true, true, false},
    {"acks", run_acks, false, true, true},
    {"nats", run_nats, true, false, false},
    {"replay", NULL, false, false, true},
};

static int
run(const load_mode_t *mode, const load_options_t *options)
{
    mesh_program_start_zmq();
    zloop_t *loop = zloop_new();
    zloop_set_nonstop(loop, true);
    int rc;
    if (!mode->run) {
        rc = replay_run(loop, options);
    } else {
        load_t *load = load_new(loop, options);
        rc = mode->run(loop, load, options);
        if (rc == 0)
            load_print(load, mode->name);
        load_destroy(&load);
    }
    zloop_destroy(&loop);
    return rc == 0 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
    load_options_t options = {.publishers = 1,
                              .subscribers = 1,
                              .body_bytes = 300,
                              .window = 4000,
                              .warm_ms = 300,
                              .measure_ms = 2000};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (read_option(&options, option, optarg) != 0) {
            fputs(usage, stderr);
            return 2;
        }
    for (size_t i = 0; optind == argc - 1 && i < sizeof modes / sizeof modes[0]; i++) {
        const load_mode_t *mode = &modes[i];
        if (streq(mode->name, argv[optind]) && (!mode->publish || options.publish) &&
            (!mode->subscribe || options.subscribe) && (!mode->control || options.control))
            return run(mode, &options);
    }
    fputs(usage, stderr);
    return 2;
}
