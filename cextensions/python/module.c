/* proxyd._engine: the module itself. */
#include "python/engine_object.h"

#include <stdatomic.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "generated/plan.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static PyObject *layout(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    return PyLong_FromLongLong(PX_PLAN_LAYOUT);
}

static PyObject *version(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    char pcre2[64] = "";
    pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    return Py_BuildValue("{ss ss}", "compiler", COMPILER, "pcre2", pcre2);
}

static PyObject *fence(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    atomic_thread_fence(memory_order_seq_cst);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"fence", fence, METH_NOARGS, NULL},
    {"layout", layout, METH_NOARGS, NULL},
    {"version", version, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "proxyd._engine",
    .m_doc = "The C engine of one worker. See _engine.pyi.",
    .m_size = -1,
    .m_methods = functions,
};

static bool fill(PyObject *module)
{
    px_engine_error_type = PyErr_NewExceptionWithDoc(
        "proxyd._engine.EngineError", "The engine refuses, and says why. Nothing has changed.", NULL, NULL);
    if (px_engine_error_type == NULL ||
        PyModule_AddObjectRef(module, "EngineError", px_engine_error_type) < 0)
        return false;
    PyObject *type = PyType_FromSpec(&px_engine_object_spec);
    if (type == NULL)
        return false;
    int added = PyModule_AddObjectRef(module, "Engine", type);
    Py_DECREF(type);
    return added == 0;
}

PyMODINIT_FUNC PyInit__engine(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && !fill(module))
        Py_CLEAR(module);
    return module;
}
