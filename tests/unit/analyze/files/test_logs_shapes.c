/* test_logs_shapes.c: what is found by the shape of a line is what is found without it. */
#include "test_tree.h"

#include <math.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

/* '#' is any digit. Of each, lines are made that differ in their digits: in some of them the digits
 * decide what the line holds. */
static const char *const forms[] = {
    "2026-11-2# 08:1#:2#.0## [WARN] camera #: frame #### dropped",
    "2026-1#-3# 2#:6#:6#.0## latency: ##.#ms, queue: ##",
    "2026-11-20T08:15:24+0#:#0 took 1#.5s",
    "2026-11-20 08:15:24 -1# x=5",
    "2026-11-20 08:15:24.012 -# x=5",
    "20261120T0815## latency_us=###",
    "########## x=#",
    "[#########.5] x=#",
    "[ #.####] up: # s",
    "[##:##:##] took # ms",
    "#,1234,98765,-;step: # ms",
    "###4,1234,98765,-;step: # ms",
    "<##>1 text: #",
    "<#>Nov #0 08:15:24 host prog[##]: x=#",
    "<11>11-20 08:15:24.012  1  2 W T: a 1#",
    "I##20 08:15:24.012345  1234 file.cc:12] took # us",
    "#1-20 08:15:24.012  1234  5678 W Camera: slow by # ms",
    "[Fri Nov #0 08:15:24 2026] x=#",
    "INFO 20#6-11-20 08:15:24 ready in # ms",
    "[ERROR] [##########.5] [camera]: no frame #",
    "2026-11-20 08:15:24 [##########] x=#",
    "2026-11-20 08:15:24 [#.5] x=#",
    "time=2026-1#-20T08:15:24Z level=error queue=#",
    "Frame 1.#: E2E: 25.#ms",
    "cam#: latency: ## ms, cam#.queue: #",
    "x=-1e#9#, y=.5e#9#, z: inf",
    "open 0x1#: #xf1, #x, #xyz a#b ab# failed, dropped",
    "error: code #### of 10.0.0.#",
    "{\"ts\": ##########, \"level\": ##, \"latency_ms\": #.5, \"msg\": \"took # ms\"}",
    "{\"time\": \"20#6-11-20T0#:15:24Z\", \"lvl\": \"warn\", \"gpu#\": {\"a#\": #, \"b\": ##}}",
    "{\"PRIORITY\": \"#\", \"MESSAGE\": \"stalled # times\", \"x\": 1e30#}",
    "Out of memory: Killed process ## (python) total-vm:3072kB",
    "latency #",
    "no digits, but a timeout",
    "short",
};

static void fill_in(const char *form, char *buf, size_t size, uint32_t *state)
{
    size_t at = 0;
    for (; form[at] && at + 1 < size; at++) {
        *state = *state * 1664525 + 1013904223;
        buf[at] = form[at] == '#' ? (char)('0' + (*state >> 16) % 10) : form[at];
    }
    buf[at] = '\0';
}

/* As a source gives it: bytes before it may be read. */
static void scan(struct logs_chunk *chunk, const char *text)
{
    static const struct logs_patterns none = {.count = 0};
    char padded[SOURCE_PAD + 256] = "";
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        padded[SOURCE_PAD + i] = text[i];
    struct chunk part = {.text = padded + SOURCE_PAD, .size = size, .is_last = true};
    assert_int_equal(logs_scan(chunk, &none, &part, NULL), 0);
}

static void assert_same_name(const struct logs_names *a, uint32_t x, const struct logs_names *b,
                             uint32_t y)
{
    const struct logs_name *one = &a->items[x], *other = &b->items[y];
    assert_int_equal(one->size, other->size);
    assert_memory_equal(a->pool + one->at, b->pool + other->at, one->size);
    assert_int_equal(one->hash, other->hash);
    assert_int_equal(one->unit, other->unit);
    assert_int_equal(one->level, other->level);
    assert_int_equal(one->is_duration, other->is_duration);
}

