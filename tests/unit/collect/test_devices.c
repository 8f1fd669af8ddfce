/* test_devices.c: the list of devices, against the trees and the stand-in of NVML. */
#include "collect_test.h"

#include "collect/devices.h"
#include "collect/nvml_library.h"

struct listed {
    struct root root;
    struct device_list list;
};

static int setup(void **state)
{
    unsetenv("TACHO_NVML");
    unsetenv("NVML_STANDIN_FAULT");
    unsetenv("NVML_STANDIN_DEVICES");
    unsetenv("NVML_STANDIN_NAME");
    return 0;
}

static void list_tree(struct listed *listed, const char *tree)
{
    test_root_open(&listed->root, tree);
    assert_int_equal(devices_read(&listed->root, &listed->list, NULL), 0);
}

static void list_end(struct listed *listed)
{
    devices_deinit(&listed->list);
    root_close(&listed->root);
}

static const struct device *device(const struct listed *listed, const char *name)
{
    const struct device *found = devices_find(&listed->list, name);
    if (!found)
        print_message("no device %s\n", name);
    assert_non_null(found);
    return found;
}

static void assert_text(const struct device *device, const char *key, const char *expected)
{
    const char *text = facts_get_text(&device->facts, key, "(none)");
    if (strcmp(text, expected) != 0)
        print_message("%s: %s\n", device->id, key);
    assert_string_equal(text, expected);
}

static void assert_number(const struct device *device, const char *key, double expected)
{
    const struct fact *fact = facts_get(&device->facts, key);
    if (!fact || fact->kind == FACT_NULL)
        print_message("%s: %s\n", device->id, key);
    assert_non_null(fact);
    assert_true(fact->kind == FACT_NUMBER || fact->kind == FACT_INTEGER);
    double value = fact->kind == FACT_NUMBER ? fact->number : (double)fact->integer;
    ASSERT_NEAR(value, expected, 1e-6);
}

static void assert_list(const struct device *device, const char *key, const char *expected)
{
    char text[512] = "";
    const struct fact *fact = facts_get(&device->facts, key);
    assert_non_null(fact);
    assert_int_equal(fact->kind, FACT_LIST);
    for (size_t i = 0; i < fact->list_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " | " : "",
                 fact->list[i]);
    assert_string_equal(text, expected);
}

static void assert_null_fact(const struct device *device, const char *key, enum reason reason)
{
    const struct fact *fact = facts_get(&device->facts, key);
    assert_non_null(fact);
    assert_int_equal(fact->kind, FACT_NULL);
    assert_int_equal(fact->reason, reason);
}

static void a_pc_is_one_cpu(void **state)
{
    struct listed listed;
    list_tree(&listed, "pc");
    assert_int_equal(listed.list.count, 1);
    const struct device *cpu = device(&listed, "cpu");
    assert_ptr_equal(cpu, device(&listed, "cpu_0"));
    assert_string_equal(cpu->name, "Example(R) Core(TM) i5-0000 CPU @ 2.40GHz");
    assert_text(cpu, "arch", "x86_64");
    assert_number(cpu, "cpus_present", 4);
    assert_number(cpu, "cpus_online", 4);
    assert_number(cpu, "cores_online", 2); /* two threads each */
    assert_list(cpu, "features",
                "sse4_1 | avx | avx2 | fma | f16c | avx512f | avx512_vnni | "
                "amx_tile | amx_int8");
    assert_text(cpu, "governor", "powersave");
    assert_number(cpu, "cpu_mhz", 2400);
    assert_number(cpu, "cpu_mhz_min", 400);
    assert_number(cpu, "cpu_mhz_max", 4200);
    assert_list(cpu, "clusters", "0-3: 400 to 4200 MHz");
    assert_null_fact(cpu, "cpu_quota_cores", REASON_ABSENT);
    assert_string_equal(facts_get_text(&listed.list.absent, "nvidia", ""),
                        "NVML cannot read a recorded tree");
    assert_non_null(strstr(facts_get_text(&listed.list.absent, "jetson", ""), "nv_tegra_release"));
    assert_null(devices_find(&listed.list, "cuda"));
    list_end(&listed);
}

