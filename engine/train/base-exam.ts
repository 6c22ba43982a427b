// Examines a base model on the facts it was trained on, asked as no training text asks: one question a fact, the
// likeliest answer, right only where the whole answer is. Used by export-base.ts for the card. Knows no corpus code.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { createServeClient } from '../serve/serve-client.ts';
import { stopIdsOf } from '../serve/stop-ids.ts';
import type { ExamRow } from './base-card.ts';

const factSchema = z.object({ kind: z.string(), question: z.string(), expected: z.string() });
type Fact = z.infer<typeof factSchema>;

const rowsAtOnce = 16;
const answerTokensMax = 64;

/**
 * @param factsPath JSON lines of {kind, question, expected}
 * @returns a row for each kind, by name
 */
export async function examineBase(
  modelDir: string,
  factsPath: string,
  threads = availableParallelism(),
): Promise<readonly ExamRow[]> {
  const facts = readFileSync(factsPath, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Fact => factSchema.parse(JSON.parse(line)));
  const tokenizer = loadTokenizer(modelDir);
  const template = loadChatTemplate(modelDir, tokenizer);
  const stopIds = stopIdsOf(loadModelConfig(modelDir), tokenizer);
  const client = await createServeClient({
    ...{ modelDir, threads, device: 'cpu' as const, weights: 'f32' as const, rowsMax: rowsAtOnce },
  });
  const answer = async ({ question }: Fact): Promise<string> => {
    const promptIds = template.encodePrompt([{ role: 'user', content: question }]);
    const request = { promptIds, maxTokens: answerTokensMax, stopIds, temperature: 0, seed: 1 };
    const ids: number[] = [];
    for await (const event of client.generate(request)) if (event.type === 'token') ids.push(event.id);
    return tokenizer.decode(ids).trim();
  };
  const rows = new Map<string, { kind: string; total: number; right: number }>();
  try {
    const waiting = [...facts];
    const askOn = async (): Promise<void> => {
      for (let fact = waiting.pop(); fact !== undefined; fact = waiting.pop()) {
        const row = rows.get(fact.kind) ?? { kind: fact.kind, total: 0, right: 0 };
        rows.set(fact.kind, row);
        row.total += 1;
        if ((await answer(fact)) === fact.expected) row.right += 1;
      }
    };
    await Promise.all(Array.from({ length: rowsAtOnce }, askOn));
  } finally {
    await client.close();
  }
  return [...rows.values()].sort((a, b) => a.kind.localeCompare(b.kind));
}
