/* test_probe.c: the collector `probe` over segments made by hand, of processes in a recorded tree.
 */
#include "collect_test.h"

#include "segment_image.h"

#define MS 1000000ull

struct fixture {
    struct test_tree tree;
    struct test_collector test;
    struct segment_image *image;
};

static void path_of(const struct test_tree *tree, pid_t pid, const char *suffix, char *path,
                    size_t size)
{
    snprintf(path, size, "%s/dev/shm/tacho.%u.%d.4711%s", tree->path, (unsigned)geteuid(), (int)pid,
             suffix);
}

static void write_segment_as(const struct fixture *fixture, pid_t pid, const char *suffix)
{
    char path[512];
    fixture->image->header.pid = (uint32_t)pid;
    path_of(&fixture->tree, pid, suffix, path, sizeof(path));
    FILE *file = fopen(path, "r+");
    file = file ? file : fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(fixture->image, sizeof(*fixture->image), 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_segment(const struct fixture *fixture, pid_t pid)
{
    write_segment_as(fixture, pid, "");
}

/* own_pid: in its own pid namespace. */
static void write_process_as(const struct test_tree *tree, pid_t pid, pid_t own_pid,
                             const char *children, char state)
{
    char name[64], text[512];
    snprintf(name, sizeof(name), "proc/%d/stat", (int)pid);
    snprintf(text, sizeof(text),
             "%d (pipeline) %c 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 4711 4096000 100 0\n",
             (int)pid, state);
    test_tree_write(tree, name, text);
    snprintf(name, sizeof(name), "proc/%d/status", (int)pid);
    snprintf(text, sizeof(text), "Name:\tpipeline\nUid:\t%u\t%u\t%u\t%u\nNSpid:\t%d\t%d\n",
             (unsigned)geteuid(), (unsigned)geteuid(), (unsigned)geteuid(), (unsigned)geteuid(),
             (int)pid, (int)own_pid);
    test_tree_write(tree, name, text);
    snprintf(name, sizeof(name), "proc/%d/task/%d/children", (int)pid, (int)pid);
    test_tree_write(tree, name, children);
}

static void write_process(const struct test_tree *tree, pid_t pid, const char *children, char state)
{
    write_process_as(tree, pid, pid, children, state);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    test_tree_init(&fixture->tree);
    test_tree_write(&fixture->tree, "dev/shm/of somebody else", "tacho");
    write_process(&fixture->tree, 500, "", 'S');
    fixture->image = image_new();
    image_hist(fixture->image, 0, 0, 0);
    fixture->image->threads[0].depth = 0;
    test_open(&fixture->test, "probe", &fixture->tree.root);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    test_close(&fixture->test);
    test_tree_deinit(&fixture->tree);
    free(fixture->image);
    free(fixture);
    return 0;
}

static double fixed(const struct fixture *fixture, const char *metric)
{
    return value_of(&fixture->test, metric, "");
}

/* What a program did before it was watched belongs to no interval. */
static void counts_from_when_it_is_watched(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    for (int i = 0; i < 100; i++)
        image_value(fixture->image, 0, 900 * MS);
    fixture->image->counters[0][0] = 1000;
    fixture->image->counters[0][2] = 50;
    write_segment(fixture, 500);
    assert_int_equal(test_sample_target(test, 500, 1), 0);
    ASSERT_NAN(fixed(fixture, "inference_avg_ms"));
    ASSERT_NAN(fixed(fixture, "inference_count"));
    ASSERT_NAN(fixed(fixture, "pipeline_fps"));
    assert_true(value_of(test, "frames_total", "camera0") == 1000);
    assert_true(fixed(fixture, "work_done") == 50);

    for (uint64_t i = 1; i <= 4; i++)
        image_value(fixture->image, 0, i * MS);
    fixture->image->counters[0][0] += 30;
    fixture->image->counters[1][0] += 7; /* another thread */
    fixture->image->counters[0][1] = 2;
    write_segment(fixture, 500);
    assert_int_equal(test_sample_target(test, 500, 1), 0);
    ASSERT_NEAR(fixed(fixture, "inference_avg_ms"), 2.5, 1e-9);
    ASSERT_NEAR(fixed(fixture, "inference_max_ms"), 4, 4.0 / 256);
    assert_true(fixed(fixture, "inference_count") == 4);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 37, 1e-9); /* within one second */
    assert_true(fixed(fixture, "pipeline_drops") == 2);
    ASSERT_NEAR(value_of(test, "span_rate_per_s", "inference"), 4, 1e-9);
    ASSERT_NEAR(value_of(test, "frame_fps", "camera0"), 37, 1e-9);
    assert_true(value_of(test, "counter_total", "items") == 50);

    assert_int_equal(test_sample_target(test, 500, 1), 0); /* nothing happened */
    ASSERT_NAN(fixed(fixture, "inference_avg_ms"));
    assert_true(fixed(fixture, "inference_count") == 0 && fixed(fixture, "pipeline_fps") == 0);
}

/* Of one that begins while its tree is watched all counts, over the time since it began. */
static void counts_all_of_one_that_begins(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    assert_int_equal(test_sample_target(test, 500, 1), 0);
    assert_null(test_channel(test, "span_avg_ms", "inference"));
    fixture->image->header.created_ns = test->now_ns + 500 * MS;
    fixture->image->counters[0][0] = 20;
    image_value(fixture->image, 0, 8 * MS);
    write_segment(fixture, 500);
    assert_int_equal(test_sample_target(test, 500, 1), 0);
    ASSERT_NEAR(fixed(fixture, "inference_avg_ms"), 8, 1e-9);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 40, 1e-9);
    assert_non_null(test_channel(test, "span_avg_ms", "inference"));
}

