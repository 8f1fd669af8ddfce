/* Frames of the live screen, from invented rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/watch_view.h"
#include "report_fixture.h"

#define S 1000000000ull
#define CHANNELS 40

struct value {
    const char *metric, *instance;
    double value;
    enum reason reason;
    const char *why;
};

struct scene {
    struct channel channels[CHANNELS];
    double values[CHANNELS];
    uint8_t due[CHANNELS];
    size_t count;
    struct sample_row row;
    struct watch_status status;
    struct growth_verdict growth;
    struct watch_end ends[3];
    struct process_table processes;
    struct watch_view_now now;
    struct watch_view view;
    struct grid grid;
};

static const struct value machine[] = {
    {"cpu_total_pct", "", 43.21},
    {"core_pct", "cpu0", 3},
    {"core_pct", "cpu1", 50},
    {"core_pct", "cpu2", NAN},
    {"core_pct", "cpu3", 98},
    {"mem_total_mb", "", 7820},
    {"mem_used_mb", "", 7000},
    {"load1", "", 1.5},
    {"psi_cpu_some_pct", "", 12.34},
    {"psi_memory_some_pct", "", 0},
    {"psi_io_some_pct", "", 0.25},
    {"temp_c", "cpu-thermal", 51.25},
    {"temp_c", "gpu-thermal", NAN},
    {"temp_c", "nvme Composite", 33},
    {"power_w", "package-0", NAN, REASON_DENIED, "sudo chmod a+r energy_uj"},
};

static const struct value watched[] = {
    {"cpu_track_pct", "", 187.5},
    {"mem_track_rss_mb", "", 1536},
    {"mem_track_anon_mb", "", 900},
    {"threads", "", 23},
    {"track_processes", "", 4},
    {"track_fds", "", NAN},
    {"gpu_util_pct", "nvidia_0", 71},
    {"gpu_mem_used_mb", "nvidia_0", 2048},
    {"gpu_mem_total_mb", "nvidia_0", 8192},
    {"gpu_temp_c", "nvidia_0", 64},
    {"gpu_power_w", "nvidia_0", 118.75},
    {"gpu_mhz", "nvidia_0", 1980},
    {"gpu_throttle_reasons", "nvidia_0", 0x4},
    {"pipeline_fps", "", 29.97},
    {"inference_p99_ms", "", 12.5},
    {"pipeline_queue_depth", "", 3},
};

static void add(struct scene *scene, const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = scene->count++;
        scene->channels[at] = (struct channel){.metric = metric_find(values[i].metric),
                                               .instance = values[i].instance,
                                               .source = "test",
                                               .reason = values[i].reason,
                                               .why = values[i].why};
        assert_non_null(scene->channels[at].metric);
        scene->values[at] = values[i].value;
        scene->due[at] = 1;
    }
}

/* Rows of one second each, in which the CPU swings. */
static void feed(struct scene *scene, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        scene->row =
            (struct sample_row){.t_ns = (100 + i) * S, .values = scene->values, .due = scene->due};
        scene->values[0] = (double)(i % 10) * 10;
        assert_int_equal(watch_view_add(&scene->view, scene->channels, scene->count, &scene->row),
                         0);
    }
    scene->status.rows = rows;
    scene->status.elapsed_ns = rows * S;
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){.view.interval_ns = S};
    scene->status.row = &scene->row;
    scene->now = (struct watch_view_now){
        .status = &scene->status, .own_cpu_pct = 0.31, .memory_limit_mb = NAN};
    add(scene, machine, sizeof(machine) / sizeof(machine[0]));
}

static void add_process(struct scene *scene, pid_t pid, unsigned depth, double cpu, double rss,
                        const char *name)
{
    struct process_row *row = &scene->processes.rows[scene->processes.count++];
    *row = (struct process_row){.pid = pid,
                                .depth = depth,
                                .cpu_pct = cpu,
                                .rss_mb = rss,
                                .anon_mb = rss / 2,
                                .threads = 7,
                                .fds = 12};
    snprintf(row->name, sizeof(row->name), "%s", name);
}

