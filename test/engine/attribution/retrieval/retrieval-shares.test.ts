// Shares of passages, with a loss that everybody can add up: one nat for each word of the answer that the prompt lacks,
// and a tenth of a nat for each distraction in it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPassages, withoutPassages } from '../../../../engine/attribution/retrieval/passage-ablation.ts';
import { retrievalShares } from '../../../../engine/attribution/retrieval/retrieval-shares.ts';
import type { ChatMessage, RetrievedPassage } from '../../../../engine/engine.ts';

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[a-z]+/g) ?? [];

function lossWith(asked: ChatMessage[][]) {
  return async (messages: readonly ChatMessage[], answer: string): Promise<number> => {
    asked.push([...messages]);
    const said = messages.flatMap(({ content }) => wordsOf(content));
    const words = wordsOf(answer);
    const distractions = said.filter((word) => word === 'noise').length;
    return (words.filter((word) => !said.includes(word)).length + distractions / 10) / words.length;
  };
}

const promptOf = (passages: readonly RetrievedPassage[]): readonly ChatMessage[] => [
  { role: 'system', content: `We know:\n${passages.map(({ text }) => text).join('\n')}\n` },
  { role: 'user', content: 'Where does Marta live?' },
];
const passage = (id: string, text: string): RetrievedPassage => ({ id, text });
const answer = 'Marta lives in the mill by the river';
const ask = async (passages: readonly RetrievedPassage[], more: object = {}) => {
  const asked: ChatMessage[][] = [];
  const shares = await retrievalShares(
    { messages: promptOf(passages), answer, passages, ...more },
    lossWith(asked),
  );
  return { ...shares, passes: asked.length, asked };
};
const sharesById = ({ shares }: { readonly shares: readonly { id: string; share: number }[] }) =>
  Object.fromEntries(shares.map(({ id, share }) => [id, Number(share.toFixed(6))]));

const gold = passage('gold', 'Marta lives in the mill.');
const river = passage('river', 'There is a mill by the river.');
const other = passage('other', 'Ned keeps bees.');

