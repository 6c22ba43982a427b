// The repository as lists of files and imports, for the shape tests. Reads git's view of the tree (tracked and new files).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Every file that is or would be in the repository, relative to its root. */
export function repositoryFiles(): readonly string[] {
  const out = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  const gone = execFileSync('git', ['ls-files', '--deleted'], { cwd: root, encoding: 'utf8' }).split('\n');
  return [...new Set(out.split('\n'))].filter((file) => file !== '' && !gone.includes(file)).sort();
}

export const readFile = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Relative imports of a TypeScript file, as repository paths; type-only imports count too. */
export function localImports(file: string): readonly string[] {
  const text = readFile(file);
  const pattern = /(?:from|import\()\s*'(\.[^']+)'/g;
  return [...text.matchAll(pattern)].map((match) => normalize(join(dirname(file), match[1])));
}

export const sourceFiles = (): readonly string[] =>
  repositoryFiles().filter((file) => /\.(ts|mjs)$/.test(file));
