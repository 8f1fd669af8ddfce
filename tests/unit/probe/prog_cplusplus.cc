// prog_cplusplus.cc: a C++ program with spans: left by exceptions, in lambdas and templates.
#include <stdexcept>

#include "every_call.h"

template <typename Work> static void timed(Work work)
{
    TACHO_SPAN("lambda")
    {
        work();
    }
}

static void throw_through()
{
    TACHO_SPAN("outer")
    {
        TACHO_SCOPE("thrown through");
        throw std::runtime_error("thrown");
    }
}

int main()
{
    try {
        throw_through();
    } catch (const std::exception &) {
        tacho_count("caught", 1);
    }
    timed([] {});
    try {
        timed([] { throw 1; });
    } catch (int) {
    }
    if (tacho_status() != 0)
        return 2;
    return 0;
}
