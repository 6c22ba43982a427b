// The rows that the base model is instruct-tuned on: every answer of a conversation with all that was said before it.
// Used by: build-corpus, which writes them as instruct.jsonl for `npm run train -- full`. Knows no tokenizer, no source.
// Invariant: ids are unique, also where a conversation is taken more than once.

import type { CorpusDocument, Turn } from './corpus-document.ts';
import type { SeededRandom } from './seeded-random.ts';
import { typedByHand } from './typed-by-hand.ts';

export interface InstructRow {
  readonly id: string;
  /** The last one is the answer to learn. */
  readonly messages: readonly Turn[];
}

/** Prose gives no rows. Questions are sometimes typed carelessly, as people do. */
export function instructRows(
  documents: readonly CorpusDocument[],
  random: SeededRandom,
): readonly InstructRow[] {
  const taken = new Map<string, number>();
  return documents.flatMap((document) => {
    if (document.kind === 'prose') return [];
    const time = (taken.get(document.id) ?? 0) + 1;
    taken.set(document.id, time);
    const turns = document.turns.map(({ role, content }) => ({
      role,
      content: role === 'user' ? typedByHand(content, random) : content,
    }));
    return turns.flatMap(({ role }, at) =>
      role === 'assistant' ? [{ id: `${document.id}~${time}.${at}`, messages: turns.slice(0, at + 1) }] : [],
    );
  });
}
