/* segment.h: the shared-memory segment of an instrumented process, version 1.0.
 *
 * What: one file per process, DIR/tacho.UID.PID.START (DIR: TACHO_SHM_DIR, else /dev/shm; START:
 *       field 22 of /proc/PID/stat), mode 0600, mapped by the process that writes it and read by
 *       anybody who may open it, alive or after its death. Where that name is taken, ".1" to ".9"
 *       follow it: exec keeps pid and start, and a process may hold two copies of the library.
 *       This header is the whole contract: a reader needs nothing else of libtacho.
 *       docs/segment.md says it in prose.
 * Layout: the header, then the sections that it lists; offsets count from the start of the file,
 *       nothing holds a pointer. All sizes are fixed when the file is created. Integers are of the
 *       machine's byte order (`byte_order` tells), times are CLOCK_MONOTONIC ns.
 * Versions: `major` other than this one: refuse. A larger `minor` only adds fields behind those
 *       known here and sections of unknown kinds: go by header_size and each section's stride.
 * Writing: every shared word is written by relaxed atomic stores of one thread (a slot has one
 *       owner), except where a field says "any thread". What becomes visible as a whole is
 * published by a release store named in its comment. Counters and buckets only grow, and are never
 *       reset: an interval is the difference of two readings.
 * Reading: treat every byte as hostile. Check magic, version and every offset, stride and count
 *       against the file's size before use, copy by pread(2) (a mapping dies by SIGBUS when the
 *       writer truncates), clip names, and never wait for a state to change.
 * Life: the writer holds a POSIX write lock (fcntl, first byte of the file) as long as it lives;
 * the kernel drops it at any death. `state` LIVE without that lock: crashed, killed or exec'ed.
 */
#ifndef TACHO_SEGMENT_H
#define TACHO_SEGMENT_H

#include <stdint.h>

#define TACHO_SEGMENT_MAGIC "TACHO\r\n\032" /* 8 bytes; a text-mode copy breaks it */
#define TACHO_SEGMENT_MAJOR 1
#define TACHO_SEGMENT_MINOR 0
#define TACHO_SEGMENT_BYTE_ORDER 0x01020304u
#define TACHO_SEGMENT_SECTIONS 8

#define TACHO_SEGMENT_NAME_BYTES 56
#define TACHO_SEGMENT_OPEN_MAX 16 /* spans open at a time in one thread */

/* Histogram of ns, as tacho's own (stats/hist.h): 2^7 buckets per power of two, values below 2^8
 * exactly; relative error at most 2^-8 (0.39 %). With e = max(7, position of the highest bit):
 * index = (e - 7) * 128 + (value >> (e - 7)). Values of 2^37 ns (137 s) and more only count in
 * `over`. */
#define TACHO_SEGMENT_HIST_SUB_BITS 7
#define TACHO_SEGMENT_HIST_TOP_BIT 37
#define TACHO_SEGMENT_HIST_BUCKETS                                                                 \
    ((TACHO_SEGMENT_HIST_TOP_BIT - TACHO_SEGMENT_HIST_SUB_BITS + 1) << TACHO_SEGMENT_HIST_SUB_BITS)

enum tacho_segment_state {
    TACHO_SEGMENT_BUILDING = 0, /* sections are not there yet: not readable */
    TACHO_SEGMENT_LIVE = 1,
    TACHO_SEGMENT_CLOSED = 2, /* the process ended in order */
};

enum tacho_segment_kind {
    TACHO_SECTION_NONE = 0,
    TACHO_SECTION_NAMES = 1,    /* struct tacho_segment_name */
    TACHO_SECTION_THREADS = 2,  /* struct tacho_segment_thread */
    TACHO_SECTION_COUNTERS = 3, /* rows of uint64, one per counter slot; a counter is the sum of its
                                   column. A row per thread, then one of those without a slot */
    TACHO_SECTION_GAUGES = 4,   /* struct tacho_segment_gauge per gauge slot */
    TACHO_SECTION_MARKS = 5,    /* struct tacho_segment_mark */
    TACHO_SECTION_HISTS = 6,    /* struct tacho_segment_hist */
    TACHO_SECTION_RINGS = 7,    /* struct tacho_segment_ring, then its events */
};

enum tacho_name_kind {
    TACHO_NAME_SPAN = 1,    /* a duration; has histograms */
    TACHO_NAME_FRAME = 2,   /* a frame counter; its histogram holds the times between frames */
    TACHO_NAME_COUNTER = 3, /* a sum that only grows */
    TACHO_NAME_GAUGE = 4,   /* the last value, its smallest and largest */
    TACHO_NAME_MARK = 5,    /* "here": a moment with the process's memory */
};

enum tacho_name_flag {
    TACHO_NAME_WORK = 1,    /* COUNTER: units of work done, for "MB per unit of work" */
    TACHO_NAME_DROPPED = 2, /* COUNTER: what was lost */
    TACHO_NAME_WAIT = 4,    /* SPAN: waiting for a device or the network, no work */
    TACHO_NAME_AUTO = 8,    /* recorded by a hook, not by the program's own code */
};

struct tacho_segment_section {
    uint32_t kind;   /* enum tacho_segment_kind */
    uint32_t count;  /* entries there is room for */
    uint64_t offset; /* of the first, a multiple of 64 */
    uint64_t stride; /* bytes from one to the next, a multiple of 8 */
};

