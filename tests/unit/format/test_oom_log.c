/* test_oom_log.c: who was killed, from the lines of kernels 3 to 6, systemd and earlyoom. */
#include "test_tree.h"

#include <math.h>

#include "base/util.h"
#include "format/oom_log.h"

struct events {
    struct kill_event items[8];
    size_t count;
};

/* The lines of a text; each event that they tell. */
static struct events read_events(const char *text)
{
    struct oom_log log = {.ready_count = 0};
    struct events events = {.count = 0};
    uint64_t line = 0;
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, "\n");
        bool is_part = oom_log_line(&log, at, size, ++line, NAN);
        /* What the quick look leaves out must tell nothing. */
        assert_true(!is_part || oom_log_is_about(at, size));
        while (oom_log_take(&log, &events.items[events.count]))
            events.count++;
        at += size + (at[size] == '\n');
    }
    oom_log_end(&log);
    while (oom_log_take(&log, &events.items[events.count]))
        events.count++;
    return events;
}

static struct kill_event one(const char *text)
{
    struct events events = read_events(text);
    assert_int_equal(events.count, 1);
    return events.items[0];
}

static void cgroup_of_kernel_6(void **state)
{
    struct kill_event event = one(
        "[ 3987.826] dd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
        "[ 3987.827] CPU: 1 PID: 151507 Comm: dd Not tainted\n"
        "[ 3987.828] memory: usage 65536kB, limit 65536kB, failcnt 19\n"
        "[ 3987.829] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=syz5,"
        "mems_allowed=0-1,oom_memcg=/syz1,task_memcg=/syz1/b,task=syz-executor.1,pid=3746,uid=0\n"
        "[ 3987.830] Memory cgroup out of memory: Killed process 3746 (syz-executor.1) "
        "total-vm:104804kB, anon-rss:64640kB, file-rss:928kB, shmem-rss:4kB, UID:1000 "
        "pgtables:172kB oom_score_adj:0\n"
        "[ 3987.831] oom_reaper: reaped process 3746 (syz-executor.1), now anon-rss:0kB, "
        "file-rss:0kB, shmem-rss:0kB\n");
    assert_int_equal(event.kind, KILL_OOM_MEMCG);
    assert_string_equal(event.victim, "syz-executor.1");
    assert_string_equal(event.requester, "dd");
    assert_string_equal(event.cgroup, "/syz1");
    assert_int_equal(event.pid, 3746);
    assert_int_equal(event.victims, 1);
    assert_true(event.anon_rss_kb == 64640 && event.total_vm_kb == 104804);
    assert_true(event.file_rss_kb == 928 && event.shmem_rss_kb == 4);
    assert_true(event.limit_kb == 65536 && event.usage_kb == 65536);
    assert_true(event.is_reaped);
    assert_int_equal(event.first_line, 1);
    assert_int_equal(event.last_line, 6);
}

/* A name of a process may hold anything. */
static void names(void **state)
{
    struct kill_event event =
        one("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,"
            "global_oom,task_memcg=/user.slice/a,task=a,pid=)b (c,pid=12,uid=0\n"
            "Out of memory: Killed process 12 (a,pid=)b (c) total-vm:1kB, anon-rss:2kB, "
            "file-rss:3kB\n");
    assert_int_equal(event.kind, KILL_OOM_GLOBAL);
    assert_string_equal(event.victim, "a,pid=)b (c");
    assert_int_equal(event.pid, 12);
    assert_true(isnan(event.limit_kb) && isnan(event.shmem_rss_kb));
    event = one("kernel: Web Content invoked oom-killer: gfp_mask=0x1\n"
                "kernel: Out of memory: Killed process 7 (Web Content) total-vm:9kB");
    assert_string_equal(event.requester, "Web Content");
    assert_string_equal(event.victim, "Web Content");
}