static void begin_watched(struct scene *scene)
{
    begin(scene);
    add(scene, watched, sizeof(watched) / sizeof(watched[0]));
    scene->ends[0] = (struct watch_end){.pid = 4711, .name = "python3"};
    scene->ends[1] = (struct watch_end){.pid = 5000, .name = "recorder"};
    scene->status.ends = scene->ends;
    scene->status.end_count = scene->status.alive = 2;
    add_process(scene, 4711, 0, 120.25, 1024, "python3 main.py --cameras 4 --model detector.onnx");
    add_process(scene, 4712, 1, 60, 400, "추적기 카메라 0 작업자 프로세스 이름이 깁니다");
    add_process(scene, 4719, 2, NAN, NAN, "evil\x1b[2J\nname\x80\u202e");
    add_process(scene, 5000, 0, 7.25, 112, "recorder");
    scene->processes.rows[3].fds = NAN;
    scene->now.processes = &scene->processes;
    scene->growth = (struct growth_verdict){.class = GROWTH_LINEAR_LEAK,
                                            .pace = {2.1, 1.9, 2.3},
                                            .to_limit_s = {11520, 10440, INFINITY}};
    scene->status.growth = &scene->growth;
    scene->now.memory_limit_mb = 2048;
}

static const char *draw(struct scene *scene, size_t width, size_t height)
{
    static struct strbuf text;
    strbuf_clear(&text);
    assert_int_equal(grid_resize(&scene->grid, width, height), 0);
    watch_view_draw(&scene->view, &scene->now, &scene->grid);
    grid_to_text(&scene->grid, &text);
    for (size_t i = 0; i < width * height; i++)
        assert_true(scene->grid.cells[i].style < GRID_STYLE_COUNT);
    return strbuf_get(&text);
}

static void end(struct scene *scene)
{
    watch_view_deinit(&scene->view);
    grid_deinit(&scene->grid);
}

static void shows_all_at_80x24(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    feed(&scene, 100);
    assert_golden("watch_80x24.txt", draw(&scene, 80, 24));
    struct strbuf styles = {0};
    grid_to_styles(&scene.grid, &styles);
    assert_golden("watch_80x24_styles.txt", strbuf_get(&styles));
    strbuf_deinit(&styles);
    end(&scene);
}

static void shows_more_at_120x40(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    scene.view.label = "factory line 3";
    scene.status.missed_ticks = 2;
    feed(&scene, 30);
    assert_golden("watch_120x40.txt", draw(&scene, 120, 40));
    end(&scene);
}

static void says_that_60x10_is_small(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    feed(&scene, 30);
    assert_golden("watch_60x10.txt", draw(&scene, 60, 10));
    end(&scene);
}

static void the_machine_alone_has_no_empty_sections(void **state)
{
    static struct scene scene;
    begin(&scene);
    feed(&scene, 5);
    assert_golden("watch_machine.txt", draw(&scene, 80, 24));
    end(&scene);
}

/* Before the first row, and a machine of which nothing can be read. */
static void unknown_is_never_0(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    scene.status.growth = NULL;
    assert_golden("watch_no_row.txt", draw(&scene, 80, 24));
    for (size_t i = 0; i < scene.count; i++)
        scene.values[i] = NAN;
    scene.row = (struct sample_row){.t_ns = S, .values = scene.values, .due = scene.due};
    assert_int_equal(watch_view_add(&scene.view, scene.channels, scene.count, &scene.row), 0);
    assert_golden("watch_all_missing.txt", draw(&scene, 80, 24));
    end(&scene);
}

static void no_size_breaks_it(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    for (size_t i = 0; i < 200; i++)
        add_process(&scene, 6000 + (pid_t)i, (unsigned)i % 40, (double)i, (double)(i * 7 % 31),
                    "w");
    feed(&scene, 700); /* more than a history holds */
    for (int help = 0; help < 2; help++) {
        scene.view.has_help = help == 1;
        for (size_t width = 1; width < 200; width += 7)
            for (size_t height = 1; height < 70; height += 3)
                draw(&scene, width, height);
    }
    end(&scene);
}

/* ---- rows ---- */

