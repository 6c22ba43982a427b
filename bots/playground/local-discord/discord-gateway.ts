// The gateway of the local Discord over a web socket: HELLO, IDENTIFY, READY, heartbeats, RESUME with missed events,
// and Discord's close codes. discord.js talks to it unmodified. Sessions outlive their socket for two minutes.
// States of a socket: greeted -> (identified | resumed) -> closed. Knows nothing of what the events mean, except
// that message content is withheld without its intent.

import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { WireLog } from '../wire-log.ts';
import { DISCORD_IDS, guildObject, type Json, memberOf, personUser } from './discord-shapes.ts';
import type { DiscordWorld } from './discord-world.ts';
import { DISCORD_LIMITS, INTENTS } from './local-discord-limits.ts';

export interface DiscordGateway {
  accept(socket: WebSocket): void;
  dispatch(event: string, data: Json, intent: number): void;
  /** Cuts every connection as a gateway restart does; with `resumable` false the sessions are gone too. */
  drop(options: { readonly resumable: boolean }): void;
  /** Sends the last `count` events whose name is `event` once more, as after an imperfect resume. */
  redeliver(event: string, count: number): void;
  stop(): void;
}

interface Sent {
  readonly seq: number;
  readonly event: string;
  readonly data: Json;
}

interface Session {
  readonly id: string;
  readonly intents: number;
  seq: number;
  sent: Sent[];
  socket: WebSocket | undefined;
  cancelExpiry: (() => void) | undefined;
}

const OP = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  presence: 3,
  resume: 6,
  reconnect: 7,
  members: 8,
  invalid: 9,
  hello: 10,
  ack: 11,
};
const KEPT_EVENTS = 1000;
const ALL_INTENTS = 2 ** 28 - 1;
const PRIVILEGED = INTENTS.members | INTENTS.presences | INTENTS.messageContent;

interface DiscordGatewayDeps {
  readonly world: DiscordWorld;
  readonly token: string;
  readonly wire: WireLog;
  /** Where a client resumes: ws://… */
  readonly resumeUrl: () => string;
  /** Whether the bot was granted the message content, member and presence intents. */
  readonly privilegedIntents: boolean;
}

export function createDiscordGateway(deps: DiscordGatewayDeps): DiscordGateway {
  const { world, wire } = deps;
  const sessions = new Map<string, Session>();
  const sockets = new Set<WebSocket>();

  const send = (session: Session, event: string, data: Json): void => {
    session.seq += 1;
    const shown = withheld(session.intents, event, data);
    session.sent = [...session.sent.slice(1 - KEPT_EVENTS), { seq: session.seq, event, data: shown }];
    if (session.socket === undefined) return;
    wire.record({ platform: 'discord', direction: 'out', what: event, body: shown, status: 0, answer: null });
    write(session.socket, { op: OP.dispatch, t: event, s: session.seq, d: shown });
  };

  const attach = (session: Session, socket: WebSocket): void => {
    session.cancelExpiry?.();
    session.cancelExpiry = undefined;
    session.socket = socket;
    world.setOnline(true);
  };
  const detach = (session: Session): void => {
    session.socket = undefined;
    session.cancelExpiry = world.clock.after(DISCORD_LIMITS.resumableMs, () => sessions.delete(session.id));
    if (![...sessions.values()].some((other) => other.socket)) world.setOnline(false);
  };

  const identify = (socket: WebSocket, data: Json): Session | undefined => {
    if (data.token !== deps.token) return closeWith(socket, 4004, 'Authentication failed.');
    const intents = Number(data.intents);
    if (!Number.isInteger(intents) || intents < 0 || intents > ALL_INTENTS) {
      return closeWith(socket, 4013, 'Invalid intent(s).');
    }
    if (!deps.privilegedIntents && (intents & PRIVILEGED) !== 0) {
      return closeWith(socket, 4014, 'Disallowed intent(s).');
    }
    const id = randomBytes(16).toString('hex');
    const session: Session = { id, intents, seq: 0, sent: [], socket: undefined, cancelExpiry: undefined };
    sessions.set(id, session);
    attach(session, socket);
    send(session, 'READY', {
      v: 10,
      user: world.bot,
      guilds: [{ id: DISCORD_IDS.guild, unavailable: true }],
      session_id: id,
      session_type: 'normal',
      resume_gateway_url: deps.resumeUrl(),
      shard: [0, 1],
      application: { id: DISCORD_IDS.application, flags: 0 },
      private_channels: [],
      presences: [],
      relationships: [],
    });
    if ((intents & INTENTS.guilds) !== 0) send(session, 'GUILD_CREATE', guildCreate(world));
    return session;
  };

  const resume = (socket: WebSocket, data: Json): Session | undefined => {
    if (data.token !== deps.token) return closeWith(socket, 4004, 'Authentication failed.');
    const session = sessions.get(String(data.session_id));
    if (session === undefined) {
      write(socket, { op: OP.invalid, d: false });
      return undefined;
    }
    if (Number(data.seq) > session.seq) return closeWith(socket, 4007, 'Invalid seq.');
    attach(session, socket);
    for (const missed of session.sent.filter((sent) => sent.seq > Number(data.seq))) {
      wire.record({
        platform: 'discord',
        direction: 'out',
        what: missed.event,
        body: missed.data,
        status: 0,
        answer: null,
      });
      write(socket, { op: OP.dispatch, t: missed.event, s: missed.seq, d: missed.data });
    }
    send(session, 'RESUMED', { _trace: [] });
    return session;
  };

  return {
    accept(socket) {
      let session: Session | undefined;
      let received: number[] = [];
      sockets.add(socket);
      socket.on('close', (code) => {
        sockets.delete(socket);
        if (session?.socket !== socket) return;
        detach(session);
        // A client that says goodbye ends its session; every other close may be resumed.
        if (code === 1000 || code === 1001) sessions.delete(session.id);
      });
      socket.on('message', (raw) => {
        const now = world.clock.now();
        received = [...received.filter((at) => at > now - DISCORD_LIMITS.gatewayWindowMs), now];
        if (received.length > DISCORD_LIMITS.gatewaySends) return closeWith(socket, 4008, 'Rate limited.');
        const packet = parsePacket(String(raw));
        if (packet === undefined) return closeWith(socket, 4002, 'Decode error.');
        if (packet.op === OP.heartbeat) return write(socket, { op: OP.ack });
        const data = (packet.d ?? {}) as Json;
        if (packet.op === OP.identify || packet.op === OP.resume) {
          if (session) return closeWith(socket, 4005, 'Already authenticated.');
          session = packet.op === OP.identify ? identify(socket, data) : resume(socket, data);
          return undefined;
        }
        if (session === undefined) return closeWith(socket, 4003, 'Not authenticated.');
        if (packet.op === OP.members) return send(session, 'GUILD_MEMBERS_CHUNK', memberChunk(world, data));
        if (packet.op !== OP.presence && packet.op !== 4) return closeWith(socket, 4001, 'Unknown opcode.');
        return undefined;
      });
      write(socket, { op: OP.hello, d: { heartbeat_interval: DISCORD_LIMITS.heartbeatMs, _trace: [] } });
    },
    dispatch(event, data, intent) {
      for (const session of sessions.values()) {
        if (intent === 0 || (session.intents & intent) !== 0) send(session, event, data);
      }
    },
    drop({ resumable }) {
      if (!resumable) sessions.clear();
      for (const socket of sockets) socket.close(4000, 'Unknown error.');
    },
    redeliver(event, count) {
      for (const session of sessions.values()) {
        const past = session.sent.filter((sent) => sent.event === event).slice(-count);
        for (const { data } of past) send(session, event, data);
      }
    },
    stop() {
      for (const session of sessions.values()) session.cancelExpiry?.();
      for (const socket of sockets) socket.terminate();
      sessions.clear();
    },
  };
}

