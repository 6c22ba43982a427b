/**
 * A program that starts the embedded server of the folder named as its argument, prints where it is, and waits to be killed.
 */
import { startEmbeddedPostgres } from '../../db/embedded.ts';
import { quietLog } from './quiet-log.ts';

const server = await startEmbeddedPostgres({ dataDir: process.argv[2], log: quietLog });
console.log(JSON.stringify({ pid: server.pid(), port: server.port }));
setInterval(() => undefined, 1000);
