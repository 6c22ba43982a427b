/**
 * `node contracts/test/leaf-vectors-cli.ts`: writes contracts/test/leaf-vectors.json, trees of claims and of receipts whose
 * leaves, roots and proofs both Solidity and TypeScript must reach. The first is published by OpenZeppelin. Format it after.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { leafVectors } from './leaf-vectors.ts';

writeFileSync(join(import.meta.dirname, 'leaf-vectors.json'), `${JSON.stringify(leafVectors(), null, 2)}\n`);
