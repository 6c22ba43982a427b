// The salted hashes by which a receipt commits to a call's words without telling them. The salt is 32 random bytes of the
// call, told only to the person who asked: without it a short text could be guessed and compared. Used when a receipt is
// made, when its owner's file is written, and by verification. Pure but for makeSalt.
import { randomBytes } from 'node:crypto';
import { hexlify, id as keccakOfText } from 'ethers';
import { canonicalJson, type JsonValue } from './canonical-json.ts';

/** One message of a prompt, as the engine was given it. */
export interface PromptWords {
  readonly role: string;
  readonly content: string;
}

export const makeSalt = (): string => hexlify(randomBytes(32));

/** keccak256 of {"prompt":[…],"salt":"0x…"} in canonical JSON. @param salt 32 bytes as 0x hex */
export function promptHashOf(salt: string, messages: readonly PromptWords[]): string {
  const prompt = messages.map(({ role, content }) => ({ role, content: content.toWellFormed() }));
  return hashOf({ salt, prompt });
}

/** keccak256 of {"answer":"…","salt":"0x…"} in canonical JSON. */
export function answerHashOf(salt: string, answer: string): string {
  return hashOf({ salt, answer: answer.toWellFormed() });
}

const hashOf = (words: JsonValue): string => keccakOfText(canonicalJson(words));
