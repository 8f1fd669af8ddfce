/* cprofile.c: what Python's cProfile dumps (.prof): a marshalled dictionary
 *
 *     {(file, line, function): (primitive calls, calls, own s, cumulative s, {caller: …}), …}
 *
 * Source: marshal's format, versions 0 to 4, as documented by its writer (a byte per type, 0x80 for
 * "may be referred to later", little-endian). It is not meant for other readers and changes with
 * versions: whatever is not known ends the reading with the offset. Only these types are let in;
 * the callers are read over. Functions are kept by own time, the largest first.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"

extern const struct peer peer_cprofile;

#define FUNCTIONS_MAX 20
#define DEPTH_MAX 16
#define FLAG_REF 0x80

/* What a value comes to, as far as it is needed. */
struct value {
    enum { VALUE_OTHER, VALUE_TEXT, VALUE_INTEGER, VALUE_NUMBER, VALUE_TUPLE } kind;
    const char *text;
    size_t length;
    double number;
    size_t at; /* TUPLE: where it stands */
};

struct marshal {
    const uint8_t *data;
    size_t size, at;
    struct value *refs;
    size_t ref_count, ref_capacity;
    bool is_again; /* what a reference means is read once more: it gets no new numbers */
    bool is_bad, is_out_of_memory;
};

struct function {
    char name[160];
    double calls, own_s, cumulative_s;
};

struct top {
    struct function items[FUNCTIONS_MAX];
    size_t count;
    double functions, calls, own_s;
};

static uint64_t take(struct marshal *in, unsigned bytes)
{
    uint64_t value = 0;
    if (in->size - in->at < bytes) {
        in->is_bad = true;
        in->at = in->size;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)in->data[in->at++] << (8 * i);
    return value;
}

static struct value take_text(struct marshal *in, size_t length)
{
    struct value value = {.kind = VALUE_TEXT, .text = (const char *)in->data + in->at};
    if (in->size - in->at < length) {
        in->is_bad = true;
        return (struct value){0};
    }
    value.length = length;
    in->at += length;
    return value;
}

/* 'g': eight bytes; 'f': a length and digits. */
static struct value take_number(struct marshal *in, bool is_binary)
{
    struct value value = {.kind = VALUE_NUMBER};
    if (is_binary) {
        uint64_t bits = take(in, 8);
        memcpy(&value.number, &bits, sizeof(bits));
        return value;
    }
    char digits[256] = "";
    size_t length = (size_t)take(in, 1);
    struct value text = take_text(in, length);
    if (text.kind == VALUE_TEXT)
        memcpy(digits, text.text, text.length);
    value.number = strtod(digits, NULL);
    return value;
}

/* 'l': groups of 15 bits, as many as the absolute value of the count. */
static struct value take_long(struct marshal *in)
{
    struct value value = {.kind = VALUE_INTEGER};
    int32_t count = (int32_t)take(in, 4);
    double factor = count < 0 ? -1 : 1;
    for (uint32_t i = 0; i < (uint32_t)(count < 0 ? -(int64_t)count : count) && !in->is_bad; i++) {
        value.number += factor * (double)take(in, 2);
        factor *= 32768;
    }
    return value;
}

/* Reserves the number that later references use, as the writer does: before the parts of a tuple.
 */
static size_t reserve_ref(struct marshal *in, bool wanted)
{
    if (!wanted || in->is_again)
        return SIZE_MAX;
    if (array_reserve(&in->refs, &in->ref_capacity, in->ref_count + 1, sizeof(*in->refs)) < 0) {
        in->is_bad = in->is_out_of_memory = true;
        return SIZE_MAX;
    }
    in->refs[in->ref_count] = (struct value){0};
    return in->ref_count++;
}

static struct value read_value(struct marshal *in, unsigned depth);

static void skip_values(struct marshal *in, size_t count, unsigned depth)
{
    for (size_t i = 0; i < count && !in->is_bad; i++)
        read_value(in, depth + 1);
}

