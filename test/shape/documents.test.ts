// Documents tell the truth: paths they name exist, npm commands they name are scripts, the settings table is complete.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settings } from '../../bots/settings.ts';
import { readFile, repositoryFiles, root } from './repository.ts';

const documents = repositoryFiles().filter((file) => file.endsWith('.md'));

describe('every .md file', () => {
  it('names only paths that exist', () => {
    const missing = documents.flatMap((file) => {
      const text = readFile(file);
      const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) =>
        join(dirname(file), match[1]),
      );
      const top = /`((?:bots|marketplace|engine|db|contracts|test)\/[\w./-]*)`/g;
      const paths = [...text.matchAll(top)].map((match) => match[1]);
      return [...links, ...paths]
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${file}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const scripts: Readonly<Record<string, string>> = JSON.parse(readFile('package.json')).scripts;
    const missing = documents.flatMap((file) =>
      [...readFile(file).matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)]
        .map((match) => match[1])
        .filter((name) => scripts[name] === undefined)
        .map((name) => `${file}: npm run ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('the figures in the README', () => {
  it('are those that were measured', () => {
    const folder = 'marketplace/demo/pocket-atlas-adapter';
    const { adapter, base } = JSON.parse(readFile(`${folder}/evaluation.json`));
    const { rows } = JSON.parse(readFile(`${folder}/attribution.json`));
    const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
    const top3 = (method: string) => {
      const all = rows.find(
        (row: { method: string; answers: string }) => row.method === method && row.answers === 'all',
      );
      return percent(all.top3);
    };
    const readme = readFile('README.md');
    expect(readme).toContain(
      `| ${percent(adapter.correct / adapter.total)} of ${adapter.total.toLocaleString('en')} |`,
    );
    expect(readme).toContain(`| ${percent(base.correct / base.total)} |`);
    expect(readme).toContain(`| ${top3('shares')} of 200 |`);
    expect(readme).toContain(`| ${top3('TF-IDF')} / ${top3('random')} |`);
  });
});

describe('the settings', () => {
  it('stand in the README and in .env.example, each with its default', () => {
    const readme = readFile('README.md');
    const example = readFile('.env.example');
    for (const setting of settings) {
      expect(readme).toContain(`| \`${setting.name}\` |`);
      expect(example).toContain(`# ${setting.name}=${setting.fallback}`);
    }
  });
});
