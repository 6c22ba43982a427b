// A prompt without some of the passages that were put into it. Used by retrieval-shares.ts. It knows texts only.
// Invariant: with all passages kept, the prompt is the one that was answered, to the letter.
import type { ChatMessage, RetrievedPassage } from '../../engine.ts';

/** Where a passage stands: characters [start, end) of one message. */
interface PassagePlace {
  readonly message: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Where each passage stands word for word; undefined where it does not. Equal passages take one place each, and a passage
 * that is a part of another one is looked for outside of it first.
 */
export function findPassages(
  messages: readonly ChatMessage[],
  passages: readonly RetrievedPassage[],
): readonly (PassagePlace | undefined)[] {
  const places: (PassagePlace | undefined)[] = passages.map(() => undefined);
  const longestFirst = [...passages.keys()].sort((a, b) => passages[b].text.length - passages[a].text.length);
  for (const at of longestFirst) places[at] = findFree(messages, passages[at].text, places);
  return places;
}

/** The prompt with those places cut out, and the line a cut passage had to itself. */
export function withoutPassages(
  messages: readonly ChatMessage[],
  cut: readonly PassagePlace[],
): readonly ChatMessage[] {
  return messages.map((message, index) => {
    const own = cut.filter((place) => place.message === index).sort((a, b) => b.start - a.start);
    let { content } = message;
    for (const { start, end } of own) {
      const hasOwnLine = (start === 0 || content[start - 1] === '\n') && content[end] === '\n';
      content = content.slice(0, start) + content.slice(hasOwnLine ? end + 1 : end);
    }
    return own.length === 0 ? message : { ...message, content };
  });
}

function findFree(
  messages: readonly ChatMessage[],
  text: string,
  taken: readonly (PassagePlace | undefined)[],
): PassagePlace | undefined {
  if (text.trim() === '') return undefined;
  for (const [message, { content }] of messages.entries())
    for (let start = content.indexOf(text); start !== -1; start = content.indexOf(text, start + 1)) {
      const end = start + text.length;
      if (!taken.some((other) => other?.message === message && start < other.end && other.start < end))
        return { message, start, end };
    }
  return undefined;
}
