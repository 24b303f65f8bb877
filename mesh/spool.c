// spool - the directory of a user's spools: one file for each source that is not delivered yet
// SPDX-License-Identifier: MPL-2.0
#include "mesh/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "mesh/log.h"
#include "mesh/paths.h"
#include "text.h"

#define SUFFIX ".spool"

enum {
    NAME_BYTES = MESH_UUID_TEXT_SIZE - 1 + sizeof SUFFIX - 1,
    // One that was begun and is held by nobody for so long was left by a crash.
    BEGUN_STALE_S = 60,
};

struct mesh_spool {
    char *dir;    // owned
    size_t limit_bytes;
    uint64_t total_bytes, files;    // how much all may be together
    uint64_t events_lost, files_cut;
};

// ---- where it may be ----

const char *
mesh_spool_refused_file_system(uint64_t type)
{
    // By number, since not every kernel's headers have them all. On these a lock may not be
    // one, another host may write too, or the file is copied with a container's image.
    static const struct {
        uint64_t type;
        const char *name;
    } refused[] = {
        {0x6969, "NFS"},         {0x517b, "SMB"},        {0xff534d42, "CIFS"},
        {0xfe534d42, "SMB2"},    {0x01021997, "9p"},     {0x65735546, "FUSE"},
        {0x794c7630, "overlay"}, {0x00c36400, "Ceph"},   {0x5346414f, "AFS"},
        {0x6b414653, "AFS"},     {0x73757245, "Coda"},   {0x564c, "NCP"},
        {0x0bd00bd0, "Lustre"},  {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"},
        {0x47504653, "GPFS"},    {0x19830326, "BeeGFS"}, {0x61756673, "aufs"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (refused[i].type == type)
            return refused[i].name;
    return NULL;
}

static char *
refuse_place(const char *dir)
{
    struct statfs status;
    if (statfs(dir, &status) != 0)
        return mesh_text_printf("cannot look at %s: %s", dir, strerror(errno));
    // Negative where the number's highest bit is set and the field is signed.
    const char *name = mesh_spool_refused_file_system((uint64_t) status.f_type & 0xffffffff);
    return name ? mesh_text_printf("%s is on %s, where events of two hosts or containers could "
                                   "be taken for each other (spool/dir names another place, "
                                   "spool/anywhere allows it)",
                                   dir, name)
                : NULL;
}

mesh_spool_t *
mesh_spool_new(const mesh_settings_t *settings, char **problem_p)
{
    assert(settings && problem_p);
    if (!mesh_settings_flag(settings, "features/spool")) {
        *problem_p = mesh_text_printf("features/spool is off");
        return NULL;
    }
    char *dir = mesh_paths_spool_dir(settings, problem_p);
    if (!dir)
        return NULL;
    if (!mesh_settings_flag(settings, "spool/anywhere") && (*problem_p = refuse_place(dir))) {
        free(dir);
        return NULL;
    }
    mesh_spool_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->dir = dir;
    self->limit_bytes = (size_t) mesh_settings_bytes(settings, "bridge/store_bytes");
    self->total_bytes = (uint64_t) mesh_settings_bytes(settings, "spool/total_bytes");
    self->files = (uint64_t) mesh_settings_number(settings, "spool/files");
    return self;
}

void
mesh_spool_destroy(mesh_spool_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->dir);
        free(*self_p);
        *self_p = NULL;
    }
}

const char *
mesh_spool_dir(const mesh_spool_t *self)
{
    return self->dir;
}

// ---- what is there ----

static char *
path_of(const mesh_spool_t *self, const char *name)
{
    return mesh_text_printf("%s/%s", self->dir, name);
}

static bool
ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);
    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

// scandir's filter
static int
is_spool(const struct dirent *found)
{
    return strlen(found->d_name) == NAME_BYTES && ends_with(found->d_name, SUFFIX);
}

static int
is_begun(const struct dirent *found)
{
    return ends_with(found->d_name, SUFFIX MESH_SPOOL_BEGUN);
}

