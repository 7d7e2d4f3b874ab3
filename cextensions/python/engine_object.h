/* The Python object around one px_engine: what the files of this directory share. */
#ifndef PX_PYTHON_ENGINE_OBJECT_H
#define PX_PYTHON_ENGINE_OBJECT_H

/* "s#" and the like count with Py_ssize_t. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "engine.h"

typedef struct px_engine_object {
    PyObject ob_base;
    px_engine *engine;    /* NULL: closed, or never made */
    unsigned long thread; /* whose calls are allowed */
    bool selecting;       /* the thread is in select(), without the GIL */
    px_list watches;      /* of Python's descriptors (selector.c) */
    px_list ready;        /* those of them that have events */
} px_engine_object;

/* The object, when this thread may call it now; NULL with a Python exception: wrong thread, closed, or
 * inside select(). */
px_engine_object *px_engine_object_checked(PyObject *self);

/* selector.c */
PyObject *px_engine_object_register(PyObject *self, PyObject *arguments);
PyObject *px_engine_object_modify(PyObject *self, PyObject *arguments);
PyObject *px_engine_object_unregister(PyObject *self, PyObject *arguments);
PyObject *px_engine_object_select(PyObject *self, PyObject *arguments);
/* Forgets all registered descriptors. */
void px_engine_object_forget_watches(px_engine_object *object);

/* engine_object.c: the type, and the exception that it raises (module.c makes it). */
extern PyType_Spec px_engine_object_spec;
extern PyObject *px_engine_error_type;

#endif
