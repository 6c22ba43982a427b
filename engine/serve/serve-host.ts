// Where the serving loop runs: a worker thread for the CPU, a process of its own for a GPU, seen alike from here. Used by
// serve-thread.ts. A thread is lighter, but a graphics driver that dies takes its whole process along, and that must not
// be the one that holds the bots and the money. It knows no requests.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FromWorker, ServeWorkerData, ToWorker } from './serve-protocol.ts';

interface HostHandlers {
  readonly onMessage: (message: FromWorker) => void;
  /** Once, after the last message. @param cause the error that nobody caught, where it is known */
  readonly onExit: (how: string, cause: unknown) => void;
}

type Post = (message: ToWorker) => void;

export function startServeHost(data: ServeWorkerData, handlers: HostHandlers): Post {
  return data.device === 'cpu' ? startThread(data, handlers) : startProcess(data, handlers);
}

function startThread(data: ServeWorkerData, { onMessage, onExit }: HostHandlers): Post {
  const worker = new Worker(new URL('./serve-worker.ts', import.meta.url), { workerData: data });
  let cause: unknown;
  worker.on('error', (error) => {
    cause = error;
  });
  worker.on('message', onMessage);
  worker.on('exit', (exitCode) => onExit(`exit code ${exitCode}`, cause));
  return (message) => worker.postMessage(message);
}

function startProcess(data: ServeWorkerData, { onMessage, onExit }: HostHandlers): Post {
  const entry = fileURLToPath(new URL('./serve-process-main.ts', import.meta.url));
  // 'advanced': settings and log-probabilities may be infinite, which JSON does not know.
  const child = fork(entry, { serialization: 'advanced', execArgv: [] });
  let ended = false;
  const end = (how: string, cause: unknown): void => {
    if (!ended) onExit(how, cause);
    ended = true;
  };
  child.on('message', (message: FromWorker) => onMessage(message));
  child.once('error', (error) => end(error.message, error)); // it could not be started, or not be reached
  child.once('exit', (exitCode, signal) => end(signal ?? `exit code ${exitCode}`, undefined));
  child.send(data);
  return (message) => {
    if (child.connected) child.send(message);
  };
}
