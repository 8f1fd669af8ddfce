/* launcher_protocol.h: what tacho and its helper process say to each other (control/ only).
 *
 * What: one SOCK_SEQPACKET pair. tacho sends LAUNCH (with descriptors: the arguments, then stdout,
 *       stderr and the one to pass on, as far as the message says they are there) and KILL; the
 * helper answers every LAUNCH with one STARTED and, unless STARTED carries sys_errno, one REPORT.
 * The arguments may be as large as ARG_MAX, too large for a datagram: they travel as a memfd that
 * holds `argc` then `envc` texts, each ended by NUL.
 * Both ends are the same binary, so plain structs are the format.
 */
#ifndef TACHO_CONTROL_LAUNCHER_PROTOCOL_H
#define TACHO_CONTROL_LAUNCHER_PROTOCOL_H

#include "control/launcher.h"

#define LAUNCHER_FDS_MAX 4

enum launcher_message_type {
    LAUNCHER_MESSAGE_LAUNCH = 1,
    LAUNCHER_MESSAGE_KILL,
    LAUNCHER_MESSAGE_STARTED,
    LAUNCHER_MESSAGE_REPORT,
};

struct launcher_launch_message {
    enum launcher_message_type type;
    bool has_stdout, has_stderr, has_pass, has_affinity, is_oom_first;
    uint64_t argc, envc, payload_bytes;
    uint64_t timeout_ns, tree_interval_ns;
    cpu_set_t affinity;
};

struct launcher_kill_message {
    enum launcher_message_type type;
    bool at_once;
};

struct launcher_started_message {
    enum launcher_message_type type;
    pid_t pid;     /* 0: it did not get as far as exec; the report says why */
    int sys_errno; /* not 0: no process could be made, no report follows */
};

struct launcher_report_message {
    enum launcher_message_type type;
    struct launch_report report;
};

union launcher_message {
    enum launcher_message_type type;
    struct launcher_launch_message launch;
    struct launcher_kill_message kill;
    struct launcher_started_message started;
    struct launcher_report_message report;
};

/* The helper's whole life; never returns. */
_Noreturn void launcher_helper_main(int socket);

#endif
