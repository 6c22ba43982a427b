// The models command line as a person runs it: exit codes, kill -9 and Ctrl-C in the middle of a pull, what list,
// inspect and remove print, and a pulled model that the engine's own command line then speaks with.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sharedData } from '../model/shared-data.ts';
import { testFolder } from '../model/test-folder.ts';
import { commitOf, goodToken, type LocalHub, startLocalHub } from './local-hub.ts';
import { filesOf, tinyAdapterFiles, tinyModelFiles } from './model-files.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const entry = join(root, 'engine/models/models-cli.ts');
const repo = 'tiny-org/tiny-model';
const weights = 'model.safetensors';
const files = tinyModelFiles();
const weightBytes = files.get(weights)!.length;

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
}

let hub: LocalHub;
let models: string;
beforeEach(async () => {
  hub = await startLocalHub();
  hub.repos.set(repo, { files, licence: 'mit' });
  models = join(testFolder(), 'models');
});
afterEach(async () => {
  await hub.close();
  expect(hub.violations).toEqual([]);
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env.PATH, MODELS_DIR: models, HF_ENDPOINT: hub.endpoint, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<Outcome>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, out, err })),
  );
  return { child, ended };
}

const run = (...args: readonly string[]): Promise<Outcome> => start([entry, ...args]).ended;
const folder = (): string => join(models, repo);

/** A pull that stands still when the weights have this many bytes on disk. */
async function stalledPull(bytes: number): Promise<Running> {
  hub.faults.push({
    at: 'storage',
    path: weights,
    bytes,
    meanwhile: () => new Promise((resolve) => running.child.once('close', () => resolve())),
  });
  const running = start([entry, 'pull', repo]);
  const part = join(folder(), `${weights}.part`);
  while (!existsSync(part) || statSync(part).size < bytes) await new Promise((next) => setTimeout(next, 10));
  return running;
}

describe('models pull', () => {
  it('puts the model into the models folder, says how to use it, and has nothing to do the second time', async () => {
    const first = await run('pull', repo);
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain(`${repo} is in ${folder()} (127 kB, licence mit).`);
    expect(first.out).toContain(`ENGINE_BASE_DIR=${folder()} npm start`);
    expect(first.err).toMatch(
      /^tiny-org\/tiny-model at [0-9a-f]{12}: 6 files, 127 kB\n(.*\n)*100 % {2}127 kB of 127 kB\n$/,
    );
    const second = await run('pull', `https://huggingface.co/${repo}`);
    expect(second).toMatchObject({ code: 0, err: '' });
    expect(second.out).toContain('already, whole and up to date');
  });

  it('goes on after kill -9 in the middle: each byte is fetched once', async () => {
    const { child, ended } = await stalledPull(60_000);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    expect((await run('list')).out).toMatch(/tiny-org\/tiny-model .* no$/m);
    const again = await run('pull', repo);
    expect(again).toMatchObject({ code: 0 });
    expect(again.err).toMatch(/6\d(\.\d)? kB of it here already/);
    expect(hub.served.get(weights)).toBe(weightBytes);
    expect((await run('list')).out).toMatch(/tiny-org\/tiny-model .* yes$/m);
  });

  it('Ctrl-C stops at once, says what is there, and the same command goes on', async () => {
    const { child, ended } = await stalledPull(60_000);
    child.kill('SIGINT');
    const { code, err } = await ended;
    expect(code).toBe(130);
    expect(err).toMatch(/Stopped; 6\d(\.\d)? kB are in .+\. The same command goes on from there\.\n$/);
    expect(readdirSync(folder())).not.toContain('pull.lock');
    expect(await run('pull', repo)).toMatchObject({ code: 0 });
    expect(hub.served.get(weights)).toBe(weightBytes);
  });

  it('refuses a second pull into the same folder while one is running', async () => {
    const { child, ended } = await stalledPull(60_000);
    const second = await run('pull', repo);
    expect(second).toMatchObject({ code: 1, out: '' });
    expect(second.err).toMatch(new RegExp(`process ${child.pid} is pulling into`));
    child.kill('SIGKILL');
    await ended;
  });

  it('--json prints one event a line and nothing else', async () => {
    const { code, out, err } = await run('pull', repo, '--json');
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect([code, err]).toEqual([0, '']);
    expect(events[0]).toMatchObject({ type: 'start', commit: commitOf({ files }) });
    expect(events.at(-1)).toMatchObject({ type: 'done', repo, folder: folder(), changed: true });
  });

  it('offline: names the host, what to do, and leaves no folder', async () => {
    const other = await startLocalHub();
    await other.close();
    const closed = { HF_ENDPOINT: other.endpoint };
    const { code, out, err } = await start([entry, 'pull', repo], closed).ended;
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^cannot reach 127\.0\.0\.1:\d+ \(connect ECONNREFUSED/);
    expect(err).toContain(
      `by hand: put config.json, tokenizer.json, tokenizer_config.json and the *.safetensors files into ${folder()}`,
    );
    expect(existsSync(models)).toBe(false);
  });

  it('never prints the token', async () => {
    hub.repos.set(repo, { files, gated: true });
    const bad = await start([entry, 'pull', repo], { HF_TOKEN: 'hf_wrong_but_secret' }).ended;
    const good = await start([entry, 'pull', repo], { HF_TOKEN: goodToken }).ended;
    expect([bad.code, good.code]).toEqual([1, 0]);
    expect(bad.err).toMatch(/is gated \(403\)/);
    expect(JSON.stringify([bad, good])).not.toMatch(/hf_wrong_but_secret|hf_test_secret/);
  });
});

