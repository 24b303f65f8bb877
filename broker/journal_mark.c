// journal_mark - the witness beside the journal: what must be so if nobody has touched it
// SPDX-License-Identifier: MPL-2.0
#include "journal_mark.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"

enum {
    TEXT_SIZE = 2048,
    PATH_SIZE = 4096,
    // Between the time written into the mark and its last change lie two system calls; a busy
    // machine may stretch that, and then it is written again.
    WRITE_TRIES = 20,
};

static const int64_t written_within_ns = 100 * INT64_C(1000000);
static const char magic[] = "aidermesh-journal-mark 1";

static int64_t
nanoseconds(struct timespec time)
{
    return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

int
journal_mark_look(journal_file_facts_t *facts, const char *path)
{
    struct stat status;
    *facts = (journal_file_facts_t){0};
    if (stat(path, &status) != 0)
        return errno == ENOENT ? 0 : -1;
    *facts = (journal_file_facts_t){
        .inode = status.st_ino,
        .device = status.st_dev,
        .bytes = (uint64_t) status.st_size,
        .mtime_ns = nanoseconds(status.st_mtim),
        .ctime_ns = nanoseconds(status.st_ctim),
    };
    return 0;
}

// The first word of a file; "" when there is none.
static void
read_word(char word[static JOURNAL_MARK_ID_SIZE], const char *path)
{
    word[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fscanf(file, "%64[0-9a-zA-Z-]", word) != 1)
        word[0] = '\0';
    fclose(file);
}

void
journal_mark_name_host(journal_mark_t *self)
{
    read_word(self->machine, "/etc/machine-id");
    read_word(self->boot, "/proc/sys/kernel/random/boot_id");
}

// ---- the text

static void
print_facts(FILE *out, const char *name, const journal_file_facts_t *facts)
{
    fprintf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 "\n", name,
            facts->inode, facts->device, facts->bytes, facts->mtime_ns, facts->ctime_ns);
}

static size_t
print_mark(char text[static TEXT_SIZE], const journal_mark_t *mark, int64_t written_ns)
{
    memset(text, 0, TEXT_SIZE);
    FILE *out = fmemopen(text, TEXT_SIZE, "w");
    assert(out);
    fprintf(out, "%s\n%s\n", magic, mark->closed ? "closed" : "open");
    fprintf(out,
            "epoch %016" PRIx64 "\ngeneration %" PRIu64 "\nreserved %" PRIu64 "\nhead %" PRIu64
            "\n",
            mark->epoch, mark->generation, mark->reserved, mark->head);
    print_facts(out, "journal", &mark->journal);
    print_facts(out, "wal", &mark->wal);
    // "-" stands for nothing, so that every line has its words.
    fprintf(out, "machine %s\nboot %s\n", mark->machine[0] ? mark->machine : "-",
            mark->boot[0] ? mark->boot : "-");
    // Of one width, so that the text has one length whatever the time is.
    fprintf(out, "written %020" PRId64 "\n", written_ns);
    long body = ftell(out);
    fflush(out);
    assert(body > 0);
    fprintf(out, "sum %016" PRIx64 "\n", checksum_add(0, text, (size_t) body));
    long bytes = ftell(out);
    fclose(out);
    assert(bytes > body && bytes < TEXT_SIZE);
    return (size_t) bytes;
}

// Each of these takes what it reads from the text. What is wrong is found by printing the mark
// again: it is then another text.
static void
scan_text(const char **text, const char *expected)
{
    size_t length = strlen(expected);
    if (strncmp(*text, expected, length) == 0)
        *text += length;
}

static uint64_t
scan_number(const char **text, const char *before, int base)
{
    char *end;
    scan_text(text, before);
    uint64_t number = strtoull(*text, &end, base);
    *text = end;
    return number;
}

static void
scan_facts(const char **text, const char *name, journal_file_facts_t *facts)
{
    scan_text(text, name);
    facts->inode = scan_number(text, " ", 10);
    facts->device = scan_number(text, " ", 10);
    facts->bytes = scan_number(text, " ", 10);
    facts->mtime_ns = (int64_t) scan_number(text, " ", 10);
    facts->ctime_ns = (int64_t) scan_number(text, " ", 10);
}

static void
scan_word(const char **text, const char *before, char word[static JOURNAL_MARK_ID_SIZE])
{
    scan_text(text, before);
    size_t length = strcspn(*text, "\n");
    if (length < JOURNAL_MARK_ID_SIZE) {
        memcpy(word, *text, length);
        word[length] = '\0';
    }
    *text += length;
    if (strcmp(word, "-") == 0)
        word[0] = '\0';
}

static int64_t
scan_mark(journal_mark_t *mark, const char *text)
{
    char state[JOURNAL_MARK_ID_SIZE] = "";
    scan_text(&text, magic);
    scan_word(&text, "\n", state);
    mark->closed = strcmp(state, "closed") == 0;
    mark->epoch = scan_number(&text, "\nepoch ", 16);
    mark->generation = scan_number(&text, "\ngeneration ", 10);
    mark->reserved = scan_number(&text, "\nreserved ", 10);
    mark->head = scan_number(&text, "\nhead ", 10);
    scan_facts(&text, "\njournal", &mark->journal);
    scan_facts(&text, "\nwal", &mark->wal);
    scan_word(&text, "\nmachine ", mark->machine);
    scan_word(&text, "\nboot ", mark->boot);
    return (int64_t) scan_number(&text, "\nwritten ", 10);
}

