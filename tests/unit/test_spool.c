// test_spool - what waits on disk: over crashes, at its limits, and in a directory with others
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mesh/spool.h"
#include "mesh/topic.h"
#include "temp_dir.h"

enum { PLENTY = 64 * 1024 * 1024, BODY_BYTES = 1000, CRASHES = 40 };

typedef struct place {
    char *dir;
    mesh_settings_t *settings;
    mesh_spool_t *spool;
} place_t;

static void
set(place_t *place, const char *key, const char *value)
{
    char assignment[512], *error = NULL;
    (void) snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    if (mesh_settings_assign(place->settings, assignment, "test", &error) != 0)
        fail_msg("%s", error);
}

static void
open_spool(place_t *place)
{
    char *problem = NULL;
    mesh_spool_destroy(&place->spool);
    place->spool = mesh_spool_new(place->settings, &problem);
    if (!place->spool)
        fail_msg("%s", problem);
}

static int
setup(void **state)
{
    place_t *place = calloc(1, sizeof *place);
    place->dir = temp_dir_new();
    place->settings = mesh_settings_new();
    set(place, "mesh/state_dir", place->dir);
    // The tests' own directory may be on any file system.
    set(place, "spool/anywhere", "true");
    open_spool(place);
    *state = place;
    return 0;
}

static int
teardown(void **state)
{
    place_t *place = *state;
    mesh_spool_destroy(&place->spool);
    mesh_settings_destroy(&place->settings);
    temp_dir_destroy(&place->dir);
    free(place);
    return 0;
}

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

// Begin one in a millisecond of its own, since that is how finely names tell the older.
static mesh_outbox_t *
begin(place_t *place)
{
    for (uint64_t before = now_ms(); now_ms() == before;)
        sched_yield();
    char *problem = NULL;
    mesh_outbox_t *outbox = mesh_spool_begin(place->spool, &problem);
    if (!outbox)
        fail_msg("%s", problem);
    mesh_outbox_set_window(outbox, 1000000, UINT64_MAX / 2);
    return outbox;
}

static mesh_outbox_t *
take(place_t *place)
{
    char *name = NULL;
    mesh_outbox_t *outbox = mesh_spool_take_dead(place->spool, NULL, &name);
    free(name);
    if (outbox)
        mesh_outbox_set_window(outbox, 1000000, UINT64_MAX / 2);
    return outbox;
}

static void
push_of(mesh_outbox_t *outbox, const char *session, size_t body_bytes, mesh_rank_t rank)
{
    char topic[MESH_TOPIC_SIZE];
    size_t topic_bytes = mesh_topic_format(topic, "aider.x", "host", session);
    char *body = calloc(1, body_bytes + 32);
    memset(body, 'b', body_bytes);
    // The number, so that what comes back is known to be what was put in.
    (void) snprintf(body, 32, "%llu", (unsigned long long) mesh_outbox_next_seq(outbox));
    mesh_outbox_push(outbox, topic, topic_bytes, body, body_bytes + 32, 77, rank);
    free(body);
}

static void
push(mesh_outbox_t *outbox, size_t count)
{
    for (size_t i = 0; i < count; i++)
        push_of(outbox, "s", BODY_BYTES, MESH_RANK_MIDDLE);
}

// Send all there is: each follows the one before, with what it covers, and is what was put in.
// Returns how many there were.
static size_t
send_all(mesh_outbox_t *outbox)
{
    uint64_t before = 0;
    const mesh_outbox_event_t *event;
    size_t count = 0;
    while ((event = mesh_outbox_send_next(outbox))) {
        if (count > 0)
            assert_int_equal(event->seq - event->covers, before);
        assert_int_equal(strtoull(event->body, NULL, 10), event->seq);
        assert_memory_equal(event->topic, "aider.x/host/", strlen("aider.x/host/"));
        before = event->seq;
        count++;
    }
    return count;
}

