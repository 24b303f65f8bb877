// up - the verb that starts the mesh of this user and keeps it together
// SPDX-License-Identifier: MPL-2.0
#include "up.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <czmq.h>

#include "http_base.h"
#include "http_probe.h"
#include "http_trust.h"
#include "mesh/exit_status.h"
#include "mesh/lock_file.h"
#include "mesh/paths.h"
#include "mesh/program.h"
#include "mesh/programs.h"
#include "mesh/ready.h"
#include "mesh/signals.h"
#include "supervisor.h"
#include "up_words.h"

enum {
    READY_LIMIT_MS = 30 * 1000,
    // Beyond what a broker may take to drain: for a disk or a machine that is slow just then.
    // Who will not wait asks twice.
    STOP_GRACE_MS = 15 * 1000,
};

#define BROKER "aidermesh-broker"
#define MONITOR "aidermesh-monitor"
#define SSE_BRIDGE "aidermesh-sse-bridge"

typedef struct up {
    const mesh_settings_t *settings;    // borrowed
    zloop_t *loop;                      // owned, as all that follows
    mesh_signals_t *signals;
    supervisor_t *supervisor;
    http_probe_t *probe;    // NULL before all programs are ready
    char *runtime_dir;
    char *port_file;
    char *base;      // NULL before the port is known
    int lock_fd;     // says to the next `up` that we are here
    int deadline;    // timer
    bool on_terminal;
    bool stopping;
    int status;
} up_t;

// The words of our command line that the programs are given too; set once by up_main, because
// mesh_program_main hands on only what it has made of them.
static up_words_t *words;

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("aidermesh up: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int
on_all_ended(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    (void) arg;
    return -1;
}

static void
stop(up_t *self, int status)
{
    if (self->stopping)
        return;
    self->stopping = true;
    self->status = status;
    mesh_ready_notify("STOPPING=1");
    http_probe_destroy(&self->probe);
    supervisor_stop(self->supervisor,
                    STOP_GRACE_MS + mesh_settings_ms(self->settings, "broker/stop_grace"));
    if (supervisor_running(self->supervisor) == 0)
        zloop_timer(self->loop, 0, 1, on_all_ended, NULL);
}

static void
start(up_t *self, const char *name, const char *port_file)
{
    if (self->stopping)
        return;
    char *file = mesh_programs_find(name);
    char **arguments = up_words_for(words, name, port_file);
    if (supervisor_start(self->supervisor, name, file, arguments) != 0) {
        say("cannot start %s (%s): %s; is it installed beside aidermesh, or in PATH?", name,
            file, strerror(errno));
        stop(self, MESH_EXIT_FAILED);
    }
    up_words_free(&arguments);
    free(file);
}

static void
print_welcome(const up_t *self)
{
    char *self_path = mesh_programs_self();
    char *program = mesh_programs_shell_word(self_path);
    printf("aidermesh %s is up at %s (Ctrl-C stops it)\n\n", mesh_version(), self->base);
    bool asks = mesh_settings_flag(self->settings, "http/token");
    bool was_given = *mesh_settings_string(self->settings, "http/token_value");
    printf("Follow every session, from any terminal%s:\n  curl -N ",
           asks && was_given ? ", with the token you chose in TOKEN" : "");
    if (asks && was_given) {
        printf("-H \"Authorization: Bearer $TOKEN\" ");
    } else if (asks) {
        char *token_words = up_words_token(self->settings);
        printf("-H \"Authorization: Bearer $(%s %s)\" ", program, token_words);
        free(token_words);
    }
    char *pin = http_trust_pin(self->settings);
    if (pin)
        printf("-k --pinnedpubkey '%s' ", pin);
    free(pin);
    printf("%s/events/aider\n  %s tail\n", self->base, program);
    printf("Wrap a session of yours:\n  %s run -- aider\n", program);
    fflush(stdout);
    free(program);
    free(self_path);
}

static void
on_answered(void *arg)
{
    up_t *self = arg;
    zloop_timer_end(self->loop, self->deadline);
    print_welcome(self);
    mesh_ready_notify("READY=1");
}

static void
ask_for_readiness(up_t *self)
{
    int port = http_base_read_port(self->port_file);
    if (port == -1) {
        say("%s is ready, but left no port in %s", SSE_BRIDGE, self->port_file);
        stop(self, MESH_EXIT_FAILED);
        return;
    }
    self->base = http_base_format(mesh_settings_string(self->settings, "http/address"), port,
                                  http_trust_is_https(self->settings));
    char *url = NULL;
    if (asprintf(&url, "%s/readyz", self->base) < 0)
        abort();
    self->probe = http_probe_new(self->loop, self->settings, url, on_answered, self);
    free(url);
}

static void
on_ready(void *arg, const char *name)
{
    up_t *self = arg;
    if (self->stopping)
        return;
    if (streq(name, BROKER)) {
        start(self, MONITOR, NULL);
        start(self, SSE_BRIDGE, self->port_file);
    } else if (supervisor_is_ready(self->supervisor, MONITOR) &&
               supervisor_is_ready(self->supervisor, SSE_BRIDGE)) {
        ask_for_readiness(self);
    }
}

static void
on_ended(void *arg, const char *name, int status)
{
    up_t *self = arg;
    char ending[SUPERVISOR_ENDING_SIZE];
    if (!self->stopping) {
        say("%s %s; stopping the others", name, supervisor_describe(status, ending));
        stop(self, MESH_EXIT_FAILED);
        return;
    }
    // Our own SIGTERM may come before the program has prepared to take it.
    if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)) {
        say("%s %s when asked to stop", name, supervisor_describe(status, ending));
        self->status = MESH_EXIT_FAILED;
    }
    if (supervisor_running(self->supervisor) == 0)
        zloop_timer(self->loop, 0, 1, on_all_ended, NULL);
}

