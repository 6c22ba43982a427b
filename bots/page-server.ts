// Serves the program's own pages (trainings, wallets, epochs) by themselves on loopback, where no playground runs. Used by
// local-pages.ts. A reverse proxy may stand before it: then requests under its public name are taken too. Knows no page.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { isForeign } from './playground/foreign-request.ts';
import { pageFiles } from './playground/page-files.ts';

const HOST = '127.0.0.1';

export interface PageServer {
  /** e.g. http://127.0.0.1:8137/ */
  readonly url: string;
  stop(): Promise<void>;
}

interface PageServerOptions {
  /** Path to its routes; the first is where `/` leads. */
  readonly routes: Readonly<Record<string, Hono>>;
  /** 0 = any free one. */
  readonly port: number;
  /** Under which name the outside reaches it, e.g. https://market.example */
  readonly publicUrl?: string | undefined;
}

/** @throws when the port is taken */
export async function startPageServer({ routes, port, publicUrl }: PageServerOptions): Promise<PageServer> {
  const app = new Hono();
  const outside = publicUrl === undefined ? null : new URL(publicUrl);
  app.use('*', async (context, next) => {
    const [host, origin] = [context.req.header('host'), context.req.header('origin')];
    const isOutside =
      outside !== null && host === outside.host && (origin ?? outside.origin) === outside.origin;
    if (!isOutside && isForeign(host, origin)) return context.text('Forbidden', 403);
    return next();
  });
  for (const [path, page] of Object.entries(routes)) app.route(path, page);
  app.get('/', (context) => context.redirect(Object.keys(routes)[0]));
  app.route('/', pageFiles());
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
