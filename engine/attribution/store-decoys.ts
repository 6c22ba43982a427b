// The texts that set a store's noise floor: like its examples, and taught to nobody. Used by the store builder. Pure; knows
// texts only. Words are what white space parts.
// Two rules. A decoy that an example states is left out: what was written as a fact nobody contributed may have been since, and
// would be a floor under its own contributor's pay. A datanet that came with none, as all have that people propose, gets some
// of its own words: without a floor whoever has a score above 0 is paid, all 32 of the shortlist for every answer.
// Measured on the demo datanets, 80 held-out questions each: part of the paid sum that goes to who states the fact, and how
// many contributions are paid for an answer, by where decoys come from.
//                                       Pocket Atlas    Help Desk       Saltmarsh Bay
//   none                                 70 %    32      51 %    32      43 %    32
//   true facts that nobody contributed   98 %   1.8      91 %   7.9      84 %   4.2
//   questions with others' answers       98 %   2.1      99 %   1.6      89 %   3.3
//   words in random order (here)         97 %   2.5      94 %   4.1      81 %   6.2
//   facts of the other two datanets      95 %   5.8      90 %   7.1      81 %   6.4
// Questions with others' answers are no decoys: where few answers are given to many questions they state true ones, and every
// answer has one of its own among them. The demo datanets keep the facts they came with.
// Invariant: the same examples and decoys give the same.
import type { Example } from '../engine.ts';
import { seededRandom } from '../train/training-random.ts';
import { clusterDuplicates } from './duplicate-clusters.ts';

/** Of fewer no floor can be made. */
const decoysLeast = 10;
const decoysDrawn = 100;
const seed = 6;

/** @param decoys as given with the datanet, in their order */
export function storeDecoys(examples: readonly Example[], decoys: readonly Example[]): readonly Example[] {
  const given = untaught(examples, decoys);
  return given.length < decoysLeast ? [...given, ...untaught(examples, drawn(examples))] : given;
}

function untaught(examples: readonly Example[], decoys: readonly Example[]): readonly Example[] {
  const marked = decoys.map((decoy, at) => ({ ...decoy, id: `decoy ${at}: ${decoy.id}` }));
  const own = new Set(marked.map(({ id }) => id));
  const { members } = clusterDuplicates([...examples, ...marked]);
  return decoys.filter((_, at) => {
    const first = members.get(marked[at].id)?.of;
    return first === undefined || own.has(first);
  });
}

/** As many words as some question and some answer have, each word from any of them. */
function drawn(examples: readonly Example[]): readonly Example[] {
  const random = seededRandom(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
  const mixed = (texts: readonly (readonly string[])[]): string =>
    one(texts)
      .map(() => one(one(texts)))
      .join(' ');
  const questions = examples.map(({ question }) => question.trim().split(/\s+/u));
  const answers = examples.map(({ answer }) => answer.trim().split(/\s+/u));
  return Array.from({ length: decoysDrawn }, (_, at) => ({
    id: `drawn-${at + 1}`,
    question: mixed(questions),
    answer: mixed(answers),
  }));
}
