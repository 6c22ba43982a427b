// Breaks a connection before its answer: the call was carried out, the caller cannot know. For the servers' levers.

import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';

/** Destroys the request's socket; the returned response never arrives. */
export function cutOff(context: Context): Response {
  const { incoming } = context.env as { readonly incoming: IncomingMessage };
  incoming.socket.destroy();
  return new Response(null, { status: 200 });
}
