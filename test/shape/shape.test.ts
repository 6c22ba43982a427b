// The shape of the house: import arrows, symmetric platform folders, file names, headers, lengths, top level.
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localImports, readFile, repositoryFiles, sourceFiles } from './repository.ts';

const productFolders = ['bots', 'marketplace', 'engine', 'db', 'contracts'] as const;
const allowedArrows: Readonly<Record<string, readonly string[]>> = {
  bots: ['bots', 'marketplace'],
  marketplace: ['marketplace', 'engine', 'db', 'contracts'],
  engine: ['engine'],
  db: ['db'],
  contracts: ['contracts'],
};
/** It alone wires everything. */
const compositionRoot = 'bots/main.ts';
const topOf = (file: string) => file.split('/')[0];

describe('imports', () => {
  it('run only along the arrows of the design', () => {
    const wrong = sourceFiles()
      .filter((file) => productFolders.some((folder) => folder === topOf(file)) && file !== compositionRoot)
      .flatMap((file) => localImports(file).map((target) => ({ file, target })))
      .filter(({ file, target }) => !allowedArrows[topOf(file)].includes(topOf(target)))
      .map(({ file, target }) => `${file} -> ${target}`);
    expect(wrong).toEqual([]);
  });

  it('never cross between platforms', () => {
    const platforms = ['bots/discord/', 'bots/telegram/', 'bots/playground/'];
    const wrong = sourceFiles().flatMap((file) => {
      const own = platforms.find((prefix) => file.startsWith(prefix));
      return own === undefined
        ? []
        : localImports(file)
            .filter((target) => platforms.some((prefix) => prefix !== own && target.startsWith(prefix)))
            .map((target) => `${file} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe('the platform folders', () => {
  it('hold the same files', () => {
    const names = (platform: string) =>
      sourceFiles()
        .filter((file) => file.startsWith(`bots/${platform}/`))
        .map((file) => basename(file).replace(platform, 'PLATFORM'));
    expect(names('discord').length).toBeGreaterThan(5);
    expect(names('discord')).toEqual(names('telegram'));
  });
});

describe('files', () => {
  it('have names that are unique in the repository (but one errors.ts a folder), and none is index.ts', () => {
    const names = sourceFiles()
      .map((file) => basename(file))
      .filter((name) => name !== 'errors.ts');
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    expect(names.filter((name) => /^index\./.test(name))).toEqual([]);
  });

  it('open with a comment that says what they are', () => {
    const silent = sourceFiles().filter((file) => !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(readFile(file)));
    expect(silent).toEqual([]);
  });

  it('have at most 400 lines', () => {
    expect(sourceFiles().filter((file) => readFile(file).split('\n').length > 401)).toEqual([]);
  });

  it('lie below the fixed top level', () => {
    const folders = [...productFolders, 'test'];
    const loose = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'README.md',
      'LICENSE',
      'biome.json',
      'knip.json',
      'vitest.config.ts',
    ];
    const wrong = repositoryFiles().filter(
      (file) =>
        !file.startsWith('.') && !folders.some((folder) => topOf(file) === folder) && !loose.includes(file),
    );
    expect(wrong).toEqual([]);
  });

  it('are small: 40 MB for the shipped weights, 1 MB for anything else', () => {
    const size = (file: string) => Buffer.byteLength(readFile(file), 'utf8');
    const weights = repositoryFiles().filter((file) => /\.(safetensors|bin)$/.test(file));
    const large = repositoryFiles().filter((file) => !weights.includes(file) && size(file) > 1_000_000);
    expect(large).toEqual([]);
  });

  it('do not silence the compiler with any, ts-ignore or ts-expect-error', () => {
    const pattern = /(:\s*any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck)/;
    const own = 'test/shape/shape.test.ts';
    const code = (file: string) => readFile(file).replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    expect(sourceFiles().filter((file) => file !== own && pattern.test(code(file)))).toEqual([]);
  });
});