static uint64_t
bytes_in(const place_t *place)
{
    size_t count;
    uint64_t bytes = 0;
    mesh_spool_entry_t *entries = mesh_spool_list(place->spool, &count);
    for (size_t i = 0; i < count; i++)
        bytes += entries[i].bytes;
    mesh_spool_list_free(&entries, count);
    return bytes;
}

static size_t
files_in(const place_t *place)
{
    size_t count = 0;
    DIR *dir = opendir(mesh_spool_dir(place->spool));
    for (const struct dirent *found; (found = readdir(dir));)
        count += found->d_name[0] != '.';
    closedir(dir);
    return count;
}

// Whether some file has the text, also where nobody would read it.
static bool
is_on_disk(const place_t *place, const char *text)
{
    size_t count;
    bool found = false;
    mesh_spool_entry_t *entries = mesh_spool_list(place->spool, &count);
    for (size_t i = 0; i < count; i++) {
        char *path = temp_dir_file(mesh_spool_dir(place->spool), entries[i].name);
        char *bytes = calloc(1, entries[i].bytes + 1);
        FILE *file = fopen(path, "re");
        size_t got = fread(bytes, 1, entries[i].bytes, file);
        found = found || memmem(bytes, got, text, strlen(text));
        fclose(file);
        free(bytes);
        free(path);
    }
    mesh_spool_list_free(&entries, count);
    return found;
}

// ---- one spool ----

static void
what_waited_waits_again_under_its_source_and_numbers_go_on(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    mesh_uuid_t source = *mesh_outbox_source(outbox);
    push(outbox, 5);
    assert_int_equal(mesh_outbox_in_memory(outbox), 0);
    mesh_outbox_destroy(&outbox);

    outbox = take(place);
    assert_non_null(outbox);
    assert_true(mesh_uuid_equal(mesh_outbox_source(outbox), &source));
    assert_int_equal(mesh_outbox_first(outbox), 1);
    assert_int_equal(mesh_outbox_last(outbox), 5);
    assert_int_equal(send_all(outbox), 5);
    assert_int_equal(mesh_outbox_next_seq(outbox), 6);
    push(outbox, 1);
    assert_int_equal(send_all(outbox), 1);
    mesh_outbox_destroy(&outbox);
}

static void
what_was_acknowledged_is_gone_for_good_and_so_is_an_empty_file(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    push(outbox, 5);
    assert_int_equal(send_all(outbox), 5);
    mesh_outbox_acknowledge(outbox, 3);
    mesh_outbox_destroy(&outbox);
    outbox = take(place);
    assert_int_equal(mesh_outbox_first(outbox), 4);
    assert_int_equal(mesh_outbox_acknowledged(outbox), 3);
    assert_int_equal(send_all(outbox), 2);
    mesh_outbox_acknowledge(outbox, 5);
    assert_int_equal(bytes_in(place), MESH_SPOOL_HEAD_BYTES);
    mesh_outbox_destroy(&outbox);
    assert_int_equal(files_in(place), 0);
}

