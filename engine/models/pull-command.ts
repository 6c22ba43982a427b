// `models pull`: what a person sees of a pull. Used by models-cli.ts. Progress goes to standard error, the outcome (or,
// with --json, one JSON object a line) to standard output. Ctrl-C stops at once and keeps what is there.

import { EngineError } from '../errors.ts';
import { byteText } from './byte-text.ts';
import { type HubAccess, hubAccess } from './hub-request.ts';
import { progressLine } from './progress-line.ts';
import { type PullEvent, type PullOutcome, pullModel } from './pull-model.ts';

interface PullOptions {
  readonly repo: string;
  readonly revision: string;
  readonly folder: string;
  readonly json: boolean;
}

/** The pull was stopped by the person; 130 is what shells expect of Ctrl-C. */
const stoppedExitCode = 130;

/** @returns the exit code. @throws EngineError with advice in its message */
export async function pullCommand(options: PullOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { repo, revision, folder, json } = options;
  const access = hubAccess(env);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const bar = progressLine(process.stderr);
  let here = 0;
  const onEvent = (event: PullEvent): void => {
    if (event.type === 'start') here = event.bytesHere;
    if (event.type === 'progress') here = event.bytes;
    if (json) jsonEvent(event);
    else if (event.type === 'start') {
      const begun = event.bytesHere > 0 ? `, ${byteText(event.bytesHere)} of it here already` : '';
      bar.say(
        `${repo} at ${event.commit.slice(0, 12)}: ${event.files} files, ${byteText(event.bytesTotal)}${begun}`,
      );
    } else if (event.type === 'progress') bar.update({ ...event, nowMs: performance.now() });
    else bar.say(`${event.message}; again in ${Math.ceil(event.waitMs / 1000)} s`);
  };
  try {
    const outcome = await pullModel({ repo, revision, folder, access, signal: stop.signal, onEvent });
    bar.end();
    console.log(json ? JSON.stringify({ type: 'done', ...outcome }) : outcomeText(outcome));
    return 0;
  } catch (error) {
    bar.end();
    if (!stop.signal.aborted) throw withAdvice(error, access, options, env);
    if (json) console.log(JSON.stringify({ type: 'stopped', bytes: here }));
    else console.error(`Stopped; ${byteText(here)} are in ${folder}. The same command goes on from there.`);
    return stoppedExitCode;
  }
}

/** Progress comes with every chunk; a program that reads it wants it about twice a second. */
const jsonEveryMs = 500;
let jsonSaidAt = Number.NEGATIVE_INFINITY;

function jsonEvent(event: PullEvent): void {
  const now = performance.now();
  if (event.type === 'progress' && now - jsonSaidAt < jsonEveryMs) return;
  if (event.type === 'progress') jsonSaidAt = now;
  console.log(JSON.stringify(event));
}

function outcomeText({ kind, folder, repo, licence, bytesTotal, changed }: PullOutcome): string {
  const terms = licence === undefined ? 'no licence declared: read its README.md' : `licence ${licence}`;
  const use =
    kind === 'model'
      ? `Try it:  npm run -s engine -- generate --model ${folder} --prompt "Once upon a time"\n` +
        `Serve it:  ENGINE_BASE_DIR=${folder} npm start`
      : `Try it:  npm run -s engine -- generate --model <base model's folder> --adapter ${folder} --prompt "…"`;
  return changed
    ? `${repo} is in ${folder} (${byteText(bytesTotal)}, ${terms}).\n${use}`
    : `${repo} is in ${folder} already, whole and up to date (${byteText(bytesTotal)}, ${terms}).`;
}

/** Being offline, or behind a proxy, is the one fault with another way out. */
function withAdvice(
  error: unknown,
  access: HubAccess,
  { folder }: PullOptions,
  env: NodeJS.ProcessEnv,
): unknown {
  if (!(error instanceof EngineError) || error.code !== 'hub_unreachable') return error;
  const hasProxy = Object.keys(env).some((name) => /^https?_proxy$/i.test(name));
  const proxy =
    hasProxy && env.NODE_USE_ENV_PROXY !== '1'
      ? '\n  to use the proxy of the environment: set NODE_USE_ENV_PROXY=1'
      : '';
  return new EngineError(
    `${error.message}\nNothing was changed. Without a way to ${access.endpoint}:${proxy}\n` +
      `  a mirror: set HF_ENDPOINT to its address\n` +
      `  by hand: put config.json, tokenizer.json, tokenizer_config.json and the *.safetensors files into ${folder}`,
    { code: error.code, retry: error.retry, cause: error },
  );
}