static void skip_dict(struct marshal *in, unsigned depth)
{
    while (!in->is_bad && in->at < in->size && in->data[in->at] != '0')
        skip_values(in, 2, depth);
    take(in, 1);
}

static struct value read_reference(struct marshal *in)
{
    size_t index = (size_t)take(in, 4);
    if (index < in->ref_count)
        return in->refs[index];
    in->is_bad = true;
    return (struct value){0};
}

static struct value read_kind(struct marshal *in, char kind, unsigned depth)
{
    switch (kind) {
    case 'i':
        return (struct value){.kind = VALUE_INTEGER, .number = (int32_t)take(in, 4)};
    case 'l':
        return take_long(in);
    case 'g':
    case 'f':
        return take_number(in, kind == 'g');
    case 'u':
    case 't':
    case 's':
    case 'a':
    case 'A':
        return take_text(in, (size_t)take(in, 4));
    case 'z':
    case 'Z':
        return take_text(in, (size_t)take(in, 1));
    case '(':
    case ')': {
        struct value tuple = {.kind = VALUE_TUPLE, .at = in->at - 1};
        skip_values(in, (size_t)take(in, kind == ')' ? 1 : 4), depth);
        return tuple;
    }
    case '{':
        skip_dict(in, depth);
        break;
    case 'r':
        return read_reference(in);
    case 'N':
    case 'T':
    case 'F':
        break;
    default:
        in->is_bad = true;
    }
    return (struct value){0};
}

static struct value read_value(struct marshal *in, unsigned depth)
{
    if (depth > DEPTH_MAX || in->at >= in->size) {
        in->is_bad = true;
        return (struct value){0};
    }
    uint8_t kind = in->data[in->at++];
    size_t ref = reserve_ref(in, kind & FLAG_REF);
    struct value value = read_kind(in, (char)(kind & ~FLAG_REF), depth);
    if (ref != SIZE_MAX)
        in->refs[ref] = value;
    return value;
}

static void read_items(struct marshal *in, uint8_t kind, struct value *values, size_t count)
{
    size_t have = kind == ')' ? (size_t)take(in, 1) : kind == '(' ? (size_t)take(in, 4) : 0;
    in->is_bad = in->is_bad || have != count;
    for (size_t i = 0; i < count && !in->is_bad; i++)
        values[i] = read_value(in, 1);
}

/* A tuple of exactly so many values, or a reference to one. */
static void read_tuple(struct marshal *in, struct value *values, size_t count)
{
    size_t begin = in->at;
    uint8_t kind = (uint8_t)take(in, 1);
    if (kind != 'r') {
        size_t ref = reserve_ref(in, kind & FLAG_REF);
        read_items(in, kind & (uint8_t)~FLAG_REF, values, count);
        if (ref != SIZE_MAX)
            in->refs[ref] = (struct value){.kind = VALUE_TUPLE, .at = begin};
        return;
    }
    struct value tuple = read_reference(in);
    size_t behind = in->at;
    in->is_bad = in->is_bad || tuple.kind != VALUE_TUPLE;
    if (in->is_bad)
        return;
    in->at = tuple.at;
    in->is_again = true;
    read_items(in, (uint8_t)take(in, 1) & (uint8_t)~FLAG_REF, values, count);
    in->is_again = false;
    in->at = behind;
}

static void add_function(struct top *top, const struct function *function)
{
    top->functions++;
    top->calls += function->calls;
    top->own_s += function->own_s;
    size_t at = top->count;
    while (at > 0 && top->items[at - 1].own_s < function->own_s)
        at--;
    if (at == FUNCTIONS_MAX)
        return;
    size_t last = top->count < FUNCTIONS_MAX ? top->count++ : FUNCTIONS_MAX - 1;
    memmove(&top->items[at + 1], &top->items[at], (last - at) * sizeof(top->items[0]));
    top->items[at] = *function;
}

