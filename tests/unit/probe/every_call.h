/* every_call.h: every macro and function once, for every language, standard and compiler: compiled
 * with and without TACHO_OFF, without a warning. */
#ifndef TACHO_TESTS_EVERY_CALL_H
#define TACHO_TESTS_EVERY_CALL_H

#include <tacho/tacho.h>

static inline int every_call_scope(int leave)
{
    TACHO_SCOPE("scope");
    TACHO_SCOPE("a second one");
    if (leave)
        return 1;
    return 0;
}

/* 0: all is as it should be, with TACHO_OFF or without. */
static inline int every_call(void)
{
    struct tacho_measure begin;
    struct tacho_measured measured;
    int times = 0, evaluations = 0, unused_otherwise = 3;
    uint64_t token = tacho_begin_token();
    tacho_measure_begin(&begin);
    TACHO_SPAN("outer")
    {
        TACHO_SPAN("inner")
        {
            TACHO_SPAN("on the same line") times++;
        }
        if (times == 0)
            break;
        times++;
    }
    tacho_begin("a");
    tacho_next("a", "b");
    tacho_end("b");
    tacho_begin("c");
    tacho_end_error("c");
    tacho_end_token("d", token);
    tacho_frame("camera");
    tacho_count("count", 1);
    tacho_dropped("dropped", (uint64_t)evaluations++);
    tacho_work("work", 1);
    tacho_gauge("gauge", unused_otherwise);
    tacho_mark("mark");
    uint32_t id = tacho_id("run time", TACHO_NAME_SPAN, TACHO_NAME_WAIT);
    tacho_begin_id(id);
    tacho_end_id(id);
    tacho_begin_id(id);
    tacho_end_error_id(id);
    tacho_next_id(0, TACHO_ID("here", TACHO_NAME_SPAN, 0));
    tacho_next_id(TACHO_ID("here", TACHO_NAME_SPAN, 0), 0);
    tacho_end_token_id(id, token, true);
    tacho_record_id(id, 20, 10);
    tacho_frame_id(0);
    tacho_count_id(0, 1);
    tacho_gauge_id(0, 1);
    tacho_mark_id(0);
    tacho_measure_end(&begin, &measured);
#ifdef TACHO_OFF
    int is_right = id == 0 && token == 0 && tacho_status() == TACHO_STATUS_DISABLED &&
                   tacho_segment_path()[0] == 0 && !(measured.inference_time_s >= 0);
#else
    int is_right = id != 0 && token != 0 && tacho_status() == 0 && tacho_segment_path()[0] == '/' &&
                   measured.inference_time_s >= 0;
#endif
    tacho_close();
    return !(is_right && times == 2 && evaluations == 1 && every_call_scope(1) == 1 &&
             every_call_scope(0) == 0);
}

#endif
