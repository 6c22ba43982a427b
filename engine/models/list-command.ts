// `models list` and `models remove`. Used by models-cli.ts. Removing asks, and touches nothing outside the models folder.

import { rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { EngineError } from '../errors.ts';
import { byteText, countText } from './byte-text.ts';
import { readFolderFacts } from './folder-facts.ts';
import { modelInside, modelNames } from './models-folder.ts';

/** Prints a table, or with `json` one JSON object a line. */
export function listCommand(models: string, json: boolean): void {
  const rows = modelNames(models).map((name) => ({ name, ...readFolderFacts(join(models, name)) }));
  if (json) {
    for (const { config, pulled, ...row } of rows)
      console.log(
        JSON.stringify({ ...row, contextTokens: config?.maxSeq ?? null, commit: pulled?.commit ?? null }),
      );
    return;
  }
  if (rows.length === 0) {
    console.log(
      `No models in ${models}. Get one: npm run models -- pull HuggingFaceTB/SmolLM2-135M-Instruct`,
    );
    return;
  }
  const cells = rows.map((row) => [
    row.name,
    row.architecture,
    countText(row.parameters),
    byteText(row.bytesOnDisk),
    row.config === undefined ? '-' : String(row.config.maxSeq),
    row.dtypes.join('+') || '-',
    row.licence ?? '-',
    row.isComplete ? 'yes' : 'no',
  ]);
  const table = [['name', 'kind', 'weights', 'on disk', 'context', 'type', 'licence', 'complete'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

/** @returns the exit code. @throws EngineError `model_not_here` | `model_outside` | `confirmation_needed` */
export async function removeCommand(models: string, name: string, yes: boolean): Promise<number> {
  const folder = modelInside(models, name);
  const facts = readFolderFacts(folder); // what is no model is not removed
  if (!yes) {
    if (!process.stdin.isTTY)
      throw new EngineError('nobody to ask: add --yes to remove without asking', {
        code: 'confirmation_needed',
        retry: 'never',
      });
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(`Remove ${folder} (${byteText(facts.bytesOnDisk)})? [y/N] `);
    terminal.close();
    if (!/^y(es)?$/i.test(answer.trim())) {
      console.log('Kept.');
      return 1;
    }
  }
  await rm(folder, { recursive: true });
  removeEmptyOwner(models, folder);
  console.log(`Removed ${folder} (${byteText(facts.bytesOnDisk)}).`);
  return 0;
}

/** `<models>/<org>` goes with its last model. */
function removeEmptyOwner(models: string, folder: string): void {
  const owner = dirname(folder);
  if (owner === resolve(models)) return;
  try {
    rmdirSync(owner);
  } catch {
    // Not empty: other models of the same owner stay.
  }
}
