// Serves the live page of trainings by itself on loopback, where no playground runs because both platforms are the real
// ones. Used by main.ts. Knows the page's routes only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { isForeign } from '../playground/foreign-request.ts';
import { pageFiles } from '../playground/page-files.ts';

const HOST = '127.0.0.1';

export interface TrainingServer {
  /** The page, e.g. http://127.0.0.1:8137/training */
  readonly url: string;
  stop(): Promise<void>;
}

/** @throws when the port is taken */
export async function startTrainingServer(routes: Hono, port: number): Promise<TrainingServer> {
  const app = new Hono();
  app.use('*', async (context, next) => {
    if (isForeign(context.req.header('host'), context.req.header('origin')))
      return context.text('Forbidden', 403);
    return next();
  });
  app.route('/training', routes);
  app.get('/', (context) => context.redirect('/training'));
  app.route('/', pageFiles());
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/training`,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
