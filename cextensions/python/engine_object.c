/* proxyd._engine.Engine: converts arguments, calls one function of engine.h, converts the result. */
#include "python/engine_object.h"

#include "base/memory.h"

PyObject *px_engine_error_type;

static px_engine_object *unchecked(PyObject *self)
{
    return (px_engine_object *)(void *)self;
}

px_engine_object *px_engine_object_checked(PyObject *self)
{
    px_engine_object *object = unchecked(self);
    if (object->engine == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the engine is closed");
    else if (object->thread != PyThread_get_thread_ident())
        PyErr_SetString(PyExc_RuntimeError, "the engine belongs to another thread");
    else if (object->selecting)
        PyErr_SetString(PyExc_RuntimeError, "the engine is in select()");
    else
        return object;
    return NULL;
}

static PyObject *raise_error(const px_engine_error *error)
{
    PyObject *text = PyUnicode_DecodeUTF8(error->text, (Py_ssize_t)strlen(error->text), "backslashreplace");
    if (text != NULL)
        PyErr_SetObject(px_engine_error_type, text);
    Py_XDECREF(text);
    return NULL;
}

/* ---- life ---- */

static int init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"worker", "ledgers_fd", "peers_fd", NULL};
    px_engine_object *object = unchecked(self);
    int worker, ledgers_fd, peers_fd;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "iii:Engine", names, &worker, &ledgers_fd,
                                     &peers_fd))
        return -1;
    if (object->engine != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the engine is made already");
        return -1;
    }
    px_engine_error error = {""};
    object->engine = px_engine_new(worker, ledgers_fd, peers_fd, &error);
    if (object->engine == NULL) {
        raise_error(&error);
        return -1;
    }
    object->thread = PyThread_get_thread_ident();
    px_list_init(&object->watches);
    px_list_init(&object->ready);
    return 0;
}

static void end(px_engine_object *object)
{
    if (object->engine == NULL)
        return;
    px_engine_object_forget_watches(object);
    px_engine_delete(&object->engine);
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    end(unchecked(self));
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *close_engine(PyObject *self, PyObject *none)
{
    (void)none;
    if (unchecked(self)->engine == NULL)
        Py_RETURN_NONE; /* closing twice is fine */
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL)
        return NULL;
    end(object);
    Py_RETURN_NONE;
}

/* ---- descriptors: dict[str, int] to an array ---- */

typedef struct {
    px_descriptor *items;
    PyObject **keys; /* own the bytes of the items' keys */
    uint32_t count;
} descriptors;

static void drop(descriptors *taken)
{
    for (uint32_t i = 0; i < taken->count; i++)
        Py_DECREF(taken->keys[i]);
    free(taken->items);
    free(taken->keys);
}

static bool add(descriptors *taken, PyObject *key, PyObject *value)
{
    if (!PyUnicode_Check(key)) {
        PyErr_SetString(PyExc_TypeError, "a descriptor's key is a str");
        return false;
    }
    long fd = PyLong_AsLong(value);
    if (fd == -1 && PyErr_Occurred())
        return false;
    if (fd < 0 || fd > INT_MAX) {
        PyErr_Format(PyExc_ValueError, "%R: %ld is not a descriptor", key, fd);
        return false;
    }
    /* Keys hold paths: what was not UTF-8 in them goes back to what it was. */
    PyObject *bytes = PyUnicode_AsEncodedString(key, "utf-8", "surrogateescape");
    if (bytes == NULL)
        return false;
    taken->keys[taken->count] = bytes;
    taken->items[taken->count++] =
        (px_descriptor){px_slice_from(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)), (int)fd};
    return true;
}

/* False with a Python exception: nothing to drop. */
static bool take(descriptors *taken, PyObject *dict)
{
    size_t size = (size_t)PyDict_GET_SIZE(dict);
    taken->items = px_memory_alloc(size * sizeof *taken->items);
    taken->keys = px_memory_alloc(size * sizeof *taken->keys);
    taken->count = 0;
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value);) {
        if (!add(taken, key, value)) {
            drop(taken);
            return false;
        }
    }
    return true;
}

/* ---- generations ---- */

