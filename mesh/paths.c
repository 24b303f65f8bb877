// paths - where the mesh keeps its sockets, files and state
// SPDX-License-Identifier: MPL-2.0
#include "mesh/paths.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "text.h"

// The longest name of a socket in the runtime directory.
#define LONGEST_SOCKET "/subscribe"

enum {
    PRIVATE_MODE = 0700,
    OTHERS_MASK = 077,
    // What sockaddr_un leaves for the directory, its NUL included in sun_path.
    RUNTIME_DIR_BYTES = sizeof((struct sockaddr_un *) NULL)->sun_path - sizeof LONGEST_SOCKET,
};

// The value of an environment variable that must hold an absolute path, or NULL: the XDG base
// directory rules have others ignored.
static const char *
absolute_variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] == '/' ? value : NULL;
}

// Make the directory and those above it. Returns 0, or -1 with errno set.
static int
make_directories(const char *path)
{
    char *partial = strdup(path);
    int rc = 0;
    for (char *slash = strchr(partial + 1, '/'); slash && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = mkdir(partial, PRIVATE_MODE);
        // What is above exists for others too, and may be a link.
        if (rc != 0 && (errno == EEXIST || errno == EROFS || errno == EACCES))
            rc = 0;
        *slash = '/';
    }
    free(partial);
    if (rc == 0 && mkdir(path, PRIVATE_MODE) != 0 && errno != EEXIST)
        rc = -1;
    return rc;
}

// Check what mkdir may have found there already. Returns NULL, or what is wrong with it.
static char *
refuse_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return mesh_text_printf("it is a link or no directory; remove it");
    if (fd < 0)
        return mesh_text_printf("cannot open it: %s", strerror(errno));
    struct stat status;
    int rc = fstat(fd, &status);
    (void) close(fd);
    if (rc != 0)
        return mesh_text_printf("cannot look at it: %s", strerror(errno));
    if (status.st_uid != geteuid())
        return mesh_text_printf("it belongs to user %lu, not to %lu",
                                (unsigned long) status.st_uid, (unsigned long) geteuid());
    if (status.st_mode & OTHERS_MASK)
        return mesh_text_printf("others may use it (mode %04o); allowed is 0700",
                                (unsigned) status.st_mode & 07777U);
    return NULL;
}

// Make and check the directory. Takes path; returns it, or NULL with *error_p set.
static char *
private_directory(char *path, const char *what, const char *key, char **error_p)
{
    char *wrong = NULL;
    if (path[0] != '/')
        wrong = mesh_text_printf("it is not an absolute path");
    else if (make_directories(path) != 0)
        wrong = mesh_text_printf("cannot make it: %s", strerror(errno));
    else
        wrong = refuse_directory(path);
    if (!wrong)
        return path;
    char *quoted = mesh_text_quoted(path);
    *error_p = mesh_text_printf("the %s %s cannot be used (%s): %s", what, quoted, key, wrong);
    free(quoted);
    free(wrong);
    free(path);
    return NULL;
}

// A trailing '/' would have the last component followed when it is a link.
static char *
without_trailing_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return mesh_text_printf("%.*s", (int) length, path);
}

// Where the runtime directory is to be, for the caller to free; NULL with *error_p when the
// names of sockets would not fit.
static char *
runtime_path(const mesh_settings_t *settings, char **error_p)
{
    const char *configured = mesh_settings_string(settings, "mesh/runtime_dir");
    const char *base = absolute_variable("XDG_RUNTIME_DIR");
    char *path = NULL;
    if (*configured)
        path = without_trailing_slashes(configured);
    else if (base)
        path = mesh_text_printf("%s/aidermesh", base);
    else
        path = mesh_text_printf("/tmp/aidermesh-%lu", (unsigned long) geteuid());
    if (strlen(path) <= RUNTIME_DIR_BYTES)
        return path;
    char *quoted = mesh_text_quoted(path);
    *error_p = mesh_text_printf("the runtime directory %s is too long for the name of a "
                                "socket in it (mesh/runtime_dir), allowed: at most %d bytes",
                                quoted, (int) RUNTIME_DIR_BYTES);
    free(quoted);
    free(path);
    return NULL;
}

