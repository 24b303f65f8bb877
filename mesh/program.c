// program - what every program's command line has in common
// SPDX-License-Identifier: MPL-2.0
#include "mesh/program.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/nearest.h"
#include "mesh/wire.h"
#include "settings_private.h"
#include "text.h"

enum { MOST_ASSIGNMENTS = 256 };

// What the options ask for. run is what remains.
typedef enum {
    ACTION_RUN,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_CHECK_CONFIG,
    ACTION_PRINT_CONFIG,
    ACTION_HEALTHCHECK,
} action_t;

typedef struct assignment {
    const char *origin;    // the option; borrowed
    char *text;            // "section/key=value"; owned
} assignment_t;

typedef struct command_line {
    const char *name;    // of the program; borrowed
    int (*check)(const mesh_settings_t *settings, char **error_p);    // of the program, or NULL
    action_t action;
    bool tolerant;                   // of the environment, as mesh_program_t says
    const char *config;              // borrowed, as the next
    const char *environment_name;    // of the overlay
    assignment_t assignments[MOST_ASSIGNMENTS];
    size_t assignment_count;
} command_line_t;

typedef struct common_option {
    mesh_program_flag_t flag;
    action_t action;    // of an option that is no setting
} common_option_t;

// --config, --env and --set have neither a setting nor an action: take_common knows them.
static const common_option_t common_options[] = {
    {{"--help", NULL, NULL, NULL, "print this and exit"}, ACTION_HELP},
    {{"--version", NULL, NULL, NULL, "print the version and exit"}, ACTION_VERSION},
    {{"--config", "FILE", NULL, NULL, "read this configuration file (also AIDERMESH_CONFIG)"},
     ACTION_RUN},
    {{"--env", "NAME", NULL, NULL,
      "read FILE's overlay too, aidermesh.NAME.cfg (also AIDERMESH_ENV)"},
     ACTION_RUN},
    {{"--set", "SECTION/KEY=VALUE", NULL, NULL, "set one value; may be repeated"}, ACTION_RUN},
    {{"--check-config", NULL, NULL, NULL, "say whether the configuration is right and exit"},
     ACTION_CHECK_CONFIG},
    {{"--print-config", NULL, NULL, NULL,
      "print the configuration with the origin of each value and exit"},
     ACTION_PRINT_CONFIG},
    {{"--log-level", "LEVEL", "log/level", NULL, "debug, info, warning or error"}, ACTION_RUN},
    {{"--log-format", "FORMAT", "log/format", NULL, "text or json"}, ACTION_RUN},
    {{"--healthcheck", NULL, NULL, NULL,
      "ask the running program how it is and exit: 0 healthy, 1 not"},
     ACTION_HEALTHCHECK},
};
enum { COMMON_OPTIONS = sizeof common_options / sizeof *common_options };

const char *
mesh_version(void)
{
    return MESH_VERSION;
}

static int
usage_status(const mesh_program_t *self)
{
    return self->usage_status ? self->usage_status : MESH_EXIT_USAGE;
}

// The options of a program in one row: its own, then the common ones. NULL past the last.
static const mesh_program_flag_t *
option_at(const mesh_program_t *self, size_t index)
{
    for (const mesh_program_flag_t *flag = self->flags; flag && flag->name; flag++) {
        if (index-- == 0)
            return flag;
    }
    return index < COMMON_OPTIONS ? &common_options[index].flag : NULL;
}

static const mesh_program_flag_t *
find_option(const mesh_program_t *self, const char *name)
{
    const mesh_program_flag_t *flag = NULL;
    for (size_t i = 0; (flag = option_at(self, i)) != NULL; i++) {
        if (streq(flag->name, name))
            return flag;
    }
    return NULL;
}