static void puts_processes_together(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    write_process(&fixture->tree, 500, "501", 'S');
    write_process(&fixture->tree, 501, "", 'S');
    write_segment(fixture, 500);
    write_segment(fixture, 501);
    test_sample_target(test, 500, 1);
    image_value(fixture->image, 0, 2 * MS);
    fixture->image->counters[0][0] = 10;
    fixture->image->gauges[0] = (struct tacho_segment_gauge){
        .count = 1, .value = image_bits(3), .smallest = image_bits(3), .largest = image_bits(9)};
    write_segment(fixture, 500);
    image_value(fixture->image, 0, 6 * MS);
    fixture->image->gauges[0].value = image_bits(5);
    write_segment(fixture, 501);
    test_sample_target(test, 500, 1);
    ASSERT_NEAR(fixed(fixture, "inference_avg_ms"), (2 + 2 + 6) / 3.0, 1e-9);
    assert_true(fixed(fixture, "inference_count") == 3);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 20, 1e-9);
    assert_true(value_of(test, "gauge_value", "queue") == 5);
    assert_true(fixed(fixture, "pipeline_queue_depth") == 9); /* a peak between two samples */
    test_sample_target(test, 500, 1);
    assert_true(fixed(fixture, "pipeline_queue_depth") == 5);
}

/* A process that is gone was counted to its end, and stays counted. */
static void keeps_what_ended(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    write_process(&fixture->tree, 500, "501", 'S');
    write_process(&fixture->tree, 501, "", 'S');
    fixture->image->counters[0][0] = 5;
    write_segment(fixture, 501);
    test_sample_target(test, 500, 1);
    fixture->image->counters[0][0] = 9;
    write_segment(fixture, 501);
    write_process(&fixture->tree, 501, "", 'Z');
    test_sample_target(test, 500, 1);
    assert_true(value_of(test, "frames_total", "camera0") == 9);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 4, 1e-9);
    for (int i = 0; i < 3; i++)
        test_sample_target(test, 500, 1);
    assert_true(value_of(test, "frames_total", "camera0") == 9);
    ASSERT_NAN(fixed(fixture, "pipeline_fps"));
}

static void tells_how_long_a_span_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    fixture->image->threads[0].depth = 1;
    fixture->image->threads[0].open[0].begin_ns = 1000 * NS_PER_S;
    write_segment(fixture, 500);
    test_sample_target(test, 500, 1);
    test_sample_target(test, 500, 1);
    test_sample_target(test, 500, 1);
    ASSERT_NEAR(value_of(test, "span_open_s", "inference"), 3, 1e-9);
    ASSERT_NAN(value_of(test, "span_avg_ms", "inference"));
}