/* The first line names who should die, the second who did: its child. */
static void kernels_3_to_5(void **state)
{
    struct kill_event event =
        one("6,1,2,-;Out of memory: Kill process 9692 (a.out) score 904 or sacrifice child\n"
            "6,2,3,-;Killed process 9700 (child) total-vm:2000kB, anon-rss:1000kB, file-rss:0kB\n");
    assert_int_equal(event.kind, KILL_OOM_GLOBAL);
    assert_int_equal(event.pid, 9700);
    assert_string_equal(event.victim, "child");
    event =
        one("Task in /docker/f2 killed as a result of limit of /docker/f2\n"
            "memory: usage 1024kB, limit 1024kB, failcnt 8\n"
            "Memory cgroup out of memory: Kill process 33 (java) score 1000 or sacrifice child\n"
            "Killed process 33, UID 500, (java) total-vm:44kB, anon-rss:22kB, file-rss:0kB\n");
    assert_int_equal(event.kind, KILL_OOM_MEMCG);
    assert_string_equal(event.victim, "java");
    assert_string_equal(event.cgroup, "/docker/f2");
    assert_true(event.anon_rss_kb == 22 && event.limit_kb == 1024);
    event = one("Killed process 33 (java), UID 500, total-vm:44kB, anon-rss:22kB, file-rss:0kB\n");
    assert_string_equal(event.victim, "java");
    assert_int_equal(event.kind, KILL_OOM_KERNEL); /* which of them is not said */
    event = one("Out of memory (oom_kill_allocating_task): Killed process 5 (sh) total-vm:1kB");
    assert_int_equal(event.kind, KILL_OOM_GLOBAL);
}

/* dmesg -T of other languages, lines that are cut, lines that are missing. */
static void prefixes_and_cuts(void **state)
{
    struct events events = read_events(
        "[\xe4\xba\x94 5\xe6\x9c\x88 15 17:19:17 2026] Out of memory: Killed process 10638 "
        "(python) "
        "total-vm:20457092kB, anon-rss:15270796kB\n"
        "Sep 02 13:07:24 host kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),"
        "cpuset=/,mems_allowed=0,global_oom,task_memcg=/u,task=MATLAB,pid=4167877,uid=1021\n"
        "2026-11-20T08:15:24+0900 host kernel: Memory cgroup out of memory: Killed process 8 (x\n");
    assert_int_equal(events.count, 3);
    assert_string_equal(events.items[0].victim, "python");
    assert_true(events.items[0].anon_rss_kb == 15270796);
    assert_string_equal(events.items[1].victim, "MATLAB");
    assert_int_equal(events.items[1].kind, KILL_OOM_GLOBAL);
    assert_true(isnan(events.items[1].anon_rss_kb));
    assert_string_equal(events.items[2].victim, "x");
    assert_int_equal(events.items[2].kind, KILL_OOM_MEMCG);
    /* 5.0-rc called it CONSTRAINT_NONE with a cgroup. */
    struct kill_event event = one("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,"
                                  "mems_allowed=0,oom_memcg=/m,task_memcg=/m,task=t,pid=1,uid=0");
    assert_int_equal(event.kind, KILL_OOM_MEMCG);
}

static void whole_group(void **state)
{
    struct kill_event event =
        one("Memory cgroup out of memory: Killed process 10 (a) total-vm:1kB, anon-rss:1kB\n"
            "Tasks in /pod are going to be killed due to memory.oom.group set\n"
            "Memory cgroup out of memory: Killed process 10 (a) total-vm:1kB, anon-rss:1kB\n"
            "Memory cgroup out of memory: Killed process 11 (b) total-vm:1kB, anon-rss:1kB\n"
            "Memory cgroup out of memory: Killed process 12 (c) total-vm:1kB, anon-rss:1kB\n");
    assert_int_equal(event.victims, 3);
    assert_int_equal(event.pid, 10);
    assert_string_equal(event.cgroup, "/pod");
    /* Without the group they are three events. */
    assert_int_equal(read_events("Killed process 10 (a) total-vm:1kB\n"
                                 "Killed process 11 (b) total-vm:1kB\n"
                                 "Killed process 12 (c) total-vm:1kB\n")
                         .count,
                     3);
}

