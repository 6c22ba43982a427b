// `npm run -s verify -- receipt.json [--rpc URL [--registry 0x…] | --root 0x… | --roots roots.json] [--signer 0x…]`: is this
// receipt true? And `-- --epoch 7.receipts.jsonl [--root 0x…]`: does a published file of leaves give the root it says?
// A line for each check, up to and with the first that is false. Needs neither database nor engine nor the program.
// Exit codes: 0 all of it is true · 1 something is false (named in the last line) · 2 it could not be checked (no such file,
// no answer from the RPC) · 3 true as far as it goes, but in no epoch yet · 4 true, but its root was compared with nothing.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { checkLeafFile } from '../../contracts/merkle/leaf-file.ts';
import type { ReceiptCheck } from './receipt-check.ts';
import { type RootSource, rootFromFile, rootGiven, rootOnChain } from './root-sources.ts';
import { type Verified, verifyFile } from './verify-file.ts';

const EXIT = { true: 0, false: 1, unreadable: 2, notInEpoch: 3, notCompared: 4 } as const;

const USAGE = `usage: npm run -s verify -- receipt.json [--rpc URL [--registry 0x…] | --root 0x… | --roots roots.json] [--signer 0x…]
       npm run -s verify -- --epoch 7.receipts.jsonl [--root 0x…]`;

const say = (line: string): void => console.log(line);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rpc: { type: 'string' },
      registry: { type: 'string' },
      root: { type: 'string' },
      roots: { type: 'string' },
      signer: { type: 'string' },
      epoch: { type: 'string' },
    },
  });
  const sources = [values.rpc, values.root, values.roots].filter((source) => source !== undefined);
  const files = [...positionals, values.epoch].filter((file) => file !== undefined);
  if (files.length !== 1 || sources.length > 1) throw new TypeError(USAGE);
  if (values.root !== undefined && !/^0x[0-9a-fA-F]{64}$/.test(values.root))
    throw new TypeError(`"${values.root}" is no root: 0x and 64 hex digits\n${USAGE}`);
  for (const address of [values.signer, values.registry]) {
    if (address !== undefined && !/^0x[0-9a-fA-F]{40}$/.test(address))
      throw new TypeError(`"${address}" is no address: 0x and 40 hex digits\n${USAGE}`);
  }
  if (values.registry !== undefined && values.rpc === undefined)
    throw new TypeError(`--registry is asked by --rpc, which is missing\n${USAGE}`);
  if (values.epoch !== undefined) return await verifyLeaves(values.epoch, values.root);
  const verified = await verifyFile(await readJson(files[0]), {
    signer: values.signer,
    rootOf: sourceOf(values),
  });
  for (const check of verified.checks) say(lineOf(check));
  return conclude(verified, values);
}

function sourceOf(values: {
  readonly rpc?: string;
  readonly registry?: string;
  readonly root?: string;
  readonly roots?: string;
}): RootSource | undefined {
  if (values.rpc !== undefined) return rootOnChain(values.rpc, values.registry);
  if (values.root !== undefined) return rootGiven(values.root);
  return values.roots === undefined ? undefined : rootFromFile(values.roots);
}

/** A file that is no JSON is false, not unreadable: somebody claims it is a receipt. */
async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const lineOf = ({ what, ok, detail }: ReceiptCheck): string => `${ok ? 'true ' : 'FALSE'} ${what}: ${detail}`;

interface Asked {
  readonly rpc?: string;
  readonly registry?: string;
  readonly signer?: string;
}

function conclude({ ok, checks, settlement }: Verified, { rpc, registry, signer }: Asked): number {
  if (!ok) {
    say(`This receipt is FALSE: ${checks.at(-1)?.what}.`);
    return EXIT.false;
  }
  if (signer === undefined)
    say('Compare the signer with the address the marketplace publishes, or name it with --signer.');
  if (settlement === 'not_in_epoch') {
    say(
      'True as far as it goes. It is NOT IN AN EPOCH YET: no root holds it; fetch it again after the next one.',
    );
    return EXIT.notInEpoch;
  }
  if (settlement === 'not_compared') {
    say('True as far as it goes. Its root was compared with NOTHING: give --rpc, --root or --roots.');
    return EXIT.notCompared;
  }
  if (rpc !== undefined && registry === undefined)
    say(
      'The registry is the one that the file names: compare it with the published one, or name it with --registry.',
    );
  say('This receipt is true.');
  return EXIT.true;
}

async function verifyLeaves(path: string, root: string | undefined): Promise<number> {
  const found = await checkLeafFile(path);
  const rootIsRight = root === undefined || root.toLowerCase() === found.root;
  for (const problem of found.problems) say(`FALSE ${problem}`);
  if (found.ok) say(`true  ${found.count} leaves (${found.kind}) give the root ${found.root}`);
  if (found.ok) say(`true  hash of the file: ${found.fileHash}`);
  if (!rootIsRight) say(`FALSE root: the leaves give ${found.root}, you gave ${root}`);
  const ok = found.ok && rootIsRight;
  say(ok ? 'This file of leaves is true.' : `This file of leaves is FALSE: ${found.problems[0] ?? 'root'}.`);
  return ok ? EXIT.true : EXIT.false;
}

try {
  process.exitCode = await main();
} catch (fault) {
  console.error(`It could not be checked: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exitCode = EXIT.unreadable;
}