static const char *base_name(const struct value *file)
{
    const char *slash = file->length > 0 ? memrchr(file->text, '/', file->length) : NULL;
    return slash ? slash + 1 : file->text;
}

static void read_functions(struct marshal *in, struct top *top)
{
    if (in->size == 0 || (in->data[in->at++] & ~FLAG_REF) != '{') {
        in->is_bad = true;
        return;
    }
    reserve_ref(in, in->data[0] & FLAG_REF);
    while (!in->is_bad && in->at < in->size && in->data[in->at] != '0') {
        struct value key[3] = {0}, counts[5] = {0};
        struct function function = {0};
        read_tuple(in, key, 3);
        read_tuple(in, counts, 5);
        if (in->is_bad || key[0].kind != VALUE_TEXT || key[2].kind != VALUE_TEXT) {
            in->is_bad = true;
            return;
        }
        const char *file = base_name(&key[0]);
        int file_length = (int)u64_min((size_t)(key[0].text + key[0].length - file), 60);
        snprintf(function.name, sizeof(function.name), "%.*s:%.0f(%.*s)", file_length, file,
                 key[1].number, (int)u64_min(key[2].length, 80), key[2].text);
        str_make_printable(function.name);
        function.calls = counts[1].number;
        function.own_s = counts[2].number;
        function.cumulative_s = counts[3].number;
        add_function(top, &function);
    }
    if (in->at >= in->size)
        in->is_bad = true; /* cut off */
}

/* The first key is a tuple of three. */
static bool cprofile_accepts(const struct peer_input *input)
{
    const uint8_t *data = (const uint8_t *)input->text;
    return input->size > 8 && (data[0] & ~FLAG_REF) == '{' &&
           (((data[1] & ~FLAG_REF) == ')' && data[2] == 3) ||
            ((data[1] & ~FLAG_REF) == '(' && data[2] == 3 && data[3] == 0));
}

static void add_top(struct peer_run *run, const struct top *top)
{
    peer_run_value(run, "functions", "", DIRECTION_NEITHER, "functions that were called",
                   top->functions);
    peer_run_value(run, "calls", "", DIRECTION_LOWER, "calls of all functions", top->calls);
    peer_run_value(run, "total_ms", "ms", DIRECTION_LOWER, "own time of all functions",
                   top->own_s * 1e3);
    for (size_t i = 0; i < top->count; i++) {
        const struct function *function = &top->items[i];
        run->instance = function->name;
        peer_run_value(run, "own_ms", "ms", DIRECTION_LOWER,
                       "time within the function, without those that it called",
                       function->own_s * 1e3);
        peer_run_value(run, "cumulative_ms", "ms", DIRECTION_LOWER,
                       "time from entering the function to leaving it",
                       function->cumulative_s * 1e3);
        peer_run_value(run, "calls_each", "", DIRECTION_LOWER, "calls of the function",
                       function->calls);
    }
    run->instance = "";
}

static int cprofile_read(const struct peer_input *input, struct error *err)
{
    struct marshal in = {.data = (const uint8_t *)input->text, .size = input->size};
    CLEANUP_FREE struct top *top = calloc(1, sizeof(*top));
    if (!top)
        return error_set(err, ERROR_NOMEM, "out of memory");
    read_functions(&in, top);
    free(in.refs);
    if (in.is_out_of_memory)
        return error_set(err, ERROR_NOMEM, "out of memory");
    if (in.is_bad) {
        error_set(err, ERROR_INPUT, "a profile of cProfile that is damaged or cut off at byte %zu",
                  in.at);
        return error_at(err, input->file, 0, 0);
    }
    struct peer_run run;
    peer_run_init(&run, &peer_cprofile, input, 0, "cProfile", err);
    facts_text(&run.workload, "language", "python", input->file);
    add_top(&run, top);
    return peer_run_end(&run);
}

const struct peer peer_cprofile = {.name = "cprofile",
                                   .files = "Python's cProfile dump (.prof)",
                                   .accepts = cprofile_accepts,
                                   .read = cprofile_read};
