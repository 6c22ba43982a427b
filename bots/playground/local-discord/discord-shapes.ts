// The JSON objects the local Discord hands out (users, members, channels, messages), built from its lean records.
// Field sets follow Discord's OpenAPI; a test holds them against those schemas. Pure.

import type {
  DiscordChannelView,
  DiscordMessageView,
  DiscordUserView,
  PersonView,
} from '../page/view-types.ts';

export type Json = Readonly<Record<string, unknown>>;

export const DISCORD_IDS = {
  application: '110000000000000001',
  guild: '110000000000000002',
  channel: '110000000000000003',
  owner: '110000000000000004',
} as const;

const JOINED_AT = '2026-01-01T00:00:00.000000+00:00';
/** Everything but administrator: what a bot is usually invited with. */
export const ALL_PERMISSIONS = '2248473465835073';

export interface StoredChannel extends DiscordChannelView {
  readonly ownerId: string | null;
  /** The person of a DM. */
  readonly personId: string | null;
  readonly createdAt: string;
  readonly lastMessageId: string | null;
  readonly locked: boolean;
  readonly autoArchiveMinutes: number;
}

export interface StoredDiscordMessage {
  readonly message: WireMessage;
  /** Set for messages only one person sees. */
  readonly ephemeralTo: string | null;
  readonly nonce: string | null;
}

/** A message as the API gives it: what the page draws, and the fields it does not. */
export interface WireMessage extends DiscordMessageView {
  readonly tts: boolean;
  readonly pinned: boolean;
  readonly nonce?: string | number;
  readonly webhook_id?: string;
  readonly application_id?: string;
  readonly message_reference?: Json;
  readonly interaction_metadata?: { readonly user: DiscordUserView; readonly name?: string } & Json;
  readonly thread?: Json;
}

export const botUser = (name: string): Json & DiscordUserView => ({
  ...emptyUser,
  id: DISCORD_IDS.application,
  username: name,
  global_name: null,
  bot: true,
});

const emptyUser = {
  avatar: null,
  discriminator: '0',
  public_flags: 0,
  flags: 0,
  banner: null,
  accent_color: null,
  avatar_decoration_data: null,
  collectibles: null,
  display_name_styles: null,
  clan: null,
  primary_guild: null,
};

export const personUser = (person: PersonView): Json & DiscordUserView => ({
  ...emptyUser,
  id: person.discordId,
  username: person.handle,
  global_name: person.name,
});

export const memberOf = (user: Json): Json => ({
  user,
  nick: null,
  avatar: null,
  banner: null,
  roles: [],
  joined_at: JOINED_AT,
  premium_since: null,
  deaf: false,
  mute: false,
  pending: false,
  flags: 0,
  communication_disabled_until: null,
});

export const everyoneRole: Json = {
  id: DISCORD_IDS.guild,
  name: '@everyone',
  description: null,
  permissions: ALL_PERMISSIONS,
  position: 0,
  color: 0,
  colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
  hoist: false,
  managed: false,
  mentionable: false,
  icon: null,
  unicode_emoji: null,
  flags: 0,
};

export const guildObject = (name: string): Json => ({
  id: DISCORD_IDS.guild,
  name,
  icon: null,
  splash: null,
  discovery_splash: null,
  home_header: null,
  owner_id: DISCORD_IDS.owner,
  region: 'deprecated',
  afk_channel_id: null,
  afk_timeout: 300,
  widget_enabled: false,
  widget_channel_id: null,
  verification_level: 0,
  default_message_notifications: 0,
  explicit_content_filter: 0,
  roles: [everyoneRole],
  emojis: [],
  features: [],
  mfa_level: 0,
  application_id: null,
  system_channel_id: null,
  system_channel_flags: 0,
  rules_channel_id: null,
  max_members: 500000,
  max_presences: null,
  vanity_url_code: null,
  description: null,
  banner: null,
  premium_tier: 0,
  premium_subscription_count: 0,
  preferred_locale: 'en-US',
  public_updates_channel_id: null,
  nsfw: false,
  nsfw_level: 0,
  stickers: [],
  premium_progress_bar_enabled: false,
  safety_alerts_channel_id: null,
});

export function channelObject(channel: StoredChannel, recipient: Json | undefined): Json {
  const common = { id: channel.id, type: channel.type, last_message_id: channel.lastMessageId, flags: 0 };
  if (channel.type === 1) return { ...common, recipients: recipient ? [recipient] : [] };
  const inGuild = {
    ...common,
    guild_id: DISCORD_IDS.guild,
    name: channel.name,
    parent_id: channel.parent_id,
    rate_limit_per_user: 0,
  };
  if (channel.type === 0) {
    return { ...inGuild, position: 0, topic: null, nsfw: false, permission_overwrites: [] };
  }
  return {
    ...inGuild,
    owner_id: channel.ownerId,
    message_count: 0,
    member_count: 1,
    total_message_sent: 0,
    thread_metadata: {
      archived: channel.archived,
      archive_timestamp: channel.createdAt,
      auto_archive_duration: channel.autoArchiveMinutes,
      locked: channel.locked,
      create_timestamp: channel.createdAt,
    },
  };
}

export const isThread = (channel: { readonly type: number }): boolean =>
  channel.type === 11 || channel.type === 12;
