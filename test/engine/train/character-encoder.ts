// An encoder for tests of training data: characters as tokens, turns are [role]text;
import type { ExampleEncoder } from '../../../engine/train/sft-data.ts';

export const characterEncoder: ExampleEncoder = {
  encode: (text) => [...text].map((character) => character.charCodeAt(0)),
  render: (messages, openAnswer) =>
    messages.map(({ role, content }) => `[${role[0]}]${content};`).join('') + (openAnswer ? '[a]' : ''),
};

export function textOfIds(ids: readonly number[]): string {
  return String.fromCharCode(...ids);
}
