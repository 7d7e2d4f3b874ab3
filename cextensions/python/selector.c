/* The Engine as asyncio's selector: Python's descriptors among the loop's own. A ready one ends the run of
 * the loop, after the turn in which it was seen, so that Python gets to it while HTTP traffic goes on. */
#include "python/engine_object.h"

#include <math.h>
#include <time.h>

#include "base/memory.h"

typedef struct {
    px_watch watch;
    px_list link;       /* in the object's watches */
    px_list ready_link; /* in the object's ready */
    px_engine_object *object;
    int fd;
    uint32_t events; /* seen since the last select() */
} registered;

static registered *find(px_engine_object *object, int fd)
{
    for (px_list *at = object->watches.next; at != &object->watches; at = at->next) {
        registered *found = PX_CONTAINER(at, registered, link);
        if (found->fd == fd)
            return found;
    }
    return NULL;
}

static registered *find_or_raise(px_engine_object *object, int fd)
{
    registered *found = find(object, fd);
    if (found == NULL)
        PyErr_Format(PyExc_KeyError, "descriptor %d is not registered", fd);
    return found;
}

static void on_event(px_watch *watch, uint32_t events)
{
    registered *seen = PX_CONTAINER(watch, registered, watch);
    seen->events |= events;
    if (px_list_empty(&seen->ready_link))
        px_list_append(&seen->object->ready, &seen->ready_link);
    px_loop_stop(px_engine_loop(seen->object->engine));
}

static void forget(px_engine_object *object, registered *found)
{
    px_loop_unwatch(px_engine_loop(object->engine), &found->watch, false);
    px_list_unlink(&found->link);
    px_list_unlink(&found->ready_link);
    free(found);
}

void px_engine_object_forget_watches(px_engine_object *object)
{
    while (!px_list_empty(&object->watches))
        forget(object, PX_CONTAINER(object->watches.next, registered, link));
}

PyObject *px_engine_object_register(PyObject *self, PyObject *arguments)
{
    int fd;
    unsigned events;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "iI:register", &fd, &events))
        return NULL;
    if (find(object, fd) != NULL)
        return PyErr_Format(PyExc_KeyError, "descriptor %d is already registered", fd);
    registered *made = px_memory_zalloc(sizeof *made);
    px_watch_init(&made->watch, on_event);
    made->object = object;
    made->fd = fd;
    if (!px_loop_watch_level(px_engine_loop(object->engine), &made->watch, fd, events)) {
        free(made);
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    px_list_init(&made->ready_link);
    px_list_append(&object->watches, &made->link);
    Py_RETURN_NONE;
}

PyObject *px_engine_object_modify(PyObject *self, PyObject *arguments)
{
    int fd;
    unsigned events;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "iI:modify", &fd, &events))
        return NULL;
    registered *found = find_or_raise(object, fd);
    if (found == NULL)
        return NULL;
    if (!px_loop_watch_modify(px_engine_loop(object->engine), &found->watch, events))
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

PyObject *px_engine_object_unregister(PyObject *self, PyObject *arguments)
{
    int fd;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "i:unregister", &fd))
        return NULL;
    registered *found = find_or_raise(object, fd);
    if (found == NULL)
        return NULL;
    forget(object, found);
    Py_RETURN_NONE;
}

/* When a select with this timeout ends: monotonic milliseconds, rounded up, so that asyncio's timers are
 * due then. */
static uint64_t end_ms(double timeout_s)
{
    if (timeout_s < 0)
        return UINT64_MAX;
    if (timeout_s == 0)
        return 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double now_ms = (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
    return (uint64_t)ceil(now_ms + fmin(timeout_s, 1e9) * 1e3);
}

/* Takes what is ready: a list of (descriptor, events). */
static PyObject *take_ready(px_engine_object *object)
{
    PyObject *list = PyList_New(0);
    while (list != NULL && !px_list_empty(&object->ready)) {
        registered *seen = PX_CONTAINER(object->ready.next, registered, ready_link);
        PyObject *pair = Py_BuildValue("(iI)", seen->fd, (unsigned)seen->events);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
        px_list_unlink(&seen->ready_link);
        seen->events = 0;
    }
    return list;
}

PyObject *px_engine_object_select(PyObject *self, PyObject *arguments)
{
    double timeout_s;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "d:select", &timeout_s))
        return NULL;
    if (isnan(timeout_s))
        return PyErr_Format(PyExc_ValueError, "the timeout is not a number");
    uint64_t until_ms = end_ms(timeout_s);
    object->selecting = true;
    PyThreadState *saved = PyEval_SaveThread();
    px_loop_run(px_engine_loop(object->engine), until_ms);
    PyEval_RestoreThread(saved);
    object->selecting = false;
    return take_ready(object);
}
