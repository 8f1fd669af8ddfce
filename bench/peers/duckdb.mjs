// duckdb.mjs FILE THREADS exact|approx|lines: percentiles of latency_us by stage of a table (exact,
// approx), or of the latencies in the lines of a log (lines); prints JSON: the seconds that the query
// took (without starting the engine), the engine's version, and the rows.
import { DuckDBInstance } from "@duckdb/node-api";

const [file, threads, kind] = process.argv.slice(2);
const instance = await DuckDBInstance.create(":memory:", { threads });
const connection = await instance.connect();
const quantile = kind === "approx" ? "approx_quantile" : "quantile_cont";
const version = (await connection.runAndReadAll("SELECT version()")).getRows()[0][0];
const table = `SELECT stage, count(*)::INTEGER, ${quantile}(latency_us, [0.5, 0.9, 0.95, 0.99, 0.999])
     FROM read_csv('${file}', header = true,
                   columns = {'ts': 'DOUBLE', 'stage': 'VARCHAR', 'device': 'VARCHAR',
                              'latency_us': 'DOUBLE', 'temp_c': 'DOUBLE'})
     GROUP BY stage ORDER BY stage`;
// A line is one column: what would end one does not stand in it.
const lines = `WITH texts AS (SELECT regexp_extract(line, 'inference latency: ([0-9.]+) ms', 1) AS text
                             FROM read_csv('${file}', header = false, delim = '\x01', quote = '',
                                           escape = '', columns = {'line': 'VARCHAR'}))
     SELECT 'inference latency', count(*)::INTEGER, quantile_cont(text::DOUBLE, [0.5, 0.95, 0.99])
     FROM texts WHERE text <> ''`;
const begin = process.hrtime.bigint();
const reader = await connection.runAndReadAll(kind === "lines" ? lines : table);
const rows = reader.getRowsJson();
const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
console.log(JSON.stringify({ seconds, version, rows }));
