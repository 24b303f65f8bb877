// notice_board - keeps what the discovery file says of this broker, whoever else writes there
// SPDX-License-Identifier: MPL-2.0
#include "notice_board.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/discovery.h"
#include "mesh/lock_file.h"
#include "mesh/log.h"

enum {
    RENEW_MS = 10000,    // the heartbeat, a third of what readers allow
    CHECK_MS = 1000,     // how soon what others lost is put back
    SETTLE_MS = 20,      // programs come in bursts: one write for all of them
    AGAIN_MS = 50,       // another broker writes, or somebody is in the middle of it
    AGAIN_LIMIT = 6,     // then the file is damaged, or the other broker hangs
};

struct notice_board {
    zloop_t *loop;                    // borrowed
    const discovery_self_t *about;    // borrowed
    registry_t *registry;             // borrowed
    char *path, *lock_path;           // owned
    int renew_timer, check_timer;
    int write_timer;     // the planned write; 0 when there is none
    int again;           // times it was put off
    struct stat seen;    // of a file that was then read and had all of ours in it
    bool failing;
};

// The file as it is before it is read: a write after this look is a change, also when it comes
// while we read.
static struct stat
look(const notice_board_t *self)
{
    struct stat now;
    return stat(self->path, &now) == 0 ? now : (struct stat){.st_ino = 0};
}

static bool
is_as_seen(const notice_board_t *self, const struct stat *now)
{
    return now->st_ino != 0 && now->st_ino == self->seen.st_ino &&
           now->st_size == self->seen.st_size &&
           now->st_mtim.tv_sec == self->seen.st_mtim.tv_sec &&
           now->st_mtim.tv_nsec == self->seen.st_mtim.tv_nsec;
}

static double
now_s(void)
{
    return (double) zclock_time() / 1000;
}

static void
place(notice_board_t *self, const json_t *others, bool leaving)
{
    json_t *entries = leaving
                          ? discovery_entries_without(others, self->about->broker_id, now_s())
                          : discovery_entries(others, self->about, self->registry, now_s());
    char *error = NULL;
    if (mesh_discovery_write(self->path, entries, &error) == 0) {
        self->failing = false;
    } else if (!self->failing) {
        self->failing = true;
        mesh_log_warning("discovery-unwritable", "%s", error);
    }
    free(error);
    json_decref(entries);
    // Somebody may have written since; the next check reads what is there.
    self->seen = (struct stat){.st_ino = 0};
}

// Read, change and replace the file. Returns -1 when it should be tried again a little later.
static int
write_file(notice_board_t *self, bool leaving, bool insist)
{
    int lock_fd = mesh_lock_file_take(self->lock_path, NULL);
    if (lock_fd < 0 && errno == EAGAIN && !insist)
        return -1;
    char *problem = NULL;
    json_t *others = mesh_discovery_read(self->path, &problem);
    int rc = problem && !insist ? -1 : 0;
    // Who leaves does not destroy what somebody may be writing.
    if (rc == 0 && !(problem && leaving)) {
        if (problem)
            mesh_log_warning("discovery-damaged", "%s; it is written anew", problem);
        place(self, others, leaving);
    }
    free(problem);
    json_decref(others);
    if (lock_fd >= 0)
        (void) close(lock_fd);
    return rc;
}

static int on_write_due(zloop_t *loop, int timer_id, void *arg);

static void
plan_write(notice_board_t *self, size_t pause_ms)
{
    if (self->write_timer == 0)
        self->write_timer = zloop_timer(self->loop, pause_ms, 1, on_write_due, self);
}

static void
try_write(notice_board_t *self)
{
    if (write_file(self, false, self->again >= AGAIN_LIMIT) == 0) {
        self->again = 0;
    } else {
        self->again++;
        plan_write(self, AGAIN_MS);
    }
}

// zloop_timer_fn
static int
on_write_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    notice_board_t *self = arg;
    self->write_timer = 0;
    try_write(self);
    return 0;
}

// zloop_timer_fn
static int
on_renew(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    notice_board_change(arg);
    return 0;
}

// zloop_timer_fn: has somebody lost what is ours?
static int
on_check(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    notice_board_t *self = arg;
    struct stat now = look(self);
    if (self->write_timer || is_as_seen(self, &now))
        return 0;
    char *problem = NULL;
    json_t *entries = mesh_discovery_read(self->path, &problem);
    if (!problem && discovery_entries_have(entries, self->about, self->registry))
        self->seen = now;
    else
        plan_write(self, problem ? AGAIN_MS : 0);
    free(problem);
    json_decref(entries);
    return 0;
}

notice_board_t *
notice_board_new(zloop_t *loop, const char *path, const discovery_self_t *about,
                 registry_t *registry)
{
    assert(loop && path && about && registry);
    notice_board_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->about = about;
    self->registry = registry;
    self->path = strdup(path);
    if (asprintf(&self->lock_path, "%s.lock", path) < 0)
        abort();
    self->renew_timer = zloop_timer(loop, RENEW_MS, 0, on_renew, self);
    self->check_timer = zloop_timer(loop, CHECK_MS, 0, on_check, self);
    try_write(self);
    return self;
}

void
notice_board_destroy(notice_board_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        notice_board_t *self = *self_p;
        zloop_timer_end(self->loop, self->renew_timer);
        zloop_timer_end(self->loop, self->check_timer);
        if (self->write_timer)
            zloop_timer_end(self->loop, self->write_timer);
        (void) write_file(self, true, true);
        free(self->path);
        free(self->lock_path);
        free(self);
        *self_p = NULL;
    }
}

void
notice_board_change(notice_board_t *self)
{
    plan_write(self, SETTLE_MS);
}