static void finds_a_container_and_a_program_after_exec(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    char from[512], to[512];
    write_process_as(&fixture->tree, 500, 7, "", 'S');
    write_segment(fixture, 7);
    path_of(&fixture->tree, 7, "", from, sizeof(from));
    test_tree_write(&fixture->tree, "proc/500/root/dev/shm/other", "");
    snprintf(to, sizeof(to), "%s/proc/500/root/dev/shm/tacho.%u.7.4711.1", fixture->tree.path,
             (unsigned)geteuid());
    assert_int_equal(rename(from, to), 0);
    test_sample_target(test, 500, 1);
    assert_true(value_of(test, "frames_total", "camera0") == 0);
}

/* Beside `tacho run`, which has a folder for what its program writes; not in somebody else's. */
static void finds_the_program_of_a_run(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    char from[512], folder[400], to[512];
    write_segment(fixture, 500);
    path_of(&fixture->tree, 500, "", from, sizeof(from));
    snprintf(folder, sizeof(folder), "%s/dev/shm/tacho-run.400.4000.abcdef", fixture->tree.path);
    snprintf(to, sizeof(to), "%s/%s", folder, strrchr(from, '/') + 1);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(rename(from, to), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(folder, 12345, (gid_t)-1), 0);
        test_sample_target(test, 500, 1);
        assert_null(test_channel(test, "frames_total", "camera0"));
        assert_int_equal(chown(folder, 0, (gid_t)-1), 0);
    }
    test_sample_target(test, 500, 2);
    assert_true(value_of(test, "frames_total", "camera0") == 0);
}

/* A setuid program, or a daemon that gave root up: the file is of who it was when it made it. */
static void finds_a_program_that_changed_its_user(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    snprintf(text, sizeof(text), "Name:\tpipeline\nUid:\t42001\t42002\t%u\t42002\nNSpid:\t500\n",
             (unsigned)geteuid());
    test_tree_write(&fixture->tree, "proc/500/status", text);
    write_segment(fixture, 500);
    test_sample_target(&fixture->test, 500, 1);
    assert_true(value_of(&fixture->test, "frames_total", "camera0") == 0);
    if (geteuid() == 0) { /* of root, and now nothing of root is left */
        test_tree_write(&fixture->tree, "proc/500/status",
                        "Name:\tpipeline\nUid:\t42001\t42001\t42001\t42001\nNSpid:\t500\n");
        test_sample_target(&fixture->test, 500, 2);
        assert_true(value_of(&fixture->test, "frames_total", "camera0") == 0);
    }
}

/* Files that pretend: another start, another pid in the file, a link, no segment at all. */
static void takes_no_impostor(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    char path[512], other[512];
    fixture->image->header.start_ticks = 4712;
    write_segment(fixture, 500);
    fixture->image->header.start_ticks = 4711;
    write_segment_as(fixture, 499, "");
    path_of(&fixture->tree, 499, "", other, sizeof(other));
    path_of(&fixture->tree, 500, ".1", path, sizeof(path));
    assert_int_equal(rename(other, path), 0);
    write_segment(fixture, 500 + 1);
    path_of(&fixture->tree, 501, "", other, sizeof(other));
    path_of(&fixture->tree, 500, ".2", path, sizeof(path));
    assert_int_equal(symlink(other, path), 0);
    path_of(&fixture->tree, 500, ".3", path, sizeof(path));
    assert_int_equal(mkfifo(path, 0600), 0);
    if (geteuid() == 0) {
        write_segment_as(fixture, 500, ".4");
        path_of(&fixture->tree, 500, ".4", path, sizeof(path));
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
    }
    test_sample_target(test, 500, 1);
    test_sample_target(test, 500, 1);
    assert_null(test_channel(test, "frames_total", "camera0"));
}

/* Each of three processes has eight spans of its own names; 16 have columns. */
static void counts_names_without_a_column(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    write_process(&fixture->tree, 500, "501 502", 'S');
    write_process(&fixture->tree, 501, "", 'S');
    write_process(&fixture->tree, 502, "", 'S');
    for (pid_t pid = 500; pid <= 502; pid++) {
        for (uint32_t i = 0; i < IMAGE_NAMES; i++) {
            char name[32];
            snprintf(name, sizeof(name), "span %d.%u", (int)pid, i);
            image_name(fixture->image, i, name, TACHO_NAME_SPAN, 0, 0);
        }
        write_segment(fixture, pid);
    }
    test_sample_target(test, 500, 1);
    assert_true(fixed(fixture, "probe_left_out") == 8);
    assert_non_null(test_channel(test, "span_avg_ms", "span 501.7"));
    assert_null(test_channel(test, "span_avg_ms", "span 502.0"));
}

