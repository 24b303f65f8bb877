// journal_told - up to which event others were told, kept beside the journal at every commit
// SPDX-License-Identifier: MPL-2.0
#include "journal_told.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "checksum.h"

// Read only by the host that wrote it, whose order of bytes it has: elsewhere the mark says so.
typedef struct record {
    char magic[8];
    uint64_t epoch, head, sum;
} record_t;

static const char magic[8] = "AMtold 1";

static uint64_t
sum_of(const record_t *record)
{
    uint64_t numbers[] = {record->epoch, record->head};
    return checksum_add(0, numbers, sizeof numbers);
}

int
journal_told_begin(journal_told_t *self, const char *path, uint64_t epoch, uint64_t head)
{
    self->epoch = epoch;
    self->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return self->fd >= 0 && ftruncate(self->fd, sizeof(record_t)) == 0
               ? journal_told_say(self, head)
               : -1;
}

int
journal_told_say(const journal_told_t *self, uint64_t head)
{
    record_t record = {.epoch = self->epoch, .head = head};
    memcpy(record.magic, magic, sizeof magic);
    record.sum = sum_of(&record);
    ssize_t written = pwrite(self->fd, &record, sizeof record, 0);
    if (written >= 0 && written < (ssize_t) sizeof record)
        errno = ENOSPC;
    return written == (ssize_t) sizeof record ? 0 : -1;
}

void
journal_told_close(journal_told_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

const char *
journal_told_contradicted(const char *path, uint64_t epoch, uint64_t head)
{
    record_t record = {.head = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return "what it has told is not known: a file is missing beside it";
    ssize_t bytes = read(fd, &record, sizeof record);
    close(fd);
    if (bytes != (ssize_t) sizeof record || memcmp(record.magic, magic, sizeof magic) != 0 ||
        record.sum != sum_of(&record))
        return "what it has told is not known: the file beside it is damaged";
    if (record.epoch != epoch)
        return "its epoch is not the one that was told";
    return head < record.head ? "events that were told are gone from its end" : NULL;
}
