// journal_file - the journal's file: opened and proven to be the one it was, or begun anew
// SPDX-License-Identifier: MPL-2.0
#include "journal_file.h"

#include <assert.h>
#include <czmq.h>
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "journal_mark.h"
#include "journal_told.h"

enum {
    PATH_SIZE = 4096,
    SET_ASIDE_LIMIT = 2,    // journals set aside that are kept
    // With less room than this an opened journal would be full again at once.
    ROOM_BYTES = 4 * 1024 * 1024,
};

struct journal_file {
    char *path, *wal_path, *shm_path, *mark_path, *told_path;    // owned
    bool durable;
    uint64_t block;
    journal_store_t *store;    // owned; NULL while nothing is open
    journal_mark_t mark;       // as last written
    journal_told_t told;
    mesh_db_fault_t fault;
    char reason[512];
};

const char *
journal_origin_name(journal_origin_t origin)
{
    static const char *const names[] = {
        [JOURNAL_ORIGIN_NEW] = "new",
        [JOURNAL_ORIGIN_CONTINUED] = "continued",
        [JOURNAL_ORIGIN_RECOVERED] = "recovered",
        [JOURNAL_ORIGIN_LOST] = "lost",
        [JOURNAL_ORIGIN_UNPROVEN] = "unproven",
        [JOURNAL_ORIGIN_CORRUPT] = "corrupt",
    };
    return names[origin];
}

void
journal_opening_clear(journal_opening_t *self)
{
    free(self->sources);
    self->sources = NULL;
    self->source_count = 0;
    for (size_t i = 0; i < self->forgotten_count; i++)
        journal_forgotten_clear(&self->forgotten[i]);
    free(self->forgotten);
    self->forgotten = NULL;
    self->forgotten_count = 0;
}

static char *
with_suffix(const char *path, const char *suffix)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s", path, suffix) < 0)
        abort();
    return text;
}

journal_file_t *
journal_file_new(const char *path, bool durable, uint64_t block)
{
    assert(path && block > 0);
    journal_file_t *self = zmalloc(sizeof *self);
    self->path = strdup(path);
    self->wal_path = with_suffix(path, "-wal");
    self->shm_path = with_suffix(path, "-shm");
    self->mark_path = with_suffix(path, ".mark");
    self->told_path = with_suffix(path, ".told");
    self->told.fd = -1;
    self->durable = durable;
    self->block = block;
    return self;
}

// ---- faults

static int
fail(journal_file_t *self, mesh_db_fault_t fault, const char *what, const char *why)
{
    self->fault = fault;
    snprintf(self->reason, sizeof self->reason, "%s: %s", what, why);
    return -1;
}

static int
fail_by_errno(journal_file_t *self, const char *what)
{
    mesh_db_fault_t fault = MESH_DB_IO_ERROR;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        fault = MESH_DB_FULL;
    else if (errno == EROFS || errno == EACCES || errno == EPERM)
        fault = MESH_DB_READ_ONLY;
    return fail(self, fault, what, strerror(errno));
}

static int
fail_by_store(journal_file_t *self)
{
    return fail(self, journal_store_fault(self->store), self->path,
                journal_store_reason(self->store));
}

// ---- the mark

// Write the mark as the files are now. The journal's facts only grow while it is open; those of
// its last change count when it is closed.
static int
write_mark(journal_file_t *self, bool durable)
{
    if (journal_mark_look(&self->mark.journal, self->path) != 0 ||
        journal_mark_look(&self->mark.wal, self->wal_path) != 0 ||
        journal_mark_write(&self->mark, self->mark_path, durable) != 0)
        return fail_by_errno(self, self->mark_path);
    return 0;
}

int
journal_file_witness(journal_file_t *self)
{
    uint64_t head = journal_store_state(self->store)->head;
    if (head == self->mark.head)
        return 0;
    self->mark.head = head;
    return write_mark(self, false);
}

int
journal_file_reserve(journal_file_t *self, uint64_t offset)
{
    uint64_t reserved = journal_store_state(self->store)->reserved;
    if (offset <= reserved)
        return 0;
    while (reserved < offset)
        reserved += self->block;
    if (journal_store_reserve(self->store, reserved) != 0)
        return fail_by_store(self);
    self->mark.reserved = reserved;
    return write_mark(self, true);
}