static void follows_another_target(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    fixture->image->counters[0][0] = 5;
    write_segment(fixture, 500);
    test_sample_target(test, 500, 1);
    write_process(&fixture->tree, 600, "", 'S');
    test_sample_target(test, 600, 2);
    assert_true(value_of(test, "frames_total", "camera0") == 0);
    test_sample_target(test, 0, 3);
    ASSERT_NAN(value_of(test, "frames_total", "camera0"));
}

/* A program counts "parcels", the hooks count what its camera hands over: the same frames. */
static void believes_the_programs_own_frames(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    image_name(fixture->image, 1, "video0", TACHO_NAME_FRAME, TACHO_NAME_AUTO, 0);
    write_segment(fixture, 500);
    test_sample_target(test, 500, 1);
    fixture->image->counters[0][0] = 30;
    write_segment(fixture, 500);
    test_sample_target(test, 500, 1);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 30, 1e-9); /* there are no others */
    image_name(fixture->image, 6, "parcels", TACHO_NAME_FRAME, 0, 3);
    fixture->image->counters[0][0] = 60;
    fixture->image->counters[0][3] = 20;
    write_segment(fixture, 500);
    test_sample_target(test, 500, 1);
    ASSERT_NEAR(fixed(fixture, "pipeline_fps"), 20, 1e-9);
    ASSERT_NEAR(value_of(test, "frame_fps", "video0"), 30, 1e-9);
    ASSERT_NEAR(value_of(test, "frame_fps", "parcels"), 20, 1e-9);
}

static void attend(struct fixture *fixture, pid_t target, uint32_t generation)
{
    struct test_collector *test = &fixture->test;
    struct collect_tick tick = {
        .now_ns = test->now_ns, .target = target, .target_generation = generation};
    test->collector->attend(test->state, &tick);
}

/* Targets change between attending and sampling: a tick that is still about the old ones sees
 * nothing of the new, and loses nothing of them. */
static void attending_may_be_ahead_of_sampling(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    write_process(&fixture->tree, 600, "", 'S');
    fixture->image->counters[0][0] = 5;
    write_segment(fixture, 500);
    fixture->image->counters[0][0] = 70;
    write_segment(fixture, 600);
    test_sample_target(test, 500, 1);
    assert_true(value_of(test, "frames_total", "camera0") == 5);
    attend(fixture, 600, 2);
    struct collect_tick late = {
        .now_ns = test->now_ns += NS_PER_S, .target = 500, .target_generation = 1};
    assert_int_equal(test->collector->sample(test->state, &late, test->values), 0);
    assert_true(value_of(test, "frames_total", "camera0") == 5);
    late.target = 600;
    late.target_generation = 2;
    assert_int_equal(test->collector->sample(test->state, &late, test->values), 0);
    assert_true(value_of(test, "frames_total", "camera0") == 70);
}

/* More processes than there are places, one after the other: places are used again. */
static void places_are_used_again(void **state)
{
    struct fixture *fixture = *state;
    struct test_collector *test = &fixture->test;
    char path[512];
    fixture->image->counters[0][0] = 1;
    for (int i = 0; i < 100; i++) {
        write_process(&fixture->tree, 501 + i, "", 'S');
        char children[16];
        snprintf(children, sizeof(children), "%d", 501 + i);
        write_process(&fixture->tree, 500, children, 'S');
        write_segment(fixture, 501 + i);
        test_sample_target(test, 500, 1);
        write_process(&fixture->tree, 501 + i, "", 'Z');
        test_sample_target(test, 500, 1);
        path_of(&fixture->tree, 501 + i, "", path, sizeof(path));
        assert_int_equal(unlink(path), 0);
    }
    assert_true(value_of(test, "frames_total", "camera0") == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_from_when_it_is_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_all_of_one_that_begins, setup, teardown),
        cmocka_unit_test_setup_teardown(puts_processes_together, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_how_long_a_span_is_open, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_a_container_and_a_program_after_exec, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(finds_the_program_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_a_program_that_changed_its_user, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_no_impostor, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_names_without_a_column, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_another_target, setup, teardown),
        cmocka_unit_test_setup_teardown(believes_the_programs_own_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(attending_may_be_ahead_of_sampling, setup, teardown),
        cmocka_unit_test_setup_teardown(places_are_used_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