int
mesh_paths_check(const mesh_settings_t *settings, char **error_p)
{
    static const char *const directories[] = {"mesh/runtime_dir", "mesh/state_dir",
                                              "mesh/keys_dir"};
    assert(settings && error_p);
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        const char *configured = mesh_settings_string(settings, directories[i]);
        if (!*configured || *configured == '/')
            continue;
        char *quoted = mesh_text_quoted(configured);
        *error_p =
            mesh_text_printf("%s is %s, allowed: an absolute path", directories[i], quoted);
        free(quoted);
        return -1;
    }
    // Where seeds say where the mesh is, a program may need no such directory.
    if (mesh_settings_list_size(settings, "mesh/seeds") > 0 &&
        !*mesh_settings_string(settings, "mesh/runtime_dir"))
        return 0;
    char *path = runtime_path(settings, error_p);
    free(path);
    return path ? 0 : -1;
}

char *
mesh_paths_runtime_dir(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    char *path = runtime_path(settings, error_p);
    return path ? private_directory(path, "runtime directory", "mesh/runtime_dir", error_p)
                : NULL;
}

// The home directory, for the caller to free, or NULL.
static char *
home_directory(void)
{
    const char *home = absolute_variable("HOME");
    if (home)
        return strdup(home);
    const struct passwd *entry = getpwuid(geteuid());
    return entry && entry->pw_dir && entry->pw_dir[0] == '/' ? strdup(entry->pw_dir) : NULL;
}

char *
mesh_paths_state_dir(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *configured = mesh_settings_string(settings, "mesh/state_dir");
    const char *base = absolute_variable("XDG_STATE_HOME");
    char *path = NULL;
    if (*configured)
        path = without_trailing_slashes(configured);
    else if (base)
        path = mesh_text_printf("%s/aidermesh", base);
    else {
        char *home = home_directory();
        if (!home) {
            *error_p = mesh_text_printf("there is no state directory: neither mesh/state_dir, "
                                        "XDG_STATE_HOME nor HOME is set");
            return NULL;
        }
        path = mesh_text_printf("%s/.local/state/aidermesh", home);
        free(home);
    }
    return private_directory(path, "state directory", "mesh/state_dir", error_p);
}

char *
mesh_paths_spool_dir(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *configured = mesh_settings_string(settings, "spool/dir");
    char *path = NULL;
    if (*configured) {
        path = without_trailing_slashes(configured);
    } else {
        char *state = mesh_paths_state_dir(settings, error_p);
        if (!state)
            return NULL;
        path = mesh_text_printf("%s/spool", state);
        free(state);
    }
    return private_directory(path, "spool directory", "spool/dir", error_p);
}

char *
mesh_paths_discovery_file(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *given = getenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE");
    if (given && *given)
        return strdup(given);
    const char *configured = mesh_settings_string(settings, "mesh/discovery_file");
    if (*configured)
        return strdup(configured);
    char *directory = mesh_paths_runtime_dir(settings, error_p);
    if (!directory)
        return NULL;
    char *path = mesh_text_printf("%s/coordinator_registry.json", directory);
    free(directory);
    return path;
}

char *
mesh_paths_host(const mesh_settings_t *settings)
{
    assert(settings);
    const char *configured = mesh_settings_string(settings, "mesh/host");
    if (*configured)
        return strdup(configured);
    char name[256];
    if (gethostname(name, sizeof name) != 0)
        return strdup("localhost");
    name[sizeof name - 1] = '\0';
    // Linux takes any bytes as a host name; events do not.
    return strdup(*name && mesh_text_is_plain(name) ? name : "localhost");
}
