/* native.c: the Python side of libtacho: spans and their kin for less than the cost of one Python
 * call.
 *
 * What: functions by id (tacho/tacho.h), the context manager Span, the callable Timed that times
 * each call of another one, and Peak, which watches the process's memory from a thread that needs
 * no interpreter lock. Python: CPython 3.8 and newer. Works without the interpreter lock, too
 * (3.13t): libtacho has slots per thread, and nothing here is shared but what is said to be.
 * Errors: wrong types raise TypeError; libtacho itself reports none.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tacho/tacho.h"

#if PY_VERSION_HEX < 0x03090000
#define Py_TPFLAGS_HAVE_VECTORCALL _Py_TPFLAGS_HAVE_VECTORCALL
#define PyVectorcall_Function _PyVectorcall_Function
#define PyObject_Vectorcall _PyObject_Vectorcall
#endif

/* ---- functions by id ---- */

/* -1 with an exception: not such a number. Ids come from intern(); a foreign number is refused by
 * libtacho itself. */
static int id_of(PyObject *object, uint32_t *ret_id)
{
    unsigned long value = PyLong_AsUnsignedLong(object);
    if (value == (unsigned long)-1 && PyErr_Occurred())
        return -1;
    *ret_id = value > UINT32_MAX ? 0 : (uint32_t)value;
    return 0;
}

static int wants(Py_ssize_t count, Py_ssize_t least, Py_ssize_t most, const char *name)
{
    if (count >= least && count <= most)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments, not %zd", name, least, most,
                 count);
    return -1;
}

/* Text that is no UTF-8 (a camera's device that came by os.fsdecode) is written with '?' for what
 * cannot be: a name must not break the program. */
static PyObject *intern(PyObject *text, enum tacho_name_kind kind, unsigned flags)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace");
    if (!bytes)
        return NULL;
    uint32_t id = tacho_id(PyBytes_AS_STRING(bytes), kind, flags);
    Py_DECREF(bytes);
    return PyLong_FromUnsignedLong(id);
}