static void jetson_nano_has_no_dla(void **state)
{
    struct listed listed;
    list_tree(&listed, "jetson-nano");
    assert_int_equal(listed.list.count, 2);
    const struct device *cpu = device(&listed, "cpu_0"), *gpu = device(&listed, "cuda");
    assert_string_equal(cpu->name, "Cortex-A57");
    assert_number(cpu, "cpus_present", 4);
    assert_number(cpu, "cpus_online", 2); /* two cores offline */
    assert_number(cpu, "cores_online", 2);
    assert_text(cpu, "cpus_online_list", "0-1");
    assert_number(cpu, "cpu_mhz_max", 918); /* what the power mode allows */
    assert_list(cpu, "clusters", "0-1: 102 to 1479 MHz");
    assert_text(cpu, "power_mode", "1 (5W)");
    assert_string_equal(gpu->id, "jetson_0");
    assert_string_equal(gpu->alias, "nvidia_jetson_0");
    assert_string_equal(gpu->name, "NVIDIA Jetson Nano Developer Kit");
    assert_text(gpu, "soc", "tegra210");
    assert_text(gpu, "l4t_release", "32.7.1");
    assert_text(gpu, "board", "t210ref");
    assert_number(gpu, "gpu_mhz", 614.4);
    assert_number(gpu, "gpu_mhz_min", 76.8);
    assert_number(gpu, "gpu_mhz_max", 921.6);
    assert_text(gpu, "gpu_governor", "nvhost_podgov");
    assert_non_null(strstr(facts_get_text(&listed.list.absent, "dla", ""), "tegra210 has none"));
    assert_null(devices_find(&listed.list, "dla"));
    list_end(&listed);
}

static void xavier_nx_has_two_dlas(void **state)
{
    struct listed listed;
    list_tree(&listed, "xavier-nx");
    assert_int_equal(listed.list.count, 4);
    const struct device *gpu = device(&listed, "nvidia_jetson_0");
    assert_text(gpu, "soc", "tegra194");
    assert_text(gpu, "l4t_release", "35.4.1");
    assert_text(gpu, "gpu_name", "gv11b");
    assert_text(gpu, "power_mode", "8 (MODE_20W_6CORE)");
    assert_text(gpu, "compatible",
                "nvidia,p3509-0000+p3668-0000, nvidia,p3668-0000, "
                "nvidia,tegra194");
    assert_int_equal(device(&listed, "dla_0")->index, 0);
    assert_int_equal(device(&listed, "dla_1")->index, 1);
    assert_ptr_equal(device(&listed, "dla"), device(&listed, "dla_0"));
    assert_text(device(&listed, "dla_1"), "node", "158c0000.nvdla1");
    assert_string_equal(device(&listed, "cpu_0")->name, "Carmel");
    list_end(&listed);
}

static void orin_nano_has_its_dlas_disabled(void **state)
{
    struct listed listed;
    list_tree(&listed, "orin-nano");
    assert_int_equal(listed.list.count, 2);
    const struct device *gpu = device(&listed, "jetson_0");
    assert_text(gpu, "l4t_release", "36.4.3");
    assert_number(gpu, "gpu_mhz_max", 624.75);
    const char *why = facts_get_text(&listed.list.absent, "dla", "");
    assert_non_null(strstr(why, "tegra234 has 2"));
    assert_non_null(strstr(why, "disabled"));
    list_end(&listed);
}

static void drive_is_called_so(void **state)
{
    struct test_tree tree;
    struct device_list list;
    test_tree_init(&tree);
    test_tree_write(&tree, "etc/nv_tegra_release",
                    "# R32 (release), REVISION: 6.0, GCID: 1, BOARD: DRIVE AGX, EABI: aarch64\n");
    assert_int_equal(devices_read(&tree.root, &list, NULL), 0);
    const struct device *gpu = devices_find(&list, "nvidia_drive_0");
    assert_non_null(gpu);
    assert_string_equal(gpu->id, "jetson_0");
    assert_null(devices_find(&list, "nvidia_jetson_0"));
    assert_string_equal(gpu->name, "DRIVE AGX");
    assert_null_fact(gpu, "model", REASON_ABSENT);
    devices_deinit(&list);
    test_tree_deinit(&tree);
}

