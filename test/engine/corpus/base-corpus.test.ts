// What the base model may learn: many phrasings, and not one fact that belongs to the demo datanet.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chatTemplate } from '../../../engine/corpus/chat-markup.ts';
import { cleanText, cutProse, joinWords } from '../../../engine/corpus/corpus-document.ts';
import { corpusSources } from '../../../engine/corpus/corpus-sources.ts';
import { fillTemplate, phrasedFacts, roundedCount } from '../../../engine/corpus/factbook-questions.ts';
import { readingDocument, regionQuestions } from '../../../engine/corpus/place-questions.ts';
import { seededRandom } from '../../../engine/corpus/seeded-random.ts';
import { specialTokens } from '../../../engine/corpus/train-tokenizer.ts';
import { sharedData } from '../model/shared-data.ts';

const repository = join(import.meta.dirname, '../../..');
const atlas = readFileSync(join(repository, 'marketplace/demo/pocket-atlas.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { question: string; answer: string });

describe('phrasings', () => {
  it('fills places, possessives and sentence starts', () => {
    expect(fillTemplate("{P's} money is the {v}.", 'the Seychelles', { v: 'rupee' })).toBe(
      "The Seychelles' money is the rupee.",
    );
    expect(fillTemplate("What's {P's} flag?", 'Kenya')).toBe("What's Kenya's flag?");
  });

  it('rounds counts as a person would say them', () => {
    expect(['55,751,717 (2025 est.)', '5,468', '1,419,321,278', 'none'].map(roundedCount)).toEqual([
      '56 million',
      '5,500',
      '1.4 billion',
      undefined,
    ]);
  });

  it('asks for a population in 16 ways and never states a capital or a currency', () => {
    const place = {
      code: 'ke',
      name: 'Kenya',
      region: 'africa',
      dependent: false,
      facts: new Map([
        ['People and Society / Population / total', '55,751,717 (2025 est.)'],
        ['Government / Capital / name', 'Nairobi'],
        ['Economy / Exchange rates / Currency', 'Kenyan shillings (KES) per US dollar -'],
        ['Geography / Terrain', 'hills around the capital'],
      ]),
    };
    const facts = phrasedFacts(place);
    expect(facts.map((fact) => fact.answer)).toEqual(['Kenya has about 56 million people.']);
    expect(new Set(facts[0].questions).size).toBe(16);
  });

  it('tells of no capital of a region that is an answer or a place of the demo datanet', () => {
    const regions = regionQuestions([]);
    const demoAnswers = atlas.map(({ answer }) => answer);
    const demoQuestions = new Set(atlas.map(({ question }) => question.toLowerCase()));
    const capitals = new Set(regions.map(({ answer }) => / is ([^.]+)\.$/.exec(answer)?.[1] ?? ''));
    for (const capital of capitals)
      expect(demoAnswers.filter((answer) => answer.endsWith(` is ${capital}.`))).toEqual([]);
    expect(regions.filter(({ question }) => demoQuestions.has(question.toLowerCase()))).toEqual([]);
  });

  it('makes up places whose questions are answered in their text, never under a real name, 300 of them', () => {
    const random = seededRandom(1);
    for (let i = 0; i < 300; i++) {
      const document = readingDocument(i, random, new Set(['Poland']));
      if (document.kind !== 'chat') throw new Error('expected a conversation');
      const [passage] = document.turns;
      for (const { role, content } of document.turns) {
        if (role !== 'assistant') continue;
        const value =
          content
            .replace(/\.$/, '')
            .split(/ is the | is | exports | has about /)
            .at(-1) ?? '';
        expect(passage.content).toContain(value.replace(/ people$/, ''));
      }
    }
  });
});

describe('corpus text', () => {
  it('cleans quotes, dashes and spaces, and cuts prose at paragraphs', () => {
    expect(cleanText('“It’s  here”\u2014he said\u2026\r\n')).toBe('"It\'s here" - he said...');
    const text = Array.from({ length: 10 }, (_, i) => `${i} ${'word '.repeat(40)}`.trim()).join('\n\n');
    const pieces = cutProse('book', text, 500);
    expect(pieces.map((piece) => (piece.kind === 'prose' ? piece.text : '')).join('\n\n')).toBe(text);
    expect(pieces).toHaveLength(5);
    expect(joinWords(['a', 'b', 'c'])).toBe('a, b and c');
  });

  it('writes turns with the roles that have a token each', () => {
    for (const role of ['system', 'user', 'assistant']) expect(specialTokens).toContain(`<|${role}|>`);
    expect(chatTemplate).toContain('<|end|>');
  });

  it('names a licence for every source, none share-alike or non-commercial, none public in one country only', () => {
    for (const source of corpusSources) {
      expect(source.licence).toMatch(
        /CC0|CC-BY|BSD|MIT|Apache|Unlicense|public domain|written for this project/,
      );
      expect(source.licence).not.toMatch(/SA|NC/);
      expect(source.files.join()).not.toContain('us-pd-only');
    }
  });

  const data = sharedData('text');
  it.skipIf(data === undefined)('holds none of the 330 facts of the demo datanet in any conversation', () => {
    const random = seededRandom(1);
    const folder = join(data!, '..');
    const facts = new Set(atlas.map(({ answer }) => answer.toLowerCase()));
    const questions = new Set(atlas.map(({ question }) => question.toLowerCase()));
    const found: string[] = [];
    for (const source of corpusSources)
      for (const document of source.read(folder, random)) {
        if (document.kind !== 'chat') continue;
        for (const { content } of document.turns) {
          const said = content.toLowerCase();
          if (facts.has(said) || questions.has(said)) found.push(content);
        }
      }
    expect(found).toEqual([]);
    expect(facts.size).toBe(330);
  });
});
