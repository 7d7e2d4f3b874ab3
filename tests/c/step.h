/* Runs an operation in a child one instruction at a time, as a debugger does, so that what it does to
 * shared memory can be looked at after every single store, or the child killed there. */
#ifndef PX_TESTS_STEP_H
#define PX_TESTS_STEP_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* prepare: what the child does before that, as fast as it can; NULL: nothing. */
static inline pid_t step_begin_behind(void (*prepare)(void), void (*operation)(void))
{
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        if (prepare != NULL)
            prepare();
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        operation();
        syscall(SYS_exit_group, 0); /* _exit() under sanitizers is thousands of instructions */
    }
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        abort();
    return child;
}

static inline pid_t step_begin(void (*operation)(void))
{
    return step_begin_behind(NULL, operation);
}

/* False: the child has ended. */
static inline bool step_once(pid_t child)
{
    int status;
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (WIFSTOPPED(status))
        return true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        abort();
    return false;
}

/* Calls look() after each instruction of operation; look() returning false ends it early. Gives the number
 * of steps. */
static inline unsigned step_through(void (*operation)(void), bool (*look)(void))
{
    pid_t child = step_begin(operation);
    unsigned steps = 0;
    bool good = true;
    while (step_once(child)) {
        steps++;
        good = good && look();
    }
    return steps;
}

/* Runs steps instructions of operation and kills it there. False: it ended before. */
static inline bool step_and_kill_behind(void (*prepare)(void), void (*operation)(void), unsigned steps)
{
    pid_t child = step_begin_behind(prepare, operation);
    for (unsigned i = 0; i < steps; i++)
        if (!step_once(child))
            return false;
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    return true;
}

static inline bool step_and_kill(void (*operation)(void), unsigned steps)
{
    return step_and_kill_behind(NULL, operation, steps);
}

#endif