/* The engine, its clock set to now: timers that a call starts must not count from the last turn. */
static px_engine *engine_now(px_engine_object *object)
{
    px_loop_clock_update(px_engine_loop(object->engine));
    return object->engine;
}

static PyObject *prepare(PyObject *self, PyObject *arguments)
{
    Py_buffer plan;
    PyObject *dict;
    descriptors taken;
    px_engine_error error = {""};
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "y*O!:prepare", &plan, &PyDict_Type, &dict))
        return NULL;
    if (!take(&taken, dict)) {
        PyBuffer_Release(&plan);
        return NULL;
    }
    uint64_t generation = px_engine_prepare(engine_now(object), px_slice_from(plan.buf, (size_t)plan.len),
                                            taken.items, taken.count, &error);
    drop(&taken);
    PyBuffer_Release(&plan);
    return generation > 0 ? PyLong_FromUnsignedLongLong(generation) : raise_error(&error);
}

static PyObject *activate(PyObject *self, PyObject *arguments)
{
    unsigned long long generation;
    px_engine_error error = {""};
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "K:activate", &generation))
        return NULL;
    if (!px_engine_activate(engine_now(object), generation, &error))
        return raise_error(&error);
    Py_RETURN_NONE;
}

static PyObject *discard(PyObject *self, PyObject *arguments)
{
    unsigned long long generation;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "K:discard", &generation))
        return NULL;
    px_engine_discard(engine_now(object), generation);
    Py_RETURN_NONE;
}

static PyObject *reopen(PyObject *self, PyObject *arguments)
{
    PyObject *dict;
    descriptors taken;
    px_engine_error error = {""};
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "O!:reopen", &PyDict_Type, &dict) ||
        !take(&taken, dict))
        return NULL;
    bool good = px_engine_reopen(engine_now(object), taken.items, taken.count, &error);
    drop(&taken);
    if (!good)
        return raise_error(&error);
    Py_RETURN_NONE;
}

static PyObject *drain(PyObject *self, PyObject *arguments)
{
    long long timeout_ms, idle_ms = 0;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL || !PyArg_ParseTuple(arguments, "L|L:drain", &timeout_ms, &idle_ms))
        return NULL;
    if (timeout_ms < 0 || idle_ms < 0)
        return PyErr_Format(PyExc_ValueError, "times of %lld and %lld ms", timeout_ms, idle_ms);
    px_engine_drain(engine_now(object), (uint64_t)timeout_ms, (uint64_t)idle_ms);
    Py_RETURN_NONE;
}

static PyObject *live(PyObject *self, PyObject *none)
{
    (void)none;
    px_engine_object *object = px_engine_object_checked(self);
    if (object == NULL)
        return NULL;
    px_engine_live now = px_engine_count_live(object->engine);
    return Py_BuildValue("{sK sK sK sK sK sK sK sK}", "connections", now.connections, "requests",
                         now.requests, "tunnels", now.tunnels, "idle_upstream", now.idle_upstream,
                         "generations", now.generations, "objects", now.objects, "timers", now.timers,
                         "blocks", now.blocks);
}

/* The texts are in proxyd/_engine.pyi. */
static PyMethodDef methods[] = {
    {"register", px_engine_object_register, METH_VARARGS, NULL},
    {"modify", px_engine_object_modify, METH_VARARGS, NULL},
    {"unregister", px_engine_object_unregister, METH_VARARGS, NULL},
    {"select", px_engine_object_select, METH_VARARGS, NULL},
    {"prepare", prepare, METH_VARARGS, NULL},
    {"activate", activate, METH_VARARGS, NULL},
    {"discard", discard, METH_VARARGS, NULL},
    {"reopen", reopen, METH_VARARGS, NULL},
    {"drain", drain, METH_VARARGS, NULL},
    {"live", live, METH_NOARGS, NULL},
    {"close", close_engine, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_init, init},
    {Py_tp_dealloc, dealloc},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_methods, methods},
    {Py_tp_doc, "The C side of one worker. One per worker; every call comes from the thread that made it."},
    {0, NULL},
};

PyType_Spec px_engine_object_spec = {
    .name = "proxyd._engine.Engine",
    .basicsize = sizeof(px_engine_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
