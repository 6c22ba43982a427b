// The settlement's loop: goes from the cut to finality by itself, outlives a chain and a database that go away, tells each
// trouble once, and stops in the middle of a build without leaving half a file.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { ChainFault } from '../../../contracts/client/chain.ts';
import { newestEpoch } from '../../../db/repositories/epoch-repository.ts';
import { settleRegularly } from '../../../marketplace/payouts/settle-regularly.ts';
import { settleStep } from '../../../marketplace/payouts/settle-step.ts';
import type { World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { type ScriptedVault, scriptedVault } from '../../support/scripted-vault.ts';
import { receipts, settlementMarket, someWorld } from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = testDatabase();
const dataDir = temporaryFolder();
const WAIT = { timeout: 20_000, interval: 20 };
let world: World;
let script: ScriptedVault;
beforeAll(async () => {
  world = await someWorld(database.db);
  script = scriptedVault();
});

const stateNow = async (): Promise<string | undefined> => (await newestEpoch(database.db))?.state;

describe('the settlement’s loop', () => {
  it('settles an epoch without anybody’s help, and waits while there is nothing to settle', async () => {
    const market = settlementMarket(database.db, script.chain, dataDir);
    await receipts(database.db, world, 2);
    const loop = settleRegularly(market);
    await vi.waitFor(async () => {
      script.finalize();
      expect(await stateNow()).toBe('final');
    }, WAIT);
    await loop.stop();
    expect(script.posted).toHaveLength(1);
    expect(market.log.lines.filter((line) => line.includes('failed'))).toEqual([]);
  });

  it('outlives a chain that cannot be reached, tells it once, and goes on', async () => {
    const market = settlementMarket(database.db, script.chain, dataDir);
    let away = true;
    const vault = async () => {
      if (away) throw new ChainFault('chain_unreachable', 'gone', 'after');
      return await script.chain.vault();
    };
    const shaky = { ...market, chain: { ...script.chain, vault } };
    await receipts(database.db, world, 1);
    const loop = settleRegularly(shaky);
    await vi.waitFor(() => expect(market.log.lines.length).toBeGreaterThan(0), WAIT);
    away = false;
    await vi.waitFor(async () => {
      script.finalize();
      expect(script.posted).toHaveLength(2);
      expect(await stateNow()).toBe('final');
    }, WAIT);
    await loop.stop();
    expect(market.log.lines.filter((line) => line.includes('trying again'))).toHaveLength(1);
  });

  it('tells a root that is not ours once, however often it looks, and posts nothing', async () => {
    const market = settlementMarket(database.db, script.chain, dataDir);
    const { activeRoot } = await script.chain.vault();
    script.meddle({ activeRoot: `0x${'66'.repeat(32)}` });
    await receipts(database.db, world, 1);
    let looks = 0;
    const vault = async () => {
      looks += 1;
      return await script.chain.vault();
    };
    const loop = settleRegularly({ ...market, chain: { ...script.chain, vault } });
    await vi.waitFor(() => expect(looks).toBeGreaterThan(8), WAIT);
    await loop.stop();
    expect(market.log.lines.filter((line) => line.includes('payouts are stopped'))).toHaveLength(1);
    expect(script.posted).toHaveLength(2);
    script.meddle({ activeRoot });
  });

  it('looks for a foreign root though every step fails', async () => {
    const market = settlementMarket(database.db, script.chain, dataDir);
    await receipts(database.db, world, 1);
    await vi.waitFor(async () => expect((await settleStep(market, script.chain)).did).toBe('built'), WAIT);
    const { activeRoot } = await script.chain.vault();
    script.meddle({ activeRoot: `0x${'67'.repeat(32)}` });
    const signEpoch = async () => {
      throw new Error('a bug');
    };
    const poster = script.chain.poster && { ...script.chain.poster, signEpoch };
    const loop = settleRegularly({ ...market, chain: { ...script.chain, poster } });
    await vi.waitFor(
      () =>
        expect(market.log.lines.filter((line) => line.includes('veto it before it counts'))).toHaveLength(1),
      WAIT,
    );
    await loop.stop();
    expect(market.log.lines.filter((line) => line.includes('a step of the settlement failed'))).toHaveLength(
      1,
    );
    script.meddle({ activeRoot });
    expect((await settleStep(market, script.chain)).did).toBe('sent');
    script.finalize();
    expect((await settleStep(market, script.chain)).did).toBe('final');
    expect(script.posted).toHaveLength(3);
    await receipts(database.db, world, 1);
  });

  it('that is stopped while it builds leaves no half file, and the next one builds it', async () => {
    const stopping = new AbortController();
    const market = { ...settlementMarket(database.db, script.chain, dataDir), stopping: stopping.signal };
    const loop = settleRegularly(market);
    await vi
      .waitFor(async () => expect(await stateNow()).toBe('cut'), { ...WAIT, interval: 1 })
      .catch(() => undefined);
    stopping.abort(new Error('stopping'));
    await loop.stop();
    expect(readdirSync(join(dataDir, 'epochs')).filter((name) => name.endsWith('.part'))).toEqual([]);
    const next = settleRegularly(settlementMarket(database.db, script.chain, dataDir));
    await vi.waitFor(async () => {
      script.finalize();
      expect(script.posted).toHaveLength(4);
      expect(await stateNow()).toBe('final');
    }, WAIT);
    await next.stop();
  });

  it('does nothing where there is no chain', async () => {
    await settleRegularly(settlementMarket(database.db, null, dataDir)).stop();
  });
});
