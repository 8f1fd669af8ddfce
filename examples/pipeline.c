/* pipeline.c: four cameras, one network: what a vision pipeline looks like with libtacho in it.
 *
 *     tacho run -- build/examples/pipeline --seconds 10
 *     build/examples/pipeline --seconds 600 &  tacho monitor --pid $!
 *
 * Each camera is a thread that delivers frames at its rate into one bounded queue; the main thread
 * takes them out and "infers". Seen from outside: the frame rate of each camera, the time of the
 * network alone (`inference`), the time from the frame's arrival to its detection
 * (`frame_to_detection`, begun in one thread and ended in another), the queue's length, and the
 * frames for which it had no room.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tacho/tacho.h>

#define CAMERAS_MAX 16
#define QUEUE_MAX 1024

struct frame {
    unsigned camera;
    uint64_t arrived; /* a token: the moment from which frame_to_detection counts */
};

static struct options {
    double seconds, fps, inference_ms;
    unsigned cameras, queue;
} options = {.seconds = 10, .fps = 15, .inference_ms = 8, .cameras = 4, .queue = 8};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct frame frames[QUEUE_MAX];
    unsigned first, count;
    bool is_over;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* On absolute time: a camera that is late for one frame is not late for all that follow. */
static void sleep_until(uint64_t ns)
{
    struct timespec until = {.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void deliver(unsigned camera)
{
    pthread_mutex_lock(&queue.lock);
    if (queue.count == options.queue) {
        tacho_dropped("dropped", 1);
    } else {
        queue.frames[(queue.first + queue.count++) % QUEUE_MAX] =
            (struct frame){.camera = camera, .arrived = tacho_begin_token()};
        pthread_cond_signal(&queue.filled);
    }
    tacho_gauge("queue", queue.count);
    pthread_mutex_unlock(&queue.lock);
}

static void *run_camera(void *argument)
{
    unsigned camera = (unsigned)(uintptr_t)argument;
    char name[16];
    snprintf(name, sizeof(name), "camera%u", camera);
    /* A name that is known at run time only: looked up once, by hand. */
    uint32_t frames = tacho_id(name, TACHO_NAME_FRAME, 0);
    uint64_t period_ns = (uint64_t)(1e9 / options.fps);
    uint64_t begin_ns = now_ns() + period_ns * camera / options.cameras;
    uint64_t count = (uint64_t)(options.seconds * options.fps);
    for (uint64_t i = 1; i <= count; i++) {
        sleep_until(begin_ns + i * period_ns);
        tacho_frame_id(frames);
        deliver(camera);
    }
    return NULL;
}

static bool take(struct frame *ret_frame)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0 && !queue.is_over)
        pthread_cond_wait(&queue.filled, &queue.lock);
    bool is_there = queue.count > 0;
    if (is_there) {
        *ret_frame = queue.frames[queue.first];
        queue.first = (queue.first + 1) % QUEUE_MAX;
        queue.count--;
        tacho_gauge("queue", queue.count);
    }
    pthread_mutex_unlock(&queue.lock);
    return is_there;
}

/* Work that takes about as long as a small network: arithmetic, not sleep, so that the CPU it needs
 * is seen, too. */
static double infer(void)
{
    double sum = 0;
    uint64_t end_ns = now_ns() + (uint64_t)(options.inference_ms * 1e6);
    while (now_ns() < end_ns)
        for (int i = 1; i < 1000; i++)
            sum += 1.0 / (i * i);
    return sum;
}

static uint64_t run_network(void)
{
    struct frame frame;
    uint64_t detections = 0;
    volatile double sink = 0;
    while (take(&frame)) {
        TACHO_SPAN("inference")
        {
            sink += infer();
        }
        TACHO_SPAN("postprocess")
        {
            detections += sink > 0;
        }
        tacho_end_token("frame_to_detection", frame.arrived);
        tacho_work("detections", 1);
    }
    return detections;
}

static void *end_after_cameras(void *argument)
{
    pthread_t *cameras = argument;
    for (unsigned i = 0; i < options.cameras; i++)
        pthread_join(cameras[i], NULL);
    pthread_mutex_lock(&queue.lock);
    queue.is_over = true;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

/* A number within [low, high], or the end of the program with exit status 2. */
static double number(const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high)) {
        fprintf(stderr, "pipeline: '%s' is no number from %g to %g\n", text, low, high);
        exit(2);
    }
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option flags[] = {{"seconds", required_argument, NULL, 's'},
                                          {"fps", required_argument, NULL, 'f'},
                                          {"cameras", required_argument, NULL, 'c'},
                                          {"inference-ms", required_argument, NULL, 'i'},
                                          {"queue", required_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int flag;
    while ((flag = getopt_long(argc, argv, "h", flags, NULL)) != -1) {
        switch (flag) {
        case 's':
            options.seconds = number(optarg, 0.01, 1e6);
            break;
        case 'f':
            options.fps = number(optarg, 0.1, 10000);
            break;
        case 'c':
            options.cameras = (unsigned)number(optarg, 1, CAMERAS_MAX);
            break;
        case 'i':
            options.inference_ms = number(optarg, 0, 1e6);
            break;
        case 'q':
            options.queue = (unsigned)number(optarg, 1, QUEUE_MAX);
            break;
        default:
            fputs("usage: pipeline [--seconds S] [--fps F] [--cameras N] [--inference-ms T] "
                  "[--queue N]\n",
                  flag == 'h' ? stdout : stderr);
            exit(flag == 'h' ? 0 : 2);
        }
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    tacho_mark("begin");
    pthread_t cameras[CAMERAS_MAX], end;
    for (unsigned i = 0; i < options.cameras; i++) {
        if (pthread_create(&cameras[i], NULL, run_camera, (void *)(uintptr_t)i) != 0) {
            fputs("pipeline: no thread for a camera\n", stderr);
            return 1;
        }
    }
    if (pthread_create(&end, NULL, end_after_cameras, cameras) != 0) {
        fputs("pipeline: no thread left\n", stderr);
        return 1;
    }
    tacho_mark("cameras run");
    uint64_t detections = run_network();
    pthread_join(end, NULL);
    tacho_mark("end");
    printf("%llu detections in %g s\n", (unsigned long long)detections, options.seconds);
    return 0;
}