static void
numbers_go_on_after_all_was_acknowledged_and_the_process_killed(void **state)
{
    place_t *place = *state;
    pid_t child = fork();
    if (child == 0) {
        mesh_outbox_t *outbox = begin(place);
        push(outbox, 5);
        (void) send_all(outbox);
        mesh_outbox_acknowledge(outbox, 5);
        push(outbox, 2);
        (void) kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    mesh_outbox_t *outbox = take(place);
    assert_int_equal(mesh_outbox_first(outbox), 6);
    assert_int_equal(send_all(outbox), 2);
    mesh_outbox_destroy(&outbox);
}

static void
what_a_broker_may_have_had_is_acknowledged_before_it_is_sent_again(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    push(outbox, 5);
    mesh_outbox_destroy(&outbox);
    outbox = take(place);
    mesh_outbox_acknowledge(outbox, 4);
    assert_int_equal(send_all(outbox), 1);
    mesh_outbox_destroy(&outbox);
}

// What the child tells about itself; it is killed at any moment.
typedef struct told {
    _Atomic uint64_t accepted, acknowledged;
} told_t;

static _Noreturn void
live_until_killed(place_t *place, told_t *told, unsigned seed)
{
    mesh_outbox_t *outbox = begin(place);
    for (;;) {
        push_of(outbox, "s", (size_t) (rand_r(&seed) % 3000), MESH_RANK_MIDDLE);
        told->accepted = mesh_outbox_last(outbox);
        if (rand_r(&seed) % 8 == 0)
            (void) send_all(outbox);
        if (rand_r(&seed) % 16 == 0) {
            uint64_t sent = mesh_outbox_last(outbox);
            // Before, so that what is acknowledged is never less than what we think.
            told->acknowledged = sent;
            mesh_outbox_acknowledge(outbox, sent);
        }
    }
}

static void
whenever_the_process_is_killed_all_that_was_accepted_is_there_once_in_order(void **state)
{
    place_t *place = *state;
    told_t *told =
        mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned seed = 20261122;
    for (int i = 0; i < CRASHES; i++) {
        told->accepted = told->acknowledged = 0;
        uint64_t until = (uint64_t) (rand_r(&seed) % 400) + 1;
        unsigned child_seed = seed;
        pid_t child = fork();
        if (child == 0)
            live_until_killed(place, told, child_seed);
        while (told->accepted < until)
            sched_yield();
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        uint64_t accepted = told->accepted, acknowledged = told->acknowledged;

        mesh_outbox_t *outbox = take(place);
        if (!outbox) {
            assert_int_equal(accepted, acknowledged);
            continue;
        }
        // One more may have been written than was told, and an acknowledgement not.
        assert_in_range(mesh_outbox_last(outbox), accepted, accepted + 1);
        assert_true(mesh_outbox_first(outbox) <= acknowledged + 1);
        uint64_t waiting = mesh_outbox_last(outbox) - mesh_outbox_first(outbox) + 1;
        assert_int_equal(send_all(outbox), waiting);
        mesh_outbox_acknowledge(outbox, mesh_outbox_last(outbox));
        mesh_outbox_destroy(&outbox);
        assert_int_equal(files_in(place), 0);
    }
    munmap(told, sizeof *told);
}

// ---- at the limits ----

static void
at_its_limit_a_spool_gives_up_progress_first_and_errors_last(void **state)
{
    place_t *place = *state;
    set(place, "bridge/store_bytes", "1MiB");
    open_spool(place);
    mesh_outbox_t *outbox = begin(place);
    for (int i = 0; i < 200; i++) {
        push_of(outbox, "s", BODY_BYTES, MESH_RANK_FIRST);
        push_of(outbox, "s", BODY_BYTES, MESH_RANK_MIDDLE);
        push_of(outbox, "s", BODY_BYTES, MESH_RANK_LAST);
    }
    // 600 events fit; 600 more do not, so that of progress only what came last is left.
    assert_int_equal(mesh_outbox_dropped(outbox), 0);
    for (int i = 0; i < 400; i++)
        push_of(outbox, "s", BODY_BYTES, MESH_RANK_MIDDLE);
    assert_in_range(mesh_outbox_dropped(outbox), 150, 400);
    for (int i = 0; i < 2000; i++)
        push_of(outbox, "s", BODY_BYTES, i < 800 ? MESH_RANK_LAST : MESH_RANK_FIRST);
    assert_in_range(bytes_in(place), 1, 1024 * 1024);
    assert_int_equal(mesh_outbox_first(outbox), 1);
    size_t held = mesh_outbox_count(outbox);
    mesh_outbox_destroy(&outbox);

    outbox = take(place);
    assert_int_equal(mesh_outbox_count(outbox), held);
    assert_int_equal(mesh_outbox_last(outbox), 3000);
    assert_int_equal(send_all(outbox), held);
    mesh_outbox_destroy(&outbox);
}

static void
a_file_stays_within_its_limit_while_events_come_and_go(void **state)
{
    place_t *place = *state;
    set(place, "bridge/store_bytes", "1MiB");
    open_spool(place);
    mesh_outbox_t *outbox = begin(place);
    for (int i = 0; i < 20000; i++) {
        push_of(outbox, "s", 500, MESH_RANK_MIDDLE);
        // Always something waits, so that the file is never simply emptied.
        if (i % 50 == 49) {
            (void) send_all(outbox);
            mesh_outbox_acknowledge(outbox, mesh_outbox_last(outbox) - 5);
        }
        if (i % 1000 == 0)
            assert_in_range(bytes_in(place), 1, 1024 * 1024);
    }
    assert_int_equal(mesh_outbox_dropped(outbox), 0);
    mesh_outbox_destroy(&outbox);
}

static void
a_disk_that_takes_nothing_costs_no_event_while_the_program_lives(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    push(outbox, 3);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    push(outbox, 4);
    int error = mesh_outbox_write_error(outbox);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void) signal(SIGXFSZ, handler);
    assert_int_equal(error, EFBIG);
    assert_int_equal(mesh_outbox_in_memory(outbox), 4);
    push(outbox, 1);
    assert_int_equal(mesh_outbox_write_error(outbox), 0);
    assert_int_equal(send_all(outbox), 8);
    mesh_outbox_destroy(&outbox);

    // What only memory had ended with it, and the event after it says so.
    outbox = take(place);
    assert_int_equal(mesh_outbox_count(outbox), 4);
    assert_int_equal(mesh_outbox_last(outbox), 8);
    assert_int_equal(send_all(outbox), 4);
    mesh_outbox_destroy(&outbox);
}