describe('models list, inspect and remove', () => {
  beforeEach(() => {
    const write = (name: string, contents: ReadonlyMap<string, Uint8Array>): void => {
      mkdirSync(join(models, name), { recursive: true });
      for (const [path, bytes] of contents)
        if (!path.includes('/')) writeFileSync(join(models, name, path), bytes);
    };
    write(repo, files);
    write('tiny-org/tiny-adapter', tinyAdapterFiles());
    write('by-hand', new Map([...files].filter(([name]) => name !== weights)));
  });

  it('list shows each folder with its size, and which one lacks its weights', async () => {
    const { code, out } = await run('list');
    const lines = out.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^name +kind +weights +on disk +context +type +licence +complete$/);
    expect(lines[1]).toMatch(/^by-hand +LlamaForCausalLM +[\d.]+ k .* - +mit +no$/);
    expect(lines[2]).toMatch(/^tiny-org\/tiny-adapter +LoRA +[\d.]+ k +\d.* F32 +- +yes$/);
    expect(lines[3]).toMatch(/^tiny-org\/tiny-model +LlamaForCausalLM +[\d.]+ k .* 160 +F32 +mit +yes$/);
    const json = (await run('list', '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(json.map(({ name, isComplete }) => [name, isComplete])).toEqual([
      ['by-hand', false],
      ['tiny-org/tiny-adapter', true],
      [repo, true],
    ]);
  });

  it('list of an empty folder says how to get a model', async () => {
    rmSync(models, { recursive: true });
    expect((await run('list')).out).toMatch(/^No models in .*npm run models -- pull /);
  });

  it('inspect says in words what a model is and that it is served, by name or by path', async () => {
    const byName = await run('inspect', repo);
    const byPath = await run('inspect', folder());
    expect([byName.code, byPath.code]).toEqual([0, 0]);
    for (const line of [
      /served here +yes/,
      /memory, weights +int8 .*, int4 .*, f32 /,
      /chat template +yes/,
      /stop ids +2/,
    ])
      expect(byName.out).toMatch(line);
    const report = JSON.parse((await run('inspect', folder(), '--json')).out);
    expect(report).toMatchObject({ kind: 'model', layers: 2, tokenizer: 'BPE', serves: true, problem: null });
    expect(report.weightBytes.f32).toBeGreaterThan(report.weightBytes.int8);
  });

  it('inspect says why a model is not served, and exits with 1', async () => {
    expect(await run('inspect', 'by-hand')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/served here +no: no model\.safetensors/),
    });
    writeFileSync(join(folder(), 'tokenizer.json'), '{"model":{"type":"Riddle"}}');
    expect(await run('inspect', repo)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/served here +no: .*this kind of tokenizer is not supported/),
    });
  });

  it('inspect checks an adapter against its base', async () => {
    const adapter = join(models, 'tiny-org/tiny-adapter');
    const alone = await run('inspect', adapter);
    const fitting = await run('inspect', 'tiny-org/tiny-adapter', '--base', folder());
    const wrong = await run('inspect', adapter, '--base', join(root, 'engine/base'));
    expect([alone.code, fitting.code, wrong.code]).toEqual([0, 0, 1]);
    expect(alone.out).toMatch(/served here +not known: its base is not here/);
    expect(fitting.out).toMatch(/rank +4\n(.*\n)*.*served here +yes/);
    expect(wrong.out).toMatch(/served here +no: .*the base has 6 layers/);
  });

  it('remove needs --yes where nobody can be asked, and takes the empty owner with it', async () => {
    expect(await run('remove', repo)).toMatchObject({ code: 2, err: expect.stringMatching(/add --yes/) });
    expect(existsSync(folder())).toBe(true);
    expect(await run('remove', repo, '--yes')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Removed /),
    });
    expect(readdirSync(join(models, 'tiny-org'))).toEqual(['tiny-adapter']);
    expect(await run('remove', 'tiny-org/tiny-adapter', '--yes')).toMatchObject({ code: 0 });
    expect(readdirSync(models)).toEqual(['by-hand']);
  });

  it('remove touches nothing outside the models folder, nor what is no model', async () => {
    const outside = join(models, '../outside');
    cpSync(folder(), outside, { recursive: true });
    symlinkSync(outside, join(models, 'link'));
    for (const name of ['../outside', outside, '.', '', 'link', 'tiny-org/../../outside'])
      expect([name, (await run('remove', name, '--yes')).code]).toEqual([name, 2]);
    expect(await run('remove', 'tiny-org', '--yes')).toMatchObject({ code: 1 });
    expect(await run('remove', 'nobody/nothing', '--yes')).toMatchObject({ code: 1 });
    expect(readdirSync(outside).length).toBeGreaterThan(3);
    expect(existsSync(folder())).toBe(true);
  });
});

