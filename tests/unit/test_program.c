// test_program - what every program's command line promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "temp_dir.h"

// What one call of the program under test said.
static struct {
    int status;
    char out[65536];
    char err[8192];
} said;

// A file that run rewrites before it reloads.
static const char *rewritten;

static const mesh_program_flag_t flags[] = {
    {"--broker", "ENDPOINT", "mesh/seeds", NULL, "connect to this broker; may be repeated"},
    {"--port", "PORT", "http/port", NULL, "listen on this port"},
    {"--no-token", NULL, "http/token", "false", "ask clients for no token"},
    {NULL, NULL, NULL, NULL, NULL},
};

static void
print_seeds(const mesh_settings_t *settings)
{
    for (size_t i = 0; i < mesh_settings_list_size(settings, "mesh/seeds"); i++)
        printf("seed=%s\n", mesh_settings_list_item(settings, "mesh/seeds", i));
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    print_seeds(settings);
    printf("port=%d token=%d\n", (int) mesh_settings_number(settings, "http/port"),
           mesh_settings_flag(settings, "http/token"));
    for (int i = 0; i < argc; i++)
        printf("argument=%s\n", argv[i]);
    return 42;
}

static int
run_off(int argc, char *argv[])
{
    printf("off with %d, first %s\n", argc, argv[0]);
    return 43;
}

static int
healthcheck(const mesh_settings_t *settings)
{
    return mesh_settings_number(settings, "http/port") == 8790 ? 0 : 1;
}

static const mesh_program_t with_command = {
    .name = "aidermesh-test",
    .summary = "Is tested.",
    .usage = "-- COMMAND [ARGUMENT...]",
    .flags = flags,
    .run = run,
    .healthcheck = healthcheck,
};

static void
read_all(int fd, char *text, size_t size)
{
    ssize_t got = pread(fd, text, size - 1, 0);
    assert_true(got >= 0);
    text[got] = '\0';
    assert_int_equal(close(fd), 0);
}

// Call the program in a process of its own, with words as its arguments.
static void
call_program(const mesh_program_t *program, char *const words[])
{
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    assert_true(out >= 0 && err >= 0);
    char *argv[16] = {(char[]){"program"}};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    (void) fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void) dup2(out, STDOUT_FILENO);
        (void) dup2(err, STDERR_FILENO);
        int status = mesh_program_main(program, argc, argv);
        (void) fflush(stdout);
        _exit(status);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    read_all(out, said.out, sizeof said.out);
    read_all(err, said.err, sizeof said.err);
    if (!WIFEXITED(status))
        fail_msg("ended by signal %d: %s", WTERMSIG(status), said.err);
    said.status = WEXITSTATUS(status);
}

#define CALL(...) call_program(&with_command, (char *[]){__VA_ARGS__, NULL})

static void
assert_wrong_usage(const char *error)
{
    assert_int_equal(said.status, MESH_EXIT_USAGE);
    assert_string_equal(said.out, "");
    assert_string_equal(said.err, error);
}

static int
clean_environment(void **state)
{
    (void) state;
    static const char *const names[] = {"AIDERMESH",           "AIDERMESH_CONFIG",
                                        "AIDERMESH_ENV",       "AIDERMESH_HTTP_PORT",
                                        "AIDERMESH_HTTP_PROT", NULL};
    for (size_t i = 0; names[i]; i++)
        (void) unsetenv(names[i]);
    return 0;
}

