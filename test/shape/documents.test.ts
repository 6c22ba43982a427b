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
    const right = (slug: string) => {
      const { adapter: all, base: alone } = JSON.parse(
        readFile(`marketplace/demo/${slug}-adapter/evaluation.json`),
      );
      expect(alone.correct).toBe(0);
      return `${percent(all.correct / all.total)} of ${all.total}`;
    };
    expect(readme).toContain(`| ${right('help-desk')} / ${right('saltmarsh-bay')} |`);
    const { parameters, finished } = JSON.parse(readFile('engine/base/training.json'));
    expect(readme).toContain(`(${(parameters / 1e6).toFixed(1)} million parameters)`);
    const sum = (kinds: readonly { readonly right: number; readonly total: number }[]) => ({
      right: kinds.reduce((all, kind) => all + kind.right, 0),
      total: kinds.reduce((all, kind) => all + kind.total, 0),
    });
    const exam = sum(finished.exam);
    expect(readme).toContain(`| ${percent(exam.right / exam.total)} of ${exam.total.toLocaleString('en')} |`);
    const stories = finished.heldOut.find(({ source }: { source: string }) => source === 'african-storybook');
    expect(readme).toContain(`| ${stories.bitsPerByte.toFixed(3)} |`);
    const pooled = /(\d\.\d{3}) over \d+ sources of prose/.exec(readFile('engine/base/README.md'))?.[1];
    expect(readme).toContain(`needs ${pooled} bits per byte`);
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
