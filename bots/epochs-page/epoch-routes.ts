// The public pages of epochs: the list as JSON and each epoch's leaf files, from which anybody can build the trees again and
// compare them with the roots on chain. Mounted at /epochs by main.ts. Reads only; holds no names, only hashes and addresses.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Hono } from 'hono';
import type { ClaimVerbs } from '../../marketplace/claim-verbs.ts';

const KINDS = { 'receipts.jsonl': 'receipts', 'claims.jsonl': 'claims' } as const;

const kindOf = (name: string): 'receipts' | 'claims' | null =>
  Object.hasOwn(KINDS, name) ? KINDS[name as keyof typeof KINDS] : null;

export function epochRoutes({ epochs, leafFile }: Pick<ClaimVerbs, 'epochs' | 'leafFile'>): Hono {
  const routes = new Hono();
  routes.get('/', async (context) => {
    context.header('Cache-Control', 'no-store');
    const shown = (await epochs()).map((epoch) => ({
      ...epoch,
      claimsTotalNano: String(epoch.claimsTotalNano),
      waitingNano: String(epoch.waitingNano),
      block: epoch.block === null ? null : String(epoch.block),
    }));
    return context.json({ schema: 'openmodels/epochs/1', epochs: shown });
  });
  routes.get('/:number{[1-9][0-9]{0,8}}/:file', async (context) => {
    const kind = kindOf(context.req.param('file'));
    const path = kind === null ? null : await leafFile(Number(context.req.param('number')), kind);
    if (path === null) return context.text('There is no such file of an epoch.', 404);
    const { size } = await stat(path);
    return context.body(Readable.toWeb(createReadStream(path)) as ReadableStream, 200, {
      'Content-Type': 'application/jsonl; charset=utf-8',
      'Content-Length': String(size),
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': "default-src 'none'",
      // An epoch never changes.
      'Cache-Control': 'public, max-age=31536000, immutable',
    });
  });
  return routes;
}
