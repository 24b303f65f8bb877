// supervisor - programs started one by one, watched, and stopped in reverse order
// SPDX-License-Identifier: MPL-2.0
//
// Tells when a program is ready, as it says itself (NOTIFY_SOCKET), and when it has ended.
// Restarts nothing: what to do is the caller's to decide. The programs die with the process
// that started them. One a process, in the loop's thread. Times are CLOCK_MONOTONIC
// milliseconds.
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include <czmq.h>

enum {
    SUPERVISOR_PROGRAMS = 8,        // the most that can be started
    SUPERVISOR_ENDING_SIZE = 96,    // for supervisor_describe
};

typedef struct supervisor supervisor_t;

// All called in the loop's thread, never from within a call of ours.
typedef struct supervisor_handler {
    // A program said that it is ready.
    void (*on_ready)(void *arg, const char *name);
    // A program has ended; status as waitpid gives it.
    void (*on_ended)(void *arg, const char *name, int status);
} supervisor_handler_t;

// Create a supervisor; it blocks SIGCHLD for the process. handler is borrowed. Returns NULL
// with errno set when the kernel refuses a socket or a signalfd.
supervisor_t *supervisor_new(zloop_t *loop, const supervisor_handler_t *handler, void *arg);

// End the supervisor; programs that still run are killed and waited for.
void supervisor_destroy(supervisor_t **self_p);

// Start a program: file is its path, or a name to look for in PATH; name, copied, is what the
// handler is told. Its standard input is /dev/null, its output goes to our stderr, and it leads
// a process group of its own, so that Ctrl-C reaches us alone and the order of the end is ours.
// Returns 0, or -1 with errno set when it could not be executed.
int supervisor_start(supervisor_t *self, const char *name, const char *file,
                     char *const arguments[]);

// Ask the programs to end, the last started first, each once the one before has ended; kill
// the one that has not within grace_ms. A second call does nothing.
void supervisor_stop(supervisor_t *self, int64_t grace_ms);

// Send every program that runs a signal, e.g. SIGHUP.
void supervisor_signal(supervisor_t *self, int number);

// How many have been started and have not ended.
size_t supervisor_running(const supervisor_t *self);

// Whether the program of that name runs and has said that it is ready.
bool supervisor_is_ready(const supervisor_t *self, const char *name);

// Say how a program ended, from waitpid's status: "ended with status 1", "was killed by signal
// 9 (Killed)". Returns text.
const char *supervisor_describe(int status, char text[static SUPERVISOR_ENDING_SIZE]);

#endif
