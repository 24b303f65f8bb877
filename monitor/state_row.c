// state_row - what a row of the state's tables is in memory, and the other way round
// SPDX-License-Identifier: MPL-2.0
#include "state_row.h"

#include <string.h>

#include "mesh/topic.h"
#include "mesh/wire.h"
#include "request_watch.h"

// No clock is so far from another; differences of such times, and of those, do not wrap.
static const int64_t time_most_ms = INT64_MAX / 8;

// Reads the columns of a row, one after the other.
typedef struct row_reader {
    sqlite3_stmt *row;    // borrowed
    int column;           // the next
    bool wrong;           // one was none of ours
} row_reader_t;

// A number from least to most.
static int64_t
read_number(row_reader_t *self, int64_t least, int64_t most)
{
    int column = self->column++;
    int64_t number = sqlite3_column_int64(self->row, column);
    if (sqlite3_column_type(self->row, column) != SQLITE_INTEGER || number < least ||
        number > most) {
        self->wrong = true;
        return least;
    }
    return number;
}

static int64_t
read_time_ms(row_reader_t *self)
{
    return read_number(self, -time_most_ms, time_most_ms);
}

static bool
read_flag(row_reader_t *self)
{
    return read_number(self, 0, 1) == 1;
}

static void
read_text(row_reader_t *self, char *text, size_t size)
{
    int column = self->column++;
    const unsigned char *value = sqlite3_column_text(self->row, column);
    size_t length = (size_t) sqlite3_column_bytes(self->row, column);
    text[0] = '\0';
    if (!value || length >= size || strlen((const char *) value) != length)
        self->wrong = true;
    else
        memcpy(text, value, length + 1);
}

static const char *
read_bytes(row_reader_t *self, size_t least, size_t most, size_t *length)
{
    int column = self->column++;
    const char *bytes = sqlite3_column_blob(self->row, column);
    *length = (size_t) sqlite3_column_bytes(self->row, column);
    if (!bytes || *length < least || *length > most)
        self->wrong = true;
    return bytes;
}

// Writes the columns of a row, one after the other.
typedef struct row_writer {
    sqlite3_stmt *statement;    // borrowed
    int column;                 // the last one
} row_writer_t;

static void
write_number(row_writer_t *self, int64_t number)
{
    (void) sqlite3_bind_int64(self->statement, ++self->column, number);
}

static void
write_text(row_writer_t *self, const char *text)
{
    (void) sqlite3_bind_text(self->statement, ++self->column, text, -1, SQLITE_STATIC);
}

static void
write_bytes(row_writer_t *self, const void *bytes, size_t length)
{
    (void) sqlite3_bind_blob64(self->statement, ++self->column, bytes, length, SQLITE_STATIC);
}

int
state_row_take_mark(void *arg, sqlite3_stmt *row)
{
    state_mark_t *mark = arg;
    row_reader_t reader = {.row = row, .column = 1};
    size_t length;
    // An epoch is any 64 bits.
    mark->consumed.epoch = (uint64_t) read_number(&reader, INT64_MIN, INT64_MAX);
    mark->consumed.offset = (uint64_t) read_number(&reader, 0, INT64_MAX);
    const char *source =
        read_bytes(&reader, sizeof mark->source.bytes, sizeof mark->source.bytes, &length);
    mark->acknowledged = (uint64_t) read_number(&reader, 0, INT64_MAX);
    mark->last = (uint64_t) read_number(&reader, 0, INT64_MAX);
    read_text(&reader, mark->boot, sizeof mark->boot);
    mark->mono_ms = read_number(&reader, 0, time_most_ms);
    mark->wall_us = read_number(&reader, INT64_MIN, INT64_MAX);
    if (reader.wrong || mark->acknowledged > mark->last)
        return -1;
    memcpy(mark->source.bytes, source, sizeof mark->source.bytes);
    return 0;
}

void
state_row_bind_mark(sqlite3_stmt *statement, const state_mark_t *mark)
{
    row_writer_t writer = {.statement = statement};
    write_number(&writer, (int64_t) mark->consumed.epoch);
    write_number(&writer, (int64_t) mark->consumed.offset);
    write_bytes(&writer, mark->source.bytes, sizeof mark->source.bytes);
    write_number(&writer, (int64_t) mark->acknowledged);
    write_number(&writer, (int64_t) mark->last);
    write_text(&writer, mark->boot);
    write_number(&writer, mark->mono_ms);
    write_number(&writer, mark->wall_us);
}

