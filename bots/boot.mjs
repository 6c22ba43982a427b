// The first step of every npm script, in plain JavaScript so that any Node >= 20 can run it on a bare clone.
// Installs exactly what package-lock.json names when node_modules is missing or out of date (progress on stderr,
// so that `--json` output stays clean), then hands over to the project's own pinned Node.
// Usage: node bots/boot.mjs [--node-option ...] <script> [arguments]; imports nothing but Node itself.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const npmRecord = join(root, 'node_modules', '.package-lock.json'); // npm writes it last
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');

const say = (line) => process.stderr.write(`${line}\n`);
const fail = (line) => {
  say(line);
  process.exit(1);
};

/** Runs a program, passes signals on, and resolves to its exit code. */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const forward = (signal) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, forward);
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

/** True when node_modules holds every package at the version the lock names, whoever installed it. */
function isInstalled(lock) {
  if (!existsSync(npmRecord)) return false;
  const installed = JSON.parse(readFileSync(npmRecord, 'utf8')).packages;
  return Object.entries(lock.packages).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

async function installPackages(lock) {
  const count = Object.keys(lock.packages).length - 1;
  say(
    `Installing up to ${count} packages exactly as package-lock.json names them (about a minute, 1.1 GB) …`,
  );
  const startedAt = Date.now();
  const ticker = setInterval(
    () => say(`  … still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`),
    5000,
  );
  // The engine needs onnxruntime's CPU library only, which is in its package: its CUDA download is not wanted.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_loglevel: 'error' };
  delete env.NODE_ENV; // `production` would leave the tests' packages out
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm, 'ci']] : ['npm', ['ci']];
  const code = await run(command, args, { env, stdio: ['ignore', 2, 2] }).finally(() =>
    clearInterval(ticker),
  );
  if (code !== 0) fail(`npm ci failed (exit ${code}). Nothing was started. Is the npm registry reachable?`);
  say(`Installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`Node ${process.versions.node} is too old to start: install Node 20 or later.`);

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
if (!isInstalled(lock)) await installPackages(lock);

const node = existsSync(pinnedNode) ? pinnedNode : process.execPath;
if (node === process.execPath && major < 24) {
  fail(
    `The pinned Node 24 is not in node_modules and this is Node ${process.versions.node}: run "npm ci" once more.`,
  );
}
// Local tools first, so that everything a script starts runs on the pinned Node too.
const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`;
// onnxruntime's library carries telemetry to its maker; nothing that runs here tells anybody anything unasked.
const env = { ...process.env, PATH: path, ORT_DISABLE_TELEMETRY: '1' };
// Node strips types with WebAssembly, in every thread. V8 of the pinned Node 24.21 now and then frees nothing it owns when a
// wrapper of such a module is compiled anew in one thread while another thread ends (SIGSEGV in FreeDeadCode, seen once in
// 28 runs of 33 threads): wrappers stay as they are.
const flags = node === pinnedNode ? ['--wasm-wrapper-tiering-budget=1000000000'] : [];
process.exitCode = await run(node, [...flags, ...process.argv.slice(2)], { env });
