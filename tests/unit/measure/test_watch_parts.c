/* test_watch_parts.c: the parts of a watch that need no process: clocks, counters, work, OOM. */
#include "test_tree.h"

#include <math.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure/watch_internal.h"
#include "near.h"

#define S ((int64_t)NS_PER_S)

/* ---- clocks ---- */

static int64_t set_ns, suspended_ns;

static bool check(struct watch_clock *clock, int64_t mono_s, int64_t real_s, int64_t boot_s)
{
    return watch_clock_check(clock, mono_s * S, real_s * S, boot_s * S, &set_ns, &suspended_ns);
}

static void clocks_that_agree_say_nothing(void **state)
{
    struct watch_clock clock = {0};
    assert_false(check(&clock, 100, 5000, 200)); /* the first: nothing to compare with */
    assert_false(check(&clock, 101, 5001, 201));
    assert_false(check(&clock, 40000, 44900, 40100));
}

static void a_clock_that_is_set_back_by_an_hour(void **state)
{
    struct watch_clock clock = {0};
    check(&clock, 100, 50000, 200);
    assert_true(check(&clock, 105, 46405, 205));
    assert_int_equal(set_ns, -3600 * S);
    assert_int_equal(suspended_ns, 0);
    assert_false(check(&clock, 110, 46410, 210)); /* said once */
    assert_true(check(&clock, 115, 50015, 215));
    assert_int_equal(set_ns, 3600 * S);
}

static void a_machine_that_slept(void **state)
{
    struct watch_clock clock = {0};
    check(&clock, 100, 50000, 200);
    assert_true(check(&clock, 101, 50601, 801)); /* 600 s asleep: no hand on the clock */
    assert_int_equal(suspended_ns, 600 * S);
    assert_int_equal(set_ns, 0);
    assert_true(check(&clock, 102, 50002, 902)); /* 100 s asleep, and set back by 700 s */
    assert_int_equal(suspended_ns, 100 * S);
    assert_int_equal(set_ns, -700 * S);
}

static void slewing_is_no_jump(void **state)
{
    struct watch_clock clock = {0};
    int64_t real_ns = 0;
    for (int64_t t = 0; t < 4000; t++) { /* 500 ppm over more than an hour: 2 s in all */
        assert_false(watch_clock_check(&clock, t * S, real_ns, t * S, &set_ns, &suspended_ns));
        real_ns += S + S / 2000;
    }
}

/* ---- a counter that stands still ---- */

static int silences(const double *values, int count, int *ret_at)
{
    struct watch_pulse pulse = {0};
    int found = 0;
    for (int i = 0; i < count; i++) {
        if (watch_pulse_check(&pulse, values[i], i)) {
            found++;
            *ret_at = i;
        }
    }
    return found;
}

static void silence_is_found_within_three_intervals(void **state)
{
    const double values[] = {0, 10, 20, 30, 30, 30, 30, 30, 30, 30};
    int at = 0;
    assert_int_equal(silences(values, 10, &at), 1);
    assert_int_equal(at, 6);
}

static void one_that_never_moved_is_not_silent(void **state)
{
    const double values[] = {7, 7, 7, 7, 7, 7, 7, NAN, 7, 7, 7};
    int at = 0;
    assert_int_equal(silences(values, 11, &at), 0);
}

static void one_that_writes_in_bursts_has_its_usual_pause(void **state)
{
    double values[60];
    int at = 0;
    for (int i = 0; i < 60;
         i++) /* in every fourth interval, which is found to be usual; not from 40 on */
        values[i] = i < 3 ? i : i < 40 ? i / 3 : 13;
    assert_int_equal(silences(values, 60, &at), 1);
    assert_true(at >= 42 && at <= 48);
}

static void one_that_moves_again_can_fall_silent_again(void **state)
{
    const double values[] = {0, 1, 2, 2, 2, 2, 3, 4, 4, 4, 4};
    int at = 0;
    assert_int_equal(silences(values, 11, &at), 2);
    assert_int_equal(at, 10);
}

/* ---- the work file ---- */

struct file {
    struct test_tree tree;
    char path[128];
};

static void file_init(struct file *file)
{
    test_tree_init(&file->tree);
    snprintf(file->path, sizeof(file->path), "%s/work", file->tree.path);
}

