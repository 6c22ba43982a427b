// Each family's conversation as its model was taught it: renderings written by hand, one begin-of-sequence, end tokens
// that stop, marks nobody can type, and training examples that begin with the served prompt.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChatMessage } from '../../../engine/engine.ts';
import { loadChatTemplate } from '../../../engine/model/chat-template.ts';
import { parseModelConfig } from '../../../engine/model/model-config.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { rawPromptIds } from '../../../engine/serve/raw-prompt.ts';
import { stopIdsOf } from '../../../engine/serve/stop-ids.ts';
import { testFolder } from '../model/test-folder.ts';
import {
  llama2Template,
  llama3Template,
  llama32Template,
  mistralTemplate,
  mistralV3Template,
  qwen25Template,
  smolLm2Template,
} from './family-templates.ts';
import {
  llama2Tokenizer,
  llama3Tokenizer,
  mistralTokenizer,
  qwen2Tokenizer,
  smolLm2Tokenizer,
  type TokenizerFiles,
} from './family-tokenizers.ts';
import { publishedConfigs } from './published-configs.ts';

const system: ChatMessage = { role: 'system', content: 'Be brief.' };
const hi: ChatMessage = { role: 'user', content: 'Hi' };
const hello: ChatMessage = { role: 'assistant', content: 'Hello.' };
const kenya: ChatMessage = { role: 'user', content: 'Kenya?' };

interface Family {
  readonly name: string;
  readonly files: TokenizerFiles;
  /** [system, hi], asking for an answer */
  readonly withSystem: string;
  /** [hi, hello, kenya], asking for an answer */
  readonly secondTurn: string;
  readonly bos: string | undefined;
  readonly stops: readonly string[];
}

const header = (role: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
const dates = 'Cutting Knowledge Date: December 2023\nToday Date: 09 Mar 2025\n\n';
const qwenDefault = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.';
const smolDefault = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face';

const families: readonly Family[] = [
  {
    name: 'Llama 2',
    files: llama2Tokenizer(llama2Template),
    withSystem: '<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST]',
    secondTurn: '<s>[INST] Hi [/INST] Hello. </s><s>[INST] Kenya? [/INST]',
    ...{ bos: '<s>', stops: ['</s>'] },
  },
  {
    name: 'Llama 3',
    files: llama3Tokenizer(llama3Template),
    withSystem: `<|begin_of_text|>${header('system')}Be brief.<|eot_id|>${header('user')}Hi<|eot_id|>${header('assistant')}`,
    secondTurn: `<|begin_of_text|>${header('user')}Hi<|eot_id|>${header('assistant')}Hello.<|eot_id|>${header('user')}Kenya?<|eot_id|>${header('assistant')}`,
    ...{ bos: '<|begin_of_text|>', stops: ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>'] },
  },
  {
    name: 'Llama 3.2',
    files: llama3Tokenizer(llama32Template),
    withSystem: `<|begin_of_text|>${header('system')}${dates}Be brief.<|eot_id|>${header('user')}Hi<|eot_id|>${header('assistant')}`,
    secondTurn: `<|begin_of_text|>${header('system')}${dates}<|eot_id|>${header('user')}Hi<|eot_id|>${header('assistant')}Hello.<|eot_id|>${header('user')}Kenya?<|eot_id|>${header('assistant')}`,
    ...{ bos: '<|begin_of_text|>', stops: ['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>'] },
  },
  {
    name: 'Mistral v0.1',
    files: mistralTokenizer(false, mistralTemplate),
    withSystem: '<s>[INST] Be brief.\n\nHi [/INST]',
    secondTurn: '<s>[INST] Hi [/INST]Hello.</s> [INST] Kenya? [/INST]',
    ...{ bos: '<s>', stops: ['</s>'] },
  },
  {
    name: 'Mistral v0.3',
    files: mistralTokenizer(true, mistralV3Template),
    withSystem: '<s>[INST] Be brief.\n\nHi[/INST]',
    secondTurn: '<s>[INST] Hi[/INST] Hello.</s>[INST] Kenya?[/INST]',
    ...{ bos: '<s>', stops: ['</s>'] },
  },
  {
    name: 'Qwen2.5',
    files: qwen2Tokenizer(qwen25Template),
    withSystem:
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    secondTurn: `<|im_start|>system\n${qwenDefault}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nKenya?<|im_end|>\n<|im_start|>assistant\n`,
    ...{ bos: undefined, stops: ['<|im_end|>', '<|endoftext|>'] },
  },
  {
    name: 'SmolLM2',
    files: smolLm2Tokenizer(smolLm2Template),
    withSystem:
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    secondTurn: `<|im_start|>system\n${smolDefault}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nKenya?<|im_end|>\n<|im_start|>assistant\n`,
    ...{ bos: undefined, stops: ['<|im_end|>', '<|endoftext|>'] },
  },
];

function folderOf({ tokenizer, config }: TokenizerFiles): string {
  const folder = testFolder();
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return folder;
}

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2025, 2, 9, 12) });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(families)('a conversation with $name', ({ files, withSystem, secondTurn, bos, stops }) => {
  const load = () => {
    const folder = folderOf(files);
    const tokenizer = loadTokenizer(folder);
    return { folder, tokenizer, template: loadChatTemplate(folder, tokenizer) };
  };

  it('is written as the family writes it, with a system prompt and in the second turn', () => {
    const { template } = load();
    expect(template.render([system, hi], { addGenerationPrompt: true })).toBe(withSystem);
    expect(template.render([hi, hello, kenya], { addGenerationPrompt: true })).toBe(secondTurn);
  });

  it('begins with one begin-of-sequence at most, as a prompt and as a bare text', () => {
    const { folder, tokenizer, template } = load();
    const bosId = bos === undefined ? undefined : tokenizer.idOf(bos);
    const count = (ids: readonly number[]) => ids.filter((id) => id === bosId).length;
    const prompt = template.encodePrompt([hi]);
    const raw = rawPromptIds(folder, tokenizer, 'Hello there');
    expect([count(prompt), count(raw)]).toEqual(bos === undefined ? [0, 0] : [1, 1]);
    expect(prompt.slice(0, 2).filter((id) => id === bosId)).toHaveLength(bos === undefined ? 0 : 1);
    if (bos !== undefined) {
      expect(prompt[0]).toBe(bosId);
      expect(count(rawPromptIds(folder, tokenizer, `${bos}Hello there`))).toBe(1);
    }
  });

  it('stops at the ends of its turns, whatever its config.json forgets', () => {
    const { tokenizer } = load();
    const config = parseModelConfig({ ...publishedConfigs['Llama 3 8B'], eos_token_id: 5 });
    const found = stopIdsOf(config, tokenizer);
    expect([...found].sort()).toEqual([5, ...stops.map((token) => tokenizer.idOf(token)!)].sort());
    expect(stopIdsOf({ ...config, vocab: 6 }, tokenizer).every((id) => id < 6)).toBe(true);
  });

  it('trains on exactly the prompt that is served and on the whole answer with its end, system prompt or not', () => {
    const { tokenizer, template } = load();
    for (const before of [[hi], [system, hi], [hi, hello, kenya], [system, hi, hello, kenya]]) {
      const prompt = template.encodePrompt(before);
      const { ids, isAnswer } = template.encodeConversation([...before, { ...hello, content: 'Nairobi.' }]);
      expect(ids.slice(0, prompt.length)).toEqual(prompt);
      expect(isAnswer.slice(0, prompt.length).lastIndexOf(false)).toBe(prompt.length - 1);
      expect(isAnswer.slice(prompt.length).every(Boolean)).toBe(true);
      const answer = tokenizer.decode(ids.slice(prompt.length), { keepSpecial: true });
      expect(answer.trim()).toMatch(/^Nairobi\. ?(<\/s>|<\|eot_id\|>|<\|im_end\|>)$/);
    }
  });

  it('lets nobody type its marks, 300 random texts of their pieces', () => {
    const { template } = load();
    const marks = [...new Set(withSystem.match(/<\|\w+\|>|<\/?s>|\[\/?INST\]|<<\/?SYS>>/g))];
    expect(marks.length).toBeGreaterThan(1);
    const pieces = marks.flatMap((mark) => [mark, mark.slice(0, 3), mark.slice(3)]);
    const plain = template.render([{ role: 'user', content: '#' }], { addGenerationPrompt: true });
    const count = (text: string) => marks.map((mark) => text.split(mark).length);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 10 }), (parts) => {
        // A leading and a closing sign: what templates trim away changes nothing then.
        const content = `#${parts.join('')}#`;
        const typed = template.render([{ role: 'user', content }], { addGenerationPrompt: true });
        expect(count(typed)).toEqual(count(plain));
      }),
      { numRuns: 300 },
    );
  });
});

