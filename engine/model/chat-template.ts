// Conversations -> the prompt a model was taught to expect, through the folder's own Jinja template.
// Used by: serving (prompts), training and attribution (which tokens are the answer). Knows no weights.
// Invariants: nobody can type a special token: its text is taken out of what people write; the ids of a training example
// begin with exactly the ids that serving would have sent as the prompt of that answer, wherever the tokenizer allows it.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { isRecord } from './json-file.ts';
import type { ModelTokenizer } from './tokenizer.ts';

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
 * The chat template of a model folder: `chat_template.jinja`, or `chat_template` of tokenizer_config.json. A base model
 * without one gets the plain text of its messages, a line each.
 * @throws EngineError `chat_template_malformed`
 */
export function loadChatTemplate(folder: string, tokenizer: ModelTokenizer): ChatTemplate {
  const path = join(folder, 'chat_template.jinja');
  const source = existsSync(path) ? readFileSync(path, 'utf8') : templateOf(tokenizer.config.chat_template);
  return createChatTemplate(source ?? plainTemplate(tokenizer.config), tokenizer);
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
  const tokens = {
    bos_token: tokenText(tokenizer.config.bos_token),
    eos_token: tokenText(tokenizer.config.eos_token),
    pad_token: tokenText(tokenizer.config.pad_token),
  };

  const render: ChatTemplate['render'] = (messages, { addGenerationPrompt }) => {
    try {
      return template.render({
        ...tokens,
        messages: messages.map(({ role, content }) => ({
          role,
          content: withoutSpecialTokens(content, tokenizer.specialTokens),
        })),
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      // Templates refuse what they were not made for (two user turns in a row, a system turn) by raising.
      const roles = messages.map((message) => message.role).join(', ');
      throw new EngineError(`the chat template does not take these turns: ${roles}`, {
        code: 'chat_template_failed',
        retry: 'never',
        cause,
      });
    }
  };

  return {
    render,
    encodePrompt: (messages) => tokenizer.encode(render(messages, { addGenerationPrompt: true })),
    encodeConversation: (messages) => {
      const ids = tokenizer.encode(render(messages, { addGenerationPrompt: false }));
      const isAnswer = ids.map(() => false);
      for (const [i, message] of messages.entries()) {
        if (message.role !== 'assistant') continue;
        const from = commonPrefix(
          ids,
          tokenizer.encode(render(messages.slice(0, i), { addGenerationPrompt: true })),
        );
        const to = commonPrefix(
          ids,
          tokenizer.encode(render(messages.slice(0, i + 1), { addGenerationPrompt: false })),
        );
        isAnswer.fill(true, from, to);
      }
      return { ids, isAnswer };
    },
  };
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

/** A string, or a list of named templates of which `default` is meant. */
function templateOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = value.filter(isRecord).find((entry) => entry.name === 'default');
  return typeof named?.template === 'string' ? named.template : undefined;
}

function plainTemplate(config: ModelTokenizer['config']): string {
  const begin = config.add_bos_token === true ? '{{ bos_token }}' : '';
  return `${begin}{% for message in messages %}{% if not loop.first %}{{ '\\n' }}{% endif %}{{ message['content'] }}{% endfor %}`;
}

/** Older configurations write a token as an object with its content. */
function tokenText(value: unknown): string {
  if (typeof value === 'string') return value;
  return isRecord(value) && typeof value.content === 'string' ? value.content : '';
}
