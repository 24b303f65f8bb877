// sse_load - one process with thousands of SSE clients, to measure a server of them with
// SPDX-License-Identifier: MPL-2.0
//
// tests/bench/sse.py starts it, beside each of the servers it compares.
#include <assert.h>
#include <getopt.h>
#include <stdlib.h>

#include "mesh/program.h"
#include "sse_run.h"

static const char usage[] =
    "usage: sse_load --http PORT --path PATH [OPTION]...\n"
    "  --http PORT             of the server, on loopback\n"
    "  --path PATH             what clients ask for; {} in it becomes the client's channel\n"
    "  --header LINE           of every request\n"
    "  --feed KIND:PLACE       lines:PORT, posts:PORT or mesh:ENDPOINT of the broker\n"
    "  --clients N             default 1\n"
    "  --channels N            client n follows channel n modulo N; default 1\n"
    "  --quiet N               further clients to whom no event goes; default 0\n"
    "  --quiet-path PATH       what they ask for; {} in it becomes their filter\n"
    "  --quiet-filters N       of them, quiet client n has filter n modulo N; default 1\n"
    "  --stalled N             further clients that never read; default 0\n"
    "  --opened                a client is there with its first event of the type "
    "stream.opened\n"
    "  --tls                   every certificate is believed\n"
    "  --unzip-every N         ask for gzip; client n unpacks it when N divides n, the others\n"
    "                          only count bytes. With one channel, unless N is 1\n"
    "  --rate N                events a second; default 0, as many as go\n"
    "  --window N              events under way at most without a rate; default 128\n"
    "  --payload BYTES         default 300\n"
    "  --warm MS, --measure MS default 300, 1000\n"
    "  --resume N              instead: connect, resume N events, close, as often as goes\n"
    "  --idle                  instead: connect, and look at the server's memory\n"
    "  --server PID            whose CPU time and memory is counted\n"
    "Prints one line of JSON. Exit status: 0 every event came once and in order, 1 not, 2\n"
    "wrongly called.\n";

enum { MOST_CLIENTS = 30000 };

static const struct option long_options[] = {
    {"http", required_argument, NULL, 'h'},
    {"path", required_argument, NULL, 'p'},
    {"header", required_argument, NULL, 'H'},
    {"feed", required_argument, NULL, 'f'},
    {"clients", required_argument, NULL, 'c'},
    {"channels", required_argument, NULL, 'C'},
    {"stalled", required_argument, NULL, 's'},
    {"quiet", required_argument, NULL, 'q'},
    {"quiet-path", required_argument, NULL, 'Q'},
    {"quiet-filters", required_argument, NULL, 'F'},
    {"opened", no_argument, NULL, 'o'},
    {"tls", no_argument, NULL, 't'},
    {"unzip-every", required_argument, NULL, 'z'},
    {"rate", required_argument, NULL, 'r'},
    {"window", required_argument, NULL, 'w'},
    {"payload", required_argument, NULL, 'b'},
    {"warm", required_argument, NULL, 'a'},
    {"measure", required_argument, NULL, 'm'},
    {"resume", required_argument, NULL, 'R'},
    {"idle", no_argument, NULL, 'i'},
    {"server", required_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

static int
number_within(const char *text, long least, long most, size_t *number)
{
    char *end;
    long value = strtol(text, &end, 10);
    *number = (size_t) value;
    return *text && !*end && value >= least && value <= most ? 0 : -1;
}

static int
read_feed(sse_run_options_t *options, const char *text)
{
    static const char *const kinds[] = {
        [SSE_FEED_LINES] = "lines:", [SSE_FEED_POSTS] = "posts:", [SSE_FEED_MESH] = "mesh:"};
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++)
        if (strncmp(text, kinds[kind], strlen(kinds[kind])) == 0) {
            options->feed = (sse_feed_kind_t) kind;
            options->feed_place = text + strlen(kinds[kind]);
            return 0;
        }
    return -1;
}

static int
read_number(sse_run_options_t *options, int option, const char *text)
{
    size_t number;
    switch (option) {
    case 'h':
        return number_within(text, 1, UINT16_MAX, &options->http_port);
    case 'c':
        return number_within(text, 1, MOST_CLIENTS, &options->clients);
    case 'C':
        return number_within(text, 1, MOST_CLIENTS, &options->channels);
    case 'q':
        return number_within(text, 0, MOST_CLIENTS, &options->quiet);
    case 'F':
        return number_within(text, 1, MOST_CLIENTS, &options->quiet_filters);
    case 's':
        return number_within(text, 0, MOST_CLIENTS, &options->stalled);
    case 'z':
        return number_within(text, 1, MOST_CLIENTS, &options->unzip_every);
    case 'r':
        return number_within(text, 0, 1000000, &options->rate);
    case 'w':
        return number_within(text, 8, 100000, &options->window);
    case 'b':
        return number_within(text, SSE_MESSAGE_LEAST_BYTES, SSE_MESSAGE_MOST_BYTES,
                             &options->payload_bytes);
    case 'a':
        return number_within(text, 0, 60000, &options->warm_ms);
    case 'm':
        return number_within(text, 1, 600000, &options->measure_ms);
    case 'R':
        return number_within(text, 1, 100000, &options->resume);
    case 'v': {
        int rc = number_within(text, 1, INT32_MAX, &number);
        options->server = (pid_t) number;
        return rc;
    }
    default:
        return -1;
    }
}

static int
read_option(sse_run_options_t *options, int option, const char *text)
{
    switch (option) {
    case 'p':
        options->path = text;
        return 0;
    case 'Q':
        options->quiet_path = text;
        return 0;
    case 'H':
        options->header = text;
        return 0;
    case 'f':
        return read_feed(options, text);
    case 'o':
        options->says_opened = true;
        return 0;
    case 't':
        options->tls = true;
        return 0;
    case 'i':
        options->idle = true;
        return 0;
    default:
        return read_number(options, option, text);
    }
}

int
main(int argc, char *argv[])
{
    sse_run_options_t options = {.clients = 1,
                                 .channels = 1,
                                 .quiet_filters = 1,
                                 .window = 128,
                                 .payload_bytes = 300,
                                 .warm_ms = 300,
                                 .measure_ms = 1000};
    int option, rc = 0;
    while (rc == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        rc = read_option(&options, option, optarg);
    if (rc != 0 || optind != argc || options.http_port == 0 || !options.path ||
        (options.unzip_every > 1 && options.channels > 1) ||
        (options.quiet > 0 && !options.quiet_path) || (!options.idle && !options.feed_place)) {
        fputs(usage, stderr);
        return 2;
    }
    mesh_program_start_zmq();
    zloop_t *loop = zloop_new();
    zloop_set_nonstop(loop, true);
    rc = sse_run(loop, &options);
    zloop_destroy(&loop);
    return rc == 0 ? 0 : 1;
}
