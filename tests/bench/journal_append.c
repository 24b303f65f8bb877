// journal_append - how fast the journal commits, replays and starts
// SPDX-License-Identifier: MPL-2.0
//
// usage: journal_append DIRECTORY [--rows N] [--large-bytes N] [--disk] [--json FILE] [--fill]
//
// Appends 300-byte events in batches of 1, 100 and 1000 and says the rate and how long a commit
// takes; then how fast all is read again; then how long opening takes of a journal of
// --large-bytes (1 GiB). A table, and JSON. Fails only when the journal does. With --fill it
// only makes that journal, and leaves it: bench-journal.db.
#include <inttypes.h>

#include <czmq.h>
#include <jansson.h>
#include <sys/stat.h>

#include "journal_events.h"
#include "journal_file.h"
#include "journal_reader.h"

enum { BLOCK = 1000000, WAL_BYTES = 64 * 1024 * 1024, MOVE_BYTES = 16 * 1024 * 1024 };

typedef struct bench {
    char *path;
    bool durable, fill;
    size_t rows;
    uint64_t large_bytes;
    mesh_uuid_t source;
    json_t *results;    // owned
    uint64_t read;
} bench_t;

static int64_t
now_us(void)
{
    return zclock_usecs();
}

static void
remove_journal(const bench_t *self)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".mark"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *path = zsys_sprintf("%s%s", self->path, suffixes[i]);
        (void) remove(path);
        zstr_free(&path);
    }
}

static journal_file_t *
open_journal(const bench_t *self)
{
    journal_opening_t opening;
    journal_file_t *file = journal_file_new(self->path, self->durable, BLOCK);
    if (journal_file_open(file, &opening) != 0) {
        fprintf(stderr, "journal_append: %s\n", opening.why);
        exit(1);
    }
    journal_opening_clear(&opening);
    return file;
}

// One transaction, and the step of checkpointing that the writer would take after it. The
// offset goes on at *next. Returns how long the commit took.
static int64_t
commit(journal_file_t *file, const journal_batch_t *batch)
{
    journal_store_t *store = journal_file_store(file);
    uint64_t last = batch->entries[batch->count - 1].record->offset;
    int64_t began_us = now_us();
    if (journal_file_reserve(file, last) != 0 || journal_store_begin(store) != 0 ||
        journal_store_add(store, batch) != 0 || journal_store_commit(store) != 0) {
        fprintf(stderr, "journal_append: %s\n", journal_store_reason(store));
        exit(1);
    }
    uint64_t pending = journal_store_pending_bytes(store);
    if (pending >= MOVE_BYTES)
        (void) journal_store_checkpoint(store, pending > WAL_BYTES);
    return now_us() - began_us;
}

static int
compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *) left, b = *(const int64_t *) right;
    return (a > b) - (a < b);
}

static void
measure_append(bench_t *self, size_t batch_rows)
{
    size_t rows = batch_rows == 1 ? self->rows / 10 : self->rows;
    size_t commits = rows / batch_rows;
    int64_t *took_us = zmalloc(commits * sizeof *took_us);
    remove_journal(self);
    journal_file_t *file = open_journal(self);
    int64_t total_us = 0;
    for (size_t i = 0; i < commits; i++) {
        journal_batch_t *batch = journal_events_new(&self->source, "aider.session_progress",
                                                    1 + i * batch_rows, batch_rows);
        took_us[i] = commit(file, batch);
        total_us += took_us[i];
        journal_events_destroy(&batch);
    }
    journal_file_destroy(&file);
    qsort(took_us, commits, sizeof *took_us, compare_times);
    int64_t p50 = took_us[commits / 2], p99 = took_us[commits * 99 / 100],
            p999 = took_us[commits * 999 / 1000], most = took_us[commits - 1];
    double rate = (double) (commits * batch_rows) * 1e6 / (double) total_us;
    printf("append %4zu a batch   %9.0f rows/s   p50 %6" PRId64 "  p99 %6" PRId64
           "  p99.9 %6" PRId64 "  max %6" PRId64 " us\n",
           batch_rows, rate, p50, p99, p999, most);
    json_array_append_new(self->results,
                          json_pack("{s:s, s:I, s:f, s:I, s:I, s:I, s:I}", "what", "append",
                                    "batch", (json_int_t) batch_rows, "rows_per_s", rate,
                                    "p50_us", (json_int_t) p50, "p99_us", (json_int_t) p99,
                                    "p999_us", (json_int_t) p999, "max_us", (json_int_t) most));
    free(took_us);
}

// journal_visit_fn
static bool
count_record(void *arg, record_t *record)
{
    (void) record;
    ((bench_t *) arg)->read++;
    return true;
}