static void user_space(void **state)
{
    struct kill_event event =
        one("systemd-oomd[500]: Killed /user.slice/app.service due to memory pressure for "
            "/user.slice being 63.42% > 50.00% for > 20s with reclaim activity\n"
            "systemd[1]: app.service: systemd-oomd killed 12 process(es) in this unit.\n");
    assert_int_equal(event.kind, KILL_OOMD);
    assert_string_equal(event.unit, "app.service");
    assert_string_equal(event.cgroup, "/user.slice/app.service");
    assert_int_equal(event.victims, 12);
    event =
        one("sending SIGTERM to process 123 uid 1000 \"chrome (x)\": badness 852, VmRSS 120 MiB\n"
            "sending SIGKILL to process 123 uid 1000 \"chrome (x)\": badness 852, VmRSS 123 MiB\n");
    assert_int_equal(event.kind, KILL_EARLYOOM);
    assert_string_equal(event.victim, "chrome (x)");
    assert_string_equal(event.detail, "SIGKILL");
    assert_true(event.anon_rss_kb == 123 * 1024);
    event = one("systemd[1]: foo.service: Main process exited, code=killed, status=9/KILL\n"
                "systemd[1]: foo.service: Failed with result 'oom-kill'.\n");
    assert_int_equal(event.kind, KILL_OOM_UNIT);
    assert_string_equal(event.unit, "foo.service");
    /* With the kernel's lines it is one event. */
    event =
        one("Out of memory: Killed process 5 (foo) total-vm:1kB, anon-rss:1kB\n"
            "systemd[1]: foo.service: A process of this unit has been killed by the OOM killer.\n"
            "systemd[1]: foo.service: Failed with result 'oom-kill'.\n");
    assert_int_equal(event.kind, KILL_OOM_GLOBAL);
    assert_string_equal(event.unit, "foo.service");
    assert_int_equal(event.last_line, 3);
    /* SIGKILL alone is no lack of memory, and SIGTERM is how one stops a service. */
    event = one("systemd[1]: foo.service: Main process exited, code=killed, status=9/KILL\n"
                "systemd[1]: bar.service: Main process exited, code=killed, status=15/TERM\n");
    assert_int_equal(event.kind, KILL_SIGNAL);
    assert_string_equal(event.unit, "foo.service");
}

static void crashes(void **state)
{
    struct events events = read_events(
        "[ 1.0] python3[42]: segfault at 0 ip 00007f sp 00007f error 4 in libfoo.so[7f00+1000]\n"
        "[ 2.0] traps: a.out[43] general protection fault ip:55d sp:7ff error:0 in a.out[55d+1]\n"
        "[ 3.0] prog[77]: unhandled level 2 translation fault (11) at 0x00000000, esr 0x92000046, "
        "in "
        "libc-2.27.so[7f+1]\n");
    assert_int_equal(events.count, 3);
    assert_string_equal(events.items[0].victim, "python3");
    assert_string_equal(events.items[0].detail, "segmentation fault in libfoo.so");
    assert_string_equal(events.items[1].victim, "a.out");
    assert_int_equal(events.items[1].pid, 43);
    assert_string_equal(events.items[1].detail, "general protection fault in a.out");
    assert_string_equal(events.items[2].detail,
                        "unhandled level 2 translation fault in libc-2.27.so");
}

/* Lines that speak of kills and tell of none. */
static void none(void **state)
{
    assert_int_equal(read_events("dd invoked oom-killer: gfp_mask=0xcc0, order=0\n"
                                 "Killed process of the night\n"
                                 "this will kill the default fault of all usage\n"
                                 "memory: usage 1kB, limit 1kB, failcnt 0\n"
                                 "oom_reaper: reaped process 9 (a), now anon-rss:0kB\n"
                                 "exit code 137\n")
                         .count,
                     0);
}

/* Wherever a word stands in a line, the quick look sees it. */
static void quick_look(void **state)
{
    static const struct {
        const char *word;
        bool want;
    } cases[] = {{" killed ", true},    {" fault ", true},      {" traps: ", true},
                 {" usage ", true},     {" oom_reaper ", true}, {" SIGTERM ", true},
                 {"code=dumped", true}, {" decoder ", false},   {" trash, file, SIG", false}};
    char text[200];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t word = strlen(cases[i].word);
        for (size_t before = 0; before < 90; before += 1 + before / 40) {
            for (size_t behind = 0; behind < 60; behind += 1 + behind / 20) {
                memset(text, '-', before + word + behind);
                memcpy(text + before, cases[i].word, word);
                bool is_cut = strcmp(cases[i].word, " trash, file, SIG") == 0 && behind > 0;
                assert_int_equal(oom_log_is_about(text, before + word + behind),
                                 cases[i].want || is_cut);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_look),
        cmocka_unit_test(cgroup_of_kernel_6),
        cmocka_unit_test(names),
        cmocka_unit_test(kernels_3_to_5),
        cmocka_unit_test(prefixes_and_cuts),
        cmocka_unit_test(whole_group),
        cmocka_unit_test(user_space),
        cmocka_unit_test(crashes),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