static void what_is_not_due_keeps_its_value(void **state)
{
    static struct scene scene;
    begin(&scene);
    feed(&scene, 1);
    scene.values[5] = NAN; /* mem_total_mb */
    scene.due[5] = 0;
    scene.row.t_ns += S;
    assert_int_equal(watch_view_add(&scene.view, scene.channels, scene.count, &scene.row), 0);
    assert_non_null(strstr(draw(&scene, 80, 24), "of 7.64 GB"));
    scene.due[5] = 1; /* now it is missing */
    scene.row.t_ns += S;
    assert_int_equal(watch_view_add(&scene.view, scene.channels, scene.count, &scene.row), 0);
    assert_null(strstr(draw(&scene, 80, 24), "of 7.64 GB"));
    end(&scene);
}

/* 100 rows a second: a step of the history is a second, and shows the largest of its rows. */
static void a_spike_between_two_steps_is_kept(void **state)
{
    static struct scene scene;
    begin(&scene);
    scene.view.interval_ns = S / 100;
    for (size_t i = 0; i < 1000; i++) {
        scene.values[0] = i == 555 ? 99 : 10;
        scene.row = (struct sample_row){
            .t_ns = 100 * S + i * (S / 100), .values = scene.values, .due = scene.due};
        assert_int_equal(watch_view_add(&scene.view, scene.channels, scene.count, &scene.row), 0);
    }
    const char *frame = draw(&scene, 80, 24);
    assert_non_null(strstr(frame, "▁▁▁▁▁█▁▁▁▁"));
    assert_non_null(strstr(frame, "10.0 % to 99.0 %"));
    end(&scene);
}

static void a_row_counts_once(void **state)
{
    static struct scene scene;
    begin(&scene);
    feed(&scene, 3);
    for (int i = 0; i < 5; i++)
        watch_view_add(&scene.view, scene.channels, scene.count, &scene.row);
    assert_int_equal(scene.view.histories[0].count, 3);
    end(&scene);
}

static void says_that_it_is_synthetic(void **state)
{
    static struct scene scene;
    begin(&scene);
    scene.channels[0].source = "invented (synthetic)";
    feed(&scene, 3);
    assert_non_null(strstr(draw(&scene, 80, 24), "SYNTHETIC"));
    assert_non_null(strstr(draw(&scene, 60, 10), "SYNTHETIC"));
    end(&scene);
}

/* ---- keys ---- */

/* The pids in the order in which they stand. */
static void assert_order(struct scene *scene, const pid_t *pids, size_t count)
{
    const char *at = draw(scene, 80, 24);
    for (size_t i = 0; i < count; i++) {
        char pid[16];
        snprintf(pid, sizeof(pid), "   %d ", (int)pids[i]);
        at = strstr(at, pid);
        assert_non_null(at);
    }
}

static void sorts(void **state)
{
    static struct scene scene;
    begin_watched(&scene);
    scene.ends[0].pid = 1; /* not in the head */
    scene.processes.rows[3].pid = 4000;
    scene.processes.rows[3].rss_mb = 3000;
    feed(&scene, 3);
    assert_order(&scene, (pid_t[]){4711, 4712, 4719, 4000}, 4);
    assert_int_equal(watch_view_key(&scene.view, 's'), WATCH_VIEW_REDRAW);
    assert_order(&scene, (pid_t[]){4711, 4712, 4000, 4719}, 4); /* unknown stands last */
    watch_view_key(&scene.view, 's');
    assert_order(&scene, (pid_t[]){4000, 4711, 4712, 4719}, 4);
    watch_view_key(&scene.view, 's');
    assert_order(&scene, (pid_t[]){4000, 4711, 4712, 4719}, 4);
    assert_non_null(strstr(draw(&scene, 80, 24), "PID v"));
    watch_view_key(&scene.view, 's');
    assert_int_equal(scene.view.sort, WATCH_VIEW_TREE);
    end(&scene);
}

