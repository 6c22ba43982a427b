// Conversations -> the prompt a model was taught to expect, through the folder's own Jinja template.
// Used by: serving (prompts), training and attribution (which tokens are the answer). Knows no weights.
// Invariants: nobody can type a special token or a mark of the template: their text is taken out of what people write;
// a system prompt is never lost: where the template refuses or drops it, it opens the first user turn; begin-of-sequence
// stands where the template puts it and nowhere else; the ids of a training example begin with exactly the ids that
// serving would have sent as the prompt of that answer, wherever the tokenizer allows it.

import { Template } from '@huggingface/jinja';
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { chatTemplateSource } from './chat-template-source.ts';
import { type ModelTokenizer, tokenText } from './tokenizer.ts';

export interface ChatTemplate {
  /** Text of the conversation; `addGenerationPrompt` opens the assistant's turn. @throws EngineError `chat_template_failed` */
  render(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): string;
  /** Token ids of a prompt that asks for the assistant's next turn. */
  encodePrompt(messages: readonly ChatMessage[]): number[];
  /** Token ids of a whole conversation and, for each, whether it belongs to an assistant's turn (its end mark included). */
  encodeConversation(messages: readonly ChatMessage[]): EncodedConversation;
}

interface EncodedConversation {
  readonly ids: readonly number[];
  /** same length as ids */
  readonly isAnswer: readonly boolean[];
}

/**
 * The chat template of a model folder. A base model without one gets the plain text of its messages, a line each.
 * @throws EngineError `chat_template_malformed` | `file_unreadable` | `json_malformed`
 */
export function loadChatTemplate(folder: string, tokenizer: ModelTokenizer): ChatTemplate {
  const source = chatTemplateSource(folder, tokenizer.config) ?? plainTemplate(tokenizer.config);
  return createChatTemplate(source, tokenizer);
}

/** A chat template from its Jinja source. */
export function createChatTemplate(source: string, tokenizer: ModelTokenizer): ChatTemplate {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new EngineError('the chat template is not valid Jinja', {
      code: 'chat_template_malformed',
      retry: 'never',
      cause,
    });
  }
  const { bos_token, eos_token, pad_token, unk_token } = tokenizer.config;
  const named = Object.entries({ bos_token, eos_token, pad_token, unk_token });
  const tokens = Object.fromEntries(named.map(([name, token]) => [name, tokenText(token) ?? '']));
  const forbidden = [...tokenizer.specialTokens, ...marksOf(source)];
  const fill = (messages: readonly ChatMessage[], addGenerationPrompt: boolean): string =>
    template.render({ ...tokens, messages, add_generation_prompt: addGenerationPrompt });

  const takesSystemPrompt = once((): boolean => {
    const content = 'the system prompt';
    try {
      const asked: readonly ChatMessage[] = [
        { role: 'system', content },
        { role: 'user', content: 'x' },
      ];
      return fill(asked, true).includes(content);
    } catch {
      return false;
    }
  });

  const render: ChatTemplate['render'] = (messages, { addGenerationPrompt }) => {
    const hasSystem = messages.some(({ role }) => role === 'system');
    const turns = hasSystem && !takesSystemPrompt() ? withSystemInFirstTurn(messages) : messages;
    try {
      return fill(
        turns.map(({ role, content }) => ({ role, content: withoutSpecialTokens(content, forbidden) })),
        addGenerationPrompt,
      );
    } catch (cause) {
      // Templates refuse what they were not made for (two user turns in a row) by raising.
      const roles = messages.map((message) => message.role).join(', ');
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError(`the chat template does not take these turns: ${roles} (${reason})`, {
        code: 'chat_template_failed',
        retry: 'never',
        cause,
      });
    }
  };
  const asPrompt = (messages: readonly ChatMessage[]): string =>
    render(messages, { addGenerationPrompt: true });
  const asWhole = (messages: readonly ChatMessage[]): string =>
    render(messages, { addGenerationPrompt: false });

  return {
    render,
    encodePrompt: (messages) => tokenizer.encode(asPrompt(messages)),
    encodeConversation: (messages) => {
      const last = messages.findLastIndex(({ role }) => role === 'assistant');
      const whole = asWhole(messages);
      const ending = last === -1 ? undefined : movedEnding(messages.slice(0, last + 1), asPrompt, asWhole);
      const ids = tokenizer.encode(ending === undefined ? whole : ending.prompt + ending.answer);
      const isAnswer = ids.map(() => false);
      for (const [i, message] of messages.entries()) {
        if (message.role !== 'assistant' || (ending !== undefined && i !== last)) continue;
        const from = commonPrefix(ids, tokenizer.encode(asPrompt(messages.slice(0, i))));
        const to =
          ending === undefined
            ? commonPrefix(ids, tokenizer.encode(asWhole(messages.slice(0, i + 1))))
            : ids.length;
        isAnswer.fill(true, from, to);
      }
      return { ids, isAnswer };
    },
  };
}

/**
 * Some templates move the system prompt about (Mistral v0.3 keeps it in the last turn, if that is a user's), so that a
 * conversation does not begin with the prompt of its last answer. Then the last answer is taken from the rendering
 * without a system prompt and put behind the prompt as served. @returns undefined where nothing moves
 */
function movedEnding(
  messages: readonly ChatMessage[],
  asPrompt: (messages: readonly ChatMessage[]) => string,
  asWhole: (messages: readonly ChatMessage[]) => string,
): { readonly prompt: string; readonly answer: string } | undefined {
  const prompt = asPrompt(messages.slice(0, -1));
  if (!messages.some(({ role }) => role === 'system') || asWhole(messages).startsWith(prompt))
    return undefined;
  const plain = messages.filter(({ role }) => role !== 'system');
  const plainPrompt = asPrompt(plain.slice(0, -1));
  const plainWhole = asWhole(plain);
  if (!plainWhole.startsWith(plainPrompt)) return undefined;
  return { prompt, answer: plainWhole.slice(plainPrompt.length) };
}

/** For templates that know no system role: its text opens the first user turn, or becomes one. */
function withSystemInFirstTurn(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const turns = messages.filter(({ role }) => role !== 'system');
  const [first, ...rest] = turns;
  if (first?.role !== 'user') return [{ role: 'user', content: system.join('\n\n') }, ...turns];
  return [{ role: 'user', content: [...system, first.content].join('\n\n') }, ...rest];
}

/** Marks that a template writes as plain text ([INST], <<SYS>>, <|im_start|>), special tokens or not. */
function marksOf(source: string): readonly string[] {
  return [...new Set(source.match(/<\|\w+\|>|\[\/?[A-Z_]+\]|<<\/?[A-Z]+>>/g))];
}

/** Removes the text of special tokens, again and again, so that removing one cannot make another. */
export function withoutSpecialTokens(text: string, specialTokens: readonly string[]): string {
  let before = text;
  for (;;) {
    const after = specialTokens.reduce((rest, token) => rest.replaceAll(token, ''), before);
    if (after === before) return after;
    before = after;
  }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}

function plainTemplate(config: ModelTokenizer['config']): string {
  const begin = config.add_bos_token === true ? '{{ bos_token }}' : '';
  return `${begin}{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}{{ message['content'] }}{% endfor %}`;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
