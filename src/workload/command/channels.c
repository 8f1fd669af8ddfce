/* channels.c: what an instrumented program records (libtacho), as part of the run.
 *
 * The program and all that it starts put their segments into a folder that is this run's alone
 * (TACHO_SHM_DIR), so that they are found without knowing who was started, also after they were
 * killed; they are read when the launch is over, and removed. Meanwhile only the cameras' frames
 * are looked at, once a second: their rate over time is in no histogram.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"
#include "format/segment_tally.h"
#include "workload/command/internal.h"

#define SERIES_FIRST 2048u /* behind what the program and the sensors have */
#define SERIES_MAX 512u
#define SEGMENTS_MAX 256
#define CAMERAS_MAX 32
#define WINDOW_NS NS_PER_S

struct camera {
    char name[TACHO_SEGMENT_NAME_BYTES];
    uint64_t frames, before; /* now, and when the window began */
};

struct program_channels {
    char folder[PATH_MAX];
    struct segment_tally *tally;
    struct segment *segments[SEGMENTS_MAX]; /* of this launch */
    size_t segment_count;
    struct camera cameras[CAMERAS_MAX];
    size_t camera_count;
    uint64_t window_ns; /* when it began; 0: there were no frames yet */
    uint64_t left_out;
};

/* ---- the folder ---- */

static void remove_folder(int base_fd, const char *name)
{
    uint32_t uid;
    pid_t pid;
    uint64_t start_ticks;
    unsigned copy;
    int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        close_cleanup(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (segment_name_parse(entry->d_name, &uid, &pid, &start_ticks, &copy))
            unlinkat(fd, entry->d_name, 0);
    }
    closedir(directory);
    unlinkat(base_fd, name, AT_REMOVEDIR);
}

/* Folders of a tacho that was killed and could not remove its own. */
static void remove_old_folders(const char *base)
{
    struct root root;
    struct stat status;
    DIR *directory = opendir(base);
    if (!directory || root_open(&root, "/", NULL) < 0) {
        if (directory)
            closedir(directory);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct proc_stat stat;
        int pid;
        unsigned long long start_ticks;
        if (sscanf(entry->d_name, SEGMENT_RUN_PREFIX "%d.%llu.", &pid, &start_ticks) != 2 ||
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
            continue;
        int rc = procfs_read_stat(&root, pid, &stat, NULL);
        if (rc == -ERROR_ABSENT || (rc == 0 && stat.start_ticks != start_ticks))
            remove_folder(dirfd(directory), entry->d_name);
    }
    root_close(&root);
    closedir(directory);
}

/* False: there is no place for it, and nothing that the program records is seen. */
static bool make_folder(const char *base, char *folder, size_t size)
{
    struct root root;
    struct proc_stat self = {0};
    if (root_open(&root, "/", NULL) < 0)
        return false;
    procfs_read_stat(&root, getpid(), &self, NULL);
    root_close(&root);
    int length = snprintf(folder, size, "%s/" SEGMENT_RUN_PREFIX "%d.%llu.XXXXXX", base,
                          (int)getpid(), (unsigned long long)self.start_ticks);
    return length > 0 && (size_t)length < size && mkdtemp(folder);
}

int program_channels_open(struct program *program, struct error *err)
{
    const struct settings *settings = program->args->settings;
    const char *base = settings_get_text(settings, SETTING_SHM_DIR);
    char folder[PATH_MAX], absolute[PATH_MAX];
    if (settings_get_bool(settings, SETTING_DISABLE))
        return 0;
    base = base && base[0] ? base : "/dev/shm";
    remove_old_folders(base);
    if (!realpath(base, absolute) || !make_folder(absolute, folder, sizeof(folder)))
        return 0;
    struct program_channels *channels = calloc(1, sizeof(*channels));
    if (!channels) {
        rmdir(folder);
        return error_set(err, ERROR_NOMEM, "out of memory for a command");
    }
    program->channels = channels;
    str_copy(channels->folder, sizeof(channels->folder), folder);
    channels->tally = segment_tally_new(SERIES_FIRST, SERIES_MAX);
    if (!channels->tally)
        return error_set(err, ERROR_NOMEM, "out of memory for a command");
    return program_set_variable(
        program, arena_printf(&program->arena, "TACHO_SHM_DIR=%s", channels->folder), err);
}

static void close_segments(struct program_channels *channels)
{
    for (size_t i = 0; i < channels->segment_count; i++)
        segment_close(channels->segments[i]);
    channels->segment_count = channels->camera_count = 0;
    channels->window_ns = 0;
}

void program_channels_close(struct program *program)
{
    struct program_channels *channels = program->channels;
    if (!channels)
        return;
    close_segments(channels);
    remove_folder(AT_FDCWD, channels->folder);
    segment_tally_free(channels->tally);
    free(channels);
    program->channels = NULL;
}

/* ---- segments ---- */

static bool is_open(const struct program_channels *channels, ino_t inode)
{
    for (size_t i = 0; i < channels->segment_count; i++) {
        if (segment_inode(channels->segments[i]) == inode)
            return true;
    }
    return false;
}

/* Opens what is new in the folder. is_over: nobody writes there any more; what is taken is removed,
 * so that the next launch finds the folder empty. */
static void open_new(struct program_channels *channels, bool is_over)
{
    DIR *directory = opendir(channels->folder);
    uint32_t uid;
    pid_t pid;
    uint64_t start_ticks;
    unsigned copy;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!segment_name_parse(entry->d_name, &uid, &pid, &start_ticks, &copy))
            continue;
        bool is_known = is_open(channels, entry->d_ino);
        if (!is_known && channels->segment_count == SEGMENTS_MAX)
            channels->left_out += is_over;
        else if (!is_known &&
                 segment_open_at(dirfd(directory), entry->d_name,
                                 &channels->segments[channels->segment_count], NULL) == 0)
            channels->segment_count++;
        if (is_over)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
}

