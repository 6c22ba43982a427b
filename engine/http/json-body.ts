// The JSON body of a request, read up to a limit. Used by the routes. It knows nothing of what the body means.
// Invariant: never more than `bytesMax` and one network chunk are in memory, whatever Content-Length says.
import type { Context } from 'hono';
import { badRequest, HttpFault } from './errors.ts';

/** @throws HttpFault 413 | 400 (no JSON) */
export async function readJsonBody(context: Context, bytesMax: number): Promise<unknown> {
  const { req } = context;
  const tooLarge = (): HttpFault =>
    new HttpFault(`The body is larger than ${bytesMax} bytes.`, {
      status: 413,
      type: 'invalid_request_error',
      code: 'body_too_large',
    });
  if (Number(req.header('content-length') ?? 0) > bytesMax) throw tooLarge();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of req.raw.body ?? []) {
    bytes += part.byteLength;
    if (bytes > bytesMax) throw tooLarge();
    parts.push(part);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)));
  } catch {
    throw badRequest('The body is not JSON.', undefined, 'json_malformed');
  }
}
