// The committed artifacts are those of the sources: users of the program compile nothing, so nobody else would notice.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  artifactText,
  compileContracts,
  contractSources,
} from '../../contracts/compiler/compile-contracts.ts';

const folder = join(import.meta.dirname, '../../contracts/artifacts');

it('recompiles the contracts to the committed artifacts, byte for byte (else: node contracts/compile-cli.ts)', () => {
  for (const artifact of compileContracts()) {
    const path = join(folder, `${artifact.contractName}.json`);
    expect(existsSync(path), path).toBe(true);
    // not toBe on the texts: a difference of 80 KB helps nobody
    expect(readFileSync(path, 'utf8') === artifactText(artifact), `${path} is not that of its sources`).toBe(
      true,
    );
  }
  expect(readdirSync(folder).sort()).toEqual(
    Object.keys(contractSources)
      .map((name) => `${name}.json`)
      .sort(),
  );
}, 120_000);

it('keeps each contract below the 24,576 bytes that a chain takes', () => {
  for (const name of Object.keys(contractSources)) {
    const { deployedBytecode } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    expect((deployedBytecode.length - 2) / 2, name).toBeLessThan(24_576);
  }
});

it('refuses a source that does not compile, with the words of the compiler', () => {
  expect(() => compileContracts(['Open'], { [contractSources.Open]: 'contract Open { uint }' })).toThrow(
    /ParserError/,
  );
});