static char *
unknown_option(const mesh_program_t *self, const char *name)
{
    const mesh_program_flag_t *nearest = option_at(self, 0);
    const mesh_program_flag_t *flag = NULL;
    for (size_t i = 1; (flag = option_at(self, i)) != NULL; i++) {
        if (mesh_edit_distance(name, flag->name) < mesh_edit_distance(name, nearest->name))
            nearest = flag;
    }
    char *quoted = mesh_text_quoted(name);
    char *error =
        mesh_text_printf("unknown option %s; the nearest known is %s", quoted, nearest->name);
    free(quoted);
    return error;
}

// Takes text, also on failure.
static char *
add_assignment(command_line_t *line, const char *origin, char *text)
{
    if (line->assignment_count == MOST_ASSIGNMENTS) {
        free(text);
        return mesh_text_printf("more than %d options that set something", MOST_ASSIGNMENTS);
    }
    line->assignments[line->assignment_count++] = (assignment_t){origin, text};
    return NULL;
}

// The text that sets a flag's value. An option that is given again makes a list longer.
static char *
assignment_of(const command_line_t *line, const mesh_program_flag_t *flag, const char *value)
{
    for (size_t i = line->assignment_count; i > 0; i--) {
        const assignment_t *before = &line->assignments[i - 1];
        const char *equals = strchr(before->text, '=');
        if (before->origin != flag->name)
            continue;
        if (mesh_settings_row(flag->setting)->kind == MESH_SETTING_LIST && equals[1])
            return mesh_text_printf("%s,%s", before->text, value);
        break;
    }
    return mesh_text_printf("%s=%s", flag->setting, value);
}

// Take an option with its value (NULL for an option without). Returns NULL or an error.
static char *
take_option(command_line_t *line, const mesh_program_flag_t *flag, const char *value)
{
    if (flag->setting)
        return add_assignment(line, flag->name,
                              assignment_of(line, flag, value ? value : flag->value));
    if (streq(flag->name, "--config"))
        line->config = value;
    else if (streq(flag->name, "--env"))
        line->environment_name = value;
    else if (value && streq(flag->name, "--set"))
        return add_assignment(line, flag->name, strdup(value));
    else {
        for (size_t i = 0; i < COMMON_OPTIONS; i++) {
            if (flag == &common_options[i].flag)
                line->action = common_options[i].action;
        }
    }
    return NULL;
}

// Read the options, from argv[1] on. *rest_p is the index of the first word that is no option.
// Returns NULL, or what is wrong for the caller to free.
static char *
parse(const mesh_program_t *self, command_line_t *line, int argc, char *argv[], int *rest_p)
{
    int at = 1;
    char *error = NULL;
    while (!error && at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
        const char *word = argv[at++];
        if (streq(word, "--"))
            break;
        const char *equals = strchr(word, '=');
        char *name = equals ? strndup(word, (size_t) (equals - word)) : strdup(word);
        const mesh_program_flag_t *flag = find_option(self, name);
        const char *value = equals ? equals + 1 : NULL;
        if (!flag)
            error = unknown_option(self, name);
        else if (value && !flag->argument)
            error = mesh_text_printf("%s takes no value", name);
        else if (flag->argument && !value && at == argc)
            error = mesh_text_printf("%s needs a value: %s", name, flag->argument);
        else {
            if (flag->argument && !value)
                value = argv[at++];
            error = take_option(line, flag, value);
        }
        free(name);
        // Whoever asks for help shall not be told about a later mistake.
        if (line->action == ACTION_HELP || line->action == ACTION_VERSION)
            break;
    }
    *rest_p = at;
    return error;
}

// What the process was started with, for mesh_program_reload.
static command_line_t *started_with;

// mesh_settings_wrong_fn
static void
warn(void *arg, const char *sentence)
{
    const command_line_t *line = arg;
    (void) fprintf(stderr, "%s: passed over: %s\n", line->name, sentence);
}