static char *
write_file(const char *directory, const char *name, const char *text)
{
    char *path = temp_dir_file(directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void
help_lists_own_and_common_options_with_their_settings_on_stdout(void **state)
{
    (void) state;
    CALL("--help");
    assert_int_equal(said.status, 0);
    assert_string_equal(said.err, "");
    static const char *const parts[] = {
        "usage: aidermesh-test [OPTION...] -- COMMAND [ARGUMENT...]\n\nIs tested.\n",
        "  --broker ENDPOINT         connect to this broker; may be repeated [mesh/seeds]\n",
        "  --port PORT               listen on this port [http/port, default 8790]\n",
        "  --no-token                ask clients for no token [http/token=false]\n",
        "--help",
        "--version",
        "--config FILE",
        "--env NAME",
        "--set SECTION/KEY=VALUE",
        "--check-config",
        "--print-config",
        "--log-level",
        "--log-format",
        "--healthcheck",
        "AIDERMESH_<SECTION>_<KEY>",
        "docs/OPERATIONS.md",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(said.out, parts[i]))
            fail_msg("no \"%s\" in %s", parts[i], said.out);
    }
    for (const char *line = said.out; *line;) {
        size_t length = strcspn(line, "\n");
        if (length > 100)
            fail_msg("too wide: %.*s", (int) length, line);
        line += length + (line[length] == '\n');
    }
}

static void
version_names_program_version_and_protocol(void **state)
{
    (void) state;
    CALL("--version");
    assert_int_equal(said.status, 0);
    char expected[128];
    (void) snprintf(expected, sizeof expected, "aidermesh-test %s (protocol 1)\n",
                    mesh_version());
    assert_string_equal(said.out, expected);
}

static void
an_unknown_option_is_refused_with_the_nearest_known_one(void **state)
{
    (void) state;
    CALL("--brokre=x");
    assert_wrong_usage(
        "aidermesh-test: unknown option \"--brokre\"; the nearest known is --broker\n");
    CALL("--check-conf");
    assert_wrong_usage("aidermesh-test: unknown option \"--check-conf\"; the nearest known is "
                       "--check-config\n");
    CALL("--\x1b[2J");
    assert_non_null(strstr(said.err, "unknown option \"--\\x1b[2J\""));
}

static void
options_with_too_few_or_too_many_words_are_refused(void **state)
{
    (void) state;
    CALL("--port");
    assert_wrong_usage("aidermesh-test: --port needs a value: PORT\n");
    CALL("--no-token=true");
    assert_wrong_usage("aidermesh-test: --no-token takes no value\n");
    CALL("--port=99999");
    assert_wrong_usage("aidermesh-test: --port: http/port is \"99999\", allowed: 0 to 65535\n");
    CALL("--log-level", "loud");
    assert_wrong_usage("aidermesh-test: --log-level: log/level is \"loud\", allowed: one of "
                       "debug|info|warning|error\n");
    CALL("--set", "http/prot=1");
    assert_wrong_usage(
        "aidermesh-test: --set: unknown setting \"http/prot\"; the nearest known "
        "is http/port\n");
    CALL("--env", "lab");
    assert_wrong_usage("aidermesh-test: --env needs a configuration file to lay over: give "
                       "--config FILE too\n");
}

static void
a_word_too_many_is_refused_by_a_program_without_a_command(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.usage = "";
    call_program(&program, (char *[]){"here", NULL});
    assert_wrong_usage(
        "aidermesh-test: \"here\" is one word too many: only options are allowed\n");
}

static void
values_may_follow_an_equals_sign_or_be_the_next_word(void **state)
{
    (void) state;
    CALL("--port=81", "--no-token");
    assert_int_equal(said.status, 42);
    assert_string_equal(said.out, "port=81 token=0\n");
    CALL("--port", "82", "--set", "http/token=true");
    assert_string_equal(said.out, "port=82 token=1\n");
    CALL("--set=http/port=83");
    assert_string_equal(said.out, "port=83 token=1\n");
}

static void
an_option_given_again_makes_a_list_longer_and_else_wins(void **state)
{
    (void) state;
    CALL("--broker", "tcp://a", "--port=1", "--broker=ipc://b", "--port=2");
    assert_string_equal(said.out, "seed=tcp://a\nseed=ipc://b\nport=2 token=1\n");
}

static void
options_end_at_two_dashes_or_at_the_first_other_word(void **state)
{
    (void) state;
    CALL("--port=1", "--", "--port=2", "--help");
    assert_string_equal(said.out, "port=1 token=1\nargument=--port=2\nargument=--help\n");
    CALL("--port=1", "aider", "--model", "x", "--", "-");
    assert_string_equal(said.out, "port=1 token=1\nargument=aider\nargument=--model\n"
                                  "argument=x\nargument=--\nargument=-\n");
    CALL("-", "--help");
    assert_string_equal(said.out, "port=8790 token=1\nargument=-\nargument=--help\n");
}

static void
flags_beat_environment_beats_file_beats_defaults(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path = write_file(directory, "aidermesh.cfg", "http\n    port = 1001\n");
    char *overlay = write_file(directory, "aidermesh.lab.cfg", "http\n    port = 1002\n");
    CALL("x");
    assert_non_null(strstr(said.out, "port=8790 "));
    CALL("--config", path);
    assert_non_null(strstr(said.out, "port=1001 "));
    CALL("--config", path, "--env", "lab");
    assert_non_null(strstr(said.out, "port=1002 "));
    (void) setenv("AIDERMESH_CONFIG", path, 1);
    CALL("x");
    assert_non_null(strstr(said.out, "port=1001 "));
    (void) setenv("AIDERMESH_ENV", "lab", 1);
    CALL("x");
    assert_non_null(strstr(said.out, "port=1002 "));
    (void) setenv("AIDERMESH_HTTP_PORT", "1003", 1);
    CALL("x");
    assert_non_null(strstr(said.out, "port=1003 "));
    CALL("--port", "1004");
    assert_non_null(strstr(said.out, "port=1004 "));
    free(path);
    free(overlay);
    temp_dir_destroy(&directory);
}

static void
check_config_says_ok_or_what_is_wrong(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path = write_file(directory, "a.cfg", "http\n    port = x\n");
    CALL("--check-config");
    assert_int_equal(said.status, 0);
    assert_string_equal(said.out, "configuration ok\n");
    CALL("--check-config", "--config", path);
    assert_int_equal(said.status, 2);
    assert_non_null(strstr(said.err, "a.cfg\", line 2: http/port is \"x\", allowed: a whole "
                                     "number, from 0 to 65535"));
    (void) setenv("AIDERMESH_HTTP_PROT", "1", 1);
    CALL("--check-config");
    assert_wrong_usage("aidermesh-test: environment: unknown variable \"AIDERMESH_HTTP_PROT\"; "
                       "the nearest known is AIDERMESH_HTTP_PORT\n");
    free(path);
    temp_dir_destroy(&directory);
}

static void
print_config_can_be_given_to_config(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    CALL("--print-config", "--port=1234", "--broker=tcp://a", "--broker=ipc://b",
         "--set=http/token_value=0123456789abcdef");
    assert_int_equal(said.status, 0);
    assert_string_equal(said.err, "");
    assert_non_null(strstr(said.out, "    # from: --port\n    port = \"1234\"\n"));
    assert_null(strstr(said.out, "0123456789abcdef"));
    char *path = write_file(directory, "printed.cfg", said.out);
    CALL("--config", path);
    assert_string_equal(said.out, "seed=tcp://a\nseed=ipc://b\nport=1234 token=1\n");
    free(path);
    temp_dir_destroy(&directory);
}

static void
output_that_cannot_be_written_is_a_failure(void **state)
{
    (void) state;
    static const char *const options[] = {"--help", "--version", "--check-config",
                                          "--print-config"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        (void) fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char *argv[] = {(char[]){"program"}, strdup(options[i]), NULL};
            if (!freopen("/dev/full", "w", stdout))
                _exit(99);
            _exit(mesh_program_main(&with_command, 2, argv));
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), MESH_EXIT_FAILED);
    }
}