static void keys_pause_help_and_quit(void **state)
{
    static struct scene scene;
    begin(&scene);
    feed(&scene, 3);
    assert_int_equal(watch_view_key(&scene.view, 'x'), WATCH_VIEW_NOTHING);
    assert_int_equal(watch_view_key(&scene.view, 'p'), WATCH_VIEW_REDRAW);
    assert_non_null(strstr(draw(&scene, 80, 24), "PAUSED"));
    assert_int_equal(watch_view_key(&scene.view, 'p'), WATCH_VIEW_REDRAW);
    assert_null(strstr(draw(&scene, 80, 24), "PAUSED"));
    watch_view_key(&scene.view, 'h');
    assert_golden("watch_help.txt", draw(&scene, 80, 24));
    assert_int_equal(watch_view_key(&scene.view, 'x'), WATCH_VIEW_REDRAW);
    assert_null(strstr(draw(&scene, 80, 24), "keys and lines"));
    assert_int_equal(watch_view_key(&scene.view, 'q'), WATCH_VIEW_QUIT);
    end(&scene);
}

static void tells_each_verdict(void **state)
{
    static const struct {
        struct growth_verdict verdict;
        const char *text;
    } cases[] = {
        {{.class = GROWTH_TOO_SHORT, .needed_s = 90}, "cannot be told yet: 90 s more"},
        {{.class = GROWTH_NONE, .level_mb = 512, .smallest_per_min = 0.25},
         "none: level at 512 MB  (0.25 MB/min would have been seen)"},
        {{.class = GROWTH_WARMING, .level_mb = 512}, "warmed up and rests at 512 MB"},
        {{.class = GROWTH_DECELERATING, .pace = {1, 0.5, 1.5}},
         "decelerating 1 MB/min (0.5 to 1.5)"},
        {{.class = GROWTH_ACCELERATING, .pace = {3, 2, 4}, .to_limit_s = {600, 500, 700}},
         "accelerating 3 MB/min (2 to 4), limit in 10 min (8.3 min to 12 min)"},
    };
    static struct scene scene;
    begin(&scene);
    feed(&scene, 3);
    scene.status.growth = &scene.growth;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene.growth = cases[i].verdict;
        assert_non_null(strstr(draw(&scene, 100, 24), cases[i].text));
    }
    end(&scene);
}

/* ---- tacho monitor gpu ---- */

static const struct value gpus[] = {
    {"gpu_util_pct", "nvidia_0", 71},        {"gpu_mem_used_mb", "nvidia_0", 2048},
    {"gpu_mem_total_mb", "nvidia_0", 8192},  {"gpu_temp_c", "nvidia_0", 64},
    {"gpu_power_w", "nvidia_0", 118.75},     {"gpu_mhz", "nvidia_0", 1980},
    {"gpu_throttle_reasons", "nvidia_0", 4}, {"gpu_util_pct", "nvidia_1", 3},
    {"gpu_mem_used_mb", "nvidia_1", 512},    {"gpu_mem_total_mb", "nvidia_1", 8192},
    {"gpu_temp_c", "nvidia_1", NAN},         {"gpu_power_w", "nvidia_1", NAN},
};

static const struct value jetson[] = {
    {"gpu_util_pct", "jetson_0", 87}, {"gpu_mem_used_mb", "jetson_0", 768},
    {"gpu_mhz", "jetson_0", 803},     {"temp_c", "CPU-therm", 41},
    {"temp_c", "GPU-therm", 43.5},    {"power_w", "VDD_CPU_GPU_CV", 6.25},
    {"power_w", "VDD_SOC", 1.5},
};

struct gpu_scene {
    struct scene scene;
    struct gpu_watch watches[2];
    const struct gpu_watch *pointers[2];
};

static void begin_gpus(struct gpu_scene *gpu, const struct value *values, size_t count)
{
    struct scene *scene = &gpu->scene;
    *gpu = (struct gpu_scene){
        .scene.view = {.kind = WATCH_VIEW_GPUS, .label = "monitor gpu", .interval_ns = S}};
    scene->status.row = &scene->row;
    for (size_t i = 0; i < 2; i++) {
        snprintf(gpu->watches[i].name, sizeof(gpu->watches[i].name), "nvidia_%zu", i);
        gpu->watches[i].hot_c = 85;
        gpu->pointers[i] = &gpu->watches[i];
    }
    scene->now = (struct watch_view_now){.status = &scene->status,
                                         .own_cpu_pct = 0.31,
                                         .memory_limit_mb = NAN,
                                         .gpus = gpu->pointers,
                                         .gpu_count = 2};
    add(scene, values, count);
}