int
journal_file_tell(journal_file_t *self)
{
    if (journal_told_say(&self->told, journal_store_state(self->store)->head) != 0)
        return fail_by_errno(self, self->told_path);
    return 0;
}

// ---- closing

void
journal_file_abandon(journal_file_t *self)
{
    journal_told_close(&self->told);
    journal_store_abandon(&self->store);
}

static void
close_in_order(journal_file_t *self)
{
    if (!self->store)
        return;
    self->mark.head = journal_store_state(self->store)->head;
    journal_told_close(&self->told);
    if (journal_store_close(&self->store) != 0)
        return;    // the mark goes on saying "open", which is the truth
    self->mark.closed = true;
    (void) write_mark(self, true);
}

void
journal_file_destroy(journal_file_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        journal_file_t *self = *self_p;
        close_in_order(self);
        free(self->path);
        free(self->wal_path);
        free(self->shm_path);
        free(self->mark_path);
        free(self->told_path);
        free(self);
        *self_p = NULL;
    }
}

// ---- setting aside

// Whether a directory's entry is a journal that was set aside: "<name>.<word>-<14 digits>".
static bool
is_set_aside(const char *entry, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(entry, name, length) != 0 || entry[length] != '.')
        return false;
    const char *time = strrchr(entry, '-');
    return time && time > entry + length && strspn(time + 1, "0123456789") == 14 &&
           time[15] == '\0';
}

static int
compare_times(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(strrchr(*b, '-'), strrchr(*a, '-'));
}

// Remove all that were set aside but the newest.
static void
remove_old_ones(const journal_file_t *self)
{
    enum { LIMIT = 64 };
    char directory_copy[PATH_SIZE], name_copy[PATH_SIZE];
    snprintf(directory_copy, sizeof directory_copy, "%s", self->path);
    snprintf(name_copy, sizeof name_copy, "%s", self->path);
    const char *directory = dirname(directory_copy), *name = basename(name_copy);
    char *found[LIMIT];
    size_t count = 0;
    DIR *entries = opendir(directory);
    if (!entries)
        return;
    for (struct dirent *entry = readdir(entries); entry && count < LIMIT;
         entry = readdir(entries))
        if (is_set_aside(entry->d_name, name))
            found[count++] = strdup(entry->d_name);
    closedir(entries);
    qsort(found, count, sizeof found[0], compare_times);
    for (size_t i = 0; i < count; i++) {
        char path[2 * PATH_SIZE];
        if (i >= SET_ASIDE_LIMIT) {
            snprintf(path, sizeof path, "%s/%s", directory, found[i]);
            (void) unlink(path);
            snprintf(path, sizeof path, "%s/%s-wal", directory, found[i]);
            (void) unlink(path);
        }
        free(found[i]);
    }
}