static void
measure_replay(bench_t *self)
{
    char *reason = NULL;
    journal_reader_t *reader = journal_reader_open(self->path, &reason);
    if (!reader) {
        fprintf(stderr, "journal_append: %s\n", reason);
        exit(1);
    }
    self->read = 0;
    int64_t began_us = now_us();
    if (journal_reader_events(reader, 0, UINT32_MAX, count_record, self, NULL) !=
        JOURNAL_READ_DONE)
        exit(1);
    double rate = (double) self->read * 1e6 / (double) (now_us() - began_us);
    journal_reader_close(&reader);
    printf("replay                %9.0f events/s of %" PRIu64 "\n", rate, self->read);
    json_array_append_new(self->results,
                          json_pack("{s:s, s:I, s:f}", "what", "replay", "events",
                                    (json_int_t) self->read, "events_per_s", rate));
}

static void
measure_start(bench_t *self, const char *how, bool in_order)
{
    journal_file_t *file = open_journal(self);
    if (!in_order)
        journal_file_abandon(file);
    journal_file_destroy(&file);
    struct stat status;
    if (stat(self->path, &status) != 0)
        exit(1);
    int64_t began_us = now_us();
    file = open_journal(self);
    int64_t took_us = now_us() - began_us;
    journal_file_destroy(&file);
    printf("start after %-9s %9.1f ms for %lld MiB\n", how, (double) took_us / 1000,
           (long long) status.st_size / 1024 / 1024);
    json_array_append_new(
        self->results, json_pack("{s:s, s:s, s:I, s:I}", "what", "start", "after", how, "bytes",
                                 (json_int_t) status.st_size, "us", (json_int_t) took_us));
}

// As a broker does: what sessions are shown first is known up to here.
static void
note_latest(journal_file_t *file, uint64_t through)
{
    journal_store_t *store = journal_file_store(file);
    journal_batch_t batch = {.kind = JOURNAL_BATCH_LATEST, .through = through};
    if (journal_store_begin(store) != 0 || journal_store_add(store, &batch) != 0 ||
        journal_store_commit(store) != 0)
        exit(1);
}

static void
fill(bench_t *self)
{
    remove_journal(self);
    journal_file_t *file = open_journal(self);
    uint64_t next = 1, used = 0, wal;
    while (used < self->large_bytes) {
        journal_batch_t *batch =
            journal_events_new(&self->source, "aider.session_progress", next, 10000);
        next += batch->count;
        (void) commit(file, batch);
        journal_events_destroy(&batch);
        if (journal_store_bytes(journal_file_store(file), &used, &wal) != 0)
            exit(1);
    }
    note_latest(file, next - 1);
    journal_file_destroy(&file);
}

int
main(int argc, char *argv[])
{
    bench_t self = {.rows = 500000, .large_bytes = (uint64_t) 1 << 30};
    const char *json_path = NULL;
    for (int i = 2; i < argc; i++) {
        if (streq(argv[i], "--disk"))
            self.durable = true;
        else if (streq(argv[i], "--fill"))
            self.fill = true;
        else if (streq(argv[i], "--rows") && i + 1 < argc)
            self.rows = strtoul(argv[++i], NULL, 10);
        else if (streq(argv[i], "--large-bytes") && i + 1 < argc)
            self.large_bytes = strtoull(argv[++i], NULL, 10);
        else if (streq(argv[i], "--json") && i + 1 < argc)
            json_path = argv[++i];
        else
            argc = 0;
    }
    if (argc < 2 || self.rows < 10000) {
        fprintf(stderr, "usage: journal_append DIRECTORY [--rows N (10000 or more)]"
                        " [--large-bytes N] [--disk] [--json FILE] [--fill]\n");
        return 2;
    }
    self.path = zsys_sprintf("%s/bench-journal.db", argv[1]);
    self.source = mesh_uuid_new();
    if (self.fill) {
        fill(&self);
        zstr_free(&self.path);
        return 0;
    }
    self.results = json_array();
    measure_append(&self, 1);
    measure_append(&self, 100);
    measure_append(&self, 1000);
    measure_replay(&self);
    fill(&self);
    measure_start(&self, "a stop", true);
    measure_start(&self, "a kill", false);
    remove_journal(&self);
    char *text = json_dumps(self.results, JSON_COMPACT);
    printf("%s\n", text);
    if (json_path && json_dump_file(self.results, json_path, JSON_INDENT(1)) != 0)
        fprintf(stderr, "journal_append: %s cannot be written\n", json_path);
    free(text);
    json_decref(self.results);
    zstr_free(&self.path);
    return 0;
}
