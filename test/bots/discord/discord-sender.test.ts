// What the Discord sender puts on the wire in the cases that take 15 minutes or a closed door: expired tokens, deleted
// messages, lost answers, floods.
import { DiscordAPIError, RateLimitError } from 'discord.js';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createPacer } from '../../../bots/core/pacer.ts';
import { rich } from '../../../bots/core/rich-text.ts';
import { messageRefOf } from '../../../bots/discord/discord-ids.ts';
import {
  createDiscordSender,
  type DiscordRest,
  type DiscordSender,
} from '../../../bots/discord/discord-sender.ts';

interface Call {
  readonly what: string;
  readonly body: Record<string, unknown>;
}

let calls: Call[];
let refuse: (what: string) => unknown;
let sender: DiscordSender;

const refused = (code: number, status = 404) =>
  new DiscordAPIError({ code, message: 'refused' }, code, status, 'PATCH', 'url', {});

beforeEach(() => {
  calls = [];
  refuse = () => null;
  const verb = (method: string) => async (route: string, options?: { body?: unknown }) => {
    const what = `${method} ${decodeURIComponent(route)}`;
    calls.push({ what, body: (options?.body ?? {}) as Record<string, unknown> });
    const error = refuse(what);
    if (error) throw error;
    return { id: String(100 + calls.length) };
  };
  const rest = {
    post: verb('POST'),
    patch: verb('PATCH'),
    delete: verb('DELETE'),
    put: verb('PUT'),
  } as unknown as DiscordRest;
  sender = createDiscordSender({
    rest,
    pacer: createPacer({ editIntervalMs: () => 0 }),
    applicationId: () => 'app',
  });
});

const route = { token: 'tok', expiresAt: Date.now() + 60_000, original: true };
const byToken = (ephemeral: boolean, expiresAt = route.expiresAt) =>
  messageRefOf({ channelId: '50', messageId: '88', ephemeral, route: { ...route, expiresAt } });
const whats = () => calls.map(({ what }) => what);

describe('an interaction older than its token', () => {
  it('is edited by its token while that lasts, and through the channel afterwards', async () => {
    await sender.edit(byToken(false), { text: rich('a') });
    await sender.edit(byToken(false, Date.now() - 1), { text: rich('b') });
    refuse = (what) => (what.includes('/webhooks/') ? refused(50027, 401) : null);
    await sender.edit(byToken(false), { text: rich('c') });
    expect(whats()).toEqual([
      'PATCH /webhooks/app/tok/messages/@original',
      'PATCH /channels/50/messages/88',
      'PATCH /webhooks/app/tok/messages/@original',
      'PATCH /channels/50/messages/88',
    ]);
  });

  it('is never continued in public when only one person may see it', async () => {
    refuse = () => refused(50027, 401);
    await expect(sender.edit(byToken(true, Date.now() - 1), { text: rich('secret') })).rejects.toMatchObject({
      code: 'line_closed',
    });
    expect(whats()).toEqual(['PATCH /webhooks/app/tok/messages/@original']);
  });
});

describe('final answers', () => {
  it('are said anew when the message was deleted, with the same nonce each time', async () => {
    refuse = (what) => (what.startsWith('PATCH') ? refused(10008) : null);
    const ref = messageRefOf({ channelId: '50', messageId: '88', ephemeral: false, route: null });
    const stream = sender.streamInto(ref, { action: '1str', label: 'Stop' }, rich('…'));
    await stream.finish({ text: rich('The end.') });
    expect(whats()).toEqual(['PATCH /channels/50/messages/88', 'POST /channels/50/messages']);
    expect(calls[1]?.body).toMatchObject({
      content: 'The end.',
      enforce_nonce: true,
      allowed_mentions: { parse: [], replied_user: false },
    });
    expect(String(calls[1]?.body.nonce)).toMatch(/^[\w-]{25}$/);
  });

  it('wait out a flood and keep their nonce, so that a lost answer is no second message', async () => {
    vi.useFakeTimers();
    try {
      const flood = new RateLimitError({
        global: false,
        hash: 'h',
        limit: 5,
        majorParameter: '50',
        method: 'POST',
        retryAfter: 7000,
        route: '/channels/:id/messages',
        scope: 'user',
        sublimitTimeout: 0,
        timeToReset: 7000,
        url: 'u',
      });
      let faults: unknown[] = [flood, new Error('socket hang up')];
      refuse = () => faults.shift();
      const sent = sender.sendToChannel({ channelId: '50', reply: { text: rich('x') }, key: 'k' });
      await vi.advanceTimersByTimeAsync(6999);
      expect(calls).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(60_000);
      await sent;
      expect(calls).toHaveLength(3);
      expect(new Set(calls.map(({ body }) => body.nonce)).size).toBe(1);
      faults = [];
    } finally {
      vi.useRealTimers();
    }
  });
});