static double
age_of(const struct stat *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double age_s = (double) (now.tv_sec - status->st_mtim.tv_sec) +
                   (double) (now.tv_nsec - status->st_mtim.tv_nsec) / 1e9;
    return age_s > 0 ? age_s : 0;
}

static void
free_found(struct dirent ***found_p, int count)
{
    for (int i = 0; i < count; i++)
        free((*found_p)[i]);
    free(*found_p);
    *found_p = NULL;
}

// Take away what was begun and never put in place.
static void
clear_begun(const mesh_spool_t *self)
{
    struct dirent **found = NULL;
    int count = scandir(self->dir, &found, is_begun, alphasort);
    for (int i = 0; i < count; i++) {
        struct stat status;
        char *path = path_of(self, found[i]->d_name);
        if (lstat(path, &status) == 0 && age_of(&status) > BEGUN_STALE_S &&
            !mesh_spool_file_is_held(path))
            (void) unlink(path);
        free(path);
    }
    free_found(&found, count);
}

mesh_spool_entry_t *
mesh_spool_list(const mesh_spool_t *self, size_t *count_p)
{
    struct dirent **found = NULL;
    int most = scandir(self->dir, &found, is_spool, alphasort);
    mesh_spool_entry_t *entries = calloc((most > 0 ? (size_t) most : 0) + 1, sizeof *entries);
    if (!entries)
        abort();
    size_t count = 0;
    for (int i = 0; i < most; i++) {
        struct stat status;
        char *path = path_of(self, found[i]->d_name);
        if (lstat(path, &status) == 0 && S_ISREG(status.st_mode))
            entries[count++] = (mesh_spool_entry_t){
                .name = strdup(found[i]->d_name),
                .bytes = (uint64_t) status.st_size,
                .age_s = age_of(&status),
                .held = mesh_spool_file_is_held(path),
            };
        free(path);
    }
    free_found(&found, most);
    *count_p = count;
    return entries;
}

void
mesh_spool_list_free(mesh_spool_entry_t **entries_p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((*entries_p)[i].name);
    free(*entries_p);
    *entries_p = NULL;
}

// ---- taking over ----

// Take over one file. NULL when somebody was faster, or it is no spool; one that a crash of the
// host left without a head is told and removed, since nothing can be read from it.
static mesh_outbox_t *
take_over(const mesh_spool_t *self, const char *name)
{
    char *path = path_of(self, name);
    mesh_outbox_t *outbox = NULL;
    mesh_spool_file_t *file = mesh_spool_file_open(path);
    if (file) {
        outbox = mesh_outbox_new_on(&file, self->limit_bytes);
        if (mesh_outbox_torn_bytes(outbox) > 0)
            mesh_log_warning("spool-torn", "%s: the last %llu bytes are no whole event", name,
                             (unsigned long long) mesh_outbox_torn_bytes(outbox));
    } else if (errno == EBADMSG) {
        mesh_log_warning("spool-unreadable", "%s is no spool, and is set aside", name);
        char *aside = mesh_text_printf("%s.unreadable", path);
        (void) rename(path, aside);
        free(aside);
    }
    free(path);
    return outbox;
}

mesh_outbox_t *
mesh_spool_take_dead(mesh_spool_t *self, const char *after, char **name_p)
{
    assert(self && name_p);
    clear_begun(self);
    size_t count;
    mesh_spool_entry_t *entries = mesh_spool_list(self, &count);
    mesh_outbox_t *outbox = NULL;
    for (size_t i = 0; i < count && !outbox; i++) {
        if (entries[i].held || (after && strcmp(entries[i].name, after) <= 0))
            continue;
        outbox = take_over(self, entries[i].name);
        if (outbox && mesh_outbox_count(outbox) == 0)
            mesh_outbox_destroy(&outbox);
        if (outbox)
            *name_p = strdup(entries[i].name);
    }
    mesh_spool_list_free(&entries, count);
    return outbox;
}