static void
healthcheck_gives_its_answer_as_the_status(void **state)
{
    (void) state;
    CALL("--healthcheck");
    assert_int_equal(said.status, 0);
    assert_string_equal(said.out, "");
    CALL("--healthcheck", "--port=1");
    assert_int_equal(said.status, 1);
    mesh_program_t program = with_command;
    program.healthcheck = NULL;
    call_program(&program, (char *[]){"--healthcheck", NULL});
    assert_int_equal(said.status, 2);
}

static void
a_program_may_have_its_own_status_for_wrong_usage(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.usage_status = MESH_EXIT_BRIDGE_FAILED;
    call_program(&program, (char *[]){"--wrong", NULL});
    assert_int_equal(said.status, 125);
    call_program(&program, (char *[]){"--port=x", NULL});
    assert_int_equal(said.status, 125);
    call_program(&program, (char *[]){"--help", NULL});
    assert_int_equal(said.status, 0);
}

static void
off_runs_the_command_though_the_configuration_is_broken(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.run_off = run_off;
    (void) setenv("AIDERMESH", "off", 1);
    (void) setenv("AIDERMESH_HTTP_PROT", "1", 1);
    (void) setenv("AIDERMESH_CONFIG", "/none", 1);
    call_program(&program, (char *[]){"--", "aider", "--model", NULL});
    assert_int_equal(said.status, 43);
    assert_string_equal(said.out, "off with 2, first aider\n");
    assert_string_equal(said.err, "");
    // The configuration is still checked for who asks.
    call_program(&program, (char *[]){"--check-config", NULL});
    assert_int_equal(said.status, 2);
    (void) setenv("AIDERMESH", "on", 1);
    call_program(&program, (char *[]){"--", "aider", NULL});
    assert_int_equal(said.status, 2);
}

