// duckdb.mjs FILE THREADS exact|approx: percentiles of latency_us by stage; prints JSON: the seconds
// that the query took (without starting the engine), the engine's version, and the rows.
import { DuckDBInstance } from "@duckdb/node-api";

const [file, threads, kind] = process.argv.slice(2);
const instance = await DuckDBInstance.create(":memory:", { threads });
const connection = await instance.connect();
const quantile = kind === "approx" ? "approx_quantile" : "quantile_cont";
const version = (await connection.runAndReadAll("SELECT version()")).getRows()[0][0];
const begin = process.hrtime.bigint();
const reader = await connection.runAndReadAll(
    `SELECT stage, count(*)::INTEGER, ${quantile}(latency_us, [0.5, 0.9, 0.95, 0.99, 0.999])
     FROM read_csv('${file}', header = true,
                   columns = {'ts': 'DOUBLE', 'stage': 'VARCHAR', 'device': 'VARCHAR',
                              'latency_us': 'DOUBLE', 'temp_c': 'DOUBLE'})
     GROUP BY stage ORDER BY stage`);
const rows = reader.getRowsJson();
const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
console.log(JSON.stringify({ seconds, version, rows }));