static void gpus_and_what_stood_out_of_each(void **state)
{
    static struct gpu_scene gpu;
    begin_gpus(&gpu, gpus, sizeof(gpus) / sizeof(gpus[0]));
    feed(&gpu.scene, 40);
    assert_null(strstr(draw(&gpu.scene, 80, 24), "held back")); /* nothing did, so far */
    gpu.watches[0].held.rows = 12;
    gpu.watches[0].reasons_seen = 0x24;
    gpu.watches[0].util_drops = (struct gpu_episodes){
        .rows = 9, .episodes = 3, .worst = 12, .worst_from = 71, .worst_s = 34};
    gpu.watches[1].hot =
        (struct gpu_episodes){.rows = 1, .episodes = 1, .worst = 91, .worst_s = 12};
    gpu.watches[1].power_drops = (struct gpu_episodes){
        .rows = 1, .episodes = 1, .worst = 40, .worst_from = 120, .worst_s = 13};
    assert_golden("watch_gpus_80x24.txt", draw(&gpu.scene, 80, 24));
    assert_golden("watch_gpus_160x30.txt", draw(&gpu.scene, 160, 30));
    assert_golden("watch_gpus_80x10.txt", draw(&gpu.scene, 80, 10));
    assert_golden("watch_gpus_60x10.txt", draw(&gpu.scene, 60, 10));
    assert_null(strstr(draw(&gpu.scene, 80, 24), "sort"));
    assert_int_equal(watch_view_key(&gpu.scene.view, 's'), WATCH_VIEW_NOTHING);
    watch_view_key(&gpu.scene.view, 'h');
    assert_golden("watch_gpus_help.txt", draw(&gpu.scene, 80, 24));
    end(&gpu.scene);
}

static void the_gpu_of_a_board_has_its_zones_and_rails(void **state)
{
    static struct gpu_scene gpu;
    begin_gpus(&gpu, jetson, sizeof(jetson) / sizeof(jetson[0]));
    feed(&gpu.scene, 5);
    assert_golden("watch_gpus_jetson.txt", draw(&gpu.scene, 80, 24));
    end(&gpu.scene);
}

static void no_size_breaks_the_gpus(void **state)
{
    static struct gpu_scene gpu;
    static char names[8][16];
    struct value many[8 * 4];
    static const char *const metrics[] = {"gpu_util_pct", "gpu_mem_used_mb", "gpu_power_w",
                                          "gpu_temp_c"};
    for (size_t i = 0; i < 8; i++) {
        snprintf(names[i], sizeof(names[i]), "nvidia_%zu", i);
        for (size_t j = 0; j < 4; j++)
            many[i * 4 + j] = (struct value){metrics[j], names[i], (double)(10 * i + j)};
    }
    begin_gpus(&gpu, many, 32);
    feed(&gpu.scene, 700);
    gpu.watches[0].held.rows = gpu.watches[1].held.rows = 12;
    for (int help = 0; help < 2; help++) {
        gpu.scene.view.has_help = help == 1;
        for (size_t width = 1; width < 200; width += 7)
            for (size_t height = 1; height < 70; height += 3)
                draw(&gpu.scene, width, height);
    }
    gpu.scene.view.has_help = false;
    assert_non_null(strstr(draw(&gpu.scene, 80, 24), "GPU 7"));
    end(&gpu.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_all_at_80x24),
        cmocka_unit_test(shows_more_at_120x40),
        cmocka_unit_test(says_that_60x10_is_small),
        cmocka_unit_test(the_machine_alone_has_no_empty_sections),
        cmocka_unit_test(unknown_is_never_0),
        cmocka_unit_test(no_size_breaks_it),
        cmocka_unit_test(what_is_not_due_keeps_its_value),
        cmocka_unit_test(a_spike_between_two_steps_is_kept),
        cmocka_unit_test(a_row_counts_once),
        cmocka_unit_test(says_that_it_is_synthetic),
        cmocka_unit_test(sorts),
        cmocka_unit_test(keys_pause_help_and_quit),
        cmocka_unit_test(tells_each_verdict),
        cmocka_unit_test(gpus_and_what_stood_out_of_each),
        cmocka_unit_test(the_gpu_of_a_board_has_its_zones_and_rails),
        cmocka_unit_test(no_size_breaks_the_gpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
