/* error_json.c: an error as one line of JSON, for every command's --json. */
#include "format/json_writer.h"
#include "format/run_json.h"

int error_json_write(const struct error *error, struct strbuf *out)
{
    struct json_writer writer = {.out = out, .compact = true};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.error/1");
    json_write_text(&writer, "code", error_code_name(error->code));
    json_write_text(&writer, "message", error->message);
    json_write_text(&writer, "file", error->file[0] ? error->file : NULL);
    if (error->line > 0)
        json_write_i64(&writer, "line", error->line);
    else
        json_write_null(&writer, "line");
    if (error->column > 0)
        json_write_i64(&writer, "column", error->column);
    else
        json_write_null(&writer, "column");
    json_write_text(&writer, "hint", error->hint[0] ? error->hint : NULL);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
    return out->failed ? -ERROR_NOMEM : 0;
}