static void big_and_little_are_told_apart(void **state)
{
    struct test_tree tree;
    struct device_list list;
    test_tree_init(&tree);
#define POLICY "sys/devices/system/cpu/cpufreq/policy"
    test_tree_write(&tree, POLICY "0/affected_cpus", "0 1 2 3\n");
    test_tree_write(&tree, POLICY "0/cpuinfo_min_freq", "408000\n");
    test_tree_write(&tree, POLICY "0/cpuinfo_max_freq", "1800000\n");
    test_tree_write(&tree, POLICY "0/scaling_min_freq", "600000\n");
    test_tree_write(&tree, POLICY "4/affected_cpus", "4 5\n");
    test_tree_write(&tree, POLICY "4/cpuinfo_min_freq", "408000\n");
    test_tree_write(&tree, POLICY "4/cpuinfo_max_freq", "2208000\n");
    test_tree_write(&tree, POLICY "4/scaling_min_freq", "408000\n");
#undef POLICY
    assert_int_equal(devices_read(&tree.root, &list, NULL), 0);
    assert_list(&list.items[0], "clusters", "0-3: 408 to 1800 MHz | 4-5: 408 to 2208 MHz");
    assert_number(&list.items[0], "cpu_mhz_min", 408);
    devices_deinit(&list);
    test_tree_deinit(&tree);
}

static void an_empty_machine_has_a_cpu_of_which_nothing_is_known(void **state)
{
    struct test_tree tree;
    struct device_list list;
    test_tree_init(&tree);
    assert_int_equal(devices_read(&tree.root, &list, NULL), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, "CPU");
    facts_foreach (&list.items[0].facts, fact) {
        assert_int_equal(fact->kind, FACT_NULL);
        assert_int_not_equal(fact->reason, REASON_NONE);
    }
    devices_deinit(&list);
    test_tree_deinit(&tree);
}

static void hostile_tree_is_survived(void **state)
{
    struct listed listed;
    list_tree(&listed, "hostile");
    for (size_t i = 0; i < listed.list.count; i++) {
        const struct device *found = &listed.list.items[i];
        assert_string_not_equal(found->type, "dla");
        assert_null(strchr(found->name, '\033'));
        facts_foreach (&found->facts, fact) {
            if (fact->kind == FACT_TEXT)
                assert_null(strpbrk(fact->text, "\033\007\n"));
        }
    }
    const struct device *cpu = device(&listed, "cpu_0");
    assert_null_fact(cpu, "cpus_present", REASON_FAILED);
    list_end(&listed);
}

/* ---- NVIDIA ---- */

static void use_library(void)
{
    setenv("TACHO_NVML", getenv("TACHO_TEST_NVML"), 1);
}

static void gpus_by_nvml(void **state)
{
    struct listed listed;
    use_library();
    setenv("NVML_STANDIN_DEVICES", "2", 1);
    list_tree(&listed, "pc");
    assert_int_equal(listed.list.count, 3);
    const struct device *gpu = device(&listed, "nvidia_1");
    assert_string_equal(gpu->name, "Stand-in GPU");
    assert_string_equal(gpu->type, "cuda");
    assert_int_equal(gpu->index, 1);
    assert_int_equal(gpu->reason, REASON_NONE);
    assert_ptr_equal(device(&listed, "cuda"), device(&listed, "nvidia_0"));
    assert_text(gpu, "uuid", "GPU-00000000-0000-0000-0000-000000000001");
    assert_text(gpu, "driver_version", "550.54.15");
    assert_text(gpu, "cuda_driver_version", "12.4");
    assert_text(gpu, "compute_capability", "8.6");
    assert_number(gpu, "gpu_mem_total_mb", 8192);
    assert_number(gpu, "gpu_mem_used_mb", 2048);
    assert_number(gpu, "power_limit_w", 170);
    assert_int_equal(facts_get(&gpu->facts, "gpu_slowdown_c")->integer, 93);
    assert_text(gpu, "mig_mode", "disabled");
    assert_null(facts_get(&listed.list.absent, "nvidia"));
    list_end(&listed);
    setenv("NVML_STANDIN_FAULT", "mig", 1);
    list_tree(&listed, "pc");
    assert_text(device(&listed, "nvidia_0"), "mig_mode", "enabled");
    list_end(&listed);
}