// Returns -1 with *error_p set where the environment is wrong and that is not tolerated.
static int
read_environment(command_line_t *line, mesh_settings_t *settings, char **error_p)
{
    if (!line->tolerant)
        return mesh_settings_read_environment(settings, environ, error_p);
    mesh_settings_read_what_is_right(settings, environ, warn, line);
    return 0;
}

// Defaults, file, environment, options. Returns the settings, or NULL with *error_p set, and
// *by_options_p whether an option is to blame.
static mesh_settings_t *
load_settings(command_line_t *line, char **error_p, bool *by_options_p)
{
    const char *config = line->config ? line->config : getenv("AIDERMESH_CONFIG");
    const char *name =
        line->environment_name ? line->environment_name : getenv("AIDERMESH_ENV");
    if (config && !*config && !line->config)
        config = NULL;
    if (name && !*name && !line->environment_name)
        name = NULL;

    mesh_settings_t *settings = mesh_settings_new();
    int rc = 0;
    *by_options_p = false;
    if (line->environment_name && !config) {
        *error_p = mesh_text_printf("--env needs a configuration file to lay over: give "
                                    "--config FILE too");
        *by_options_p = true;
        rc = -1;
    }
    if (rc == 0 && config)
        rc = mesh_settings_read_file(settings, config, name, error_p);
    if (rc == 0)
        rc = read_environment(line, settings, error_p);
    *by_options_p = rc == 0;
    for (size_t i = 0; i < line->assignment_count && rc == 0; i++)
        rc = mesh_settings_assign(settings, line->assignments[i].text,
                                  line->assignments[i].origin, error_p);
    if (rc == 0 && !line->tolerant)
        rc = mesh_settings_check(settings, error_p);
    if (rc == 0 && line->check && !line->tolerant)
        rc = line->check(settings, error_p);
    if (rc != 0)
        mesh_settings_destroy(&settings);
    return settings;
}

static mesh_log_level_t
log_level(const char *word)
{
    switch (word[0]) {
    case 'd':
        return MESH_LOG_DEBUG;
    case 'i':
        return MESH_LOG_INFO;
    case 'w':
        return MESH_LOG_WARNING;
    default:
        return MESH_LOG_ERROR;
    }
}

// Log as whom and what the settings say.
static void
set_up_log(const char *name, const mesh_settings_t *settings)
{
    bool json = streq(mesh_settings_string(settings, "log/format"), "json");
    mesh_log_setup(name, log_level(mesh_settings_string(settings, "log/level")),
                   json ? MESH_LOG_JSON : MESH_LOG_TEXT);
}

mesh_settings_t *
mesh_program_reload(char **error_p)
{
    assert(started_with && error_p);
    bool by_options = false;
    mesh_settings_t *settings = load_settings(started_with, error_p, &by_options);
    if (settings)
        set_up_log(started_with->name, settings);
    return settings;
}

static void
print_option(const mesh_program_flag_t *flag)
{
    char *words = mesh_text_printf("%s%s%s", flag->name, flag->argument ? " " : "",
                                   flag->argument ? flag->argument : "");
    printf("  %-25s %s%s", words, strlen(words) > 25 ? "\n                            " : "",
           flag->meaning);
    if (flag->setting && flag->argument) {
        const char *initial = mesh_settings_row(flag->setting)->initial;
        printf(" [%s%s%s]", flag->setting, *initial ? ", default " : "", initial);
    } else if (flag->setting)
        printf(" [%s=%s]", flag->setting, flag->value);
    printf("\n");
    free(words);
}