static void
who_is_tolerant_runs_without_a_configuration_that_cannot_be_read(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.tolerant = true;
    program.run_off = run_off;
    (void) setenv("AIDERMESH_CONFIG", "/none", 1);
    call_program(&program, (char *[]){"--", "aider", NULL});
    assert_int_equal(said.status, 43);
    assert_string_equal(said.out, "off with 1, first aider\n");
    assert_non_null(strstr(said.err, "/none"));
    call_program(&program, (char *[]){"--check-config", NULL});
    assert_int_equal(said.status, 2);
    (void) unsetenv("AIDERMESH_CONFIG");
    // Whoever writes a wrong option is there to mend it.
    call_program(&program, (char *[]){"--set", "http/port=x", "--", "aider", NULL});
    assert_int_equal(said.status, 2);
}

static void
who_is_tolerant_works_on_in_a_wrong_environment_and_says_so(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.tolerant = true;
    (void) setenv("AIDERMESH_HTTP_PROT", "1", 1);
    (void) setenv("AIDERMESH_HTTP_PORT", "8791", 1);
    call_program(&program, (char *[]){"--", "aider", NULL});
    assert_int_equal(said.status, 42);
    assert_non_null(strstr(said.out, "8791"));
    assert_non_null(strstr(said.err,
                           "aidermesh-test: passed over: environment: unknown variable "
                           "\"AIDERMESH_HTTP_PROT\""));
    call_program(&program, (char *[]){"--set", "mesh/seeds=nonsense", "aider", NULL});
    assert_int_equal(said.status, 42);
    // Who asks is told, and so is who types.
    call_program(&program, (char *[]){"--check-config", NULL});
    assert_int_equal(said.status, 2);
    call_program(&program, (char *[]){"--port=x", "aider", NULL});
    assert_int_equal(said.status, 2);
}

static void
what_the_table_cannot_say_is_checked_before_the_work(void **state)
{
    (void) state;
    CALL("--set", "mesh/seeds=nonsense", "aider");
    assert_wrong_usage("aidermesh-test: mesh/seeds: \"nonsense\" is not a seed; a seed is "
                       "tcp://HOST[:PORT] or ipc://PATH\n");
}

static int
run_and_log(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) settings;
    (void) argc;
    (void) argv;
    mesh_log_debug("tried", "debug");
    mesh_log_info("tried", "info");
    return 0;
}

static void
the_log_is_set_up_before_the_work(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.run = run_and_log;
    call_program(&program, (char *[]){"x", NULL});
    assert_null(strstr(said.err, "tried debug"));
    assert_non_null(strstr(said.err, " info aidermesh-test tried info\n"));
    call_program(&program, (char *[]){"--log-level=debug", "--log-format", "json", NULL});
    assert_non_null(strstr(said.err, "\"level\":\"debug\",\"program\":\"aidermesh-test\","
                                     "\"event\":\"tried\",\"text\":\"debug\"}\n"));
    assert_string_equal(said.out, "");
}