static void
what_cannot_be_read_back_is_counted_and_covered(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    push(outbox, 3);
    size_t count;
    mesh_spool_entry_t *entries = mesh_spool_list(place->spool, &count);
    char *path = temp_dir_file(mesh_spool_dir(place->spool), entries[0].name);
    FILE *file = fopen(path, "r+e");
    assert_int_equal(fseek(file, MESH_SPOOL_HEAD_BYTES + 1200, SEEK_SET), 0);
    assert_int_equal(fputc('!', file), '!');
    fclose(file);
    free(path);
    mesh_spool_list_free(&entries, count);
    assert_int_equal(send_all(outbox), 2);
    assert_int_equal(mesh_outbox_unreadable(outbox), 1);
    mesh_outbox_destroy(&outbox);
}

// ---- a directory of them ----

static void
the_oldest_of_the_dead_is_taken_first_and_the_living_are_left_alone(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *first = begin(place), *second = begin(place), *living = begin(place);
    mesh_uuid_t oldest = *mesh_outbox_source(first);
    push(first, 1);
    push(second, 2);
    push(living, 3);
    mesh_outbox_destroy(&second);
    mesh_outbox_destroy(&first);
    char *name = NULL, *next_name = NULL;
    mesh_outbox_t *taken = mesh_spool_take_dead(place->spool, NULL, &name);
    assert_true(mesh_uuid_equal(mesh_outbox_source(taken), &oldest));
    mesh_outbox_t *next = mesh_spool_take_dead(place->spool, name, &next_name);
    assert_int_equal(mesh_outbox_count(next), 2);
    free(name);
    name = NULL;
    // One that is taken is somebody's.
    assert_null(mesh_spool_take_dead(place->spool, NULL, &name));
    assert_null(mesh_spool_take_dead(place->spool, next_name, &name));
    free(next_name);
    mesh_outbox_destroy(&taken);
    mesh_outbox_destroy(&next);
    mesh_outbox_destroy(&living);
}

