// Reads a request to the local Discord: JSON or multipart (payload_json + files[n]), and counts it against the pace
// of its route. Used by all route files. Rate limit headers and 429 bodies have Discord's shape.

import type { Context } from 'hono';
import { createWindowBucket, type WindowBucket, type WindowVerdict } from '../pace-bucket.ts';
import type { PlaygroundClock } from '../playground-clock.ts';
import { DiscordFault, discordFaults } from './discord-faults.ts';
import type { MessageInput, UploadedAttachment } from './discord-messages.ts';
import type { Json } from './discord-shapes.ts';
import { DISCORD_LIMITS } from './local-discord-limits.ts';

/** @throws 50109 for a body that is no JSON, 40005 for too many files */
export async function readInput(context: Context): Promise<MessageInput> {
  const type = context.req.header('content-type') ?? '';
  if (type.startsWith('multipart/form-data')) {
    const form = await context.req.formData();
    const files: UploadedAttachment[] = [];
    for (const [name, value] of form) {
      if (typeof value === 'string' || !/^files?(\[\d+\])?$/.test(name)) continue;
      files.push({ name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
    }
    if (files.length > DISCORD_LIMITS.attachments) throw discordFaults.fileTooLarge();
    const payload = form.get('payload_json');
    return { body: typeof payload === 'string' ? parseObject(payload) : {}, files };
  }
  const text = await context.req.text();
  return { body: text === '' ? {} : parseObject(text), files: [] };
}

function parseObject(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Json;
  } catch {
    // falls through to Discord's own complaint
  }
  throw discordFaults.badJson();
}

export interface RoutePace {
  /** Counts one request. @throws 429 with retry_after when the route is used up */
  take(context: Context, bucket: string): void;
}

/** Discord's per-route windows: 5 per 5 s for messages of one channel or one interaction, plus 50/s in all. */
export function createRoutePace(clock: PlaygroundClock, enforced: boolean): RoutePace {
  const buckets = new Map<string, WindowBucket>();
  const global = createWindowBucket(DISCORD_LIMITS.globalPerSecond, 1000);
  return {
    take(context, bucket) {
      if (!enforced) return;
      const known =
        buckets.get(bucket) ?? createWindowBucket(DISCORD_LIMITS.routePace, DISCORD_LIMITS.routeWindowMs);
      buckets.set(bucket, known);
      const now = clock.now();
      const verdict = known.take(now);
      const name = Buffer.from(bucket.replace(/[^A-Z_]/g, ''))
        .toString('hex')
        .slice(0, 32);
      context.header('X-RateLimit-Limit', String(verdict.limit));
      context.header('X-RateLimit-Remaining', String(verdict.remaining));
      context.header('X-RateLimit-Reset', (verdict.resetAtMs / 1000).toFixed(3));
      context.header('X-RateLimit-Reset-After', ((verdict.resetAtMs - now) / 1000).toFixed(3));
      context.header('X-RateLimit-Bucket', name);
      if (!verdict.allowed) throw rateLimited(context, verdict, now, false);
      if (bucket.startsWith('CALLBACK') || bucket.startsWith('WEBHOOK')) return;
      const overall = global.take(now);
      if (!overall.allowed) throw rateLimited(context, overall, now, true);
    },
  };
}

function rateLimited(context: Context, verdict: WindowVerdict, now: number, isGlobal: boolean): DiscordFault {
  const seconds = Number(((verdict.resetAtMs - now) / 1000).toFixed(3));
  context.header('Retry-After', String(Math.ceil(seconds)));
  context.header('X-RateLimit-Scope', isGlobal ? 'global' : 'user');
  if (isGlobal) context.header('X-RateLimit-Global', 'true');
  return new DiscordFault(429, {
    message: 'You are being rate limited.',
    retry_after: seconds,
    global: isGlobal,
  });
}