int
state_row_take_request(request_t *request, sqlite3_stmt *row)
{
    row_reader_t reader = {.row = row};
    char why_clear[OBSERVATION_WORD_SIZE];
    memset(request, 0, sizeof *request);
    request->number = (uint64_t) read_number(&reader, 1, INT64_MAX);
    request->place = (uint64_t) read_number(&reader, 1, INT64_MAX);
    request->finished = read_flag(&reader);
    read_text(&reader, request->session, sizeof request->session);
    read_text(&reader, request->request, sizeof request->request);
    read_text(&reader, request->correlation, sizeof request->correlation);
    read_text(&reader, request->host, sizeof request->host);
    read_text(&reader, request->provider, sizeof request->provider);
    read_text(&reader, request->model, sizeof request->model);
    read_text(&reader, request->stage, sizeof request->stage);
    request->attempt = read_number(&reader, 0, INT64_MAX);
    request->started_ms = read_time_ms(&reader);
    request->progress_ms = read_time_ms(&reader);
    request->heard_ms = read_time_ms(&reader);
    request->waiting_for_input = read_flag(&reader);
    request->muted = read_flag(&reader);
    request->overloaded = read_flag(&reader);
    request->owes_clear = read_flag(&reader);
    read_text(&reader, why_clear, sizeof why_clear);
    request->silent_until_clear_ms = read_time_ms(&reader);
    request->diagnosis = (diagnosis_t) read_number(&reader, 0, DIAGNOSIS_PROVIDER_OVERLOADED);
    request->reported = (throttling_step_t) read_number(&reader, 0, THROTTLING_CRITICAL);
    request->reported_diagnosis =
        (diagnosis_t) read_number(&reader, 0, DIAGNOSIS_PROVIDER_OVERLOADED);
    request->why_clear = why_clear[0] ? request_watch_reason(why_clear) : NULL;
    bool unreasoned = request->owes_clear && !request->why_clear;
    return reader.wrong || unreasoned || request->session[0] == '\0' ? -1 : 0;
}

void
state_row_bind_request(sqlite3_stmt *statement, const request_t *request)
{
    row_writer_t writer = {.statement = statement};
    write_number(&writer, (int64_t) request->number);
    write_number(&writer, (int64_t) request->place);
    write_number(&writer, request->finished);
    write_text(&writer, request->session);
    write_text(&writer, request->request);
    write_text(&writer, request->correlation);
    write_text(&writer, request->host);
    write_text(&writer, request->provider);
    write_text(&writer, request->model);
    write_text(&writer, request->stage);
    write_number(&writer, request->attempt);
    write_number(&writer, request->started_ms);
    write_number(&writer, request->progress_ms);
    write_number(&writer, request->heard_ms);
    write_number(&writer, request->waiting_for_input);
    write_number(&writer, request->muted);
    write_number(&writer, request->overloaded);
    write_number(&writer, request->owes_clear);
    write_text(&writer, request->why_clear ? request->why_clear : "");
    write_number(&writer, request->silent_until_clear_ms);
    write_number(&writer, request->diagnosis);
    write_number(&writer, request->reported);
    write_number(&writer, request->reported_diagnosis);
}

int
state_row_take_event(mesh_spool_record_t *record, sqlite3_stmt *row)
{
    row_reader_t reader = {.row = row};
    record->seq = (uint64_t) read_number(&reader, 1, INT64_MAX);
    record->covers = (uint32_t) read_number(&reader, 1, UINT32_MAX);
    record->rank = (mesh_rank_t) read_number(&reader, 0, MESH_RANKS - 1);
    record->timestamp_us = read_number(&reader, INT64_MIN, INT64_MAX);
    record->topic = read_bytes(&reader, 1, MESH_TOPIC_SIZE, &record->topic_bytes);
    record->body = read_bytes(&reader, 1, MESH_WIRE_PAYLOAD_LIMIT, &record->body_bytes);
    return reader.wrong || record->covers > record->seq ? -1 : 0;
}

void
state_row_bind_event(sqlite3_stmt *statement, const mesh_spool_record_t *record)
{
    row_writer_t writer = {.statement = statement};
    write_number(&writer, (int64_t) record->seq);
    write_number(&writer, record->covers);
    write_number(&writer, record->rank);
    write_number(&writer, record->timestamp_us);
    write_bytes(&writer, record->topic, record->topic_bytes);
    write_bytes(&writer, record->body, record->body_bytes);
}
