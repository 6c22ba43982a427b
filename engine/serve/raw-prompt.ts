// Token ids of a bare text, as the model's own tokenizer would feed it: with a begin-of-sequence token where its files
// ask for one. Used by the command line; conversations go through the chat template instead. Knows no model.
// `add_bos_token` decides where it is given, else the template of tokenizer.json, as in Hugging Face transformers.
import { join } from 'node:path';
import { isRecord, readJsonFile } from '../model/json-file.ts';
import { type ModelTokenizer, tokenText } from '../model/tokenizer.ts';

export function rawPromptIds(modelDir: string, tokenizer: ModelTokenizer, text: string): readonly number[] {
  const ids = tokenizer.encode(text);
  const bos = tokenText(tokenizer.config.bos_token);
  const bosId = bos === undefined ? undefined : tokenizer.idOf(bos);
  if (bosId === undefined || ids[0] === bosId) return ids; // a text may write it itself
  const { add_bos_token: asked } = tokenizer.config;
  const wanted = typeof asked === 'boolean' ? asked : templateStartsWith(modelDir, bos);
  return wanted ? [bosId, ...ids] : ids;
}

/** Whether the post-processor of tokenizer.json puts this token in front of a single text. */
function templateStartsWith(modelDir: string, token: string | undefined): boolean {
  const json = readJsonFile(join(modelDir, 'tokenizer.json'));
  const processor = isRecord(json) ? json.post_processor : undefined;
  const list: readonly unknown[] =
    isRecord(processor) && Array.isArray(processor.processors) ? processor.processors : [processor];
  return list.some((step) => {
    if (!isRecord(step) || step.type !== 'TemplateProcessing' || !Array.isArray(step.single)) return false;
    const first: unknown = step.single[0];
    return isRecord(first) && isRecord(first.SpecialToken) && first.SpecialToken.id === token;
  });
}

/** Characters of the longest entry of the vocabulary: a text has at least its length divided by this in tokens. */
export function longestTokenLength(modelDir: string): number {
  const json = readJsonFile(join(modelDir, 'tokenizer.json'));
  const vocab = isRecord(json) && isRecord(json.model) && isRecord(json.model.vocab) ? json.model.vocab : {};
  return Object.keys(vocab).reduce((longest, token) => Math.max(longest, token.length), 1);
}