static void append(const struct file *file, const char *text)
{
    FILE *stream = fopen(file->path, "a");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void only_what_comes_counts(void **state)
{
    struct file file;
    struct watch_work size, lines;
    file_init(&file);
    append(&file, "old\nold\n");
    watch_work_open(&size, file.path, false);
    watch_work_open(&lines, file.path, true);
    ASSERT_NEAR(watch_work_read(&size), 0, 0);
    append(&file, "new\nne");
    ASSERT_NEAR(watch_work_read(&size), 6, 0);
    ASSERT_NEAR(watch_work_read(&lines), 1, 0);
    append(&file, "w\n");
    ASSERT_NEAR(watch_work_read(&size), 8, 0);
    ASSERT_NEAR(watch_work_read(&lines), 2, 0);
    watch_work_close(&size);
    watch_work_close(&lines);
    test_tree_deinit(&file.tree);
}

static void a_file_that_is_replaced_or_cut_goes_on(void **state)
{
    struct file file;
    struct watch_work size, lines;
    char other[160];
    file_init(&file);
    watch_work_open(&size, file.path, false);
    watch_work_open(&lines, file.path, true);
    assert_true(isnan(watch_work_read(&size))); /* not there yet */
    append(&file, "a\nb\n");
    ASSERT_NEAR(watch_work_read(&size), 4, 0);
    ASSERT_NEAR(watch_work_read(&lines), 2, 0);
    append(&file, "c\n"); /* not read before it is moved away */
    snprintf(other, sizeof(other), "%s.1", file.path);
    assert_int_equal(rename(file.path, other), 0);
    append(&file, "d\n");
    ASSERT_NEAR(watch_work_read(&size), 8, 0);
    ASSERT_NEAR(watch_work_read(&lines), 4, 0);
    assert_int_equal(truncate(file.path, 0), 0);
    ASSERT_NEAR(watch_work_read(&size), 8, 0);
    ASSERT_NEAR(watch_work_read(&lines), 4, 0);
    append(&file, "e\n");
    ASSERT_NEAR(watch_work_read(&size), 10, 0);
    ASSERT_NEAR(watch_work_read(&lines), 5, 0);
    assert_int_equal(unlink(file.path), 0); /* gone: what was done stays done */
    ASSERT_NEAR(watch_work_read(&lines), 5, 0);
    watch_work_close(&size);
    watch_work_close(&lines);
    test_tree_deinit(&file.tree);
}

static void a_directory_or_a_pipe_is_no_work(void **state)
{
    struct file file;
    struct watch_work work;
    file_init(&file);
    assert_int_equal(mkfifo(file.path, 0600), 0);
    watch_work_open(&work, file.path, true);
    assert_true(isnan(watch_work_read(&work)));
    watch_work_close(&work);
    watch_work_open(&work, file.tree.path, false);
    assert_true(isnan(watch_work_read(&work)));
    watch_work_close(&work);
    test_tree_deinit(&file.tree);
}

/* ---- SIGKILL ---- */

static bool is_kill_of(const char *record, pid_t pid)
{
    struct watch_oom_log log = {.limit_mb = NAN};
    return watch_oom_take_record(&log, record, pid);
}

static void the_kernels_log_names_whom_it_killed(void **state)
{
    assert_true(is_kill_of("3,1234,98765,-;Memory cgroup out of memory: Killed process "
                           "151507 (dd) total-vm:104804kB, anon-rss:64640kB",
                           151507));
    assert_true(is_kill_of("Out of memory: Kill process 9692 (a.out) score 904 or "
                           "sacrifice child",
                           9692));
    assert_true(is_kill_of("Killed process 9692, UID 0, (a) b, c) total-vm:1kB", 9692));
    assert_false(is_kill_of("Killed process 1515 (dd)", 151507));
    assert_false(is_kill_of("Killed process 151507 (dd)", 1515));
    /* who asked for the memory is not who was killed */
    assert_false(is_kill_of("dd invoked oom-killer: gfp_mask=0xcc0, order=0", 1));
    assert_false(is_kill_of("Killed process  (x)", 0));
}

/* What a kernel 6.18 wrote, less what is of no interest: of a group's kill its limit is told before
 * the name, and is not that of the kill before. */
static void the_kernels_log_tells_the_groups_limit(void **state)
{
    static const char *const records[] = {
        "4,900,35680036800,-;other invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n",
        "6,901,35680036900,-;memory: usage 1024kB, limit 1024kB, failcnt 3\n",
        "3,902,35680037000,-;Memory cgroup out of memory: Killed process 12 (other)\n",
        "4,910,35681427000,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n",
        "6,911,35681427250,-;memory: usage 65536kB, limit 65536kB, failcnt 747\n",
        "6,912,35681427259,-;memory+swap: usage 65536kB, limit 9007199254740988kB, failcnt 0\n",
        "6,913,35681427262,-;kmem: usage 240kB, limit 9007199254740988kB, failcnt 0\n",
        "6,914,35681427300,-;oom-kill:constraint=CONSTRAINT_MEMCG,task=python3,pid=31608,uid=0\n",
        "3,915,35681427400,-;Memory cgroup out of memory: Killed process 31608 (python3)\n"};
    static const char global[] = "3,990,1,-;Out of memory: Killed process 31609 (big) total-vm:1kB";
    struct watch_oom_log log = {.limit_mb = NAN};
    for (size_t i = 0; i < 8; i++)
        assert_false(watch_oom_take_record(&log, records[i], 31608));
    assert_true(watch_oom_take_record(&log, records[8], 31608));
    assert_true(log.is_group);
    ASSERT_NEAR(log.limit_mb, 64, 0);
    assert_false(watch_oom_take_record(&log, records[3], 31609));
    assert_true(isnan(log.limit_mb));
    assert_true(watch_oom_take_record(&log, global, 31609));
    assert_false(log.is_group);
    /* nonsense */
    watch_oom_take_record(&log, ";memory: usage 1kB, limit xkB", 1);
    assert_true(isnan(log.limit_mb));
    watch_oom_take_record(&log, ";memory: usage 1kB, limit 9007199254740988kB", 1);
    assert_true(isnan(log.limit_mb));
}

static void counters_hint_at_the_origin(void **state)
{
    struct test_tree tree;
    struct watch_oom oom;
    char why[192];
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/vmstat", "nr_free_pages 1\noom_kill 4\n");
    test_tree_write(&tree, "proc/77/cgroup", "1:name=systemd:/x\n0::/app/rec\n");
    test_tree_write(&tree, "sys/fs/cgroup/app/rec/memory.events", "low 0\noom 1\noom_kill 1\n");
    test_tree_write(&tree, "sys/fs/cgroup/app/rec/memory.max", "max\n");
    test_tree_write(&tree, "sys/fs/cgroup/app/memory.max", "2147483648\n");
    watch_oom_begin(&oom, &tree.root, 77);
    ASSERT_NEAR(oom.limit_mb, 2048, 0); /* that of the group above it */
    watch_oom_explain(&oom, 77, why, sizeof(why));
    assert_non_null(strstr(why, "origin unknown"));
    test_tree_write(&tree, "proc/vmstat", "nr_free_pages 1\noom_kill 6\n");
    watch_oom_explain(&oom, 77, why, sizeof(why));
    assert_non_null(strstr(why, "killed 2"));
    assert_non_null(strstr(why, "/proc/vmstat"));
    test_tree_write(&tree, "sys/fs/cgroup/app/rec/memory.events", "low 0\noom 1\noom_kill 2\n");
    watch_oom_explain(&oom, 77, why, sizeof(why));
    assert_non_null(strstr(why, "control group, limited to 2.00 GB, ran out, it seems"));
    assert_non_null(strstr(why, "memory.events"));
    watch_oom_end(&oom);
    test_tree_deinit(&tree);
}

static void version_1_counts_too(void **state)
{
    struct test_tree tree;
    struct watch_oom oom;
    char why[192];
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/77/cgroup", "4:memory:/rec\n1:name=systemd:/\n0::/\n");
    test_tree_write(&tree, "sys/fs/cgroup/unified/cgroup.procs", "");
    test_tree_write(&tree, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/rec/memory.limit_in_bytes", "67108864\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/rec/memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    watch_oom_begin(&oom, &tree.root, 77);
    ASSERT_NEAR(oom.limit_mb, 64, 0);
    assert_false(watch_oom_hint(&oom, why, sizeof(why)));
    test_tree_write(&tree, "sys/fs/cgroup/memory/rec/memory.oom_control",
                    "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    watch_oom_explain(&oom, 77, why, sizeof(why));
    assert_string_equal(why, "memory of its control group, limited to 64.0 MB, ran out, it seems: "
                             "the kernel killed 1 there meanwhile (memory.oom_control)");
    /* It was moved, and the limit of where it is now was raised. */
    test_tree_write(&tree, "proc/77/cgroup", "4:memory:/other\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/other/memory.limit_in_bytes", "134217728\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/other/memory.oom_control", "oom_kill 9\n");
    watch_oom_look_again(&oom, 77);
    ASSERT_NEAR(oom.limit_mb, 128, 0);
    assert_false(watch_oom_hint(&oom, why, sizeof(why)));
    watch_oom_end(&oom);
    test_tree_deinit(&tree);
}

static void without_any_counter_nothing_is_claimed(void **state)
{
    struct test_tree tree;
    struct watch_oom oom;
    char why[192];
    test_tree_init(&tree);
    watch_oom_begin(&oom, &tree.root, 77);
    assert_true(isnan(oom.limit_mb));
    watch_oom_explain(&oom, 77, why, sizeof(why));
    assert_non_null(strstr(why, "origin unknown"));
    watch_oom_end(&oom);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_agree_say_nothing),
        cmocka_unit_test(a_clock_that_is_set_back_by_an_hour),
        cmocka_unit_test(a_machine_that_slept),
        cmocka_unit_test(slewing_is_no_jump),
        cmocka_unit_test(silence_is_found_within_three_intervals),
        cmocka_unit_test(one_that_never_moved_is_not_silent),
        cmocka_unit_test(one_that_writes_in_bursts_has_its_usual_pause),
        cmocka_unit_test(one_that_moves_again_can_fall_silent_again),
        cmocka_unit_test(only_what_comes_counts),
        cmocka_unit_test(a_file_that_is_replaced_or_cut_goes_on),
        cmocka_unit_test(a_directory_or_a_pipe_is_no_work),
        cmocka_unit_test(the_kernels_log_names_whom_it_killed),
        cmocka_unit_test(the_kernels_log_tells_the_groups_limit),
        cmocka_unit_test(counters_hint_at_the_origin),
        cmocka_unit_test(version_1_counts_too),
        cmocka_unit_test(without_any_counter_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
