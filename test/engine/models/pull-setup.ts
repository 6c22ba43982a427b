// One pull from a fresh local hub into a fresh folder for each test. Used by the tests of pullModel.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import type { HubAccess } from '../../../engine/models/hub-request.ts';
import { type PullOutcome, type PullRequest, pullModel } from '../../../engine/models/pull-model.ts';
import { testFolder } from '../model/test-folder.ts';
import { type LocalHub, startLocalHub } from './local-hub.ts';
import { tinyModelFiles } from './model-files.ts';

export const repo = 'tiny-org/tiny-model';
export const weights = 'model.safetensors';
/** What the hub holds. */
export const files = tinyModelFiles();
export const weightBytes = files.get(weights)!.length;
/** What is in the folder after a pull. */
export const pulledNames: readonly string[] = [
  'LICENSE',
  'README.md',
  'config.json',
  'model.safetensors',
  'pulled.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

export interface PullSetup {
  readonly hub: LocalHub;
  readonly folder: string;
  /** Milliseconds that were waited before trying again; no time passes. */
  readonly waits: readonly number[];
  readonly access: (token?: string) => HubAccess;
  readonly pull: (options?: Partial<PullRequest>) => Promise<PullOutcome>;
  /** The error of a pull that must fail. */
  readonly refusal: (options?: Partial<PullRequest>) => Promise<EngineError>;
  /** Names in the folder, sorted. */
  readonly listed: () => readonly string[];
  readonly bytesOf: (name: string) => Buffer;
  /** Where the weights are while they arrive. */
  readonly part: () => string;
  /** Resolves when the part has this many bytes on disk. */
  readonly untilPartHas: (bytes: number) => Promise<void>;
  /** A pull that its person stops when the weights have this many bytes. */
  readonly stoppedPull: (bytes: number) => Promise<void>;
}

/** Registers the hooks; the fields of what it returns hold within a test. */
export function setUpPulling(): PullSetup {
  let hub: LocalHub;
  let folder: string;
  let waits: number[];
  beforeEach(async () => {
    hub = await startLocalHub();
    hub.repos.set(repo, { files, licence: 'mit' });
    folder = join(testFolder(), 'models', repo);
    waits = [];
  });
  afterEach(async () => {
    await hub.close();
    expect(hub.violations).toEqual([]);
  });

  const access = (token?: string): HubAccess => ({ endpoint: hub.endpoint, token, idleMs: 5000 });
  const pull = (options: Partial<PullRequest> = {}): Promise<PullOutcome> =>
    pullModel({
      repo,
      revision: 'main',
      folder,
      access: access(),
      wait: async (ms) => void waits.push(ms),
      ...options,
    });
  const part = (): string => join(folder, `${weights}.part`);
  const untilPartHas = async (bytes: number): Promise<void> => {
    while (!existsSync(part()) || statSync(part()).size < bytes)
      await new Promise((next) => setTimeout(next, 5));
  };
  return {
    get hub() {
      return hub;
    },
    get folder() {
      return folder;
    },
    get waits() {
      return waits;
    },
    access,
    pull,
    refusal: async (options) => {
      const error = await pull(options).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(EngineError);
      return error as EngineError;
    },
    listed: () => (existsSync(folder) ? readdirSync(folder).sort() : []),
    bytesOf: (name) => readFileSync(join(folder, name)),
    part,
    untilPartHas,
    stoppedPull: async (bytes) => {
      const stop = new AbortController();
      const meanwhile = async (): Promise<void> => {
        await untilPartHas(bytes);
        stop.abort();
      };
      hub.faults.push({ at: 'storage', path: weights, bytes, meanwhile });
      await expect(pull({ signal: stop.signal })).rejects.toThrow(/abort/);
      expect(statSync(part()).size).toBe(bytes);
    },
  };
}