static void
past_the_total_the_dead_are_reduced_to_what_they_said_last(void **state)
{
    place_t *place = *state;
    set(place, "spool/total_bytes", "3MiB");
    open_spool(place);
    for (int i = 0; i < 2; i++) {
        mesh_outbox_t *dead = begin(place);
        push(dead, 1000);
        mesh_outbox_destroy(&dead);
    }
    mesh_outbox_t *living = begin(place);
    push(living, 1800);
    assert_in_range(bytes_in(place), 1, 3 * 1024 * 1024);
    assert_int_equal(mesh_outbox_dropped(living), 0);
    assert_int_equal(mesh_spool_files_cut(place->spool), 2);
    assert_int_equal(mesh_spool_events_lost(place->spool), 2 * 999);
    // Then the living have to make do with what there is.
    push(living, 1800);
    assert_in_range(bytes_in(place), 1, 3 * 1024 * 1024);
    assert_in_range(mesh_outbox_dropped(living), 1, 1800);
    mesh_outbox_destroy(&living);

    mesh_outbox_t *dead = take(place);
    assert_int_equal(mesh_outbox_count(dead), 1);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(dead);
    assert_int_equal(event->seq, 1000);
    assert_int_equal(event->covers, 1000);
    mesh_outbox_destroy(&dead);
}

static void
past_the_number_of_files_the_oldest_of_the_dead_goes(void **state)
{
    place_t *place = *state;
    set(place, "spool/files", "3");
    open_spool(place);
    mesh_outbox_t *dead[3], *living = NULL;
    for (int i = 0; i < 3; i++) {
        dead[i] = begin(place);
        push(dead[i], (size_t) i + 1);
    }
    char *problem = NULL;
    assert_null(mesh_spool_begin(place->spool, &problem));
    assert_non_null(strstr(problem, "spool/files"));
    free(problem);
    mesh_outbox_destroy(&dead[0]);
    mesh_outbox_destroy(&dead[1]);
    living = begin(place);
    assert_int_equal(files_in(place), 3);
    assert_int_equal(mesh_spool_events_lost(place->spool), 1);
    mesh_outbox_destroy(&living);
    mesh_outbox_destroy(&dead[2]);
}

static void
a_forgotten_session_is_gone_from_what_the_dead_left(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *dead = begin(place), *living = begin(place);
    push_of(dead, "kept", 10, MESH_RANK_MIDDLE);
    push_of(dead, "secret / session", 10, MESH_RANK_MIDDLE);
    push_of(dead, "kept", 10, MESH_RANK_MIDDLE);
    push_of(dead, "secret / session", 10, MESH_RANK_MIDDLE);
    push_of(living, "secret / session", 10, MESH_RANK_MIDDLE);
    mesh_outbox_destroy(&dead);
    size_t held = 0;
    assert_int_equal(mesh_spool_forget(place->spool, "secret / session", &held), 2);
    assert_int_equal(held, 1);
    assert_int_equal(mesh_outbox_forget(living, "secret / session"), 1);
    assert_int_equal(mesh_outbox_count(living), 0);
    // Its number is covered by the next.
    push_of(living, "kept", 10, MESH_RANK_MIDDLE);
    assert_int_equal(mesh_outbox_first(living), 1);
    mesh_outbox_destroy(&living);

    assert_false(is_on_disk(place, "secret"));
    assert_true(is_on_disk(place, "kept"));
    dead = take(place);
    assert_int_equal(send_all(dead), 2);
    mesh_outbox_destroy(&dead);
}

static void
a_session_is_forgotten_on_its_way_too(void **state)
{
    place_t *place = *state;
    mesh_outbox_t *outbox = begin(place);
    push_of(outbox, "secret", 10, MESH_RANK_MIDDLE);
    push_of(outbox, "kept", 10, MESH_RANK_MIDDLE);
    assert_int_equal(send_all(outbox), 2);
    assert_int_equal(mesh_outbox_forget(outbox, "secret"), 1);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 1);
    mesh_outbox_rewind(outbox, 1);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
    assert_int_equal(event->seq, 2);
    assert_int_equal(event->covers, 2);
    mesh_outbox_acknowledge(outbox, 2);
    mesh_outbox_destroy(&outbox);
    assert_int_equal(files_in(place), 0);
}