static PyObject *native_intern(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    if (wants(count, 2, 3, "intern") < 0)
        return NULL;
    if (!PyUnicode_Check(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "a name is a text, not %R", arguments[0]);
    long kind = PyLong_AsLong(arguments[1]);
    unsigned long flags = count > 2 && !PyErr_Occurred() ? PyLong_AsUnsignedLong(arguments[2]) : 0;
    if (PyErr_Occurred())
        return NULL;
    if (kind < TACHO_NAME_SPAN || kind > TACHO_NAME_MARK)
        return PyErr_Format(PyExc_ValueError, "%ld is no kind of name", kind);
    return intern(arguments[0], (enum tacho_name_kind)kind, (unsigned)flags);
}

#define BY_ID(function, call)                                                                      \
    static PyObject *native_##function(PyObject *module, PyObject *object)                         \
    {                                                                                              \
        uint32_t id;                                                                               \
        if (id_of(object, &id) < 0)                                                                \
            return NULL;                                                                           \
        call(id);                                                                                  \
        Py_RETURN_NONE;                                                                            \
    }
BY_ID(begin, tacho_begin_id)
BY_ID(end, tacho_end_id)
BY_ID(end_error, tacho_end_error_id)
BY_ID(frame, tacho_frame_id)
BY_ID(mark, tacho_mark_id)

static PyObject *native_begin_token(PyObject *module, PyObject *nothing)
{
    return PyLong_FromUnsignedLongLong(tacho_begin_token());
}

static PyObject *native_end_token(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    uint32_t id;
    if (wants(count, 2, 3, "end_token") < 0 || id_of(arguments[0], &id) < 0)
        return NULL;
    unsigned long long token = PyLong_AsUnsignedLongLong(arguments[1]);
    int is_error = count > 2 ? PyObject_IsTrue(arguments[2]) : 0;
    if (is_error < 0 || PyErr_Occurred())
        return NULL;
    tacho_end_token_id(id, token, is_error);
    Py_RETURN_NONE;
}

static PyObject *native_record(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    uint32_t id;
    if (wants(count, 3, 3, "record") < 0 || id_of(arguments[0], &id) < 0)
        return NULL;
    unsigned long long end_ns = PyLong_AsUnsignedLongLong(arguments[1]);
    unsigned long long duration_ns = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    tacho_record_id(id, end_ns, duration_ns);
    Py_RETURN_NONE;
}

/* Whatever is a whole number, numpy's too. -1 with an exception: none that a counter can grow by.
 */
static int add_of(PyObject *object, unsigned long long *ret_add)
{
    PyObject *whole = PyNumber_Index(object);
    if (!whole)
        return -1;
    *ret_add = PyLong_AsUnsignedLongLong(whole);
    Py_DECREF(whole);
    if (!PyErr_Occurred())
        return 0;
    PyErr_Format(PyExc_ValueError, "a counter only grows, by 0 to 2^64-1 at a time, not by %R",
                 object);
    return -1;
}

static PyObject *native_count(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    uint32_t id;
    if (wants(count, 1, 2, "count") < 0 || id_of(arguments[0], &id) < 0)
        return NULL;
    unsigned long long add = 1;
    if (count > 1 && add_of(arguments[1], &add) < 0)
        return NULL;
    tacho_count_id(id, add);
    Py_RETURN_NONE;
}

static PyObject *native_gauge(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    uint32_t id;
    if (wants(count, 2, 2, "gauge") < 0 || id_of(arguments[0], &id) < 0)
        return NULL;
    double value = PyFloat_AsDouble(arguments[1]);
    if (value == -1 && PyErr_Occurred())
        return NULL;
    tacho_gauge_id(id, value);
    Py_RETURN_NONE;
}

static PyObject *native_segment_path(PyObject *module, PyObject *nothing)
{
    return PyUnicode_DecodeFSDefault(tacho_segment_path());
}

static PyObject *native_status(PyObject *module, PyObject *nothing)
{
    return PyLong_FromLong(tacho_status());
}

static PyObject *native_close(PyObject *module, PyObject *nothing)
{
    tacho_close();
    Py_RETURN_NONE;
}

/* ---- Span ---- */

/* `with Span(id):`. It holds no state but the id: the thread's stack of open spans is libtacho's,
 * so one object serves all threads and nests in itself. */
struct span {
    PyObject_HEAD uint32_t id;
};

static int span_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"id", NULL};
    unsigned int id;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "I", names, &id))
        return -1;
    ((struct span *)self)->id = id;
    return 0;
}

static PyObject *span_enter(PyObject *self, PyObject *nothing)
{
    tacho_begin_id(((struct span *)self)->id);
    Py_INCREF(self);
    return self;
}

/* __exit__(type, value, traceback): an exception goes on, and the span counts as an error. */
static PyObject *span_exit(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    uint32_t id = ((struct span *)self)->id;
    if (count > 0 && arguments[0] != Py_None)
        tacho_end_error_id(id);
    else
        tacho_end_id(id);
    Py_RETURN_NONE;
}

static PyMethodDef span_methods[] = {
    {"__enter__", span_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))span_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};
static PyMemberDef span_members[] = {
    {"id", T_UINT, offsetof(struct span, id), READONLY, "what intern() gave"},
    {NULL, 0, 0, 0, NULL}};

static PyTypeObject span_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tacho._native.Span",
    .tp_basicsize = sizeof(struct span),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "Span(id): a context manager that records a span; one object for all threads.",
    .tp_new = PyType_GenericNew,
    .tp_init = span_init,
    .tp_methods = span_methods,
    .tp_members = span_members,
};

/* ---- Timed ---- */

/* A callable around another: each call is a span. It binds like a function, so that it can stand
 * where a method stood. */
struct timed {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *function, *dict, *weak;
    uint32_t id;
};

static PyObject *timed_vectorcall(PyObject *self, PyObject *const *arguments, size_t count,
                                  PyObject *names)
{
    struct timed *timed = (struct timed *)self;
    uint32_t id = timed->id;
    tacho_begin_id(id);
    PyObject *result = PyObject_Vectorcall(timed->function, arguments, count, names);
    if (result)
        tacho_end_id(id);
    else
        tacho_end_error_id(id);
    return result;
}

