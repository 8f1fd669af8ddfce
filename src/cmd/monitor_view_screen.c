/* monitor_view_screen.c: the live screen: report/watch_view lays out, the module `screen` shows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/module.h"
#include "base/util.h"
#include "cmd/monitor_view.h"
#include "report/watch_view.h"
#include "screen/screen.h"

#define DRAW_EVERY_NS (200 * NS_PER_MS) /* at most; nobody reads faster */
#define LOOK_EVERY_NS (1 * NS_PER_S)    /* processes, tacho's own CPU, the time */
#define CTRL_L 12
#define STEP_MS 150 /* a key waits so long */

struct screen_view {
    const struct screen_api *api;
    const struct root *root;
    bool without_children;
    const struct channel *channels;
    size_t channel_count;
    struct watch_view view;
    struct watch_view_now now;
    struct process_table processes;
    struct grid grid;
    uint64_t drawn_ns, looked_ns, own_cpu_ns;
    bool has_news;    /* not drawn yet */
    bool wants_whole; /* somebody else wrote on the terminal */
    /* Where the terminal cannot place text. */
    const struct monitor_view *instead;
    void *instead_state;
};

const struct monitor_view *monitor_view_choose(void)
{
    const char *name = getenv("TERM");
    return name && *name && strcmp(name, "dumb") != 0 ? &monitor_view_screen : &monitor_view_text;
}

/* ---- opening ---- */

static int open_module(struct screen_view *screen, struct error *err)
{
    void *handle;
    const struct module_head *head;
    int rc = module_open(SCREEN_MODULE, SCREEN_SYMBOL, SCREEN_HEAD, &handle, &head, NULL, 0, err);
    if (rc < 0) {
        return error_hint(err,
                          "the live screen needs it, and the package " SCREEN_PACKAGE
                          "; without: TERM=dumb tacho monitor prints rows, --output FILE writes "
                          "them");
    }
    /* It stays loaded until the program ends: ncurses keeps memory that it cannot give back. */
    screen->api = (const struct screen_api *)(const void *)head;
    return 0;
}

