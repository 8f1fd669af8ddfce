/* completion.c: a bash completion script, generated from THE tables.
 *
 * The script needs bash 4 and nothing else; where the bash-completion package is loaded, what
 * stands after "--" is completed as the command that it is. '=' is a word break in bash, so
 * "--format=json" arrives as three words: the script puts them together again.
 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/command.h"
#include "collect/collector.h"
#include "format/json_writer.h"
#include "workload/onnx/inspect.h"

static void append_flags(struct strbuf *out, uint32_t bit)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        if (!options_takes(setting, bit))
            continue;
        strbuf_printf(out, " --%s", setting->flag);
        if (setting->type == SETTING_TYPE_BOOL && setting->default_text &&
            strcmp(setting->default_text, "true") == 0)
            strbuf_printf(out, " --no-%s", setting->flag);
    }
    strbuf_append(out, " --version");
}

static void append_commands(struct strbuf *out)
{
    const char *separator = "";
    for (const struct command *const *row = commands; *row; row++)
        if (!((*row)->flags & COMMAND_HIDDEN)) {
            strbuf_printf(out, "%s%s", separator, (*row)->name);
            separator = " ";
        }
}

/* case patterns: one line per command with its flags and verbs. */
static void append_tables(struct strbuf *out)
{
    strbuf_append(out, "    case $command in\n");
    for (const struct command *const *row = commands; *row; row++) {
        const struct command *command = *row;
        if (command->flags & COMMAND_HIDDEN)
            continue;
        strbuf_printf(out, "    %s%s%s)\n        flags='", command->name, command->alias ? "|" : "",
                      command->alias ? command->alias : "");
        append_flags(out, command->bit);
        strbuf_append(out, "'\n");
        if (command->verbs) {
            strbuf_append(out, "        verbs='");
            for (const struct command_verb *verb = command->verbs; verb->name; verb++)
                strbuf_printf(out, "%s%s", verb == command->verbs ? "" : " ", verb->name);
            strbuf_append(out, "'\n");
        }
        strbuf_append(out, "        ;;\n");
    }
    strbuf_append(out, "    esac\n");
}

enum value_kind {
    VALUE_ANY,
    VALUE_FILE,
    VALUE_DIRECTORY,
    VALUE_CHOICE,
    VALUE_COLLECTOR,
    VALUE_PROFILE,
    VALUE_DEVICE,
    VALUE_INPUT,
    VALUE_KINDS
};

static enum value_kind value_kind_of(int id)
{
    const struct setting *setting = &settings_table[id];
    if (id == SETTING_COLLECTOR)
        return VALUE_COLLECTOR;
    if (id == SETTING_PROFILE || id == SETTING_INFO)
        return VALUE_PROFILE;
    if (id == SETTING_DEVICE || id == SETTING_DEVICES)
        return VALUE_DEVICE;
    if (id == SETTING_INPUT)
        return VALUE_INPUT;
    if (setting->type == SETTING_TYPE_CHOICE || id == SETTING_PROVIDER || id == SETTING_PRECISIONS)
        return VALUE_CHOICE;
    if (setting->arg && str_starts_with(setting->arg, "FILE"))
        return VALUE_FILE;
    if (setting->arg && str_starts_with(setting->arg, "DIR"))
        return VALUE_DIRECTORY;
    return VALUE_ANY;
}

/* Two commands may have a flag of the same name: its first row speaks for both. */
static bool takes_value(int id)
{
    const struct setting *setting = &settings_table[id];
    if (!setting->flag || !setting->commands || setting->type == SETTING_TYPE_BOOL)
        return false;
    for (int i = 0; i < id; i++)
        if (settings_table[i].flag && settings_table[i].commands &&
            strcmp(settings_table[i].flag, setting->flag) == 0)
            return false;
    return true;
}

static void append_pattern(struct strbuf *out, const struct setting *setting, bool is_first)
{
    strbuf_printf(out, "%s--%s", is_first ? "    " : "|", setting->flag);
    if (setting->short_flag)
        strbuf_printf(out, "|-%c", setting->short_flag);
}