const write = (socket: WebSocket, packet: Json): void => {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ t: null, s: null, ...packet }));
};

function closeWith(socket: WebSocket, code: number, reason: string): undefined {
  socket.close(code, reason);
}

function parsePacket(text: string): { readonly op: number; readonly d?: unknown } | undefined {
  try {
    const packet: unknown = JSON.parse(text);
    return typeof packet === 'object' && packet !== null && 'op' in packet
      ? (packet as { op: number })
      : undefined;
  } catch {
    return undefined;
  }
}

function guildCreate(world: DiscordWorld): Json {
  const channels = world.channels().filter((channel) => channel.type === 0);
  const threads = world.channels().filter((channel) => channel.type >= 11 && !channel.archived);
  const members = [world.bot, ...world.people.all().map(personUser)].map(memberOf);
  return {
    ...guildObject(world.guildName),
    joined_at: '2026-01-01T00:00:00.000000+00:00',
    large: false,
    unavailable: false,
    member_count: members.length,
    voice_states: [],
    members: [members[0]],
    channels: channels.map(world.channelJson),
    threads: threads.map(world.channelJson),
    presences: [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}

function memberChunk(world: DiscordWorld, data: Json): Json {
  return {
    guild_id: DISCORD_IDS.guild,
    members: [world.bot, ...world.people.all().map(personUser)].map(memberOf),
    chunk_index: 0,
    chunk_count: 1,
    ...(data.nonce === undefined ? {} : { nonce: data.nonce }),
  };
}

/** Without the message content intent a guild message shows its content only to a bot that wrote it or is mentioned. */
function withheld(intents: number, event: string, data: Json): Json {
  if (event !== 'MESSAGE_CREATE' && event !== 'MESSAGE_UPDATE') return data;
  if ((intents & INTENTS.messageContent) !== 0 || data.guild_id === undefined) return data;
  const author = data.author as { id?: string } | undefined;
  const mentions = (data.mentions as { id: string }[] | undefined) ?? [];
  if (author?.id === DISCORD_IDS.application || mentions.some(({ id }) => id === DISCORD_IDS.application))
    return data;
  return { ...data, content: '', embeds: [], attachments: [], components: [] };
}
