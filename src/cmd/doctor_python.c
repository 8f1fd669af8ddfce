/* doctor_python.c: what `tacho run -- python3 app.py` would hook, and with which package. */
#include "cmd/doctor_checks.h"
#include "workload/command/python_auto.h"

#define GROUP "python"

static void check_interpreter(struct checks *checks, const struct python_auto *python)
{
    if (python->interpreter[0] != '/') {
        check_add(checks, GROUP, "python3", CHECK_NOTE, "there is none in PATH");
        return;
    }
    check_add(checks, GROUP, "python3", CHECK_OK, "%s%s%s", python->interpreter,
              python->version[0] ? ", version " : "", python->version);
}

void check_python(struct checks *checks)
{
    struct python_auto python;
    struct strbuf names = {0};
    python_auto_find_package(&python, "python3", &checks->context->settings);
    check_interpreter(checks, &python);
    if (python.state != PYTHON_AUTO_READY) {
        check_advise(check_add(checks, GROUP, "package", CHECK_NOTE, "%s", python.note), "%s",
                     python.hint);
    } else {
        check_add(checks, GROUP, "package", CHECK_OK, "%s/tacho, with %s", python.package,
                  python.native);
    }
    python_auto_append_hooks(&python, &names);
    if (names.len > 0 && settings_get_bool(&checks->context->settings, SETTING_DISABLE))
        check_add(checks, GROUP, "hooks", CHECK_NOTE, "switched off by TACHO_DISABLE: %s",
                  strbuf_get(&names));
    else if (names.len > 0)
        check_add(checks, GROUP, "hooks", CHECK_OK, "calls of these are timed: %s",
                  strbuf_get(&names));
    strbuf_deinit(&names);
}
