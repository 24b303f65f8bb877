// wiring - what stands between each of the user's descriptors 0, 1, 2 and the command's
// SPDX-License-Identifier: MPL-2.0
#include "wiring.h"

#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

wiring_t
wiring_decide(const wiring_question_t *question)
{
    wiring_t wiring = {.session = question->terminal[0] && question->terminal[1]};
    wiring_kind_t terminal = wiring.session ? WIRING_TERMINAL : WIRING_SCREEN;

    for (int fd = 0; fd < 3; fd++) {
        if (question->closed[fd])
            wiring.of[fd] = WIRING_CLOSED;
        else if (question->terminal[fd])
            wiring.of[fd] = terminal;
        else
            wiring.of[fd] = WIRING_PIPE;
    }
    if (wiring.of[0] == WIRING_SCREEN ||
        (wiring.of[0] == WIRING_PIPE && !question->watch_stdin))
        wiring.of[0] = WIRING_INHERIT;
    // Two terminals are taken for one: a command has one controlling terminal in any case.
    if (wiring.of[1] == wiring.of[2] &&
        (wiring.of[1] != WIRING_PIPE || question->stderr_is_stdout) &&
        wiring.of[1] != WIRING_CLOSED)
        wiring.of[2] = WIRING_AS_STDOUT;
    return wiring;
}

static bool
same_open_file(int left, int right)
{
    // kcmp tells for certain, but some sandboxes refuse it.
    long order = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, left, right);
    if (order >= 0)
        return order == 0;
    struct stat one;
    struct stat other;
    return fstat(left, &one) == 0 && fstat(right, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

wiring_question_t
wiring_ask(const bool closed[3], bool watch_stdin)
{
    wiring_question_t question = {.watch_stdin = watch_stdin};
    for (int fd = 0; fd < 3; fd++) {
        question.closed[fd] = closed[fd];
        question.terminal[fd] = !closed[fd] && isatty(fd);
    }
    question.stderr_is_stdout = !closed[1] && !closed[2] && same_open_file(1, 2);
    return question;
}
