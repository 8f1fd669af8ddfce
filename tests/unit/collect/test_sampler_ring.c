/* test_sampler_ring.c: rows of any width pass the ring unchanged, in order, or are refused. */
#include "collect_test.h"

#include <pthread.h>
#include <sched.h>

#include "collect/sampler.h"
#include "collect/sampler_ring.h"

#define COLUMNS 40

struct row {
    double values[COLUMNS];
    uint8_t due[COLUMNS];
};

/* Row i has a width of its own, and values that nobody else has. */
static struct row make_row(uint64_t i)
{
    struct row row;
    for (size_t j = 0; j < COLUMNS; j++) {
        row.due[j] = i % 7 == 0 || (i * 31 + j * 17) % (2 + i % 23) == 0;
        row.values[j] = (double)(i * 1000 + j); /* also where it is not due: nobody may see it */
    }
    row.values[i % COLUMNS] = NAN; /* missing is a value, too */
    return row;
}

struct seen {
    uint64_t next;
    size_t wrong;
};

static void see(const struct sample_row *row, void *context)
{
    struct seen *seen = context;
    uint64_t i = seen->next++;
    struct row expected = make_row(i);
    seen->wrong += row->t_ns != i + 1 || row->target != (pid_t)(i % 100);
    for (size_t j = 0; j < COLUMNS; j++) {
        bool is_nan = isnan(row->values[j]);
        seen->wrong += row->due[j] != expected.due[j];
        seen->wrong += !expected.due[j] && !is_nan;
        seen->wrong += expected.due[j] && is_nan != isnan(expected.values[j]);
        seen->wrong += expected.due[j] && !is_nan && row->values[j] != expected.values[j];
    }
}

static bool put(struct sampler_ring *ring, uint64_t i)
{
    struct row row = make_row(i);
    return sampler_ring_put(ring, i + 1, (pid_t)(i % 100), row.values, row.due);
}

static void rows_come_out_as_they_went_in(void **state)
{
    struct sampler_ring ring;
    struct seen seen = {0};
    assert_int_equal(sampler_ring_init(&ring, 8, 3.5, COLUMNS), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_true(put(&ring, i));
        if (i % 5 == 4)
            assert_int_equal(sampler_ring_drain(&ring, see, &seen), 5);
    }
    assert_int_equal(seen.next, 20000);
    assert_int_equal(seen.wrong, 0);
    assert_int_equal(sampler_ring_drain(&ring, see, &seen), 0);
    sampler_ring_deinit(&ring);
}

/* Refused, and nothing that was in it is lost. */
static void what_does_not_fit_is_refused(void **state)
{
    for (size_t room = 1; room < 40; room++) {
        struct sampler_ring ring;
        struct seen seen = {0};
        uint64_t i = 0;
        assert_int_equal(sampler_ring_init(&ring, room, 1, COLUMNS), 0);
        for (int round = 0; round < 200; round++) {
            while (put(&ring, i))
                i++;
            assert_true(i - seen.next >= 16); /* wide rows always have that much */
            sampler_ring_drain(&ring, see, &seen);
            assert_int_equal(seen.next, i);
        }
        assert_int_equal(seen.wrong, 0);
        sampler_ring_deinit(&ring);
    }
}

#define MANY 100000

static void *write_many(void *context)
{
    for (uint64_t i = 0; i < MANY;) {
        if (put(context, i))
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void one_writes_while_another_reads(void **state)
{
    struct sampler_ring ring;
    struct seen seen = {0};
    pthread_t thread;
    assert_int_equal(sampler_ring_init(&ring, 20, 6, COLUMNS), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_many, &ring), 0);
    while (seen.next < MANY) {
        if (sampler_ring_drain(&ring, see, &seen) == 0)
            sched_yield();
    }
    pthread_join(thread, NULL);
    assert_int_equal(seen.wrong, 0);
    sampler_ring_deinit(&ring);
}

static void a_table_without_columns_has_rows(void **state)
{
    struct sampler_ring ring;
    assert_int_equal(sampler_ring_init(&ring, 64, 0, 0), 0);
    assert_true(sampler_ring_put(&ring, 1, 0, NULL, NULL));
    sampler_ring_deinit(&ring);
    sampler_ring_deinit(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_out_as_they_went_in),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(one_writes_while_another_reads),
        cmocka_unit_test(a_table_without_columns_has_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
