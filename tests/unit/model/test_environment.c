/* The environment read from small trees as recorded on real kinds of machines, and from this one.
 */
#include "model_support.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "model/environment.h"

static const char *text_of(const struct facts *facts, const char *key)
{
    return facts_get_text(facts, key, "(not a text)");
}

static const struct fact *fact_of(const struct facts *facts, const char *key)
{
    const struct fact *fact = facts_get(facts, key);
    if (!fact)
        fail_msg("no fact %s", key);
    return fact;
}

static void assert_null_fact(const struct facts *facts, const char *key, enum reason reason)
{
    const struct fact *fact = fact_of(facts, key);
    if (fact->kind != FACT_NULL)
        fail_msg("%s has a value", key);
    assert_int_equal(fact->reason, reason);
}

static void write_jetson(struct test_tree *tree)
{
    test_tree_init(tree);
    test_tree_write(tree, "proc/sys/kernel/hostname", "orin\n");
    test_tree_write(tree, "proc/sys/kernel/osrelease", "5.15.148-tegra\n");
    test_tree_write(tree, "proc/sys/kernel/arch", "aarch64\n");
    test_tree_write(tree, "proc/sys/kernel/random/boot_id", "0f2b-1\n");
    test_tree_write(tree, "etc/os-release",
                    "NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\n");
    test_tree_write(tree, "proc/device-tree/model", "NVIDIA Jetson Orin Nano");
    test_tree_write(tree, "proc/cpuinfo",
                    "processor\t: 0\nmodel name\t: ARMv8 Processor rev 1 (v8l)\n"
                    "CPU implementer\t: 0x41\nCPU part\t: 0xd42\n\n"
                    "processor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n");
    test_tree_write(tree, "proc/meminfo", "MemTotal:        7802836 kB\nMemFree: 1 kB\n");
    test_tree_write(tree, "proc/loadavg", "0.52 0.58 0.59 1/467 12345\n");
    test_tree_write(tree, "sys/devices/system/cpu/online", "0-5\n");
    test_tree_write(tree, "proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3,5\n");
    test_tree_write(tree, "proc/self/cgroup", "0::/user.slice/session.scope\n");
    test_tree_write(tree, "proc/1/cgroup", "0::/init.scope\n");
    test_tree_write(tree, "sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
    test_tree_write(tree, "sys/fs/cgroup/user.slice/memory.max", "max\n");
    test_tree_write(tree, "sys/fs/cgroup/user.slice/session.scope/cpu.max", "max 100000\n");
    test_tree_write(tree, "sys/fs/cgroup/user.slice/session.scope/memory.max", "536870912\n");
    test_tree_write(tree, "var/lib/nvpmodel/status", "pmode:0002 fmode:quiet\n");
    test_tree_write(tree, "etc/nvpmodel.conf",
                    "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MODE_15W >\n");
    static const char *const zones[][2] = {{"cpu-thermal", "45500"},   {"PMIC-Die", "100000"},
                                           {"cv0-thermal", "-256000"}, {"gpu-thermal", "44218"},
                                           {"BCPU-therm", "-45000"},   {"Tboard", "0"}};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        char path[128], value[32];
        snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%zu/type", i);
        test_tree_write(tree, path, zones[i][0]);
        snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%zu/temp", i);
        snprintf(value, sizeof(value), "%s\n", zones[i][1]);
        test_tree_write(tree, path, value);
    }
    test_tree_write(tree, "sys/class/thermal/cooling_device0/type", "pwm-fan\n");
}

static void write_policy(struct test_tree *tree, int number, const char *cpus, const char *governor,
                         const char *current, const char *max, const char *hardware_max)
{
    const char *const files[][2] = {{"affected_cpus", cpus},
                                    {"scaling_governor", governor},
                                    {"scaling_cur_freq", current},
                                    {"scaling_max_freq", max},
                                    {"cpuinfo_max_freq", hardware_max}};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpufreq/policy%d/%s", number,
                 files[i][0]);
        test_tree_write(tree, path, files[i][1]);
    }
}