describe('shares of passages', () => {
  it('go to what the answer used, by how much; passages it did not use get nothing', async () => {
    const { alpha, ...rest } = await ask([other, gold, river]);
    // 7 different words, "the" twice: 8 words. The prompt alone says "marta"; all passages together say all.
    expect(alpha).toBe(1);
    // alone, gold takes off lives, in, the, mill, the = 5 of 7; river the, mill, by, the, river = 5 of 7
    expect(sharesById({ ...rest })).toEqual({ other: 0, gold: 0.5, river: 0.5 });
    expect(rest.shares.map(({ gainNats }) => Number((gainNats * 8).toFixed(6)))).toEqual([0, 5, 5]);
  });

  it('are split evenly between two passages that say the same, where leaving one out would cost nothing', async () => {
    expect(sharesById(await ask([gold, other, passage('copy', gold.text)]))).toEqual({
      gold: 0.357143,
      other: 0,
      copy: 0.357143,
    });
  });

  it('are zero where the passages explain too little, or make the answer less likely', async () => {
    const noisy = passage('noisy', 'noise noise noise');
    expect(await ask([other, noisy])).toMatchObject({ alpha: 0, shares: [{ share: 0 }, { share: 0 }] });
    const [, harmful] = (await ask([other, noisy])).shares;
    expect(harmful.gainNats).toBeCloseTo(-0.3 / 8, 9);
  });

  it('are zero, and their part of the answer too, where together they take off less than what strangers do', async () => {
    const long = `Marta ${Array.from({ length: 29 }, (_, i) => 'abcdefghij'[i % 10] + 'klm'[Math.floor(i / 10)]).join(' ')}`;
    const said = (words: number) =>
      passage(
        'said',
        long
          .split(' ')
          .slice(1, 1 + words)
          .join(' '),
      );
    const shares = async (words: number) =>
      await retrievalShares(
        { messages: promptOf([said(words)]), answer: long, passages: [said(words)] },
        lossWith([]),
      );
    expect(await shares(2)).toMatchObject({ alpha: 0, shares: [{ share: 0 }] });
    const { alpha, shares: three } = await shares(3);
    expect(alpha).toBeCloseTo(3 / 29, 9); // the question says one of the 30 words
    expect(three[0].share).toBeCloseTo(3 / 29, 9);
  });

  it('cost one pass for a single passage beside the prompt as it was, and one more for each further one', async () => {
    expect((await ask([gold])).passes).toBe(2);
    expect((await ask([gold, river])).passes).toBe(4);
    expect((await ask([gold, river, other])).passes).toBe(5);
  });

  it('never cost more than passesMax, spent on the passages most like the answer', async () => {
    const many = [
      ...Array.from({ length: 12 }, (_, i) => passage(`o${i}`, `Bees number ${'x'.repeat(i + 1)}.`)),
      gold,
      river,
    ];
    for (const passesMax of [1, 2, 3, 9]) {
      const told = await ask(many, { passesMax });
      expect(told.passes).toBeLessThanOrEqual(passesMax + 1);
      const paid = told.shares.filter(({ share }) => share > 0).map(({ id }) => id);
      expect(paid).toEqual(passesMax === 1 ? [] : passesMax === 2 ? ['gold'] : ['gold', 'river']);
    }
    expect((await ask(many)).passes).toBe(10);
  });

  it('name passages that do not stand in the prompt with nothing, and ask for no pass for them', async () => {
    const told = await retrievalShares(
      {
        messages: promptOf([gold]),
        answer,
        passages: [passage('absent', 'Marta lives by the river'), passage('empty', ' ')],
      },
      () => Promise.reject(new Error('no pass is needed')),
    );
    expect(told).toEqual({
      alpha: 0,
      shares: [
        { id: 'absent', share: 0, gainNats: 0 },
        { id: 'empty', share: 0, gainNats: 0 },
      ],
    });
  });

  it('are >= 0 and sum to alpha or to 0, whatever the losses are', async () => {
    const losses = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(losses, fc.integer({ min: 1, max: 4 }), async (values, count) => {
        const passages = Array.from({ length: count }, (_, i) => passage(`p${i}`, `text of ${'abcd'[i]}`));
        let pass = 0;
        const { shares, alpha } = await retrievalShares(
          { messages: promptOf(passages), answer, passages },
          async () => values[pass++ % values.length],
        );
        const sum = shares.reduce((total, { share }) => total + share, 0);
        expect(Math.min(...shares.map(({ share }) => share))).toBeGreaterThanOrEqual(0);
        expect(Math.min(Math.abs(sum - alpha), Math.abs(sum))).toBeLessThan(1e-9);
        expect(alpha).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('a prompt without passages', () => {
  it('keeps every other letter, and loses the line a passage had to itself', () => {
    const messages = promptOf([gold, river]);
    const places = findPassages(messages, [gold, river]).filter((place) => place !== undefined);
    expect(withoutPassages(messages, [])).toEqual(messages);
    expect(withoutPassages(messages, places)[0].content).toBe('We know:\n');
    expect(withoutPassages(messages, places.slice(0, 1))[0].content).toBe(
      'We know:\nThere is a mill by the river.\n',
    );
    const inline: ChatMessage[] = [{ role: 'user', content: 'It says "Ned keeps bees." Why?' }];
    const [place] = findPassages(inline, [other]);
    expect(withoutPassages(inline, place === undefined ? [] : [place])[0].content).toBe('It says "" Why?');
  });

  it('finds a passage outside of a longer one that holds it, and equal ones at two places', () => {
    const whole = passage('whole', 'Ned keeps bees. They sting.');
    const messages: ChatMessage[] = [
      { role: 'user', content: `${whole.text}\n${other.text}\n${other.text}` },
    ];
    const starts = findPassages(messages, [other, whole, other]).map((place) => place?.start);
    expect(starts).toEqual([28, 0, 44]);
    expect(findPassages(messages, [other, other, other, whole])[2]).toBeUndefined();
  });
});
