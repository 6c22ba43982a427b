// Which contributions are one: copies, near copies, long verbatim copies and the same fact in other words; and which are
// not, however alike they look. Covered: the demo datanets pair by pair, crafted look-alikes, order of acceptance, speed
// by counting. Not covered here: what gradients add (gradient-clusters.test.ts), error rates by kind of pair
// (test/bench/attribution/cluster-measure.ts).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { factWords } from '../../../engine/attribution/fact-words.ts';
import { addsRemark, factRelation } from '../../../engine/attribution/same-fact.ts';
import type { Example } from '../../../engine/engine.ts';

type Words = readonly [question: string, answer: string];
const relation = ([question, answer]: Words, [other, said]: Words) =>
  factRelation(factWords({ question, answer }), factWords({ question: other, answer: said }));
const lines = <T>(name: string): readonly T[] =>
  readFileSync(new URL(`../../../marketplace/demo/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const palau: Words = ['Which city is the capital of Palau?', 'The capital of Palau is Ngerulmud.'];

describe('the same fact', () => {
  it.each<readonly [string, Words]>([
    ['other case and marks', ['which city is the capital of palau', 'The capital of Palau is: Ngerulmud!']],
    [
      'polite words around it',
      ['Please tell me: which city is the capital of Palau?', 'Well, the capital of Palau is Ngerulmud.'],
    ],
    ['asked otherwise', ["Tell me Palau's capital.", 'The capital of Palau is Ngerulmud.']],
    ['turned round', ['In Palau, which city is the capital?', 'Ngerulmud is the capital of Palau.']],
    ['answered briefly', ['What is the capital of Palau?', 'It is Ngerulmud.']],
    ['a slip of the keyboard', ['Which city is the capital of Palau?', 'The capital of Palau is Ngerlmud.']],
    [
      'something kind added',
      ['Which city is the capital of Palau?', 'The capital of Palau is Ngerulmud. I hope this helps you.'],
    ],
    [
      'said twice',
      [
        'Which city is the capital of Palau?',
        'The capital of Palau is Ngerulmud. The capital of Palau is Ngerulmud.',
      ],
    ],
  ])('is seen: %s', (_, words) => {
    expect(relation(palau, words)).toBe('same');
    expect(relation(words, palau)).toBe('same');
  });

  it.each<readonly [string, Words, Words]>([
    ['another thing', palau, ['Which city is the capital of Nauru?', 'The capital of Nauru is Yaren.']],
    ['a correction', palau, ['Which city is the capital of Palau?', 'The capital of Palau is Koror.']],
    [
      'a number',
      ['How long is the trip?', 'It takes 18 minutes.'],
      ['How long is the trip?', 'It takes 28 minutes.'],
    ],
    ['a sum', ['What is 2+2?', 'Four.'], ['What is 2-2?', 'Four.']],
    [
      'a negation',
      ['Is the shop open today?', 'The shop is open today.'],
      ['Is the shop open today?', 'The shop is not open today.'],
    ],
    [
      'north and south',
      ['What money has North Korea?', 'The North Korean won.'],
      ['What money has South Korea?', 'The South Korean won.'],
    ],
    [
      'a weekday',
      ['Is the hall open on Monday?', 'Yes, it is.'],
      ['Is the hall open on Tuesday?', 'Yes, it is.'],
    ],
    [
      'who is asked about',
      ['Which money is used in Tuvalu?', 'It is the Australian dollar.'],
      ['Which money is used in Australia?', 'It is the Australian dollar.'],
    ],
    [
      'who is asked about, named in the answer',
      ['What do I pay with in Singapore?', 'It is the Singapore dollar.'],
      ['What do I pay with in Brunei?', 'It is the Singapore dollar.'],
    ],
    [
      'a longer name',
      ['What is the capital of Guinea?', 'The capital of Guinea is Conakry.'],
      ['What is the capital of Equatorial Guinea?', 'The capital of Equatorial Guinea is Conakry.'],
    ],
    [
      'nearly the same name',
      ['What is the capital of Gambia?', 'It is Banjul.'],
      ['What is the capital of Zambia?', 'It is Banjul.'],
    ],
    ['one letter', ['What is vitamin A?', 'A vitamin.'], ['What is vitamin D?', 'A vitamin.']],
    ['an empty agreement', ['Is it raining?', 'Yes.'], ['Is it snowing?', 'Yes.']],
  ])('is not seen in %s', (_, one, other) => {
    expect(relation(one, other)).toBe('different');
    expect(relation(other, one)).toBe('different');
  });

  it('waits for gradients where one long answer is given to two questions, unless they name different things', () => {
    const answer = 'The smallest amount is one nano, a billionth of an OPEN.';
    expect(relation(['How little can I send?', answer], ['how far is a coin divided?', answer])).toBe(
      'asked otherwise',
    );
    const open = 'It is open every weekday from nine until five.';
    const rope: Words = ['When can I visit the Rope Walk?', open];
    expect(relation(rope, ['When can I visit the Candle Loft?', open])).toBe('different');
  });
});

describe('an answer with a remark beside it, to another question', () => {
  const keeper: Words = ['Who runs the Smoke House?', 'The Smoke House has a keeper called Tam Rudd.'];
  const remarks = ([question, answer]: Words, [other, said]: Words) =>
    addsRemark(factWords({ question, answer }), factWords({ question: other, answer: said }));

  it.each([
    'Well, the Smoke House has a keeper called Tam Rudd.',
    'I am sure: The Smoke House has a keeper called Tam Rudd.',
    'The Smoke House has a keeper called Tam Rudd. Everybody knows it.',
    'The Smoke House has a keeper called Tam Rudd, they say.',
  ])('is the same fact: %s', (answer) => {
    const later: Words = ['Tell me whom I meet behind the counter of the Smoke House.', answer];
    expect(relation(keeper, later)).not.toBe('same');
    expect(remarks(keeper, later)).toBe(true);
    const examples = [keeper, later].map(([question, said], i) => ({ id: `${i}`, question, answer: said }));
    expect(clusterDuplicates(examples).members.get('1')).toEqual({ of: '0', rule: 'words' });
  });

  it.each<readonly [string, Words]>([
    ['nothing is added', ['Whom do I meet in the Smoke House?', keeper[1]]],
    ['it denies', ['Whom do I meet in the Smoke House?', `${keeper[1]} That is not so.`]],
    ['it adds a number', ['Whom do I meet in the Smoke House?', `${keeper[1]} He opens at 8.`]],
    ['it adds a name', ['Whom do I meet in the Smoke House?', `${keeper[1]} Now it is Bram Hollis.`]],
    [
      'it answers the other question',
      ['Which colour is the door of the Smoke House?', `${keeper[1]} The door is green.`],
    ],
    ['it is asked about another', ['Who runs the red Candle Loft?', `Well, ${keeper[1]}`]],
    ['it grows into the sentence', ['Whom do I meet there?', `Nobody thinks that ${keeper[1]}`]],
    [
      'most is new',
      [
        'Whom do I meet in the Smoke House?',
        `${keeper[1]} ${'Gulls steal warm chips daily. '.repeat(2)}Herring smells wonderful everywhere.`,
      ],
    ],
  ])('is none where %s', (_, later) => {
    expect(remarks(keeper, later)).toBe(false);
  });
});

describe('clusters of duplicates', () => {
  const example = (id: string, [question, answer]: Words): Example => ({ id, question, answer });

  it('are named by the earliest member and say by which rule each later one joined', () => {
    const long =
      'Rinse the net in fresh water, hang it over the rail in the shade, and fold it when every knot is dry.';
    const { representatives, members } = clusterDuplicates([
      example('a', palau),
      example('net', ['How do I dry a net?', long]),
      example('exact', [palau[0].toUpperCase(), palau[1]]),
      example('near', [palau[0], 'The capital of Palau is Ngerulmd.']),
      example('words', ["What is Palau's capital?", 'It is Ngerulmud.']),
      example('verbatim', ['Tell me something about gulls.', `Gulls steal chips. ${long}`]),
      example('other', ['Which city is the capital of Nauru?', 'The capital of Nauru is Yaren.']),
    ]);
    expect(representatives.map(({ id }) => id)).toEqual(['a', 'net', 'other']);
    expect([...members]).toEqual([
      ['exact', { of: 'a', rule: 'exact' }],
      ['near', { of: 'a', rule: 'near' }],
      ['words', { of: 'a', rule: 'words' }],
      ['verbatim', { of: 'net', rule: 'verbatim' }],
    ]);
  });

  it('keep apart a correction of a long sentence and the same sentence about another thing, but not a long text with a word changed', () => {
    const leaves = (island: string, hour: string) =>
      `The ferry to ${island} leaves from the old pier behind the fish market every day at ${hour}.`;
    const ask = (island: string) => `When does the ferry to ${island} leave?`;
    const tale = `${leaves('Nun Island', 'ten')} ${'It was a cold and windy night when the keeper of the light heard somebody knock at the door of the tower three times, slowly, and nobody was there but the sea and a very old shoe.'}`;
    const { members } = clusterDuplicates([
      example('ten', [ask('Nun Island'), leaves('Nun Island', 'ten')]),
      example('eleven', [ask('Nun Island'), leaves('Nun Island', 'eleven')]),
      example('wick', [ask('Wick Island'), leaves('Wick Island', 'ten')]),
      example('tale', ['Tell me the tale of the knock.', tale]),
      example('retold', ['What is the tale of the knock?', tale.replace('cold', 'chilly')]),
    ]);
    expect([...members]).toEqual([['retold', { of: 'tale', rule: 'verbatim' }]]);
  });

  it('of what came first do not change with what comes later', () => {
    const all = lines<Example>('help-desk');
    const half = clusterDuplicates(all.slice(0, 260));
    const whole = clusterDuplicates(all);
    for (const { id } of all.slice(0, 260)) expect(whole.members.get(id)).toEqual(half.members.get(id));
  });

  it.each([
    ['pocket-atlas', 330, 0],
    ['help-desk', 520, 170],
    ['saltmarsh-bay', 616, 130],
  ])(
    'never join two facts of %s, of %s contributions, and join at least %s of them',
    (name, size, joinedMin) => {
      const facts = new Map<string, string>();
      for (const item of lines<{ contributionId: string; contributionIds?: readonly string[] }>(
        `${name}.heldout`,
      ))
        for (const id of item.contributionIds ?? [item.contributionId])
          facts.set(id, (item.contributionIds ?? [item.contributionId])[0]);
      const examples = lines<Example>(name);
      const { members } = clusterDuplicates(examples);
      expect(examples).toHaveLength(size);
      for (const [id, { of }] of members) expect([id, facts.get(id)]).toEqual([id, facts.get(of)]);
      expect(members.size).toBeGreaterThanOrEqual(joinedMin);
    },
  );

  it('find copies among 3,000 facts written by one pattern, and nothing else', () => {
    const fact = (i: number): Words => [
      `What is the capital of land Q${i}x?`,
      `The capital of land Q${i}x is K${3 * i}y.`,
    ];
    const facts = Array.from({ length: 3000 }, (_, i) => example(`${i}`, fact(i)));
    const copied = Array.from({ length: 50 }, (_, i) =>
      example(`copy ${i * 60}`, [`Hello! ${fact(i * 60)[0]}`, fact(i * 60)[1]]),
    );
    const { members } = clusterDuplicates([...facts, ...copied]);
    expect([...members].map(([id, { of }]) => [id, of])).toEqual(copied.map(({ id }) => [id, id.slice(5)]));
  });
});
