// fuzz_spool - any file is a spool or none, and what it gives is in order and within its limits
// SPDX-License-Identifier: MPL-2.0
//
// Checksums keep a fuzzer out, so the input is a list of what was done to a file: whole records
// with any members, raw bytes, a mark, a cut. One that begins with RAW is the file itself.
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesh/outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW = 255, FILE_MOST = 1024 * 1024, ACTIONS = 4, STEP_BYTES = 4, TEXT_MOST = 255 };

static uint8_t bytes[FILE_MOST + MESH_SPOOL_RECORD_MOST];
static char path[64];

static size_t
write_record(size_t at, const uint8_t *step)
{
    static const char text[2 * TEXT_MOST + 2] = "aider.session_progress/host/session";
    mesh_spool_record_t record = {
        .seq = step[1],
        .covers = step[2] % 4,
        .rank = step[2] / 64,
        .topic = text,
        .topic_bytes = step[3] % 40,
        .body = text,
        .body_bytes = step[3],
    };
    mesh_spool_record_encode(&record, bytes + at);
    return mesh_spool_record_size(&record);
}

// Do what the input says; returns how long the file is.
static size_t
make_file(const uint8_t *data, size_t size)
{
    mesh_spool_head_t head = {.source = {.bytes = {1}}};
    mesh_spool_head_encode(&head, bytes);
    memset(bytes + MESH_SPOOL_MARK_AT, 0, MESH_SPOOL_MARK_BYTES);
    size_t at = MESH_SPOOL_HEAD_BYTES;
    for (; size >= STEP_BYTES && at < FILE_MOST; data += STEP_BYTES, size -= STEP_BYTES) {
        switch (data[0] % ACTIONS) {
        case 0:
            at += write_record(at, data);
            break;
        case 1:
            memcpy(bytes + at, data + 1, STEP_BYTES - 1);
            at += STEP_BYTES - 1;
            break;
        case 2: {
            mesh_spool_mark_t mark = {.forgotten = data[1], .last = data[2]};
            mesh_spool_mark_encode(&mark, bytes + MESH_SPOOL_MARK_AT);
            break;
        }
        default:
            at -= data[1] < at - MESH_SPOOL_HEAD_BYTES ? data[1] : 0;
        }
    }
    return at;
}

static void
check_outbox(mesh_outbox_t *outbox)
{
    mesh_outbox_set_window(outbox, UINT64_MAX, UINT64_MAX / 2);
    size_t waiting = mesh_outbox_count(outbox);
    uint64_t before = mesh_outbox_first(outbox) - 1, last = mesh_outbox_last(outbox);
    const mesh_outbox_event_t *event;
    while ((event = mesh_outbox_send_next(outbox))) {
        assert(event->covers > 0 && event->seq - event->covers == before);
        before = event->seq;
        waiting--;
    }
    assert(waiting == 0 && mesh_outbox_unreadable(outbox) == 0 && before == last);
    (void) mesh_outbox_forget(outbox, "session");
    mesh_outbox_push(outbox, "a/h/s", 5, "{}", 2, 0, MESH_RANK_MIDDLE);
    assert(mesh_outbox_last(outbox) == mesh_outbox_next_seq(outbox) - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*path) {
        const char *base = getenv("TMPDIR");
        (void) snprintf(path, sizeof path, "%.40s/fuzz-spool-XXXXXX", base ? base : "/tmp");
        int made = mkstemp(path);
        assert(made >= 0);
        close(made);
    }
    bool raw = size > 0 && data[0] == RAW;
    size_t length = raw ? size - 1 : make_file(data, size);
    if (raw && length < sizeof bytes)
        memcpy(bytes, data + 1, length);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    length = length < sizeof bytes ? length : sizeof bytes;
    assert(fd >= 0 && write(fd, bytes, length) == (ssize_t) length);
    close(fd);
    mesh_spool_file_t *file = mesh_spool_file_open(path);
    assert(file || raw);    // what begins with a whole head is a spool, whatever follows
    if (file) {
        mesh_outbox_t *outbox = mesh_outbox_new_on(&file, FILE_MOST);
        check_outbox(outbox);
        mesh_outbox_destroy(&outbox);
    }
    (void) unlink(path);
    return 0;
}