static void
what_is_no_spool_is_set_aside_and_what_was_begun_long_ago_cleared(void **state)
{
    place_t *place = *state;
    char *broken = temp_dir_file(mesh_spool_dir(place->spool),
                                 "01900000-0000-7000-8000-000000000001.spool");
    char *begun = temp_dir_file(mesh_spool_dir(place->spool),
                                "01900000-0000-7000-8000-000000000002.spool.new");
    char *fresh = temp_dir_file(mesh_spool_dir(place->spool),
                                "01900000-0000-7000-8000-000000000003.spool.new");
    for (int i = 0; i < 3; i++)
        fclose(fopen(i == 0 ? broken : i == 1 ? begun : fresh, "we"));
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, begun, long_ago, 0), 0);
    assert_null(take(place));
    assert_int_equal(access(broken, F_OK), -1);
    assert_int_equal(access(begun, F_OK), -1);
    assert_int_equal(access(fresh, F_OK), 0);
    assert_int_equal(files_in(place), 2);
    free(broken);
    free(begun);
    free(fresh);
}

static void
file_systems_that_others_may_share_are_refused_by_name(void **state)
{
    (void) state;
    assert_string_equal(mesh_spool_refused_file_system(0x6969), "NFS");
    assert_string_equal(mesh_spool_refused_file_system(0x517b), "SMB");
    assert_string_equal(mesh_spool_refused_file_system(0xff534d42), "CIFS");
    assert_string_equal(mesh_spool_refused_file_system(0x01021997), "9p");
    assert_string_equal(mesh_spool_refused_file_system(0x65735546), "FUSE");
    assert_string_equal(mesh_spool_refused_file_system(0x794c7630), "overlay");
    static const uint64_t local[] = {0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x2fc12fc1};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_null(mesh_spool_refused_file_system(local[i]));
}

static void
without_a_private_directory_or_the_feature_there_is_no_spool(void **state)
{
    place_t *place = *state;
    char *problem = NULL;
    assert_int_equal(chmod(mesh_spool_dir(place->spool), 0755), 0);
    assert_null(mesh_spool_new(place->settings, &problem));
    assert_non_null(strstr(problem, "0755"));
    free(problem);
    assert_int_equal(chmod(mesh_spool_dir(place->spool), 0700), 0);
    set(place, "features/spool", "false");
    assert_null(mesh_spool_new(place->settings, &problem));
    free(problem);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waited_waits_again_under_its_source_and_numbers_go_on),
        TEST(what_was_acknowledged_is_gone_for_good_and_so_is_an_empty_file),
        TEST(numbers_go_on_after_all_was_acknowledged_and_the_process_killed),
        TEST(what_a_broker_may_have_had_is_acknowledged_before_it_is_sent_again),
        TEST(whenever_the_process_is_killed_all_that_was_accepted_is_there_once_in_order),
        TEST(at_its_limit_a_spool_gives_up_progress_first_and_errors_last),
        TEST(a_file_stays_within_its_limit_while_events_come_and_go),
        TEST(a_disk_that_takes_nothing_costs_no_event_while_the_program_lives),
        TEST(what_cannot_be_read_back_is_counted_and_covered),
        TEST(the_oldest_of_the_dead_is_taken_first_and_the_living_are_left_alone),
        TEST(past_the_total_the_dead_are_reduced_to_what_they_said_last),
        TEST(past_the_number_of_files_the_oldest_of_the_dead_goes),
        TEST(a_forgotten_session_is_gone_from_what_the_dead_left),
        TEST(a_session_is_forgotten_on_its_way_too),
        TEST(what_is_no_spool_is_set_aside_and_what_was_begun_long_ago_cleared),
        TEST(file_systems_that_others_may_share_are_refused_by_name),
        TEST(without_a_private_directory_or_the_feature_there_is_no_spool),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
