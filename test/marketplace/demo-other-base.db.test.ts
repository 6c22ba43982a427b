// A first start on another base model than the one the demo was trained for: no demo model, but its datanets collect;
// a later start on the right base publishes them after all.
import { expect, it } from 'vitest';
import { EngineError } from '../../engine/errors.ts';
import { demoDatanets } from '../../marketplace/demo/demo-datanets.ts';
import { testDatabase } from '../support/postgres.ts';
import { ask, newPerson, testMarketplace } from '../support/test-marketplace.ts';

const database = testDatabase();
const slugs = demoDatanets.map(({ slug }) => slug);

it('offers no demo model where the first adapter does not fit, collects, and publishes all on the right base', async () => {
  const test = await testMarketplace(
    database,
    {},
    (engine) => {
      const build = engine.buildStore;
      let fits = false;
      engine.buildStore = async (job, onProgress) => {
        if (fits) return await build.call(engine, job, onProgress);
        fits = true; // from the next start on
        throw new EngineError('q_proj.lora_A is [16,192]; the base asks for [16,64]', {
          code: 'adapter_shape_mismatch',
          retry: 'never',
        });
      };
    },
    slugs,
  );
  try {
    const person = await newPerson(test.market);
    for (const modelSlug of slugs) {
      const { outcome } = await ask(test.market, person, 'What is the capital of France?', { modelSlug });
      expect(outcome).toMatchObject({ ok: false, code: 'model_retired' });
    }
    const states = async () =>
      (await database.db.selectFrom('datanet').select('state').orderBy('createdAt').execute()).map(
        ({ state }) => state,
      );
    expect(await states()).toEqual(slugs.map(() => 'collecting'));
    const again = await test.again();
    expect((await again.models()).map(({ title }) => title)).toEqual(demoDatanets.map(({ title }) => title));
    expect(await states()).toEqual(slugs.map(() => 'published'));
    await again.stop();
  } finally {
    await test.close();
  }
});