static void append_choice_words(struct strbuf *out, int id)
{
    if (id == SETTING_COLLECTOR) {
        for (const struct collector *const *row = collectors; *row; row++)
            strbuf_printf(out, "%s%s", row == collectors ? "" : " ", (*row)->name);
        return;
    }
    if (id == SETTING_PROVIDER) {
        for (const struct onnx_provider *row = onnx_providers; row->name; row++)
            strbuf_printf(out, "%s%s", row == onnx_providers ? "" : " ", row->name);
        return;
    }
    if (id == SETTING_PRECISIONS)
        id = SETTING_PRECISION;
    for (const char *c = settings_table[id].choices; *c; c++)
        strbuf_putc(out, *c == ',' ? ' ' : *c);
}

/* What may stand behind a flag that takes a value: one case arm per kind, per flag for words. */
static void append_values(struct strbuf *out)
{
    static const char *const action[VALUE_KINDS] = {
        [VALUE_ANY] = "        return",
        [VALUE_FILE] = "        compopt -o filenames 2>/dev/null\n"
                       "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
                       "        return",
        [VALUE_DIRECTORY] = "        compopt -o filenames 2>/dev/null\n"
                            "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
                            "        return",
        [VALUE_PROFILE] = "        compopt -o filenames 2>/dev/null\n"
                          "        mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" "
                          "profiles -q 2>/dev/null)\" -- \"$cur\"; compgen -f -X '!*.yaml' -- "
                          "\"$cur\"; compgen -d -- \"$cur\")\n"
                          "        return",
        [VALUE_DEVICE] = "        mapfile -t COMPREPLY < <(compgen -W \"cpu cuda dla gpu npu "
                         "$(\"${COMP_WORDS[0]}\" devices -q 2>/dev/null)\" -- \"$cur\")\n"
                         "        return",
        [VALUE_INPUT] = "        compopt -o filenames 2>/dev/null\n"
                        "        mapfile -t COMPREPLY < <(compgen -W 'random zeros' -- \"$cur\"; "
                        "compgen -f -X '!*.npy' -- \"$cur\"; compgen -d -- \"$cur\")\n"
                        "        return",
    };
    strbuf_append(out, "    case $prev in\n");
    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        bool is_first = true;
        for (int id = 0; id < SETTING_COUNT; id++) {
            const struct setting *setting = &settings_table[id];
            if (!takes_value(id) || value_kind_of(id) != (enum value_kind)kind)
                continue;
            append_pattern(out, setting, is_first || !action[kind]);
            is_first = false;
            if (action[kind])
                continue;
            strbuf_append(out, ")\n        mapfile -t COMPREPLY < <(compgen -W '");
            append_choice_words(out, id);
            strbuf_append(out, "' -- \"$cur\")\n        return\n        ;;\n");
        }
        if (!is_first && action[kind])
            strbuf_printf(out, ")\n%s\n        ;;\n", action[kind]);
    }
    strbuf_append(out, "    esac\n");
}

/* Flags that take their value from the next word: so that the value is not taken for the command.
 */
static void append_value_flags(struct strbuf *out)
{
    bool is_first = true;
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        if (!takes_value(id))
            continue;
        append_pattern(out, setting, is_first);
        is_first = false;
    }
    strbuf_append(out, ") skip=1 ;;\n");
}

static const char script_head[] =
    "# bash completion for tacho " TACHO_VERSION ", made by: tacho completion bash\n"
    "# Load it with: source <(tacho completion bash)\n"
    "_tacho() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev='' command='' verb='' flags='' verbs=''\n"
    "    local i word skip=0 separator=0\n"
    "    ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == '=' ]] && ((COMP_CWORD > 1)); then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == '--' ]]; then\n"
    "            separator=$i\n"
    "            break\n"
    "        elif [[ $word == '=' ]]; then\n"
    "            skip=1\n"
    "            continue\n"
    "        elif ((skip)); then\n"
    "            skip=0\n"
    "            continue\n"
    "        fi\n"
    "        case $word in\n";