static PyObject *timed_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"function", "id", NULL};
    PyObject *function;
    unsigned int id;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OI", names, &function, &id))
        return NULL;
    if (!PyCallable_Check(function))
        return PyErr_Format(PyExc_TypeError, "%R cannot be called", function);
    struct timed *self = (struct timed *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    Py_INCREF(function);
    self->function = function;
    self->vectorcall = timed_vectorcall;
    self->id = id;
    return (PyObject *)self;
}

static int timed_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct timed *)self)->function);
    Py_VISIT(((struct timed *)self)->dict);
    return 0;
}

static int timed_clear(PyObject *self)
{
    Py_CLEAR(((struct timed *)self)->function);
    Py_CLEAR(((struct timed *)self)->dict);
    return 0;
}

static void timed_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    if (((struct timed *)self)->weak)
        PyObject_ClearWeakRefs(self);
    timed_clear(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *timed_get(PyObject *self, PyObject *object, PyObject *type)
{
    if (object && object != Py_None)
        return PyMethod_New(self, object);
    Py_INCREF(self);
    return self;
}

/* By its name, as functions are pickled. */
static PyObject *timed_reduce(PyObject *self, PyObject *nothing)
{
    return PyObject_GetAttrString(self, "__qualname__");
}

static PyObject *timed_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<timed %R>", ((struct timed *)self)->function);
}

static PyMethodDef timed_methods[] = {{"__reduce__", timed_reduce, METH_NOARGS, NULL},
                                      {NULL, NULL, 0, NULL}};
static PyMemberDef timed_members[] = {
    {"function", T_OBJECT, offsetof(struct timed, function), READONLY, "what it calls"},
    {"id", T_UINT, offsetof(struct timed, id), READONLY, "what intern() gave"},
    {NULL, 0, 0, 0, NULL}};
static PyGetSetDef timed_properties[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject timed_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tacho._native.Timed",
    .tp_basicsize = sizeof(struct timed),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "Timed(function, id): calls function, and records each call as a span.",
    .tp_new = timed_new,
    .tp_dealloc = timed_dealloc,
    .tp_traverse = timed_traverse,
    .tp_clear = timed_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(struct timed, vectorcall),
    .tp_descr_get = timed_get,
    .tp_repr = timed_repr,
    .tp_methods = timed_methods,
    .tp_members = timed_members,
    .tp_getset = timed_properties,
    .tp_dictoffset = offsetof(struct timed, dict),
    .tp_weaklistoffset = offsetof(struct timed, weak),
};

/* ---- Peak ---- */

/* The largest resident set while it is open, looked at every few milliseconds by one thread for all
 * of them; it runs only while somebody is open. */
#define PEAK_INTERVAL_NS 2000000
#define PEAKS_MAX 64

static struct {
    pthread_mutex_t lock;
    bool is_running;
    unsigned open;
    uint64_t largest[PEAKS_MAX]; /* bytes */
    bool is_used[PEAKS_MAX];
    int statm_fd;
} peaks = {.lock = PTHREAD_MUTEX_INITIALIZER, .statm_fd = -1};

static uint64_t read_rss(void)
{
    char text[128] = "", *end;
    static long page;
    if (!page)
        page = sysconf(_SC_PAGESIZE);
    if (peaks.statm_fd < 0)
        peaks.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (peaks.statm_fd < 0 || pread(peaks.statm_fd, text, sizeof(text) - 1, 0) <= 0)
        return 0;
    (void)strtoull(text, &end, 10);
    return strtoull(end, NULL, 10) * (uint64_t)page;
}

/* Under the lock. */
static void note_rss(void)
{
    uint64_t bytes = read_rss();
    for (size_t i = 0; i < PEAKS_MAX; i++) {
        if (peaks.is_used[i] && bytes > peaks.largest[i])
            peaks.largest[i] = bytes;
    }
}

static void *watch_peaks(void *nothing)
{
    static const struct timespec pause = {.tv_nsec = PEAK_INTERVAL_NS};
    for (bool goes_on = true; goes_on;) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        pthread_mutex_lock(&peaks.lock);
        note_rss();
        goes_on = peaks.is_running = peaks.open > 0;
        pthread_mutex_unlock(&peaks.lock);
    }
    return NULL;
}

/* No thread follows a fork. Its descriptor is that of the parent's memory. */
static void before_fork(void)
{
    pthread_mutex_lock(&peaks.lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&peaks.lock);
}