static void
print_help(const mesh_program_t *self)
{
    printf("usage: %s [OPTION...]%s%s\n\n%s\n", self->name, *self->usage ? " " : "",
           self->usage, self->summary);
    if (self->flags && self->flags->name) {
        printf("\nOptions of %s:\n", self->name);
        for (const mesh_program_flag_t *flag = self->flags; flag->name; flag++)
            print_option(flag);
    }
    printf("\nOptions of every program:\n");
    for (size_t i = 0; i < COMMON_OPTIONS; i++)
        print_option(&common_options[i].flag);
    printf(
        "\nA name in [brackets] is the setting that the option sets. Every setting can be "
        "given "
        "by\n--set, else by the environment variable AIDERMESH_<SECTION>_<KEY>, else in the\n"
        "configuration file. %s --print-config lists them all with what\nthey mean; so does "
        "docs/OPERATIONS.md.\n",
        self->name);
}

// Do what the command line asks for with the settings.
static int
act(const mesh_program_t *self, action_t action, const mesh_settings_t *settings, int argc,
    char *argv[])
{
    if (action == ACTION_CHECK_CONFIG) {
        printf("configuration ok\n");
        return MESH_EXIT_STOPPED;
    }
    if (action == ACTION_PRINT_CONFIG) {
        mesh_settings_print(settings, stdout);
        return MESH_EXIT_STOPPED;
    }
    set_up_log(self->name, settings);
    if (self->start_zmq)
        self->start_zmq();
    return action == ACTION_HEALTHCHECK ? self->healthcheck(settings)
                                        : self->run(settings, argc, argv);
}

// Say what is wrong. Takes error.
static int
refuse(const mesh_program_t *self, char *error)
{
    (void) fprintf(stderr, "%s: %s\n", self->name, error);
    free(error);
    return usage_status(self);
}

// What was printed must have arrived.
static int
flushed(int status)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? status : MESH_EXIT_FAILED;
}

static int
perform(const mesh_program_t *self, command_line_t *line, int argc, char *argv[])
{
    if (line->action == ACTION_HELP) {
        print_help(self);
        return flushed(MESH_EXIT_STOPPED);
    }
    if (line->action == ACTION_VERSION) {
        printf("%s %s (protocol %d)\n", self->name, mesh_version(), MESH_WIRE_VERSION);
        return flushed(MESH_EXIT_STOPPED);
    }
    if (argc > 0 && !*self->usage) {
        char *quoted = mesh_text_quoted(argv[0]);
        char *error =
            mesh_text_printf("%s is one word too many: only options are allowed", quoted);
        free(quoted);
        return refuse(self, error);
    }
    if (line->action == ACTION_HEALTHCHECK && !self->healthcheck)
        return refuse(self,
                      mesh_text_printf("there is nothing to ask: it has no health check"));
    const char *switched = getenv("AIDERMESH");
    if (line->action == ACTION_RUN && self->run_off && switched && streq(switched, "off"))
        return self->run_off(argc, argv);

    char *error = NULL;
    bool by_options = false;
    line->tolerant = self->tolerant && line->action == ACTION_RUN;
    mesh_settings_t *settings = load_settings(line, &error, &by_options);
    if (!settings && line->tolerant && self->run_off && !by_options) {
        (void) refuse(self, error);
        return self->run_off(argc, argv);
    }
    if (!settings)
        return refuse(self, error);
    started_with = line;
    int status = act(self, line->action, settings, argc, argv);
    started_with = NULL;
    mesh_settings_destroy(&settings);
    return line->action == ACTION_RUN ? status : flushed(status);
}

int
mesh_program_main(const mesh_program_t *self, int argc, char *argv[])
{
    assert(self && self->name && self->usage && self->run && argc > 0);
    command_line_t line = {.name = self->name, .check = self->check, .action = ACTION_RUN};
    int rest = 0;
    for (const mesh_program_flag_t *flag = self->flags; flag && flag->name; flag++)
        assert(flag->setting && mesh_settings_row(flag->setting) &&
               (flag->argument || flag->value));
    char *error = parse(self, &line, argc, argv, &rest);
    int status = error ? refuse(self, error) : perform(self, &line, argc - rest, argv + rest);
    for (size_t i = 0; i < line.assignment_count; i++)
        free(line.assignments[i].text);
    return status;
}
