// Conversation ids and message references of Discord as strings, and back (round-trip tested). Used by inbound, sender
// and responder. In a server every person has a conversation of their own in each channel: "channel:user".
// A message reference is "c" (by channel), "w" (by interaction token, later by channel) or "e" (seen by one person only,
// by interaction token alone), then channel, message, expiry and token.
import type { MessageRef } from '../core/platform.ts';

interface DiscordPlace {
  readonly channelId: string;
  /** Set in shared places. */
  readonly userId: string | null;
}

export const conversationIdOf = ({ channelId, userId }: DiscordPlace): string =>
  userId === null ? channelId : `${channelId}:${userId}`;

export function placeOf(conversationId: string): DiscordPlace {
  const [channelId = '', userId] = conversationId.split(':');
  return { channelId, userId: userId ?? null };
}

/** The interaction token through which a message can be edited until it expires. */
interface TokenRoute {
  readonly token: string;
  readonly expiresAt: number;
  /** The message the interaction stands for is addressed as "@original". */
  readonly original: boolean;
}

export interface DiscordMessage {
  readonly channelId: string;
  readonly messageId: string;
  readonly ephemeral: boolean;
  readonly route: TokenRoute | null;
}

export function messageRefOf({ channelId, messageId, ephemeral, route }: DiscordMessage): MessageRef {
  const parts =
    route === null
      ? ['c', channelId, messageId]
      : [
          ephemeral ? 'e' : 'w',
          channelId,
          messageId,
          route.expiresAt.toString(36),
          route.original ? 'o' : 'f',
          route.token,
        ];
  return parts.join('|') as MessageRef;
}

/** @throws RangeError for a reference that this platform did not write */
export function messageOf(ref: MessageRef): DiscordMessage {
  const [kind, channelId, messageId, expiresAt, original, ...token] = ref.split('|');
  if (channelId === undefined || messageId === undefined)
    throw new RangeError('Not a Discord message reference.');
  if (kind === 'c') return { channelId, messageId, ephemeral: false, route: null };
  if ((kind !== 'w' && kind !== 'e') || expiresAt === undefined || token.length === 0) {
    throw new RangeError('Not a Discord message reference.');
  }
  return {
    channelId,
    messageId,
    ephemeral: kind === 'e',
    route: { token: token.join('|'), expiresAt: Number.parseInt(expiresAt, 36), original: original === 'o' },
  };
}
