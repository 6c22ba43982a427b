// Finds out whether a GPU can be used and how fast it is beside the CPU, without risk to this process: the trial runs in
// a child, so that a driver that crashes or hangs takes nothing with it. Used by choose-device.ts and, with a trial of
// training, by choose-train-device.ts.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export type ProbeResult =
  /** The same matrix products on both, ms. */
  | { readonly works: true; readonly deviceMs: number; readonly cpuMs: number }
  | { readonly works: false; readonly reason: string };

const answerSchema = z.union([
  z.object({ deviceMs: z.number(), cpuMs: z.number() }),
  z.object({ reason: z.string() }),
]);

interface ProbeOptions {
  /** A driver that compiles its first shaders may take seconds. */
  readonly timeoutMs?: number;
  /** Added to the child's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Another trial than multiplying matrices: a program that takes the device and `input`, and answers alike. */
  readonly trial?: { readonly entry: URL; readonly input: string };
}

/** Never throws: what is wrong is the reason. */
export async function probeDevice(
  device: 'webgpu' | 'cuda',
  { timeoutMs = 30_000, environment, trial }: ProbeOptions = {},
): Promise<ProbeResult> {
  if (device === 'cuda' && !existsSync(cudaProviderFile())) {
    const reason = `${cudaProviderFile()} is missing: reinstall onnxruntime-node with ONNXRUNTIME_NODE_INSTALL=cuda12, on Linux x64`;
    return { works: false, reason };
  }
  const entry = fileURLToPath(trial?.entry ?? new URL('probe-device-main.ts', import.meta.url));
  const child = spawn(process.execPath, [entry, device, ...(trial ? [trial.input] : [])], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-500);
  });
  const exit = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const answer = readAnswer(output);
  if (answer === undefined) {
    const reason = `trying it ended with ${exit} within ${timeoutMs} ms: ${complaint.trim() || 'no output'}`;
    return { works: false, reason };
  }
  return 'reason' in answer ? { works: false, reason: tidy(answer.reason) } : { works: true, ...answer };
}

/** The answer counts even if the process dies after it: some drivers crash when they are unloaded. */
function readAnswer(output: string): z.infer<typeof answerSchema> | undefined {
  const line = output.split('\n').find((candidate) => candidate.startsWith('{'));
  try {
    return line === undefined ? undefined : answerSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function cudaProviderFile(): string {
  const binding = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(binding, 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}

/** onnxruntime puts its own source file and line before the cause. */
function tidy(message: string): string {
  const known = message.match(/Failed to get a WebGPU adapter:.*/);
  return (known?.[0] ?? message).trim();
}
