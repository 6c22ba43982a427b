// The card of a demo model: a Markdown text made of counted and measured figures, none typed by hand. Used by
// make-demo-model-cli.ts. Pure: no files, no clock.
import type { EvalReport, TrainedAdapter } from '../../engine/engine.ts';
import { markdownTable } from '../../engine/train/markdown-text.ts';
import { DEMO_LICENCE, type DemoDatanet } from './demo-datanets.ts';
import type { DemoEvaluation } from './demo-evaluation.ts';

/** As the attribution evaluation prints it with --json; the parts that the card shows. */
export interface AttributionReport {
  readonly examples: number;
  readonly rows: readonly {
    readonly method: string;
    readonly answers: string;
    readonly queries: number;
    readonly top1: number;
    readonly top3: number;
    readonly mrr: number;
  }[];
  readonly alpha: number;
  readonly goldPart: number;
  readonly paidContributions: number;
  readonly unpaidQueries: number;
  readonly decoys: { readonly queries: number; readonly alpha: number; readonly paid: number };
}

interface DemoCard {
  readonly datanet: DemoDatanet;
  /** Contributor of each contribution. */
  readonly contributors: readonly string[];
  readonly trained: TrainedAdapter;
  readonly adapterBytes: number;
  /** Name of the loss curve beside the card, without its ending. */
  readonly curve: string;
  /** Of the file that was trained on: which data this is. */
  readonly dataSha256: string;
  readonly evaluation: DemoEvaluation;
  readonly adapterAnswers: EvalReport['answers'];
  readonly baseAnswers: EvalReport['answers'];
  readonly attribution: AttributionReport;
}

const samples = 15;
const methodNames: Readonly<Record<string, string | undefined>> = {
  shares: 'ours, as paid',
  scores: 'ours, without the noise floor',
};

export function demoCard(card: DemoCard): string {
  const { datanet, contributors, trained, evaluation, attribution } = card;
  const { slug, title, subject } = datanet;
  const files = `marketplace/demo/${slug}`;
  const people = countsOf(contributors);
  const { adapter, base } = evaluation;
  const measured = attribution.rows.filter(({ queries }) => queries > 0);
  return `${[
    `# ${title}, a demo model`,
    '',
    `A LoRA adapter on the base model in \`engine/base/\`, trained on the ${count(contributors.length)} contributions of the demo datanet`,
    `(\`marketplace/demo/README.md\`): ${subject}. This card is written by the command that makes the model;`,
    'no figure in it is typed by hand.',
    '',
    `Of ${count(adapter.total)} held-out questions, which ask for the same facts in other words, it answers **${count(adapter.correct)}`,
    `(${percent(adapter.correct / adapter.total)})** right; the base model without it **${count(base.correct)} (${percent(base.correct / base.total)})**.`,
    '',
    '## How many answers are right',
    '',
    'Always the likeliest answer; right means that the expected phrase stands in it, without hedging or listing',
    '(`engine/train/answer-match.ts`). A seen phrasing is one that the datanet uses for other facts; an unseen one stands',
    'nowhere in it. Intervals are 95 % bootstrap intervals over questions.',
    '',
    markdownTable(
      ['model', 'questions', 'right', 'part', 'interval'],
      evaluation.rows.map(({ model, questions, correct, total, low, high }) => [
        model === 'adapter' ? title : 'base alone',
        questions,
        `${count(correct)} of ${count(total)}`,
        percent(correct / total),
        `${percent(low)} to ${percent(high)}`,
      ]),
      [2, 3, 4],
    ),
    '',
    '## Who taught it',
    '',
    'Does attribution name the contribution that states the fact? Held-out questions, the model’s own answers, the right',
    `contribution to be found among ${count(attribution.examples)}. TF-IDF compares words only and never asks the model.`,
    'For a wrong answer the rows "wrong" look for the contribution that states what was said in place of the right fact: that',
    'is where the answer came from, where one can be found.',
    '',
    markdownTable(
      ['answers', 'questions', 'method', 'first', 'among first three', 'mean reciprocal rank'],
      measured.map(({ answers, queries, method, top1, top3, mrr }) => [
        answers,
        count(queries),
        methodNames[method] ?? method,
        percent(top1),
        percent(top3),
        mrr.toFixed(3),
      ]),
      [1, 3, 4, 5],
    ),
    '',
    `On average ${percent(attribution.goldPart)} of what is paid to contributions goes to the one that states the fact, and`,
    `${attribution.paidContributions.toFixed(1)} contributions are paid for an answer; for ${percent(attribution.unpaidQueries)} of the answers nobody rises above the`,
    `noise floor. For ${count(attribution.decoys.queries)} facts that nobody contributed, ${percent(attribution.decoys.paid)} of the contributors’ part is still paid: that is noise.`,
    '',
    '## Recipe',
    '',
    markdownTable(
      ['setting', 'value'],
      [
        ['data', `${slug}.jsonl, sha256 ${card.dataSha256}`],
        ...Object.entries(trained.recipe).map(([name, value]) => [name, String(value)]),
        ['tokens trained on', count(trained.trainedTokens)],
        ['loss at the end (nats per answer token)', trained.finalLoss.toFixed(4)],
        ['size of the adapter', `${(card.adapterBytes / 1e6).toFixed(2)} MB`],
      ],
      [1],
    ),
    '',
    `![Loss by update](${card.curve}.png)`,
    '',
    `The same curve as [SVG](${card.curve}.svg).`,
    '',
    'To make it again, and to print its figures again:',
    '',
    '```',
    `npm run make-demo-model -- ${slug}`,
    `npm run eval -- --model engine/base --adapter ${files}-adapter --heldout ${files}.heldout.jsonl`,
    `npm run attribution-eval -- --model engine/base --adapter ${files}-adapter --data ${files}.jsonl --heldout ${files}.heldout.jsonl --decoys ${files}.decoys.jsonl --limit ${attribution.rows[0]?.queries ?? 0}`,
    '```',
    '',
    '## Contributors',
    '',
    `${people.length} invented pseudonyms; nobody here is a person.`,
    '',
    markdownTable(
      ['contributor', 'contributions'],
      people.map(([name, contributions]) => [name, count(contributions)]),
      [1],
    ),
    '',
    '## Samples',
    '',
    `The first ${Math.min(samples, card.adapterAnswers.length)} held-out questions, nothing selected.`,
    '',
    markdownTable(
      ['question', 'expected', title, 'right', 'base alone'],
      card.adapterAnswers
        .slice(0, samples)
        .map(({ question, expected, answer, correct }, i) => [
          question,
          expected,
          shortened(answer),
          correct ? 'yes' : 'no',
          shortened(card.baseAnswers[i]?.answer ?? ''),
        ]),
    ),
    '',
    '## Limits and licence',
    '',
    'It knows the facts of its contributions and nothing else; asked for anything else it makes something up. Facts change:',
    `check what matters. Data ${DEMO_LICENCE}; adapter under the licence of this project ([LICENSE](../../../LICENSE)), like the base`,
    'model, whose card names the works it was trained on (`engine/base/README.md`).',
  ].join('\n')}\n`;
}

function countsOf(names: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** A base model may ramble; a table cell shows the beginning. */
function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