describe('models: wrong command lines exit with 2 and a hint', () => {
  it.each([
    [['fetch', repo], /unknown command fetch; expected pull, list, remove, inspect, export or merge/],
    [['pull'], /pull takes one name, got 0/],
    [['pull', 'gpt2'], /"gpt2" is not the name of a model; expected org\/name/],
    [['pull', '../x'], /is not the name of a model/],
    [['pull', repo, '--revision', '../../x'], /--revision is/],
    [['list', '--yes'], /list takes no --yes/],
    [['pull', repo, '--fast'], /Unknown option '--fast'/],
  ])('%o', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/See npm run models -- --help\.\n$/);
  });

  it('--help names every command and variable', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const word of ['pull', 'list', 'remove', 'inspect', 'MODELS_DIR', 'HF_TOKEN', 'HF_ENDPOINT'])
      expect(out).toContain(word);
  });
});

describe('a pulled model', () => {
  it('speaks through npm run engine with the words of the folder it came from', async () => {
    const source = sharedData('models/stories260k-hf');
    hub.repos.set('stories/stories260k', { files: source === undefined ? files : filesOf(source) });
    expect(await run('pull', 'stories/stories260k')).toMatchObject({ code: 0 });
    const generate = (model: string): Promise<Outcome> => {
      const args = [
        'generate',
        '--model',
        model,
        '--prompt',
        'Once upon a time',
        '--max-tokens',
        '8',
        '--json',
      ];
      return start([join(root, 'engine/engine-cli.ts'), ...args]).ended;
    };
    const pulled = await generate(join(models, 'stories/stories260k'));
    expect(pulled).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(pulled.out).ids.length).toBe(8);
    if (source !== undefined) expect(pulled.out).toBe((await generate(source)).out);
  });
});
