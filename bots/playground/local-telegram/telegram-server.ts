// The HTTP face of the local Telegram: POST or GET /bot<token>/<method> and /file/bot<token>/<path>, as api.telegram.org.
// grammY talks to it unmodified through `apiRoot`. Reads JSON, form and multipart bodies, records every call on the
// wire log, turns TelegramFault into the real error JSON. Rules live in the method files, not here.

import { type Context, Hono } from 'hono';
import { cutOff } from '../cut-off.ts';
import type { WireLog } from '../wire-log.ts';
import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import { type BotMethod, messageMethods } from './message-methods.ts';
import { isRecord, type MethodParams, readParams, type UploadedFile } from './method-params.ts';
import { settingsMethods } from './settings-methods.ts';
import { badRequest, faults, TelegramFault, tooManyRequests } from './telegram-faults.ts';
import type { TelegramWorld } from './telegram-world.ts';

const METHODS = new Map<string, readonly [name: string, method: BotMethod]>(
  Object.entries({ ...messageMethods, ...settingsMethods }).map(([name, method]) => [
    name.toLowerCase(),
    [name, method],
  ]),
);

export interface TelegramTrouble {
  /** The next calls of `method` are refused with 429 or, with 'lost_response', carried out but cut off. */
  next(
    method: string,
    kind: 'flood' | 'lost_response' | 'server_error',
    count: number,
    retryAfterSeconds?: number,
  ): void;
}

interface PlannedTrouble {
  readonly kind: 'flood' | 'lost_response' | 'server_error';
  readonly retryAfterSeconds: number;
  left: number;
}

interface TelegramServer {
  readonly routes: Hono;
  readonly trouble: TelegramTrouble;
}

export function createTelegramServer(world: TelegramWorld, token: string, wire: WireLog): TelegramServer {
  const planned = new Map<string, PlannedTrouble>();

  const call = async (context: Context, name: string, params: MethodParams): Promise<unknown> => {
    if (name === 'getupdates') return pollUpdates(world, params, context.req.raw.signal);
    const known = METHODS.get(name);
    if (known === undefined) throw faults.unknownMethod();
    return known[1](world, params);
  };

  const answer = async (context: Context): Promise<Response> => {
    const method = context.req.param('method') ?? '';
    const lower = method.toLowerCase();
    let raw: Readonly<Record<string, unknown>> = {};
    try {
      if (context.req.param('bot') !== `bot${token}`) throw faults.unauthorized();
      const body = await readBody(context);
      raw = body.raw;
      const trouble = planned.get(lower);
      if (trouble !== undefined) {
        trouble.left -= 1;
        if (trouble.left <= 0) planned.delete(lower);
        if (trouble.kind === 'flood') throw tooManyRequests(trouble.retryAfterSeconds * 1000);
        if (trouble.kind === 'server_error') throw new TelegramFault(502, 'Bad Gateway');
      }
      const result = await call(context, lower, readParams(raw, body.files));
      const isIdlePoll = lower === 'getupdates' && Array.isArray(result) && result.length === 0;
      if (!isIdlePoll) {
        wire.record({
          platform: 'telegram',
          direction: 'in',
          what: method,
          body: raw,
          status: 200,
          answer: result,
        });
      }
      if (trouble?.kind === 'lost_response') return cutOff(context);
      return context.json({ ok: true, result });
    } catch (error) {
      if (!(error instanceof TelegramFault)) throw error;
      const { errorCode, message, retryAfterSeconds } = error;
      const parameters = retryAfterSeconds === undefined ? undefined : { retry_after: retryAfterSeconds };
      const answerBody = {
        ok: false,
        error_code: errorCode,
        description: message,
        ...(parameters && { parameters }),
      };
      wire.record({
        platform: 'telegram',
        direction: 'in',
        what: method,
        body: raw,
        status: errorCode,
        answer: answerBody,
      });
      if (retryAfterSeconds !== undefined) context.header('Retry-After', String(retryAfterSeconds));
      return context.json(answerBody, errorCode as 400);
    }
  };

  const routes = new Hono();
  routes.get('/file/:bot/documents/:file', (context) => {
    if (context.req.param('bot') !== `bot${token}`)
      return context.json({ ok: false, error_code: 401, description: 'Unauthorized' }, 401);
    const file = world.file(context.req.param('file'));
    if (file === undefined)
      return context.json({ ok: false, error_code: 404, description: 'Not Found' }, 404);
    return context.body(Buffer.from(file.base64, 'base64'), 200, { 'Content-Type': file.type });
  });
  routes.all('/:bot{bot[^/]+}/:method', answer);
  routes.all('*', (context) => context.json({ ok: false, error_code: 404, description: 'Not Found' }, 404));
  return {
    routes,
    trouble: {
      next(method, kind, count, retryAfterSeconds = 1) {
        planned.set(method.toLowerCase(), { kind, left: count, retryAfterSeconds });
      },
    },
  };
}

function pollUpdates(world: TelegramWorld, params: MethodParams, signal: AbortSignal): Promise<unknown> {
  const allowed = params.value('allowed_updates');
  const limit = params.integer('limit') ?? 100;
  const seconds = params.integer('timeout') ?? 0;
  return world.updates.poll({
    offset: params.integer('offset') ?? 0,
    limit: Math.min(100, Math.max(1, limit)),
    timeoutMs: Math.min(TELEGRAM_LIMITS.pollSecondsMax, Math.max(0, seconds)) * 1000,
    allowed: Array.isArray(allowed) ? allowed.map(String) : undefined,
    signal,
  });
}

async function readBody(
  context: Context,
): Promise<{ raw: Record<string, unknown>; files: Map<string, UploadedFile> }> {
  const raw: Record<string, unknown> = { ...context.req.query() };
  const files = new Map<string, UploadedFile>();
  const type = context.req.header('content-type') ?? '';
  if (type.startsWith('application/json')) {
    const body: unknown = await context.req.json().catch(() => {
      throw badRequest("can't parse request JSON object");
    });
    if (!isRecord(body)) throw badRequest('object expected as request body');
    return { raw: { ...raw, ...body }, files };
  }
  if (type.startsWith('multipart/form-data') || type.startsWith('application/x-www-form-urlencoded')) {
    const form = await context.req.formData();
    for (const [name, value] of form) {
      if (typeof value === 'string') raw[name] = value;
      else
        files.set(name, {
          name: value.name,
          bytes: new Uint8Array(await value.arrayBuffer()),
          type: value.type,
        });
    }
  }
  return { raw, files };
}
