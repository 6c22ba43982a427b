// The public pages of epochs: the list, each leaf file whole, and nothing else.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { epochRoutes } from '../../../bots/epochs-page/epoch-routes.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { createFakeClaims } from '../../support/fake-claims.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
const file = join(folder, '7.claims.jsonl');
writeFileSync(file, '{"schema":"openmodels/epoch-claims/1"}\n'.repeat(3_000));
const claims = createFakeClaims();
claims.files.set('7.claims', file);
claims.epochsNow = [
  {
    number: 7,
    state: 'final',
    cause: null,
    receipts: 3,
    accounts: 2,
    claimsTotalNano: openNano('2.5'),
    waitingNano: openNano('0'),
    receiptsRoot: '0x1',
    claimsRoot: '0x2',
    leafFileHash: '0x3',
    cutAt: new Date(0),
    activeAt: null,
    txHash: '0x4',
    block: 12n,
  },
];
const routes = epochRoutes(claims.verbs);

describe('the pages of epochs', () => {
  it('list what each epoch holds, amounts and blocks as text', async () => {
    const answer = await routes.request('/');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      schema: 'openmodels/epochs/1',
      epochs: [{ number: 7, claimsTotalNano: '2500000000', block: '12', cutAt: '1970-01-01T00:00:00.000Z' }],
    });
  });

  it('give a leaf file whole, to be kept', async () => {
    const answer = await routes.request('/7/claims.jsonl');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(readFileSync(file, 'utf8'));
    expect(answer.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    expect(answer.headers.get('cache-control')).toContain('immutable');
  });

  it.each([
    '/8/claims.jsonl',
    '/7/receipts.jsonl',
    '/7/claims.tree',
    '/0/claims.jsonl',
    '/7/toString',
    '/..%2f7/claims.jsonl',
    '/1e1/claims.jsonl',
  ])('have nothing at %s', async (path) => {
    expect((await routes.request(path)).status).toBe(404);
  });
});