// ---- the file

static int
write_all(int fd, const char *text, size_t bytes)
{
    ssize_t written = pwrite(fd, text, bytes, 0);
    if (written >= 0 && (size_t) written < bytes)
        errno = ENOSPC;
    return written == (ssize_t) bytes ? 0 : -1;
}

// Have what happened in the directory of a file survive a loss of power.
static int
sync_directory(const char *path)
{
    char copy[PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

// Write the mark into fd and move it to its place. Returns 1 when that took so long that the
// time in it proves nothing.
static int
write_and_move(const journal_mark_t *self, int fd, const char *temporary, const char *path,
               bool durable)
{
    char text[TEXT_SIZE];
    struct stat status;
    // The kernel's time is wanted, not ours: it is what the file's ctime will be.
    if (write_all(fd, text, print_mark(text, self, 0)) != 0 || fstat(fd, &status) != 0)
        return -1;
    int64_t written_ns = nanoseconds(status.st_ctim);
    if (write_all(fd, text, print_mark(text, self, written_ns)) != 0 ||
        rename(temporary, path) != 0 || fstat(fd, &status) != 0)
        return -1;
    if (nanoseconds(status.st_ctim) - written_ns > written_within_ns)
        return 1;
    return durable && (fsync(fd) != 0 || sync_directory(path) != 0) ? -1 : 0;
}

int
journal_mark_write(const journal_mark_t *self, const char *path, bool durable)
{
    char temporary[PATH_SIZE];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int) sizeof temporary) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int rc = 1;
    for (int tries = 0; rc == 1 && tries < WRITE_TRIES; tries++) {
        int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        rc = write_and_move(self, fd, temporary, path, durable);
        int error = errno;
        if (rc < 0)
            (void) unlink(temporary);
        close(fd);
        errno = error;
    }
    // A mark that took too long at every try is in place; it costs an epoch.
    return rc < 0 ? -1 : 0;
}

journal_mark_outcome_t
journal_mark_read(journal_mark_t *self, const char *path)
{
    *self = (journal_mark_t){0};
    char text[TEXT_SIZE] = "", again[TEXT_SIZE];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? JOURNAL_MARK_MISSING : JOURNAL_MARK_UNREADABLE;
    ssize_t bytes = read(fd, text, sizeof text - 1);
    int rc = fstat(fd, &status);
    int error = errno;
    close(fd);
    errno = error;
    if (bytes < 0 || rc != 0)
        return JOURNAL_MARK_UNREADABLE;
    int64_t written_ns = scan_mark(self, text);
    if (print_mark(again, self, written_ns) != (size_t) bytes || strcmp(text, again) != 0)
        return JOURNAL_MARK_DAMAGED;
    int64_t after_ns = nanoseconds(status.st_ctim) - written_ns;
    return after_ns < 0 || after_ns > written_within_ns ? JOURNAL_MARK_MOVED
                                                        : JOURNAL_MARK_READ;
}

// ---- what contradicts it

const char *
journal_mark_contradicted_by_files(const journal_mark_t *self,
                                   const journal_file_facts_t *journal,
                                   const journal_file_facts_t *wal)
{
    journal_mark_t here = {0};
    journal_mark_name_host(&here);
    if (self->machine[0] && here.machine[0] && strcmp(self->machine, here.machine) != 0)
        return "it comes from another host";
    if (self->journal.inode != journal->inode)
        return "the file is a copy, or was replaced";
    // The number of a device means something only until the next start of the host.
    if (strcmp(self->boot, here.boot) == 0 && self->journal.device != journal->device)
        return "the file lies on another file system";
    if (self->closed) {
        if (self->wal.inode != wal->inode || self->wal.bytes != wal->bytes)
            return "its write-ahead log is not the one it was closed with";
        if (self->journal.bytes != journal->bytes ||
            self->journal.mtime_ns != journal->mtime_ns ||
            self->journal.ctime_ns != journal->ctime_ns)
            return "the file was changed after it was closed";
        return NULL;
    }
    if (self->wal.inode != wal->inode)
        return "its write-ahead log is gone, or was replaced";
    if (wal->bytes < self->wal.bytes)
        return "its write-ahead log was cut";
    if (journal->bytes < self->journal.bytes)
        return "the file was cut";
    return NULL;
}

const char *
journal_mark_contradicted_by_content(const journal_mark_t *self, uint64_t epoch,
                                     uint64_t generation, uint64_t head)
{
    if (epoch != self->epoch)
        return "its epoch is not that of its mark";
    // An opening writes the journal first: between the two it may have been cut off.
    if (generation != self->generation && generation != self->generation + 1)
        return "it was opened a different number of times than its mark says";
    if (head < self->head)
        return "its newest events are gone";
    return NULL;
}
