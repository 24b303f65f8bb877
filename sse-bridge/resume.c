// resume - where a stream begins, and what is said about it
// SPDX-License-Identifier: MPL-2.0
#include "resume.h"

static const char *const verdict_names[] = {
    [RESUME_HOLD] = "hold", [RESUME_LIVE] = "live",   [RESUME_EXACT] = "exact",
    [RESUME_GAP] = "gap",   [RESUME_RESET] = "reset", [RESUME_UNKNOWN] = "unknown",
};

const char *
resume_verdict_name(resume_verdict_t verdict)
{
    return verdict_names[verdict];
}

static uint64_t
lesser(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

// A cursor of this epoch that is not beyond the ring.
static resume_answer_t
after_cursor(uint64_t offset, const resume_world_t *world)
{
    resume_answer_t answer = {
        .verdict = RESUME_EXACT, .start = RESUME_START_AFTER, .after = offset};
    const type_removal_t *removed = &world->removed, *forgotten = &world->forgotten;
    bool trimmed = removed->count > 0 && removed->offset > offset;
    bool is_forgotten = forgotten->count > 0 && forgotten->offset > offset;
    if (!trimmed && !is_forgotten)
        return answer;
    answer.verdict = RESUME_GAP;
    answer.from_known = true;
    answer.from = offset;
    answer.forgotten = !trimmed;
    if (trimmed) {
        answer.to = removed->offset;
        answer.at_most = lesser(removed->count, removed->offset - offset);
    }
    if (is_forgotten) {
        answer.at_most += lesser(forgotten->count, forgotten->offset - offset);
        if (answer.to < forgotten->offset)
            answer.to = forgotten->offset;
    }
    return answer;
}

// What was removed is missing, at most so many.
static void
add_gap(resume_answer_t *answer, const type_removal_t *removed, uint64_t at_most,
        bool forgotten)
{
    answer->forgotten = forgotten && answer->verdict != RESUME_GAP;
    answer->verdict = RESUME_GAP;
    answer->at_most += lesser(removed->count, at_most);
    if (answer->to < removed->offset)
        answer->to = removed->offset;
}

// A start that is no cursor, with the verdict where nothing was removed.
static resume_answer_t
by_since(const resume_ask_t *ask, const resume_world_t *world, resume_verdict_t otherwise)
{
    resume_answer_t answer = {.verdict = otherwise};
    switch (ask->since) {
    case RESUME_SINCE_TIME:
        answer.start = RESUME_START_TIME;
        break;
    case RESUME_SINCE_EARLIEST:
        answer.start = RESUME_START_EARLIEST;
        break;
    case RESUME_SINCE_LAST:
        answer.start = RESUME_START_LAST;
        break;
    default:
        answer.start = RESUME_START_NOW;
        return answer;
    }
    if (otherwise != RESUME_LIVE)
        return answer;
    answer.verdict = RESUME_EXACT;
    if (ask->since != RESUME_SINCE_TIME)
        return answer;
    if (world->removed.count > 0 && world->removed.recorded_us >= ask->since_us)
        add_gap(&answer, &world->removed, UINT64_MAX, false);
    if (world->forgotten.count > 0 && world->forgotten.recorded_us >= ask->since_us)
        add_gap(&answer, &world->forgotten, UINT64_MAX, true);
    return answer;
}

static resume_answer_t
by_cursor(const resume_ask_t *ask, const mesh_cursor_t *cursor, const resume_world_t *world,
          int64_t now_ms)
{
    resume_answer_t hold = {.verdict = RESUME_HOLD};
    bool same_epoch = cursor->epoch == world->position.epoch && world->position.epoch != 0;
    // What the ring holds answers also while the broker is away.
    if (same_epoch && cursor->offset <= world->position.offset)
        return after_cursor(cursor->offset, world);
    if (!world->live)
        return hold;
    if (same_epoch && (now_ms < ask->asked_ms + RESUME_HEAD_WAIT_MS ||
                       world->heard_ms < ask->asked_ms + RESUME_HEAD_WAIT_MS))
        return hold;
    return by_since(ask, world, RESUME_RESET);
}

resume_answer_t
resume_decide(const resume_ask_t *ask, const resume_world_t *world, int64_t now_ms)
{
    if (ask->id == RESUME_ID)
        return by_cursor(ask, &ask->cursor, world, now_ms);
    if (ask->id == RESUME_NO_ID && ask->since == RESUME_SINCE_CURSOR)
        return by_cursor(ask, &ask->since_cursor, world, now_ms);
    if (!world->live)
        return (resume_answer_t){.verdict = RESUME_HOLD};
    return by_since(ask, world, ask->id == RESUME_ID_UNREADABLE ? RESUME_UNKNOWN : RESUME_LIVE);
}

resume_answer_t
resume_again(const resume_answer_t *answer, const resume_ask_t *ask,
             const resume_world_t *world)
{
    if (answer->start == RESUME_START_AFTER)
        return after_cursor(answer->after, world);
    bool lost = answer->verdict == RESUME_RESET || answer->verdict == RESUME_UNKNOWN;
    return by_since(ask, world, lost ? answer->verdict : RESUME_LIVE);
}

void
resume_last(resume_answer_t *answer, const resume_world_t *world, uint32_t wanted,
            uint32_t found)
{
    if (answer->verdict != RESUME_EXACT || found >= wanted)
        return;
    if (world->removed.count > 0)
        add_gap(answer, &world->removed, wanted - found, false);
    if (world->forgotten.count > 0)
        add_gap(answer, &world->forgotten, wanted - found - answer->at_most, true);
}

bool
resume_tells_sessions(const resume_ask_t *ask, const resume_answer_t *answer)
{
    if (answer->verdict == RESUME_RESET || answer->verdict == RESUME_UNKNOWN)
        return true;
    return ask->snapshot && (ask->id == RESUME_NO_ID || answer->verdict != RESUME_EXACT);
}