struct tacho_segment_header {
    uint8_t magic[8]; /* written last but state */
    uint32_t byte_order;
    uint16_t major, minor;
    uint32_t header_size;
    uint32_t section_count;
    uint64_t total_size; /* of the file */
    uint32_t state;      /* enum tacho_segment_state; release */
    uint32_t pid;        /* as the process sees itself: in its own pid namespace */
    uint32_t uid;
    uint32_t reserved;
    uint64_t start_ticks;     /* /proc/self/stat, field 22 */
    uint64_t pid_namespace;   /* inode of /proc/self/ns/pid, 0: not known */
    uint64_t created_ns;      /* CLOCK_MONOTONIC */
    uint64_t created_real_ns; /* CLOCK_REALTIME at the same moment */
    uint64_t closed_ns;       /* 0 until CLOSED */
    uint64_t span_cost_ps;    /* an empty span, as measured when the file was made; 0: it was not */
    /* What found no room, ever growing (any thread): names, threads, pairs of both without a
     * histogram, marks. */
    uint64_t dropped_names, dropped_threads, dropped_hists, dropped_marks;
    uint32_t names_used, marks_used; /* entries handed out so far (any thread) */
    uint32_t hists_used, rings_used; /* (any thread) */
    char program[64];                /* /proc/self/comm, or argv[0]'s last part */
    struct tacho_segment_section sections[TACHO_SEGMENT_SECTIONS];
};

struct tacho_segment_name {
    uint8_t kind; /* enum tacho_name_kind */
    uint8_t reserved;
    uint16_t flags; /* enum tacho_name_flag */
    uint16_t slot;  /* COUNTER, FRAME: column of COUNTERS; GAUGE: index in GAUGES */
    uint16_t ready; /* 1 once the rest stands; release */
    char text[TACHO_SEGMENT_NAME_BYTES]; /* UTF-8, ends with 0 */
};

enum tacho_thread_state {
    TACHO_THREAD_FREE = 0,
    TACHO_THREAD_LIVE = 1,
    TACHO_THREAD_EXITED = 2, /* its values stay; the slot may go to a new thread */
};

struct tacho_segment_open {
    uint32_t name; /* index into NAMES */
    uint32_t reserved;
    uint64_t begin_ns;
};

struct tacho_segment_thread {
    uint32_t state; /* enum tacho_thread_state; release */
    uint32_t tid;
    uint32_t ring;           /* index into RINGS + 1; 0: none was left */
    uint32_t depth;          /* open spans, those beyond OPEN_MAX included; release. An entry of
                                `open` stood there if two copies agree in it and in depth */
    uint64_t dropped_spans;  /* ended without having been begun, or nested too deep */
    uint64_t dropped_events; /* reserved: rings overwrite, their `head` tells */
    char comm[16];
    struct tacho_segment_open open[TACHO_SEGMENT_OPEN_MAX];
};

struct tacho_segment_gauge {
    uint64_t count;             /* settings so far (any thread); 0: no value yet */
    uint64_t value;             /* bits of a double (any thread) */
    uint64_t smallest, largest; /* bits of a double (any thread) */
    uint64_t set_ns;            /* when value was set (any thread) */
};

struct tacho_segment_mark {
    uint32_t ready; /* 1 once the rest stands; release */
    uint32_t name;  /* index into NAMES */
    uint64_t t_ns;
    uint64_t rss_bytes; /* of the process; 0: not known */
    uint64_t cpu_ns;    /* CLOCK_PROCESS_CPUTIME_ID */
};

/* Claimed by one thread for one name when it first records there. */
struct tacho_segment_hist {
    uint32_t owner; /* index into THREADS + 1; release; 0: not claimed */
    uint32_t name;  /* index into NAMES */
    uint64_t sum_ns;
    uint64_t min_ns, max_ns; /* min: UINT64_MAX while empty */
    uint64_t errors;         /* of those counted: ended by an error */
    uint64_t over;           /* too large for a bucket; the count is the sum of buckets and over */
    uint64_t first_ns;       /* the first value recorded here; 0: none */
    uint64_t reserved;
    uint64_t buckets[TACHO_SEGMENT_HIST_BUCKETS];
};

enum tacho_event_flag {
    TACHO_EVENT_ERROR = 1, /* the span ended by an error */
    TACHO_EVENT_ASYNC = 2, /* begun and ended by token: it nests in nothing */
    TACHO_EVENT_OUTER = 4, /* no other span of its thread was open */
};

/* A ring of recent events, one writer: event i stands at i modulo count. Written: seq = 2i+1, a
 * release fence, the fields, seq = 2i+2 (release), head = i+1 (release). Read: seq must be 2i+2
 * before (acquire) and after (behind an acquire fence) the fields were copied. */
struct tacho_segment_event {
    uint64_t seq;
    uint64_t begin_ns;
    uint64_t duration_ns;
    uint32_t name;  /* index into NAMES */
    uint16_t flags; /* enum tacho_event_flag */
    uint16_t depth; /* spans that were open around it */
};

struct tacho_segment_ring {
    uint64_t head;  /* events ever written; release */
    uint32_t count; /* room, a power of two */
    uint32_t reserved[13];
    /* struct tacho_segment_event events[count] */
};

/* The sizes are the ABI. */
#ifdef __cplusplus
#define TACHO_SEGMENT_ASSERT(what) static_assert(what, #what)
#else
#define TACHO_SEGMENT_ASSERT(what) _Static_assert(what, #what)
#endif
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_section) == 24);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_header) == 400);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_name) == 64);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_thread) == 304);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_gauge) == 40);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_mark) == 32);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_event) == 32);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_ring) == 64);
TACHO_SEGMENT_ASSERT(sizeof(struct tacho_segment_hist) == 64 + 8 * (TACHO_SEGMENT_HIST_BUCKETS));

#endif