// Move the journal out of the way. What it was is added to why.
static int
set_aside(journal_file_t *self, journal_origin_t origin, journal_opening_t *opening)
{
    char aside[PATH_SIZE], aside_wal[PATH_SIZE + 8], moment[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(moment, sizeof moment, "%Y%m%d%H%M%S", &utc);
    snprintf(aside, sizeof aside, "%s.%s-%s", self->path, journal_origin_name(origin), moment);
    snprintf(aside_wal, sizeof aside_wal, "%s-wal", aside);
    journal_file_abandon(self);
    // The log first: a journal without its log is told as such, a log without its journal would
    // be taken for another's.
    if (rename(self->wal_path, aside_wal) != 0 && errno != ENOENT)
        return fail_by_errno(self, self->wal_path);
    if (rename(self->path, aside) != 0 && errno != ENOENT)
        return fail_by_errno(self, self->path);
    if (unlink(self->shm_path) != 0 && errno != ENOENT)
        return fail_by_errno(self, self->shm_path);
    opening->origin = origin;
    size_t length = strlen(opening->why);
    snprintf(opening->why + length, sizeof opening->why - length, "; set aside as %s", aside);
    remove_old_ones(self);
    return 0;
}

// ---- opening

static uint64_t
random_epoch(void)
{
    uint64_t epoch = 0;
    while (epoch == 0)
        if (getrandom(&epoch, sizeof epoch, 0) != (ssize_t) sizeof epoch)
            abort();
    return epoch;
}

// Hold the files against the mark. *mark is read where the origin is CONTINUED or RECOVERED.
static int
judge_files(journal_file_t *self, journal_mark_t *mark, journal_opening_t *opening)
{
    static const char *const objections[] = {
        [JOURNAL_MARK_MISSING] = "its mark is missing",
        [JOURNAL_MARK_DAMAGED] = "its mark is damaged",
        [JOURNAL_MARK_MOVED] = "its mark was put there by somebody else",
    };
    journal_file_facts_t journal, wal;
    journal_mark_outcome_t outcome = journal_mark_read(mark, self->mark_path);
    if (outcome == JOURNAL_MARK_UNREADABLE)
        return fail_by_errno(self, self->mark_path);
    if (journal_mark_look(&journal, self->path) != 0 ||
        journal_mark_look(&wal, self->wal_path) != 0)
        return fail_by_errno(self, self->path);

    const char *objection = NULL;
    if (journal.inode == 0) {
        opening->origin =
            outcome == JOURNAL_MARK_MISSING ? JOURNAL_ORIGIN_NEW : JOURNAL_ORIGIN_LOST;
        if (opening->origin == JOURNAL_ORIGIN_LOST)
            snprintf(opening->why, sizeof opening->why, "its file is gone");
        // A log without a journal would become part of the new one.
        if (unlink(self->wal_path) != 0 && errno != ENOENT)
            return fail_by_errno(self, self->wal_path);
        return 0;
    }
    if (outcome == JOURNAL_MARK_READ) {
        objection = journal_mark_contradicted_by_files(mark, &journal, &wal);
        opening->origin = mark->closed ? JOURNAL_ORIGIN_CONTINUED : JOURNAL_ORIGIN_RECOVERED;
    } else {
        objection = objections[outcome];
    }
    if (!objection)
        return 0;
    snprintf(opening->why, sizeof opening->why, "%s", objection);
    return set_aside(self, JOURNAL_ORIGIN_UNPROVEN, opening);
}

static bool
begins_anew(const journal_opening_t *opening)
{
    return opening->origin != JOURNAL_ORIGIN_CONTINUED &&
           opening->origin != JOURNAL_ORIGIN_RECOVERED;
}

// Open the store; one that is no journal is set aside, and a new one is made.
static int
open_store(journal_file_t *self, journal_opening_t *opening)
{
    for (int tries = 0; tries < 2; tries++) {
        char *reason = NULL;
        mesh_db_fault_t fault = MESH_DB_SOUND;
        self->store = journal_store_open(self->path, self->durable, &fault, &reason);
        if (self->store)
            return 0;
        (void) fail(self, fault, self->path, reason);
        if (fault != MESH_DB_CORRUPT || tries > 0) {
            free(reason);
            return -1;
        }
        snprintf(opening->why, sizeof opening->why, "%s", reason);
        free(reason);
        if (set_aside(self, JOURNAL_ORIGIN_CORRUPT, opening) != 0)
            return -1;
    }
    return -1;
}

// Hold what the store says of itself against the mark.
static int
judge_content(journal_file_t *self, const journal_mark_t *mark, journal_opening_t *opening)
{
    if (begins_anew(opening))
        return 0;
    const journal_state_t *state = journal_store_state(self->store);
    const char *objection = journal_mark_contradicted_by_content(
        mark, state->epoch, state->generation, state->head);
    if (!objection && opening->origin == JOURNAL_ORIGIN_RECOVERED)
        objection = journal_told_contradicted(self->told_path, state->epoch, state->head);
    if (!objection)
        return 0;
    snprintf(opening->why, sizeof opening->why, "%s", objection);
    return set_aside(self, JOURNAL_ORIGIN_UNPROVEN, opening) == 0 ? open_store(self, opening)
                                                                  : -1;
}

// Say, in the journal and then in its mark, that it is open, from which offset on.
static int
begin(journal_file_t *self, const journal_mark_t *before, const journal_opening_t *opening)
{
    const journal_state_t *state = journal_store_state(self->store);
    journal_mark_t mark = {.epoch = random_epoch(), .generation = 1, .reserved = self->block};
    uint64_t head = 0;
    if (!begins_anew(opening)) {
        // One more than the mark says, not than the journal says: however often an opening is
        // cut off between the two, the journal is never more than one ahead.
        mark.epoch = state->epoch;
        mark.generation = before->generation + 1;
        mark.reserved = state->reserved > before->reserved ? state->reserved : before->reserved;
        head = state->head;
        // What was given and not kept was given all the same.
        if (opening->origin == JOURNAL_ORIGIN_RECOVERED) {
            head = mark.reserved;
            mark.reserved += self->block;
        }
    }
    mark.head = head;
    journal_mark_name_host(&mark);
    if (journal_store_start(self->store, mark.epoch, mark.generation, head, mark.reserved) != 0)
        return fail_by_store(self);
    if (journal_told_begin(&self->told, self->told_path, mark.epoch, head) != 0)
        return fail_by_errno(self, self->told_path);
    self->mark = mark;
    return write_mark(self, true);
}

static int
has_room(journal_file_t *self)
{
    char copy[PATH_SIZE];
    struct statvfs facts;
    snprintf(copy, sizeof copy, "%s", self->path);
    if (statvfs(dirname(copy), &facts) != 0)
        return fail_by_errno(self, self->path);
    if ((uint64_t) facts.f_bavail * facts.f_frsize < ROOM_BYTES)
        return fail(self, MESH_DB_FULL, self->path, "less than 4 MiB are free");
    return 0;
}

// The rest of an opening, once the origin is known.
static int
open_as_judged(journal_file_t *self, const journal_mark_t *mark, journal_opening_t *opening)
{
    if (has_room(self) != 0 || open_store(self, opening) != 0 ||
        judge_content(self, mark, opening) != 0 || begin(self, mark, opening) != 0)
        return -1;
    if (journal_store_trim_sources(self->store, JOURNAL_SOURCES_LIMIT) != 0 ||
        journal_store_sources(self->store, &opening->sources, &opening->source_count) != 0 ||
        journal_store_forgotten(self->store, &opening->forgotten, &opening->forgotten_count) !=
            0 ||
        journal_store_first(self->store, &opening->first) != 0)
        return fail_by_store(self);
    opening->state = *journal_store_state(self->store);
    return 0;
}

static int
finish_opening(journal_file_t *self, journal_opening_t *opening, int rc)
{
    if (rc != 0) {
        journal_file_abandon(self);
        opening->fault = self->fault;
        snprintf(opening->why, sizeof opening->why, "%s", self->reason);
    }
    return rc;
}

int
journal_file_open(journal_file_t *self, journal_opening_t *opening)
{
    assert(self && !self->store && opening);
    *opening = (journal_opening_t){0};
    journal_mark_t mark;
    int rc = judge_files(self, &mark, opening);
    if (rc == 0)
        rc = open_as_judged(self, &mark, opening);
    return finish_opening(self, opening, rc);
}

int
journal_file_renew(journal_file_t *self, journal_origin_t origin, const char *why,
                   journal_opening_t *opening)
{
    assert(self && why && opening);
    *opening = (journal_opening_t){0};
    snprintf(opening->why, sizeof opening->why, "%s", why);
    int rc = set_aside(self, origin, opening);
    if (rc == 0)
        rc = open_as_judged(self, &self->mark, opening);
    return finish_opening(self, opening, rc);
}

const char *
journal_file_path(const journal_file_t *self)
{
    return self->path;
}

journal_store_t *
journal_file_store(journal_file_t *self)
{
    return self->store;
}

mesh_db_fault_t
journal_file_fault(const journal_file_t *self)
{
    return self->fault;
}

const char *
journal_file_reason(const journal_file_t *self)
{
    return self->reason;
}
