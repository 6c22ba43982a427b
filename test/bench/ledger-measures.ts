// The ledger's speed: a whole call beside a bare INSERT, one model that everybody asks beside many, micro-batches beside single
// postings. Used by ledger-bench.ts. Every side posts through the product's own verbs and real triggers, to a server that
// syncs to the disk; sides take turns within one run.
import { sql } from 'kysely';
import { type OpenDatabase, transact } from '../../db/database.ts';
import { type CaptureIntent, capture } from '../../db/ledger/capture.ts';
import { hold } from '../../db/ledger/hold.ts';
import { createLedgerBatcher, type LedgerBatcher } from '../../db/ledger/ledger-batcher.ts';
import { splitPool } from '../../db/ledger/split-pool.ts';
import { interleaved, ratioOf, type Side } from './interleaved.ts';
import { callIntents, clients, type LedgerMeasure, posted, richPeople } from './ledger-bench-context.ts';

const BLOCK_MS = 1500;
const ROUNDS = 7;
const QUICK_ROUNDS = 1;

type Verbs = Pick<LedgerBatcher, 'hold' | 'capture' | 'splitPool'>;

function singleVerbs({ db }: OpenDatabase): Verbs {
  return {
    hold: (intent) => hold(db, intent),
    capture: (intent) => capture(db, intent),
    splitPool: (intent) => splitPool(db, intent),
  };
}

/** Hold, capture into the pool, and the pool to its contributors: 3 transfers with 31 entries, and an account for the pool. */
async function callWithPool(verbs: Verbs, person: string, model: number): Promise<void> {
  const intents = callIntents(person, model);
  const { holdId } = posted(await verbs.hold(intents.hold));
  posted(await verbs.capture(intents.capture(holdId)));
  posted(await verbs.splitPool(intents.split));
}

/** Hold, and a capture that pays everybody at once: 2 transfers with 27 entries. */
async function callAtOnce(verbs: Verbs, person: string, model: number): Promise<void> {
  const intents = callIntents(person, model);
  const { holdId } = posted(await verbs.hold(intents.hold));
  posted(await verbs.capture(intents.captureToAll(holdId)));
}

/** Clients, each a person of its own, who make whole calls to `modelOf(client)`. */
export function callSide(
  name: string,
  verbs: Verbs,
  people: readonly string[],
  { modelOf = () => 0, call = callWithPool }: CallSideOptions = {},
): Side {
  return {
    name,
    block: () => clients(people.length, BLOCK_MS, (client) => call(verbs, people[client], modelOf(client))),
  };
}

interface CallSideOptions {
  /** Default: all ask one model. */
  readonly modelOf?: (client: number) => number;
  readonly call?: typeof callWithPool;
}

export const postingMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'posting',
      measure:
        'hold + capture with a four-way split and 20 contributors, 16 clients / one bare INSERT transaction',
      unit: '×',
      goal: { atLeast: 0.35 },
    },
    {
      name: 'posting-pool',
      measure: 'the same by way of the call’s data pool: hold, capture, split / one bare INSERT transaction',
      unit: '×',
    },
    {
      name: 'posting-single',
      measure: 'that, without micro-batches / one bare INSERT transaction',
      unit: '×',
    },
    {
      name: 'posting-autocommit',
      measure: 'hold + capture / one bare INSERT that commits by itself',
      unit: '×',
    },
  ],
  run: ({ onDatabase, quick }) =>
    onDatabase(16, async (open) => {
      const people = await richPeople(open, 16);
      await sql`create table bare (id bigint generated always as identity primary key, note text)`.execute(
        open.db,
      );
      const insert = (db: OpenDatabase['db']) => sql`insert into bare (note) values (${'bare'})`.execute(db);
      const bare = (name: string, work: () => Promise<unknown>): Side => ({
        name,
        block: () => clients(people.length, BLOCK_MS, work),
      });
      const batcher = createLedgerBatcher(open.db);
      const [atOnce, pool, single, transaction, autocommit] = await interleaved(
        [
          callSide('calls', batcher, people, { call: callAtOnce }),
          callSide('calls with a pool', batcher, people),
          callSide('calls with a pool, one by one', singleVerbs(open), people),
          bare('bare transactions', () => transact(open.db, insert)),
          bare('bare inserts', () => insert(open.db)),
        ],
        quick ? QUICK_ROUNDS : ROUNDS,
      );
      return {
        posting: ratioOf(atOnce, transaction),
        'posting-pool': ratioOf(pool, transaction),
        'posting-single': ratioOf(single, transaction),
        'posting-autocommit': ratioOf(atOnce, autocommit),
      };
    }),
};

export const hotModelMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'hot-model',
      measure: 'one model asked by 32 clients / 32 models, calls one by one',
      unit: '×',
      goal: { atLeast: 0.8 },
    },
    { name: 'hot-model-batched', measure: 'the same in micro-batches', unit: '×' },
  ],
  run: ({ onDatabase, quick }) =>
    onDatabase(32, async (open) => {
      const people = await richPeople(open, 32);
      const single = singleVerbs(open);
      const batcher = createLedgerBatcher(open.db);
      const own = { modelOf: (client: number) => client };
      const [hot, spread, hotBatched, spreadBatched] = await interleaved(
        [
          callSide('one model', single, people),
          callSide('32 models', single, people, own),
          callSide('one model, batched', batcher, people),
          callSide('32 models, batched', batcher, people, own),
        ],
        quick ? QUICK_ROUNDS : ROUNDS,
      );
      return { 'hot-model': ratioOf(hot, spread), 'hot-model-batched': ratioOf(hotBatched, spreadBatched) };
    }),
};

/** Captures of a block: their holds are made before it, outside the measured time. */
const CAPTURES = 4096;
const CALLERS = 128;

export const microBatchMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'micro-batch',
      measure: 'captures per second of 128 callers, micro-batched / one by one',
      unit: '×',
      goal: { atLeast: 3 },
    },
  ],
  run: ({ onDatabase, quick }) =>
    onDatabase(16, async (open) => {
      const people = await richPeople(open, CALLERS);
      const batcher = createLedgerBatcher(open.db);
      const [batched, single] = await interleaved(
        [
          captureSide('micro-batched', batcher, batcher, people),
          captureSide('one by one', batcher, singleVerbs(open), people),
        ],
        quick ? QUICK_ROUNDS : ROUNDS,
      );
      return { 'micro-batch': ratioOf(batched, single) };
    }),
};

function captureSide(name: string, holds: Verbs, verbs: Verbs, people: readonly string[]): Side {
  let ready: CaptureIntent[] = [];
  return {
    name,
    async before() {
      ready = await Promise.all(
        Array.from({ length: CAPTURES }, async (_, index) => {
          const intents = callIntents(people[index % people.length], index % 4);
          return intents.capture(posted(await holds.hold(intents.hold)).holdId);
        }),
      );
    },
    async block() {
      const queue = [...ready];
      async function caller(): Promise<void> {
        for (let next = queue.pop(); next !== undefined; next = queue.pop())
          posted(await verbs.capture(next));
      }
      await Promise.all(people.map(caller));
      return ready.length;
    },
  };
}