static struct camera *camera_of(struct program_channels *channels, const char *name)
{
    for (size_t i = 0; i < channels->camera_count; i++) {
        if (strcmp(channels->cameras[i].name, name) == 0)
            return &channels->cameras[i];
    }
    if (channels->camera_count == CAMERAS_MAX)
        return NULL;
    struct camera *camera = &channels->cameras[channels->camera_count++];
    *camera = (struct camera){0};
    str_copy(camera->name, sizeof(camera->name), name);
    return camera;
}

static void count_frames(struct program_channels *channels)
{
    for (size_t i = 0; i < channels->camera_count; i++)
        channels->cameras[i].frames = 0;
    for (size_t i = 0; i < channels->segment_count; i++) {
        const struct segment_view *view = segment_view(channels->segments[i]);
        for (size_t j = 0; j < view->channel_count; j++) {
            const struct segment_channel *channel = &view->channels[j];
            if (!channel->name[0] || channel->kind != TACHO_NAME_FRAME)
                continue;
            struct camera *camera = camera_of(channels, channel->name);
            if (camera)
                camera->frames += view->counters[channel->slot];
        }
    }
}

/* ---- the run ---- */

static int hand_over_samples(void *context, const struct sample_block *block, struct error *err)
{
    struct workload_io *io = context;
    return io->samples(io, block, err);
}

static int hand_over_event(void *context, const struct event *event, struct error *err)
{
    struct workload_io *io = context;
    return io->event(io, event, err);
}

static struct segment_tally_out out_of(struct workload_io *io)
{
    return (struct segment_tally_out){.context = io,
                                      .begin_ns = io->run_begin_ns,
                                      .invocation = io->invocation,
                                      .samples = hand_over_samples,
                                      .event = hand_over_event};
}

/* A window of a camera begins once it has frames: what a program loads first is no low rate. */
static int add_window(struct program_channels *channels, uint64_t now_ns, struct error *err)
{
    double seconds = (double)(now_ns - channels->window_ns) / (double)NS_PER_S;
    int rc = 0;
    for (size_t i = 0; i < channels->camera_count && rc == 0; i++) {
        struct camera *camera = &channels->cameras[i];
        if (camera->before > 0 && channels->window_ns > 0)
            rc = segment_tally_add_rate(channels->tally, camera->name,
                                        (double)(camera->frames - camera->before) / seconds, err);
        camera->before = camera->frames;
    }
    channels->window_ns = now_ns;
    return rc;
}

int program_channels_poll(struct program *program, struct error *err)
{
    struct program_channels *channels = program->channels;
    uint64_t now_ns = clock_mono_ns();
    if (!channels || now_ns - channels->window_ns < WINDOW_NS)
        return 0;
    open_new(channels, false);
    for (size_t i = 0; i < channels->segment_count; i++)
        segment_read(channels->segments[i], NULL);
    count_frames(channels);
    return add_window(channels, now_ns, err);
}

int program_channels_take(struct program *program, struct workload_io *io,
                          const struct launch_report *report, struct error *err)
{
    struct program_channels *channels = program->channels;
    bool is_ok = report->outcome == LAUNCH_EXITED && report->exit_status == 0;
    int rc = 0;
    if (!channels)
        return 0;
    open_new(channels, true);
    for (size_t i = 0; i < channels->segment_count && rc == 0; i++) {
        segment_read(channels->segments[i], NULL);
        rc = segment_tally_add(channels->tally, channels->segments[i], report->end_ns, err);
    }
    struct segment_tally_out out = out_of(io);
    /* Failed launches that are only counted stay out of every distribution. */
    out.is_ignored = !is_ok && settings_get_bool(program->args->settings, SETTING_IGNORE_FAILURE);
    out.is_failed = !is_ok;
    if (rc == 0)
        rc = segment_tally_tell(channels->tally, &out, err);
    close_segments(channels);
    return rc;
}

int program_channels_findings(const struct program *program, struct run_sink *sink,
                              struct error *err)
{
    struct finding finding;
    if (!program->channels)
        return 0;
    uint64_t left_out =
        program->channels->left_out + segment_tally_left_out(program->channels->tally);
    if (left_out == 0)
        return 0;
    finding_init(&finding, "probe_left_out", SEVERITY_WARNING, "");
    finding_sentence(&finding, "%llu names, threads or files of the program found no room",
                     (unsigned long long)left_out);
    finding_value(&finding, (double)left_out, NULL);
    finding.n = 1;
    finding_evidence(&finding, "as its segments count them (" SEGMENT_SOURCE ")");
    finding_advice(&finding, "give it more room: TACHO_SEGMENT_HISTS, TACHO_SEGMENT_NAMES and "
                             "others, or fewer names");
    return sink_finding(sink, &finding, err);
}
