/** One of several that work on the same table at once: table-worker.ts PINS CONNECTIONS FAMILY WORKER OPERATIONS. Prints one line of JSON. */
import { openTable } from './table.ts';

const [pins, ...numbers] = process.argv.slice(2);
const [connections, family, worker, operations] = numbers.map(Number) as [number, number, number, number];
const table = openTable(connections, pins);
console.log(JSON.stringify(table.work({ worker, family, operations })));
table.close();