size_t
mesh_spool_forget(mesh_spool_t *self, const char *session_id, size_t *held_p)
{
    assert(self && session_id && held_p);
    size_t forgotten = 0, count;
    *held_p = 0;
    mesh_spool_entry_t *entries = mesh_spool_list(self, &count);
    for (size_t i = 0; i < count; i++) {
        mesh_outbox_t *outbox = entries[i].held ? NULL : take_over(self, entries[i].name);
        if (!outbox)
            ++*held_p;
        else
            forgotten += mesh_outbox_forget(outbox, session_id);
        mesh_outbox_destroy(&outbox);
    }
    mesh_spool_list_free(&entries, count);
    return forgotten;
}

// ---- room ----

// Give up what one of the dead left: all but its last event, or the file with it. Returns by
// how many bytes there is more room.
static uint64_t
give_up(mesh_spool_t *self, const mesh_spool_entry_t *entry, bool whole)
{
    mesh_outbox_t *outbox = take_over(self, entry->name);
    if (!outbox)
        return 0;
    size_t lost = mesh_outbox_reduce(outbox, whole ? 0 : 1);
    if (lost > 0) {
        mesh_log_warning("spool-cut", "%s: %zu events were given up, since spools reached %s",
                         entry->name, lost, whole ? "spool/files" : "spool/total_bytes");
        self->events_lost += lost;
        self->files_cut++;
    }
    mesh_outbox_destroy(&outbox);
    struct stat status;
    char *path = path_of(self, entry->name);
    uint64_t now_bytes = lstat(path, &status) == 0 ? (uint64_t) status.st_size : 0;
    free(path);
    return entry->bytes > now_bytes ? entry->bytes - now_bytes : 0;
}

// Whether there is room for so many more bytes and files, which the dead make if they can.
static bool
make_room(mesh_spool_t *self, uint64_t bytes, uint64_t files)
{
    size_t count;
    mesh_spool_entry_t *entries = mesh_spool_list(self, &count);
    uint64_t left_files = count;
    for (size_t i = 0; i < count; i++)
        bytes += entries[i].bytes;
    for (size_t i = 0; i < count && left_files + files > self->files; i++) {
        if (entries[i].held)
            continue;
        bytes -= give_up(self, &entries[i], true);
        left_files--;
        entries[i].held = true;    // looked at already
    }
    for (size_t i = 0; i < count && bytes > self->total_bytes; i++)
        if (!entries[i].held && entries[i].bytes > MESH_SPOOL_RECORD_MOST)
            bytes -= give_up(self, &entries[i], false);
    mesh_spool_list_free(&entries, count);
    return bytes <= self->total_bytes && left_files + files <= self->files;
}

// mesh_outbox_may_grow_fn
static bool
may_grow(void *arg, uint64_t step_bytes)
{
    return make_room(arg, step_bytes, 0);
}

mesh_outbox_t *
mesh_spool_begin(mesh_spool_t *self, char **problem_p)
{
    assert(self && problem_p);
    if (!make_room(self, 0, 1)) {
        *problem_p = mesh_text_printf("%s holds as much as spool/total_bytes and spool/files "
                                      "allow",
                                      self->dir);
        return NULL;
    }
    mesh_uuid_t source = mesh_uuid_new();
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&source, text);
    char *path = mesh_text_printf("%s/%s" SUFFIX, self->dir, text);
    mesh_spool_file_t *file = mesh_spool_file_new(path, &source);
    if (!file)
        *problem_p = mesh_text_printf("cannot make %s: %s", path, strerror(errno));
    free(path);
    if (!file)
        return NULL;
    mesh_outbox_t *outbox = mesh_outbox_new_on(&file, self->limit_bytes);
    mesh_outbox_on_growth(outbox, may_grow, self);
    return outbox;
}

uint64_t
mesh_spool_events_lost(const mesh_spool_t *self)
{
    return self->events_lost;
}

uint64_t
mesh_spool_files_cut(const mesh_spool_t *self)
{
    return self->files_cut;
}
