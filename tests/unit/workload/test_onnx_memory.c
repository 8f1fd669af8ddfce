/* test_onnx_memory.c: when a worker is stopped for want of memory, from files of known numbers. */
#include "test_tree.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "workload/onnx/internal.h"

#define MB 1048576.0

static struct test_tree tree;
static struct onnx_memory memory;

static int open_text(const char *name, const char *text)
{
    char path[256];
    test_tree_write(&tree, name, text);
    snprintf(path, sizeof(path), "%s/%s", tree.path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Numbers in MB: available on the machine; limit, use and inactive file pages of the group. */
static void begin(double available, double limit, double used, double inactive)
{
    char text[128];
    test_tree_init(&tree);
    memory = (struct onnx_memory){
        .meminfo_fd = -1, .current_fd = -1, .stat_fd = -1, .cgroup_limit_bytes = limit * MB};
    snprintf(text, sizeof(text), "MemTotal: 99999999 kB\nMemAvailable:   %.0f kB\n",
             available * 1024);
    memory.meminfo_fd = open_text("meminfo", text);
    snprintf(text, sizeof(text), "%.0f\n", used * MB);
    memory.current_fd = open_text("memory.current", text);
    snprintf(text, sizeof(text), "anon 5\ninactive_file %.0f\n", inactive * MB);
    memory.stat_fd = open_text("memory.stat", text);
    memory.reserve_bytes = 128 * MB;
}

static bool is_short(void)
{
    bool result = onnx_memory_is_short(&memory, getpid());
    onnx_memory_close(&memory);
    test_tree_deinit(&tree);
    return result;
}

static void the_machine_runs_out(void **state)
{
    begin(100, INFINITY, 0, 0);
    memory.begin_bytes = 100 * MB + 4096; /* what is gone is less than this process holds */
    assert_true(is_short());
    assert_true(memory.available_bytes == 100 * MB);
    begin(200, INFINITY, 0, 0);
    memory.begin_bytes = 200 * MB;
    assert_false(is_short());
}

static void somebody_else_took_it(void **state)
{
    begin(100, INFINITY, 0, 0);
    memory.begin_bytes = 64 * 1024 * MB;
    assert_false(is_short());
}

static void the_group_runs_out(void **state)
{
    begin(50000, 1000, 950, 20); /* 50 MB free, 20 MB that the kernel would drop */
    memory.begin_bytes = 70 * MB;
    assert_true(is_short());
    assert_true(memory.available_bytes == 70 * MB);
    begin(50000, 1000, 950, 500); /* nearly all is page cache */
    memory.begin_bytes = 550 * MB;
    assert_false(is_short());
}

static void what_is_not_known_stops_nobody(void **state)
{
    begin(100, INFINITY, 0, 0);
    close(memory.meminfo_fd);
    memory.meminfo_fd = -1;
    memory.begin_bytes = 100 * MB;
    assert_false(is_short());
    begin(100, INFINITY, 0, 0);
    memory.reserve_bytes = NAN;
    assert_false(is_short());
}

static void this_machine(void **state)
{
    onnx_memory_open(&memory);
    assert_true(isnan(memory.begin_bytes) ||
                (memory.begin_bytes > 0 && memory.reserve_bytes <= memory.begin_bytes / 2));
    assert_false(onnx_memory_had_oom_kill(&memory));
    onnx_memory_close(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_runs_out), cmocka_unit_test(somebody_else_took_it),
        cmocka_unit_test(the_group_runs_out),   cmocka_unit_test(what_is_not_known_stops_nobody),
        cmocka_unit_test(this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
