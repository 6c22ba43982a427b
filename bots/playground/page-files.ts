// Serves the page's own files: HTML and CSS as they are, TypeScript with its types stripped by Node itself, so that
// there is no build step. Only files of the page folder, by exact name. Used by playground-server.ts
// and training-page/.

import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { Hono } from 'hono';

const FOLDER = new URL('./page/', import.meta.url);
const PAGE_NAME = 'playground.html';

/** The page may load only itself and talk only to its own server; nothing a bot sends can change that. */
const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What every page of this program goes out with. */
export const PAGE_HEADERS = {
  'Content-Security-Policy': CONTENT_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
} as const;

export const readPageFile = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

export function pageFiles(): Hono {
  const cache = new Map<string, string>();
  const known = new Set(readdirSync(FOLDER));
  const script = (name: string): string => {
    const cached = cache.get(name);
    if (cached !== undefined) return cached;
    const stripped = stripQuietly(readPageFile(name));
    cache.set(name, stripped);
    return stripped;
  };
  const routes = new Hono();
  const headers = PAGE_HEADERS;
  routes.get('/', (context) =>
    context.body(readPageFile(PAGE_NAME), 200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }),
  );
  routes.get('/page/:name', (context) => {
    const name = context.req.param('name');
    if (!known.has(name)) return context.text('Not Found', 404);
    if (name.endsWith('.ts'))
      return context.body(script(name), 200, {
        ...headers,
        'Content-Type': 'text/javascript; charset=utf-8',
      });
    if (name.endsWith('.css'))
      return context.body(readPageFile(name), 200, { ...headers, 'Content-Type': 'text/css; charset=utf-8' });
    if (name.endsWith('.svg'))
      return context.body(readPageFile(name), 200, { ...headers, 'Content-Type': 'image/svg+xml' });
    return context.text('Not Found', 404);
  });
  return routes;
}

/** Node marks type stripping as experimental with a warning that would only puzzle whoever starts the program. */
function stripQuietly(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