static int
on_late(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    up_t *self = arg;
    const char *const names[] = {BROKER, MONITOR, SSE_BRIDGE};
    for (size_t i = 0; i < sizeof names / sizeof *names && !self->probe; i++) {
        if (!supervisor_is_ready(self->supervisor, names[i])) {
            say("%s is not ready after %d s", names[i], READY_LIMIT_MS / 1000);
            break;
        }
    }
    if (self->probe)
        say("%s/readyz did not answer 200 within %d s (%s)", self->base, READY_LIMIT_MS / 1000,
            http_probe_last(self->probe));
    stop(self, MESH_EXIT_FAILED);
    return 0;
}

static int
on_signal(int number, void *arg)
{
    up_t *self = arg;
    // Without a terminal that could have hung up, SIGHUP means "reload", to us as to the
    // others.
    if (number == SIGHUP && !self->on_terminal) {
        supervisor_signal(self->supervisor, SIGHUP);
        return 0;
    }
    if (self->stopping)
        return -1;    // asked twice: what still runs is killed
    stop(self, MESH_EXIT_STOPPED);
    return 0;
}

// Whether the broker in the runtime directory is one that a bridge started for want of one: it
// makes room for ours.
static bool
is_fallback(const char *runtime_dir)
{
    char path[PATH_MAX], text[16];
    snprintf(path, sizeof path, "%s/broker.lock", runtime_dir);
    return mesh_lock_file_is_held(path, text, sizeof text) &&
           strncmp(text, "fallback", strlen("fallback")) == 0;
}

// Whether somebody listens on the broker's socket in the runtime directory.
static bool
is_listened_on(const char *runtime_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/control", runtime_dir);
    if (size < 0 || (size_t) size >= sizeof address.sun_path)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return false;
    int rc = connect(fd, (struct sockaddr *) &address, sizeof address);
    // EAGAIN: it listens, and its queue is full.
    bool listened = rc == 0 || errno == EAGAIN;
    close(fd);
    return listened;
}

// Make sure that this user has no mesh yet, and that no other `up` makes one meanwhile.
static int
claim(up_t *self)
{
    char *path = NULL;
    if (asprintf(&path, "%s/up.lock", self->runtime_dir) < 0)
        abort();
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd == -1) {
        say("cannot open %s: %s", path, strerror(errno));
        free(path);
        return -1;
    }
    bool held = flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0;
    free(path);
    if (held || (is_listened_on(self->runtime_dir) && !is_fallback(self->runtime_dir))) {
        char *error = NULL;
        char *base = http_base_find(self->settings, &error);
        say("a mesh of yours is already running in %s%s%s: follow it with `aidermesh tail`, "
            "use "
            "it with `aidermesh run -- aider`, or stop it first",
            self->runtime_dir, base ? ", at " : "", base ? base : "");
        free(base);
        free(error);
        return -1;
    }
    return 0;
}

static int
prepare(up_t *self)
{
    char *error = NULL;
    self->runtime_dir = mesh_paths_runtime_dir(self->settings, &error);
    if (self->runtime_dir && claim(self) != 0)
        return -1;
    if (self->runtime_dir)
        self->port_file = http_base_port_file(self->settings, &error);
    if (!self->port_file) {
        say("%s", error);
        free(error);
        return -1;
    }
    // What an earlier mesh left there would be taken for ours.
    unlink(self->port_file);
    self->loop = zloop_new();
    self->signals = mesh_signals_new(self->loop, on_signal, self);
    static const supervisor_handler_t HANDLER = {on_ready, on_ended};
    self->supervisor = supervisor_new(self->loop, &HANDLER, self);
    if (!self->supervisor) {
        say("cannot watch programs: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    up_t up = {
        .settings = settings,
        .lock_fd = -1,
        .on_terminal = isatty(STDIN_FILENO),
        .status = MESH_EXIT_FAILED,
    };
    if (prepare(&up) == 0) {
        up.deadline = zloop_timer(up.loop, READY_LIMIT_MS, 1, on_late, &up);
        start(&up, BROKER, NULL);
        zloop_start(up.loop);
        unlink(up.port_file);
    }
    http_probe_destroy(&up.probe);
    supervisor_destroy(&up.supervisor);
    mesh_signals_destroy(&up.signals);
    zloop_destroy(&up.loop);
    if (up.lock_fd != -1)
        close(up.lock_fd);
    free(up.base);
    free(up.port_file);
    free(up.runtime_dir);
    return up.status;
}

int
up_main(int argc, char *argv[])
{
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh up",
        .summary = "Start broker, monitor and sse-bridge, and keep them together until Ctrl-C.",
        .usage = "",
        .flags = up_words_flags,
        .run = run,
        .start_zmq = mesh_program_start_zmq,
    };
    words = up_words_new(argc, argv);
    int status = mesh_program_main(&PROGRAM, argc, argv);
    up_words_destroy(&words);
    return status;
}