static void a_jetson(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    write_jetson(&tree);
    write_policy(&tree, 0, "0 1 2 3\n", "schedutil\n", "1510400\n", "1510400\n", "1510400\n");
    write_policy(&tree, 4, "4 5\n", "schedutil\n", "729600\n", "1344000\n", "1510400\n");
    environment_read(&tree.root, &facts);
    assert_false(facts.failed);
    assert_string_equal(text_of(&facts, "hostname"), "orin");
    assert_string_equal(text_of(&facts, "kernel"), "5.15.148-tegra");
    assert_string_equal(text_of(&facts, "arch"), "aarch64");
    assert_string_equal(text_of(&facts, "boot_id"), "0f2b-1");
    assert_string_equal(text_of(&facts, "os"), "Ubuntu 22.04.4 LTS");
    assert_string_equal(text_of(&facts, "board"), "NVIDIA Jetson Orin Nano");
    assert_string_equal(text_of(&facts, "cpu_model"), "Cortex-A78AE");
    assert_int_equal(fact_of(&facts, "cpus_online")->integer, 6);
    assert_string_equal(text_of(&facts, "cpus_online_list"), "0-5");
    assert_int_equal(fact_of(&facts, "cpus_allowed")->integer, 5);
    assert_string_equal(text_of(&facts, "cpus_allowed_list"), "0-3,5");
    ASSERT_NEAR(fact_of(&facts, "mem_total_mb")->number, 7802836.0 / 1024, 1e-9);
    ASSERT_NEAR(fact_of(&facts, "load1")->number, 0.52, 1e-12);
    assert_string_equal(text_of(&facts, "governor"), "schedutil");
    ASSERT_NEAR(fact_of(&facts, "cpu_mhz")->number, (1510.4 + 729.6) / 2, 1e-9);
    ASSERT_NEAR(fact_of(&facts, "cpu_mhz_max")->number, 1510.4, 1e-9);
    assert_string_equal(text_of(&facts, "power_mode"), "2 (MODE_15W)");
    ASSERT_NEAR(fact_of(&facts, "cpu_quota_cores")->number, 1.5, 1e-12);
    ASSERT_NEAR(fact_of(&facts, "mem_limit_mb")->number, 512, 1e-12);
    assert_string_equal(text_of(&facts, "container"), "none");
    assert_null_fact(&facts, "virtualization", REASON_UNSUPPORTED);
    const struct fact *zones = fact_of(&facts, "temperatures_c");
    assert_int_equal(zones->list_count, 3); /* no PMIC dummy, no block that is off */
    assert_string_equal(zones->list[0], "cpu-thermal: 45.5");
    assert_string_equal(zones->list[1], "gpu-thermal: 44.2");
    assert_string_equal(zones->list[2], "Tboard: 0.0");
    assert_string_equal(text_of(&facts, "tacho_version"), TACHO_VERSION);
    facts_deinit(&facts);
    test_tree_deinit(&tree);
}

static void big_and_little_cores(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    test_tree_init(&tree);
    write_policy(&tree, 0, "0 1 2 3\n", "powersave\n", "1800000\n", "1800000\n", "1800000\n");
    write_policy(&tree, 4, "4 5\n", "performance\n", "2400000\n", "2256000\n", "2400000\n");
    test_tree_write(&tree, "proc/cpuinfo",
                    "CPU implementer\t: 0x41\nCPU part\t: 0xd05\nCPU implementer\t: 0x41\n"
                    "CPU part\t: 0xd0b\nCPU implementer\t: 0x99\nCPU part\t: 0x123\n");
    environment_read(&tree.root, &facts);
    assert_string_equal(text_of(&facts, "cpu_model"),
                        "Cortex-A55 + Cortex-A76 + implementer 0x99 part 0x123");
    const struct fact *mhz = fact_of(&facts, "cpu_mhz"), *max = fact_of(&facts, "cpu_mhz_max");
    assert_int_equal(mhz->list_count, 2);
    assert_string_equal(mhz->list[0], "0-3: 1800");
    assert_string_equal(max->list[1], "4-5: 2256");
    assert_string_equal(fact_of(&facts, "governor")->list[1], "4-5: performance");
    facts_deinit(&facts);
    test_tree_deinit(&tree);
}

