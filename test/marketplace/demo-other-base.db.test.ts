// A first start on another base model than the one the demo was trained for: no demo model, but its datanet collects;
// a later start on the right base publishes it after all.
import { expect, it } from 'vitest';
import { EngineError } from '../../engine/errors.ts';
import { testDatabase } from '../support/postgres.ts';
import { ask, newPerson, SLUG, testMarketplace } from '../support/test-marketplace.ts';

const database = testDatabase();

it('offers no demo model where the shipped adapter does not fit, collects, and publishes it on the right base', async () => {
  const test = await testMarketplace(database, {}, (engine) => {
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
  });
  try {
    const person = await newPerson(test.market);
    const { outcome } = await ask(test.market, person, 'What is the capital of France?');
    expect(outcome).toMatchObject({ ok: false, code: 'model_retired' });
    const before = await database.db.selectFrom('datanet').select('state').where('slug', '=', SLUG).execute();
    expect(before).toEqual([{ state: 'collecting' }]);
    const again = await test.again();
    expect((await again.models()).map(({ title }) => title)).toEqual(['Pocket Atlas']);
    const after = await database.db.selectFrom('datanet').select('state').where('slug', '=', SLUG).execute();
    expect(after).toEqual([{ state: 'published' }]);
    await again.stop();
  } finally {
    await test.close();
  }
});
