// `npm run make-demo-model -- [NAME|all]`: makes one demo model or all of them, two at a time, and prints how many
// held-out questions each answers beside the bare base. Used by people after a change of the base model or of the data.
// Exit codes: 0 done, 1 failed, 2 wrong command.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type DemoDatanet, demoDatanets } from './demo-datanets.ts';
import { type MadeDemoModel, makeDemoModel } from './make-demo-model.ts';

const names = demoDatanets.map(({ slug }) => slug);
const help = `npm run make-demo-model -- [NAME|all] [options]   trains and measures demo models

  NAME               ${names.join(', ')} or all (default ${names[0]})
  --model DIR        base model (default engine/base)
  --out DIR          where the adapter of one model goes (default marketplace/demo/NAME-adapter)
  --recipe FILE      overrides of the recipe's numbers (default marketplace/demo/NAME-recipe.json, if it exists)
  --limit N          N held-out questions spread over the file (default: all)
  --attribution N    N questions for the attribution (default 200)`;

/** Models made side by side: each needs about a gigabyte. */
const atOnceMost = 2;

const demo = fileURLToPath(new URL('.', import.meta.url));

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ model: text, out: text, recipe: text, limit: text, attribution: text },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [wanted = names[0], ...more] = positionals;
  const chosen = demoDatanets.filter(({ slug }) => wanted === 'all' || slug === wanted);
  if (chosen.length === 0 || more.length > 0) {
    console.error(`expected one of ${[...names, 'all'].join(', ')}; see --help`);
    return 2;
  }
  if (chosen.length > 1 && (values.out !== undefined || values.recipe !== undefined)) {
    console.error('--out and --recipe are for one model; see --help');
    return 2;
  }
  const make = async (datanet: DemoDatanet): Promise<MadeDemoModel> => {
    const began = Date.now();
    const made = await makeDemoModel({
      datanet,
      model: values.model ?? join(demo, '..', '..', 'engine', 'base'),
      out: values.out ?? join(demo, `${datanet.slug}-adapter`),
      recipePath: values.recipe,
      limit: Number(values.limit ?? Number.POSITIVE_INFINITY),
      attributionLimit: Number(values.attribution ?? 200),
    });
    console.log(`${datanet.title}: made in ${((Date.now() - began) / 60_000).toFixed(1)} minutes`);
    return made;
  };
  const made = new Map<DemoDatanet, MadeDemoModel>();
  const waiting = chosen.values();
  const work = async (): Promise<void> => {
    for (const datanet of waiting) made.set(datanet, await make(datanet));
  };
  // A training computes on one thread; the models do not know of each other, so their bytes stay the same.
  await Promise.all(Array.from({ length: Math.min(atOnceMost, availableParallelism()) }, work));
  for (const datanet of chosen) {
    const each = made.get(datanet);
    if (each !== undefined) console.log(figuresOf(each));
  }
  return 0;
}

function figuresOf({ title, adapter, base, top3, adapterBytes }: MadeDemoModel): string {
  const right = (score: MadeDemoModel['adapter']) => (100 * score.correct) / score.total;
  return (
    `${title}: right ${adapter.correct} of ${adapter.total} (${right(adapter).toFixed(1)} %), the base alone ${base.correct} ` +
    `(${right(base).toFixed(1)} %): ${(right(adapter) - right(base)).toFixed(1)} points more; the stating contribution among ` +
    `the first three for ${(100 * top3).toFixed(1)} % of the right answers; ${(adapterBytes / 1e6).toFixed(2)} MB`
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
