// journal_mover - a thread that moves the journal's log into its file, beside the writer
// SPDX-License-Identifier: MPL-2.0
#include "journal_mover.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>

#include "mesh/db_file.h"

struct journal_mover {
    pthread_t thread;
    char *path;     // owned
    int done_fd;    // borrowed

    // Of both threads, under the lock.
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool busy, ended, stopping;
    journal_moved_t moved;    // where ended

    sqlite3 *db;    // owned; of the thread alone
};

// ---- in the thread

static int
open_file(journal_mover_t *self)
{
    int rc = mesh_db_file_open(self->path, SQLITE_OPEN_READWRITE, &self->db);
    if (rc == SQLITE_OK) {
        (void) sqlite3_extended_result_codes(self->db, 1);
        // A connection that has not read yet does not know of the log.
        rc = sqlite3_exec(self->db,
                          "PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL;"
                          "SELECT epoch FROM state",
                          NULL, NULL, NULL);
    }
    return rc;
}

static void
close_file(journal_mover_t *self)
{
    if (self->db) {
        // Whether the log is moved at the end is decided by who writes it.
        (void) sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void) sqlite3_close_v2(self->db);
        self->db = NULL;
    }
}

static journal_moved_t
move(journal_mover_t *self)
{
    journal_moved_t moved = {.fault = MESH_DB_SOUND};
    int frames = 0, done = 0;
    int rc = self->db ? SQLITE_OK : open_file(self);
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
                                       &done);
    if (rc == SQLITE_OK)
        moved.frames = done > 0 ? (uint64_t) done : 0;
    else if ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
        moved.fault = mesh_db_fault_of(self->db, rc, moved.reason, sizeof moved.reason);
    return moved;
}

static void
tell_done(const journal_mover_t *self)
{
    uint64_t one = 1;
    // It can only fail when the count is full, and then it is readable as it is.
    (void) !write(self->done_fd, &one, sizeof one);
}

static void *
work(void *arg)
{
    journal_mover_t *self = arg;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (!self->busy && !self->stopping)
            pthread_cond_wait(&self->wanted, &self->lock);
        if (self->stopping)
            break;
        pthread_mutex_unlock(&self->lock);
        journal_moved_t moved = move(self);
        pthread_mutex_lock(&self->lock);
        self->moved = moved;
        self->busy = false;
        self->ended = true;
        tell_done(self);
    }
    pthread_mutex_unlock(&self->lock);
    close_file(self);
    return NULL;
}

// ---- in the writer's

journal_mover_t *
journal_mover_new(const char *path, int done_fd)
{
    assert(path);
    journal_mover_t *self = zmalloc(sizeof *self);
    self->path = strdup(path);
    self->done_fd = done_fd;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wanted, NULL);
    // Signals are the broker's thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&self->thread, NULL, work, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(rc == 0);
    return self;
}

void
journal_mover_destroy(journal_mover_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    journal_mover_t *self = *self_p;
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_cond_signal(&self->wanted);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->wanted);
    pthread_mutex_destroy(&self->lock);
    free(self->path);
    free(self);
    *self_p = NULL;
}

void
journal_mover_start(journal_mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    assert(!self->busy);
    self->busy = true;
    pthread_cond_signal(&self->wanted);
    pthread_mutex_unlock(&self->lock);
}

bool
journal_mover_is_busy(journal_mover_t *self)
{
    pthread_mutex_lock(&self->lock);
    bool busy = self->busy;
    pthread_mutex_unlock(&self->lock);
    return busy;
}

bool
journal_mover_take(journal_mover_t *self, journal_moved_t *moved)
{
    pthread_mutex_lock(&self->lock);
    bool ended = self->ended;
    if (ended)
        *moved = self->moved;
    self->ended = false;
    pthread_mutex_unlock(&self->lock);
    return ended;
}