static void an_empty_tree_is_all_null_and_says_why(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    test_tree_init(&tree);
    environment_read(&tree.root, &facts);
    static const char *const keys[] = {"hostname",        "os",
                                       "kernel",          "arch",
                                       "boot_id",         "board",
                                       "cpu_model",       "cpus_online",
                                       "cpus_allowed",    "mem_total_mb",
                                       "governor",        "cpu_mhz",
                                       "cpu_mhz_max",     "temperatures_c",
                                       "load1",           "power_mode",
                                       "cpu_quota_cores", "mem_limit_mb",
                                       "virtualization"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_null_fact(&facts, keys[i], REASON_ABSENT);
    facts_deinit(&facts);
    test_tree_deinit(&tree);
}

static void a_container_in_version_1(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    test_tree_init(&tree);
    /* The path is the host's: what is mounted here is the container's own group. */
    test_tree_write(
        &tree, "proc/self/cgroup",
        "5:memory:/docker/4f1c\n4:cpu,cpuacct:/docker/4f1c\n1:name=systemd:/docker/4f1c\n"
        "0::/docker/4f1c\n");
    test_tree_write(&tree, "proc/1/cgroup", "4:cpu,cpuacct:/docker/4f1c\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    environment_read(&tree.root, &facts);
    assert_string_equal(text_of(&facts, "container"), "docker");
    ASSERT_NEAR(fact_of(&facts, "cpu_quota_cores")->number, 0.5, 1e-12);
    assert_null_fact(&facts, "mem_limit_mb", REASON_ABSENT);
    facts_deinit(&facts);
    test_tree_write(&tree, "run/.containerenv", "");
    test_tree_write(&tree, "sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    environment_read(&tree.root, &facts);
    assert_string_equal(text_of(&facts, "container"), "podman");
    assert_null_fact(&facts, "cpu_quota_cores", REASON_ABSENT);
    ASSERT_NEAR(fact_of(&facts, "mem_limit_mb")->number, 1024, 1e-12);
    facts_deinit(&facts);
    test_tree_deinit(&tree);
}

static void a_path_outside_the_namespace_stays_inside_the_tree(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/self/cgroup", "0::/../../../outside\n");
    test_tree_write(&tree, "outside/cpu.max", "1 100000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu.max", "200000 100000\n");
    environment_read(&tree.root, &facts);
    /* What is mounted here is not above a group that lies elsewhere. */
    assert_null_fact(&facts, "cpu_quota_cores", REASON_ABSENT);
    facts_deinit(&facts);
    test_tree_deinit(&tree);
}

static void virtual_machines(void **state)
{
    static const struct {
        const char *release, *cpuinfo, *product, *expected;
    } rows[] = {
        {"5.15.153.1-microsoft-standard-WSL2", "", "", "wsl2"},
        {"6.1.0", "model name\t: Intel(R) Xeon(R)\nflags\t\t: fpu hypervisor lahf_lm\n", "", "vm"},
        {"6.1.0", "model name\t: x\nflags\t\t: fpu lahf_lm\n", "20XW", "none"},
        {"6.1.0", "flags\t\t: fpu hypervisor\n", "Standard PC (Q35) QEMU", "qemu"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct test_tree tree;
        struct facts facts = {0};
        test_tree_init(&tree);
        test_tree_write(&tree, "proc/sys/kernel/osrelease", rows[i].release);
        test_tree_write(&tree, "proc/cpuinfo", rows[i].cpuinfo);
        test_tree_write(&tree, "sys/class/dmi/id/product_name", rows[i].product);
        environment_read(&tree.root, &facts);
        assert_string_equal(text_of(&facts, "virtualization"), rows[i].expected);
        facts_deinit(&facts);
        test_tree_deinit(&tree);
    }
}

static void hostile_files_do_no_harm(void **state)
{
    struct test_tree tree;
    struct facts facts = {0};
    char *text = malloc(300001);
    assert_non_null(text);
    memset(text, 'x', 300000);
    text[300000] = '\0';
    test_tree_init(&tree);
    static const char *const files[] = {"proc/cpuinfo",
                                        "proc/meminfo",
                                        "proc/loadavg",
                                        "proc/self/cgroup",
                                        "proc/self/status",
                                        "etc/os-release",
                                        "sys/devices/system/cpu/online",
                                        "var/lib/nvpmodel/status",
                                        "sys/class/thermal/thermal_zone0/type",
                                        "sys/class/thermal/thermal_zone0/temp",
                                        "sys/devices/system/cpu/cpufreq/policy0/affected_cpus",
                                        "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        test_tree_write(&tree, files[i], text);
    test_tree_write(&tree, "proc/sys/kernel/hostname", "a\033[2Jb\n");
    environment_read(&tree.root, &facts);
    assert_false(facts.failed);
    assert_null_fact(&facts, "cpu_model", REASON_UNSUPPORTED);
    assert_int_equal(fact_of(&facts, "mem_total_mb")->kind, FACT_NULL);
    assert_int_equal(fact_of(&facts, "load1")->kind, FACT_NULL);
    assert_int_equal(fact_of(&facts, "cpus_online")->kind, FACT_NULL);
    assert_null(strchr(text_of(&facts, "hostname"), '\033'));
    facts_deinit(&facts);
    test_tree_deinit(&tree);
    free(text);
}

static void this_machine(void **state)
{
    struct root root;
    struct facts facts = {0};
    struct utsname name;
    assert_int_equal(uname(&name), 0);
    assert_int_equal(root_open(&root, "/", NULL), 0);
    environment_read(&root, &facts);
    assert_false(facts.failed);
    assert_string_equal(text_of(&facts, "kernel"), name.release);
    assert_string_equal(text_of(&facts, "arch"), name.machine);
    assert_int_equal(fact_of(&facts, "cpus_online")->integer, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(fact_of(&facts, "cpus_allowed")->integer >= 1);
    assert_true(fact_of(&facts, "mem_total_mb")->number > 1);
    struct facts changing = {0};
    environment_read_changing(&root, &changing);
    assert_non_null(facts_get(&changing, "load1"));
    assert_non_null(facts_get(&changing, "cpu_mhz"));
    assert_null(facts_get(&changing, "kernel"));
    facts_deinit(&changing);
    facts_deinit(&facts);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jetson),
        cmocka_unit_test(big_and_little_cores),
        cmocka_unit_test(an_empty_tree_is_all_null_and_says_why),
        cmocka_unit_test(a_container_in_version_1),
        cmocka_unit_test(a_path_outside_the_namespace_stays_inside_the_tree),
        cmocka_unit_test(virtual_machines),
        cmocka_unit_test(hostile_files_do_no_harm),
        cmocka_unit_test(this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
