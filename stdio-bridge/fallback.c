// fallback - starts a broker on this host when nothing names a mesh and none is found
// SPDX-License-Identifier: MPL-2.0
#include "fallback.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/lock_file.h"
#include "mesh/log.h"
#include "mesh/lookup.h"
#include "mesh/paths.h"
#include "mesh/programs.h"

#define BROKER "aidermesh-broker"

enum {
    LOOK_MS = 100,
    STARTING_MS = 5000,    // what a broker may take to answer before another is started
    WORDS_LIMIT = 32,
};

struct fallback {
    zloop_t *loop;                      // borrowed
    mesh_link_t *link;                  // borrowed
    const mesh_settings_t *settings;    // borrowed
    char *runtime_dir, *lock_path;      // owned
    int lock_fd;                        // -1 unless we are the one who starts it
    int64_t started_ms;
    int64_t away_since_ms;
    int timer;    // 0 while a broker is there
    bool was_up;
};

bool
fallback_is_due(const fallback_view_t *view)
{
    assert(view);
    return view->has_looked && (!view->was_up || view->away_ms >= FALLBACK_AWAY_MS);
}

// The words of a command, owned.
typedef struct words {
    char *at[WORDS_LIMIT + 1];
    size_t count;
} words_t;

// Add a word of three parts, of which the last two may be NULL.
static void
add_word(words_t *self, const char *first, const char *second, const char *third)
{
    assert(self->count < WORDS_LIMIT);
    if (asprintf(&self->at[self->count++], "%s%s%s", first, second ? second : "",
                 third ? third : "") < 0)
        abort();
}

// What the bridge's command line says of the mesh, the broker must be told; what is in the
// environment it finds there.
static void
make_words(const mesh_settings_t *settings, words_t *words)
{
    static const char *const told[] = {"mesh/host", "mesh/keys_dir", "mesh/runtime_dir",
                                       "mesh/state_dir"};
    add_word(words, BROKER, NULL, NULL);
    add_word(words, "--set", NULL, NULL);
    add_word(words, "broker/fallback=true", NULL, NULL);
    if (mesh_settings_ms(settings, "broker/leave_when_unused") == 0) {
        add_word(words, "--set", NULL, NULL);
        add_word(words, "broker/leave_when_unused=60s", NULL, NULL);
    }
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        const char *value = mesh_settings_string(settings, told[i]);
        if (!*value)
            continue;
        add_word(words, "--set", NULL, NULL);
        add_word(words, told[i], "=", value);
    }
}

// The environment without what is meant for us alone. The array is owned, its texts are not.
static char **
broker_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = calloc(count + 1, sizeof *copy);
    assert(copy);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "NOTIFY_SOCKET=", strlen("NOTIFY_SOCKET=")) != 0)
            copy[kept++] = environ[i];
    return copy;
}

// In a child of a process with threads: only what is safe there, up to exec.
static _Noreturn void
become_broker(const char *file, char *const words[], char *const environment[])
{
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        (void) dup2(nothing, fd);
    (void) close_range(3, UINT_MAX, 0);
    (void) umask(077);
    sigset_t none;
    sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") == 0)
        (void) execvpe(file, words, environment);
    _exit(127);
}

// Start a process that is nobody's child. Returns -1 when none could be made.
static int
start_detached(const char *file, char *const words[])
{
    char **environment = broker_environment();
    pid_t child = fork();
    if (child == 0) {
        (void) setsid();
        pid_t grandchild = fork();
        if (grandchild == 0)
            become_broker(file, words, environment);
        _exit(grandchild > 0 ? 0 : 1);
    }
    free(environment);
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && status == 0 ? 0 : -1;
}

static void
start_broker(const fallback_t *self)
{
    words_t words = {.count = 0};
    make_words(self->settings, &words);
    char *file = mesh_programs_find(BROKER);
    if (start_detached(file, words.at) == 0)
        mesh_log_info("fallback-started", "%s, in %s", file, self->runtime_dir);
    else
        mesh_log_warning("fallback-failed", "%s: %s", file, strerror(errno));
    free(file);
    for (size_t i = 0; i < words.count; i++)
        free(words.at[i]);
}

static void
give_lock_back(fallback_t *self)
{
    if (self->lock_fd >= 0)
        (void) close(self->lock_fd);
    self->lock_fd = -1;
}

// A broker is due: start it, unless another bridge does or one is there already.
static void
start_one(fallback_t *self, int64_t now_ms)
{
    if (self->lock_fd >= 0 || now_ms - self->started_ms < STARTING_MS)
        return;
    self->started_ms = now_ms;
    self->lock_fd = mesh_lock_file_take(self->lock_path, NULL);
    if (self->lock_fd < 0)
        return;
    char *broker_lock = NULL;
    if (asprintf(&broker_lock, "%s/broker.lock", self->runtime_dir) < 0)
        abort();
    if (mesh_lock_file_is_held(broker_lock, NULL, 0))
        give_lock_back(self);
    else
        start_broker(self);
    free(broker_lock);
}

// zloop_timer_fn
static int
on_look(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    fallback_t *self = arg;
    int64_t now_ms = zclock_mono();
    if (now_ms - self->started_ms >= STARTING_MS)
        give_lock_back(self);
    fallback_view_t view = {
        .has_looked = mesh_link_has_looked(self->link),
        .was_up = self->was_up,
        .away_ms = now_ms - self->away_since_ms,
    };
    if (fallback_is_due(&view))
        start_one(self, now_ms);
    return 0;
}

static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    (void) welcome;
    fallback_t *self = arg;
    self->was_up = true;
    give_lock_back(self);
    if (self->timer)
        zloop_timer_end(self->loop, self->timer);
    self->timer = 0;
}

static void
on_away(void *arg)
{
    fallback_t *self = arg;
    self->away_since_ms = zclock_mono();
    if (!self->timer)
        self->timer = zloop_timer(self->loop, LOOK_MS, 0, on_look, self);
}

static const mesh_link_listener_t link_listener = {.on_welcome = on_welcome,
                                                   .on_away = on_away};

fallback_t *
fallback_new(zloop_t *loop, mesh_link_t *link, const mesh_settings_t *settings)
{
    assert(loop && link && settings);
    if (!mesh_settings_flag(settings, "features/fallback") || mesh_link_key(link) ||
        mesh_lookup_names_a_mesh(settings))
        return NULL;
    char *error = NULL;
    char *dir = mesh_paths_runtime_dir(settings, &error);
    if (!dir) {
        free(error);    // the link has said it
        return NULL;
    }
    fallback_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->link = link;
    self->settings = settings;
    self->runtime_dir = dir;
    if (asprintf(&self->lock_path, "%s/fallback.lock", dir) < 0)
        abort();
    self->lock_fd = -1;
    self->started_ms = zclock_mono() - STARTING_MS;
    mesh_link_listen(link, &link_listener, self);
    on_away(self);
    return self;
}

void
fallback_destroy(fallback_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        fallback_t *self = *self_p;
        mesh_link_unlisten(self->link, &link_listener, self);
        if (self->timer)
            zloop_timer_end(self->loop, self->timer);
        give_lock_back(self);
        free(self->runtime_dir);
        free(self->lock_path);
        free(self);
        *self_p = NULL;
    }
}
