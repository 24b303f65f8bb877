// own_race - a race of our own, on purpose: the suppressions of tsan.supp must not hide it
// SPDX-License-Identifier: MPL-2.0
#include <pthread.h>

#include <czmq.h>

enum { ROUNDS = 20000 };

static int shared;

static void
count(void)
{
    for (int round = 0; round < ROUNDS; round++)
        shared++;
}

static void *
count_in_thread(void *arg)
{
    (void) arg;
    count();
    return NULL;
}

// As our programs would meet it: a thread that libczmq made, called back from its code.
static void
count_in_actor(zsock_t *pipe, void *arg)
{
    (void) arg;
    zsock_signal(pipe, 0);
    count();
    zstr_send(pipe, "counted");
}

// What our programs do: messages that a thread of libzmq carries, an actor that is told to end.
// Nothing of it may be reported.
static void
wait_for_end(zsock_t *pipe, void *arg)
{
    (void) arg;
    zsock_signal(pipe, 0);
    char *word = zstr_recv(pipe);
    zstr_free(&word);
}

static void
race_with_none(void)
{
    zactor_t *actor = zactor_new(wait_for_end, NULL);
    zsock_t *receiver = zsock_new(ZMQ_PULL);
    int port = zsock_bind(receiver, "tcp://127.0.0.1:*");
    zsock_t *sender = zsock_new(ZMQ_PUSH);
    int rc = zsock_connect(sender, "tcp://127.0.0.1:%d", port);
    assert(port > 0 && rc == 0);
    for (int round = 0; round < 100; round++) {
        zstr_send(sender, "a message of more bytes than libzmq keeps in place");
        char *text = zstr_recv(receiver);
        assert(text && text[0] == 'a');
        zstr_free(&text);
    }
    zsock_destroy(&sender);
    zsock_destroy(&receiver);
    zactor_destroy(&actor);
}

static void
race_with_actor(void)
{
    zactor_t *actor = zactor_new(count_in_actor, NULL);
    count();
    char *answer = zstr_recv(actor);
    zstr_free(&answer);
    zactor_destroy(&actor);
}

static void
race_with_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, count_in_thread, NULL) != 0)
        abort();
    count();
    pthread_join(thread, NULL);
}

int
main(int argc, char *argv[])
{
    const char *place = argc == 2 ? argv[1] : "";
    if (streq(place, "none"))
        race_with_none();
    else if (streq(place, "actor"))
        race_with_actor();
    else if (streq(place, "thread"))
        race_with_thread();
    else {
        fprintf(stderr, "usage: own_race none|thread|actor\n");
        return 2;
    }
    return shared < 0;
}