static int
run_with_zmq(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) settings;
    (void) argc;
    (void) argv;
    zsock_t *socket = zsock_new(ZMQ_PULL);
    struct sigaction term, interrupt;
    (void) sigaction(SIGTERM, NULL, &term);
    (void) sigaction(SIGINT, NULL, &interrupt);
    zsys_error("from czmq");
    zsock_destroy(&socket);
    // Ignored they are where a shell has started us in the background.
    bool untouched = (term.sa_handler == SIG_DFL || term.sa_handler == SIG_IGN) &&
                     (interrupt.sa_handler == SIG_DFL || interrupt.sa_handler == SIG_IGN);
    return untouched ? 0 : 1;
}

static void
czmq_takes_no_signal_and_logs_to_stderr(void **state)
{
    (void) state;
    mesh_program_t program = with_command;
    program.run = run_with_zmq;
    program.start_zmq = mesh_program_start_zmq;
    call_program(&program, (char *[]){"x", NULL});
    assert_int_equal(said.status, 0);
    assert_string_equal(said.out, "");
    assert_non_null(strstr(said.err, "from czmq"));
}

static void
print_reloaded(void)
{
    char *error = NULL;
    mesh_settings_t *fresh = mesh_program_reload(&error);
    if (fresh) {
        printf("port=%d token=%d\n", (int) mesh_settings_number(fresh, "http/port"),
               mesh_settings_flag(fresh, "http/token"));
        mesh_settings_destroy(&fresh);
    } else
        printf("%s\n", strstr(error, "http/port"));
    free(error);
}

static int
run_and_reload(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) settings;
    (void) argc;
    (void) argv;
    mesh_log_debug("tried", "before");
    FILE *file = fopen(rewritten, "w");
    (void) fputs("http\n    port = 2\n    token = true\nlog\n    level = debug\n", file);
    (void) fclose(file);
    print_reloaded();
    mesh_log_debug("tried", "after");
    file = fopen(rewritten, "w");
    (void) fputs("http\n    port = x\n", file);
    (void) fclose(file);
    print_reloaded();
    return 0;
}

static void
reload_reads_the_file_again_and_refuses_a_broken_one(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path = write_file(directory, "a.cfg", "http\n    port = 1\n");
    rewritten = path;
    mesh_program_t program = with_command;
    program.run = run_and_reload;
    call_program(&program, (char *[]){"--config", path, "--no-token", NULL});
    assert_int_equal(said.status, 0);
    assert_string_equal(said.out,
                        "port=2 token=0\nhttp/port is \"x\", allowed: a whole number, "
                        "from 0 to 65535\n");
    assert_null(strstr(said.err, "before"));
    assert_non_null(strstr(said.err, " debug aidermesh-test tried after\n"));
    free(path);
    temp_dir_destroy(&directory);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clean_environment)
    const struct CMUnitTest tests[] = {
        TEST(help_lists_own_and_common_options_with_their_settings_on_stdout),
        TEST(version_names_program_version_and_protocol),
        TEST(an_unknown_option_is_refused_with_the_nearest_known_one),
        TEST(options_with_too_few_or_too_many_words_are_refused),
        TEST(a_word_too_many_is_refused_by_a_program_without_a_command),
        TEST(values_may_follow_an_equals_sign_or_be_the_next_word),
        TEST(an_option_given_again_makes_a_list_longer_and_else_wins),
        TEST(options_end_at_two_dashes_or_at_the_first_other_word),
        TEST(flags_beat_environment_beats_file_beats_defaults),
        TEST(check_config_says_ok_or_what_is_wrong),
        TEST(print_config_can_be_given_to_config),
        TEST(output_that_cannot_be_written_is_a_failure),
        TEST(healthcheck_gives_its_answer_as_the_status),
        TEST(a_program_may_have_its_own_status_for_wrong_usage),
        TEST(off_runs_the_command_though_the_configuration_is_broken),
        TEST(who_is_tolerant_runs_without_a_configuration_that_cannot_be_read),
        TEST(who_is_tolerant_works_on_in_a_wrong_environment_and_says_so),
        TEST(what_the_table_cannot_say_is_checked_before_the_work),
        TEST(the_log_is_set_up_before_the_work),
        TEST(czmq_takes_no_signal_and_logs_to_stderr),
        TEST(reload_reads_the_file_again_and_refuses_a_broken_one),
    };
    return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