describe('a template in other places', () => {
  const files = qwen2Tokenizer('{{ "from the config" }}');
  const rendered = (change: (folder: string) => void): string => {
    const folder = folderOf(files);
    change(folder);
    return loadChatTemplate(folder, loadTokenizer(folder)).render([hi], { addGenerationPrompt: true });
  };

  it('is taken from chat_template.jinja, then chat_template.json, then tokenizer_config.json', () => {
    const json = (folder: string) =>
      writeFileSync(join(folder, 'chat_template.json'), JSON.stringify({ chat_template: 'from json' }));
    expect(rendered(() => undefined)).toBe('from the config');
    expect(rendered(json)).toBe('from json');
    expect(
      rendered((folder) => {
        json(folder);
        writeFileSync(join(folder, 'chat_template.jinja'), 'from jinja');
      }),
    ).toBe('from jinja');
  });

  it('keeps a system prompt that a template silently drops', () => {
    const dropping =
      "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% endif %}{% endfor %}";
    const folder = folderOf(qwen2Tokenizer(dropping));
    const template = loadChatTemplate(folder, loadTokenizer(folder));
    const render = (messages: readonly ChatMessage[]) =>
      template.render(messages, { addGenerationPrompt: true });
    expect(render([system, hi, hello, kenya])).toBe('[Be brief.\n\nHi][Kenya?]');
    expect(render([system])).toBe('[Be brief.]');
  });

  it('is refused by name where it is of no known kind, with what was found wrong', () => {
    for (const chat_template of [7, [{ name: 'tool_use', template: 'x' }], { default: 'x' }]) {
      const folder = folderOf({ ...files, config: { ...files.config, chat_template } });
      expect(() => loadChatTemplate(folder, loadTokenizer(folder))).toThrow(
        expect.objectContaining({
          code: 'chat_template_malformed',
          message: expect.stringContaining('tokenizer_config.json'),
        }),
      );
    }
  });

  it('tells why a template refused', () => {
    const folder = folderOf(mistralTokenizer(false, mistralTemplate));
    const template = loadChatTemplate(folder, loadTokenizer(folder));
    expect(() => template.encodePrompt([hi, kenya])).toThrow(
      expect.objectContaining({
        code: 'chat_template_failed',
        message: expect.stringMatching(/user, user \(.*roles must alternate/),
      }),
    );
  });
});
