// `npm run tour`: one paid call, step by step: message, quote, hold, tokens, price and split, shares, ledger rows, receipt.
// Runs the whole marketplace on the data folder, without bots, as the person "tour". It reads what was written down and
// computes nothing of its own. A second argument asks another question: npm run tour -- "What is the capital of Kenya?"
import { randomUUID } from 'node:crypto';
import type { OwnedMarketplace } from '../marketplace/create-marketplace.ts';
import type { CallDone, CallRefusal, Person } from '../marketplace/marketplace.ts';
import { openAmount, percent } from './core/words.ts';
import { startProgram } from './main.ts';
import { readSettings, SettingsError } from './settings.ts';

const HERE = { platform: 'tour', conversationId: 'tour' } as const;

const say = (line: string): void => console.log(line);
const title = (step: number, words: string): void => say(`\n${step}. ${words}`);

async function main(question: string): Promise<void> {
  const program = await startProgram(readSettings(process.env), { say, withBots: false });
  try {
    await tour(program.marketplace, question);
  } finally {
    await program.stop();
  }
}

async function tour(marketplace: OwnedMarketplace, question: string): Promise<void> {
  title(1, 'Inbound: a message');
  const person = await marketplace.person({ platform: 'tour', userId: 'tour', displayName: 'tour' });
  say(`   ${person.pseudonym} asks: ${question}`);
  if (person.isNew) say('   (a new person: the starter grant was just given)');

  const done = await ask(marketplace, person, question);
  if (!done.ok) {
    say(
      `\nNo answer, and it cost nothing: ${JSON.stringify(done, (_key, value) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
    process.exitCode = 1;
    return;
  }
  title(5, 'Capture');
  say(`   ${openAmount(done.priceNano)} for this answer; left to spend: ${openAmount(done.availableNano)}`);
  title(6, 'Deliver');
  say(`   ${done.modelTitle} v${done.versionNumber}: ${done.text}`);

  title(7, 'Attribute: who made this answer');
  await marketplace.attributeNow(done.callId);
  const story = await marketplace.callStory(done.callId);
  const provenance = await marketplace.provenance(done.callId, HERE);
  if (story === null || provenance === null) throw new Error(`call ${done.callId} left no trace`);
  say(`   the adapter explains ${percent(provenance.alpha)} of the answer over the base`);
  for (const { pseudonym, share, amountNano, question: asked, answer } of provenance.top)
    say(`   ${percent(share).padStart(7)}  ${openAmount(amountNano)}  ${pseudonym}: ${asked} → ${answer}`);
  for (const { text, pseudonym, contributions } of provenance.spans)
    say(`   word for word: “${text}” stands in ${contributions} of the contributions, one by ${pseudonym}`);
  say(
    `   the rest, ${openAmount(provenance.fallbackNano)}, by weight to the version’s other contributions: ${provenance.contributorsPaid} people paid in all`,
  );

  title(8, 'The ledger rows of this call (each transfer sums to zero)');
  for (const { kind, account, amountNano, ownerId } of story.entries)
    say(`   ${kind.padEnd(12)} ${account.padEnd(12)} ${openAmount(amountNano).padStart(20)}  ${ownerId}`);

  title(9, `Receipt ${done.receiptNumber}`);
  say(`   ${JSON.stringify(story.receipt?.body, null, 2).replaceAll('\n', '\n   ')}`);
  say(`   hash ${story.receipt?.hash}`);
  for (const { what, ok, detail } of story.checks) say(`   ${ok ? 'true ' : 'FALSE'} ${what}: ${detail}`);
  const view = await marketplace.receipt({ person, number: done.receiptNumber });
  if (view !== null)
    say(
      `   Keep the JSON of /receipt ${view.number} as a file: npm run -s verify -- receipt-${view.number}.json checks it, and npm run -s attribute -- --receipt ${view.number} measures its shares again.`,
    );
}

async function ask(
  marketplace: OwnedMarketplace,
  person: Person,
  question: string,
): Promise<CallDone | CallRefusal> {
  let shown = 0;
  const input = {
    eventKey: `tour:${randomUUID()}`,
    person,
    conversationKey: HERE,
    text: question,
    modelSlug: 'pocket-atlas',
    signal: new AbortController().signal,
  };
  return marketplace.ask(input, {
    quoted({ ceilingNano, availableNano, promptTokens, answerTokensMax }) {
      title(2, 'Quote');
      say(
        `   up to ${openAmount(ceilingNano)} for ${promptTokens} prompt and at most ${answerTokensMax} answer tokens`,
      );
      title(3, 'Hold');
      say(`   ${openAmount(ceilingNano)} of ${openAmount(availableNano)} set aside`);
      title(4, 'Generate');
    },
    queued(position) {
      if (position > 0) say(`   number ${position} in line`);
    },
    text(soFar) {
      say(`   + ${JSON.stringify(soFar.slice(shown))}`);
      shown = soFar.length;
    },
  });
}

main(process.argv[2] ?? 'Which city is the capital of Kenya?').catch((fault: unknown) => {
  console.error(fault instanceof SettingsError ? fault.message : fault);
  process.exit(1);
});