static void after_fork_in_child(void)
{
    peaks.is_running = false;
    if (peaks.statm_fd >= 0)
        close(peaks.statm_fd);
    peaks.statm_fd = -1;
    pthread_mutex_unlock(&peaks.lock);
}

static void start_watching(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 65536);
    peaks.is_running = pthread_create(&thread, &attributes, watch_peaks, NULL) == 0;
    pthread_attr_destroy(&attributes);
}

/* peak_begin() -> handle, -1: no room. peak_end(handle) -> bytes, 0: not known. */
static PyObject *native_peak_begin(PyObject *module, PyObject *nothing)
{
    long handle = -1;
    pthread_mutex_lock(&peaks.lock);
    for (long i = 0; i < PEAKS_MAX && handle < 0; i++)
        handle = peaks.is_used[i] ? -1 : i;
    if (handle >= 0) {
        peaks.is_used[handle] = true;
        peaks.largest[handle] = 0;
        peaks.open++;
        note_rss();
        if (!peaks.is_running)
            start_watching();
    }
    pthread_mutex_unlock(&peaks.lock);
    return PyLong_FromLong(handle);
}

static PyObject *native_peak_end(PyObject *module, PyObject *object)
{
    uint64_t bytes = 0;
    long handle = PyLong_AsLong(object);
    if (handle == -1 && PyErr_Occurred())
        return NULL;
    pthread_mutex_lock(&peaks.lock);
    if (handle >= 0 && handle < PEAKS_MAX && peaks.is_used[handle]) {
        note_rss();
        bytes = peaks.largest[handle];
        peaks.is_used[handle] = false;
        peaks.open--;
    }
    pthread_mutex_unlock(&peaks.lock);
    return PyLong_FromUnsignedLongLong(bytes);
}

/* ---- the module ---- */

#define FAST(name) (PyCFunction)(void (*)(void)) native_##name, METH_FASTCALL

static PyMethodDef methods[] = {
    {"intern", FAST(intern), "intern(name, kind, flags=0): the id of a name; 0: no room"},
    {"begin", native_begin, METH_O, "begin(id): begins a span of this thread"},
    {"end", native_end, METH_O, "end(id): ends it"},
    {"end_error", native_end_error, METH_O, "end_error(id): ends it as an error"},
    {"begin_token", native_begin_token, METH_NOARGS, "begin_token(): the beginning of work"},
    {"end_token", FAST(end_token), "end_token(id, token, is_error=False)"},
    {"record", FAST(record), "record(id, end_ns, duration_ns): measured by something else"},
    {"frame", native_frame, METH_O, "frame(id): one more frame"},
    {"count", FAST(count), "count(id, n=1)"},
    {"gauge", FAST(gauge), "gauge(id, value)"},
    {"mark", native_mark, METH_O, "mark(id)"},
    {"segment_path", native_segment_path, METH_NOARGS, "segment_path(): '' while there is none"},
    {"status", native_status, METH_NOARGS, "status(): 0, or why nothing is recorded"},
    {"close", native_close, METH_NOARGS, "close(): this process ends in order, by os._exit()"},
    {"peak_begin", native_peak_begin, METH_NOARGS, "peak_begin(): a handle, -1: no room"},
    {"peak_end", native_peak_end, METH_O, "peak_end(handle): bytes, 0: not known"},
    {NULL, NULL, 0, NULL}};

static int exec_module(PyObject *module)
{
    static bool has_handlers;
    if (PyType_Ready(&span_type) < 0 || PyType_Ready(&timed_type) < 0)
        return -1;
    Py_INCREF(&span_type);
    if (PyModule_AddObject(module, "Span", (PyObject *)&span_type) < 0)
        return -1;
    Py_INCREF(&timed_type);
    if (PyModule_AddObject(module, "Timed", (PyObject *)&timed_type) < 0)
        return -1;
    if (!has_handlers)
        pthread_atfork(before_fork, after_fork, after_fork_in_child);
    has_handlers = true;
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, exec_module},
#ifdef Py_mod_gil
                                   {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
                                   {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "tacho._native", .m_doc = "libtacho for Python; see tacho.",
    .m_size = 0,           .m_methods = methods,      .m_slots = slots};

__attribute__((visibility("default"))) /* 3.8 exports it only without -fvisibility */
PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