static void what_a_driver_does_not_tell_is_null(void **state)
{
    struct listed listed;
    use_library();
    setenv("NVML_STANDIN_FAULT", "unsupported", 1);
    list_tree(&listed, "pc");
    const struct device *gpu = device(&listed, "nvidia_0");
    assert_int_equal(gpu->reason, REASON_NONE);
    static const char *const keys[] = {"uuid",          "compute_capability", "gpu_mem_total_mb",
                                       "power_limit_w", "gpu_slowdown_c",     "mig_mode"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_null_fact(gpu, keys[i], REASON_UNSUPPORTED);
    list_end(&listed);
}

static void a_lost_gpu_is_listed_with_the_cause(void **state)
{
    struct listed listed;
    use_library();
    setenv("NVML_STANDIN_DEVICES", "2", 1);
    setenv("NVML_STANDIN_FAULT", "lost1", 1);
    list_tree(&listed, "pc");
    assert_int_equal(device(&listed, "nvidia_0")->reason, REASON_NONE);
    assert_int_equal(device(&listed, "nvidia_1")->reason, REASON_FAILED);
    assert_non_null(strstr(device(&listed, "nvidia_1")->why, "lost"));
    list_end(&listed);
}

static void a_driver_that_refuses_is_told(void **state)
{
    static const char *const cases[][2] = {
        {"driver", "not loaded"}, {"permission", "permission"}, {"mismatch", "reboot"}};
    use_library();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listed listed;
        setenv("NVML_STANDIN_FAULT", cases[i][0], 1);
        list_tree(&listed, "pc");
        assert_int_equal(listed.list.count, 1);
        assert_non_null(strstr(facts_get_text(&listed.list.absent, "nvidia", ""), cases[i][1]));
        list_end(&listed);
    }
}

static void without_library_the_name_of_it_is_told(void **state)
{
    struct listed listed;
    setenv("TACHO_NVML", "/nonexistent/libnvidia-ml.so.1", 1);
    list_tree(&listed, "pc");
    assert_non_null(strstr(facts_get_text(&listed.list.absent, "nvidia", ""), "libnvidia-ml.so.1"));
    list_end(&listed);
}

static void the_gpu_of_a_board_is_listed_once(void **state)
{
    struct listed listed;
    use_library();
    setenv("NVML_STANDIN_NAME", "Orin (nvgpu)", 1);
    list_tree(&listed, "orin-nano");
    assert_int_equal(listed.list.count, 2);
    assert_string_equal(device(&listed, "cuda")->id, "jetson_0");
    list_end(&listed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_pc_is_one_cpu),
        TEST(jetson_nano_has_no_dla),
        TEST(xavier_nx_has_two_dlas),
        TEST(orin_nano_has_its_dlas_disabled),
        TEST(drive_is_called_so),
        TEST(big_and_little_are_told_apart),
        TEST(an_empty_machine_has_a_cpu_of_which_nothing_is_known),
        TEST(hostile_tree_is_survived),
        TEST(gpus_by_nvml),
        TEST(what_a_driver_does_not_tell_is_null),
        TEST(a_lost_gpu_is_listed_with_the_cause),
        TEST(a_driver_that_refuses_is_told),
        TEST(without_library_the_name_of_it_is_told),
        TEST(the_gpu_of_a_board_is_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