static const char script_program[] =
    "        -*) ;;\n"
    "        *)\n"
    "            if [[ -z $command ]]; then\n"
    "                command=$word\n"
    "            elif [[ -z $verb ]]; then\n"
    "                verb=$word\n"
    "            fi\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    if ((separator)); then\n"
    "        if declare -F _command_offset >/dev/null; then\n"
    "            _command_offset $((separator + 1))\n"
    "        elif ((COMP_CWORD == separator + 1)); then\n"
    "            mapfile -t COMPREPLY < <(compgen -c -- \"$cur\" | sort -u)\n"
    "        else\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        fi\n"
    "        return\n"
    "    fi\n";

static const char script_words[] =
    "    if [[ $cur == -* ]]; then\n"
    "        [[ -n $flags ]] || flags='--help --version'\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$cur\")\n"
    "    elif [[ -z $command ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$all_commands\" -- \"$cur\")\n"
    "    elif [[ -n $verbs && -z $verb ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$cur\")\n"
    "    elif [[ $command == help ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$all_commands\" -- \"$cur\")\n"
    "    elif [[ $command == completion ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W 'bash' -- \"$cur\")\n"
    "    elif [[ $command == runs && $verb =~ ^(show|export|rm)$ ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"last $(\"${COMP_WORDS[0]}\" runs list -qa "
    "2>/dev/null)\" -- \"$cur\")\n"
    "    elif [[ $command == profiles ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" profiles -q "
    "2>/dev/null)\" -- \"$cur\")\n"
    "    elif [[ $command == devices ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" devices -q "
    "2>/dev/null)\" -- \"$cur\")\n"
    "    elif [[ $command =~ ^(run|benchmark|bench)$ ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -W 'detector classifier' -- \"$cur\"; for word in "
    "onnx engine plan trt; do compgen -f -X \"!*.$word\" -- \"$cur\"; done; compgen -d -- "
    "\"$cur\")\n"
    "    else\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -F _tacho tacho\n";

static void append_script(struct strbuf *out)
{
    strbuf_append(out, script_head);
    append_value_flags(out);
    strbuf_append(out, script_program);
    strbuf_append(out, "    local all_commands='");
    append_commands(out);
    strbuf_append(out, "'\n");
    append_tables(out);
    append_values(out);
    strbuf_append(out, script_words);
}

static int completion_run(struct command_context *context, struct error *err)
{
    const char *shell = context->argument_count > 0 ? context->arguments[0] : "bash";
    if (context->argument_count > 1)
        return error_set(err, ERROR_USAGE, "completion takes one shell, not %d",
                         context->argument_count);
    if (strcmp(shell, "bash") != 0) {
        error_set(err, ERROR_USAGE, "no completion for '%s'", shell);
        return error_hint(err, "bash is the one there is");
    }
    CLEANUP(strbuf_deinit) struct strbuf script = {0};
    append_script(&script);
    if (script.failed)
        return error_set(err, ERROR_NOMEM, "out of memory for the completion");
    if (strcmp(output_format(&context->settings), "json") != 0) {
        strbuf_append(&context->out, strbuf_get(&script));
        return 0;
    }
    struct json_writer writer = {.out = &context->out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.completion/1");
    json_write_text(&writer, "shell", shell);
    json_write_text(&writer, "script", strbuf_get(&script));
    json_write_end(&writer);
    return 0;
}

extern const struct command command_completion;
const struct command command_completion = {
    .name = "completion",
    .summary = "print a completion script for the shell",
    .usage = "bash",
    .examples = "  source <(tacho completion bash)\n"
                "  tacho completion bash > ~/.local/share/bash-completion/completions/tacho\n",
    .bit = COMMAND_COMMON | COMMAND_COMPLETION,
    .flags = COMMAND_NO_CONFIG,
    .run = completion_run,
};