static void assert_same_record(const struct logs_chunk *a, const struct logs_chunk *b)
{
    assert_int_equal(a->record_count, b->record_count);
    for (size_t i = 0; i < SKIP_COUNT; i++)
        assert_int_equal(a->skips.of[i].count, b->skips.of[i].count);
    if (a->record_count == 0)
        return;
    const struct logs_record *x = &a->records[0], *y = &b->records[0];
    assert_int_equal(x->time.kind, y->time.kind);
    assert_int_equal(x->time.no_year, y->time.no_year);
    assert_true(x->time.s == y->time.s || (isnan(x->time.s) && isnan(y->time.s)));
    assert_int_equal(x->level, y->level);
    assert_int_equal(x->numbers, y->numbers);
    assert_int_equal(x->kill_size, y->kill_size);
    assert_int_equal(x->message > 0, y->message > 0);
    if (x->message > 0)
        assert_same_name(&a->messages, x->message - 1, &b->messages, y->message - 1);
    for (size_t i = 0; i < x->numbers; i++) {
        assert_memory_equal(&a->numbers[i].value, &b->numbers[i].value, sizeof(double));
        assert_same_name(&a->labels, a->numbers[i].label, &b->labels, b->numbers[i].label);
    }
}

static void same_as_without(void **state)
{
    struct logs_chunk *known = logs_chunk_new();
    uint32_t random = 7;
    char text[256];
    assert_non_null(known);
    for (size_t i = 0; i < 300 * ARRAY_LEN(forms); i++) {
        struct logs_chunk *fresh = logs_chunk_new();
        assert_non_null(fresh);
        fill_in(forms[i % ARRAY_LEN(forms)], text, sizeof(text), &random);
        scan(known, text);
        scan(fresh, text);
        assert_same_record(known, fresh);
        logs_chunk_clear(known);
        logs_chunk_free(fresh);
    }
    /* Nearly all were known: of some, several are, as their digits decide. */
    assert_true(known->shapes.count >= ARRAY_LEN(forms) && known->shapes.count < 400);
    logs_chunk_free(known);
}

/* However many shapes and labels a log has, what is kept of them stays small. */
static void bounded(void **state)
{
    struct logs_chunk *chunk = logs_chunk_new();
    char text[256];
    size_t shapes = 0;
    assert_non_null(chunk);
    for (unsigned i = 0; i < 60000; i++) {
        size_t size = 0;
        for (unsigned rest = i / 2; size < 20; rest /= 16) /* each comes twice */
            text[size++] = (char)('a' + rest % 16);
        snprintf(text + size, sizeof(text) - size, ": %u ms", i);
        scan(chunk, text);
        assert_int_equal(chunk->record_count, 1);
        assert_int_equal(chunk->records[0].numbers, 1);
        assert_true(chunk->numbers[0].value == i);
        shapes = chunk->shapes.count > shapes ? chunk->shapes.count : shapes;
        assert_true(chunk->labels.count <= 2049);
        logs_chunk_clear(chunk);
    }
    assert_true(shapes > 1000 && shapes <= 4096);
    logs_chunk_free(chunk);
}

static void assert_notable(const char *word, bool want)
{
    char text[200];
    for (size_t before = 0; before < 90; before += 1 + before / 40) {
        for (size_t behind = 0; behind < 60; behind += 1 + behind / 20) {
            size_t size = before + strlen(word) + behind;
            memset(text, '-', size);
            for (size_t i = 0; word[i]; i++)
                text[before + i] = word[i];
            assert_int_equal(logs_is_notable(text, size), want);
        }
    }
}

static void notable(void **state)
{
    static const char *const words[] = {"thermal",   "Throttled", "OVERHEAT", "overrun",
                                        "drop",      "saturated", "stall",    "timeout",
                                        "timed out", "reconnect", "retry",    "context switch"};
    static const char *const others[] = {"there",   "over",     "ready", "start",  "time",
                                         "context", "backdrop", "dro",   "drop: 3"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_notable(words[i], true);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_notable(others[i], false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_without),
        cmocka_unit_test(bounded),
        cmocka_unit_test(notable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