static int open_terminal(struct screen_view *screen, const struct monitor_view_options *options,
                         struct error *err)
{
    struct error why = {0};
    int rc = screen->api->open(STDIN_FILENO, STDOUT_FILENO, options->colour, &why);
    if (rc == -ERROR_UNSUPPORTED && options->kind == WATCH_VIEW_MACHINE) {
        fprintf(stderr, "tacho monitor: %s: rows instead of the live screen\n", why.message);
        screen->instead = &monitor_view_text;
        return screen->instead->init(options, &screen->instead_state, err);
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

static void screen_deinit(void *state)
{
    struct screen_view *screen = state;
    if (!screen)
        return;
    if (screen->instead)
        screen->instead->deinit(screen->instead_state);
    else if (screen->api)
        screen->api->close();
    watch_view_deinit(&screen->view);
    grid_deinit(&screen->grid);
    free(screen);
}

static int screen_init(const struct monitor_view_options *options, void **ret_state,
                       struct error *err)
{
    struct screen_view *screen = calloc(1, sizeof(*screen));
    if (!screen)
        return error_set(err, ERROR_NOMEM, "out of memory for the screen");
    screen->root = options->root;
    screen->without_children = options->without_children;
    screen->view.kind = options->kind;
    screen->view.label = options->label;
    screen->view.interval_ns = options->interval_ns;
    screen->channels = options->channels;
    screen->channel_count = options->channel_count;
    screen->now.own_cpu_pct = NAN;
    screen->now.memory_limit_mb = options->memory_limit_mb;
    screen->now.gpus = options->gpus;
    screen->now.gpu_count = options->gpu_count;
    int rc = open_module(screen, err);
    if (rc == 0)
        rc = open_terminal(screen, options, err);
    if (rc < 0) {
        screen_deinit(screen);
        return rc;
    }
    *ret_state = screen;
    return 0;
}

/* ---- what is not in the rows ---- */

static void look(struct screen_view *screen, const struct watch_status *status, uint64_t now_ns)
{
    struct collect_targets targets = {.without_children = screen->without_children};
    uint64_t own_cpu_ns = clock_process_ns();
    if (screen->looked_ns)
        screen->now.own_cpu_pct =
            (double)(own_cpu_ns - screen->own_cpu_ns) / (double)(now_ns - screen->looked_ns) * 100;
    screen->own_cpu_ns = own_cpu_ns;
    screen->looked_ns = now_ns;
    screen->has_news = true;
    for (size_t i = 0; i < status->end_count && targets.count < COLLECT_TARGETS_MAX; i++) {
        if (!status->ends[i].has_ended)
            targets.pids[targets.count++] = status->ends[i].pid;
    }
    screen->now.processes = status->end_count > 0 ? &screen->processes : NULL;
    if (screen->root)
        process_table_read(&screen->processes, screen->root, &targets, now_ns);
}

/* ---- rows, keys, frames ---- */

static void screen_row(void *state, const struct sample_row *row)
{
    struct screen_view *screen = state;
    /* Out of memory: the screen stays as it is; rows are kept and written all the same. */
    if (!screen->instead)
        watch_view_add(&screen->view, screen->channels, screen->channel_count, row);
}

/* True: something was typed that changes the picture. */
static bool take_keys(struct screen_view *screen, bool *ret_quit)
{
    bool has_change = false;
    for (int key; (key = screen->api->key(0)) != SCREEN_KEY_NONE;) {
        enum watch_view_action action =
            key == SCREEN_KEY_CLOSED ? WATCH_VIEW_QUIT : watch_view_key(&screen->view, key);
        screen->wants_whole = screen->wants_whole || key == CTRL_L;
        *ret_quit = *ret_quit || action == WATCH_VIEW_QUIT;
        has_change = has_change || action == WATCH_VIEW_REDRAW;
        if (*ret_quit)
            return has_change;
    }
    return has_change;
}

static void screen_update(void *state, const struct watch_status *status, bool is_new,
                          bool *ret_quit)
{
    struct screen_view *screen = state;
    if (screen->instead) {
        screen->instead->update(screen->instead_state, status, is_new, ret_quit);
        return;
    }
    *ret_quit = false;
    if (status->row)
        watch_view_add(&screen->view, status->channels, status->channel_count, status->row);
    uint64_t now_ns = clock_mono_ns();
    if (!screen->looked_ns || now_ns - screen->looked_ns >= LOOK_EVERY_NS)
        look(screen, status, now_ns);
    screen->has_news = screen->has_news || is_new;
    bool has_change = take_keys(screen, ret_quit) || screen->wants_whole;
    size_t width, height;
    screen->api->get_size(&width, &height);
    width = u64_min(width, GRID_SIDE_MAX);
    height = u64_min(height, GRID_SIDE_MAX);
    has_change = has_change || width != screen->grid.width || height != screen->grid.height;
    bool is_due = screen->has_news && now_ns - screen->drawn_ns >= DRAW_EVERY_NS;
    if (!has_change && (!is_due || screen->view.is_paused))
        return;
    if ((width != screen->grid.width || height != screen->grid.height) &&
        grid_resize(&screen->grid, width, height) < 0)
        return;
    screen->now.status = status;
    watch_view_draw(&screen->view, &screen->now, &screen->grid);
    if (screen->wants_whole)
        screen->api->redraw(&screen->grid);
    else
        screen->api->draw(&screen->grid);
    screen->wants_whole = false;
    screen->now.status = NULL;
    screen->drawn_ns = now_ns;
    screen->has_news = false;
}

const struct monitor_view monitor_view_screen = {.name = "screen",
                                                 .init = screen_init,
                                                 .row = screen_row,
                                                 .update = screen_update,
                                                 .deinit = screen_deinit,
                                                 .step_ms = STEP_MS};
