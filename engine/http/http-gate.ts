// Who may call the HTTP server, before any route: API keys, or this machine alone when there are none. Used by
// http-app.ts. It knows no completions. Invariants: without keys a page of another site cannot reach in through a
// browser (neither by a name that resolves to this machine nor by a form); a key is never in an error or a log.
import type { MiddlewareHandler } from 'hono';
import { type ApiKey, keyOfHeader } from './api-keys.ts';
import { HttpFault } from './errors.ts';

/** What the gate hands to the routes. */
export interface GateVariables {
  /** Undefined when the server has no keys. */
  readonly key: ApiKey | undefined;
}

/** @param keys undefined = open to this machine */
export function httpGate(
  keys: readonly ApiKey[] | undefined,
): MiddlewareHandler<{ Variables: GateVariables }> {
  return async (context, next) => {
    const { req } = context;
    if (keys === undefined) {
      if (!isLoopbackHost(req.header('host')) || req.header('origin') !== undefined)
        throw new HttpFault('Without API keys this server answers programs on its own machine only.', {
          status: 403,
          type: 'permission_error',
          code: 'loopback_only',
        });
    } else {
      const key = keyOfHeader(keys, req.header('authorization'));
      if (key === undefined)
        throw new HttpFault('Missing or incorrect API key: send "Authorization: Bearer KEY".', {
          status: 401,
          type: 'invalid_request_error',
          code: 'invalid_api_key',
        });
      context.set('key', key);
    }
    if (req.method === 'POST' && !/^application\/json\b/i.test(req.header('content-type') ?? ''))
      throw new HttpFault('Send the body as JSON with "Content-Type: application/json".', {
        status: 415,
        type: 'invalid_request_error',
        code: 'unsupported_media_type',
      });
    await next();
  };
}

/** Routes that change what is served. */
export function demandAdmin(key: ApiKey | undefined): void {
  if (key === undefined || key.admin) return;
  throw new HttpFault(`The key ${key.name} may not load or unload adapters.`, {
    status: 403,
    type: 'permission_error',
    code: 'admin_only',
  });
}

export function isLoopbackHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}
