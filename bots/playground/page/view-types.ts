// What one person sees on both platforms, as plain data: sent by the playground server, kept by the page and by
// the test driver through view-state.ts. Messages keep the platforms' own JSON shapes (the fields the page draws),
// so what is drawn is what a real app would have been sent. Types only; nothing here runs.

export interface PersonView {
  readonly id: string;
  readonly name: string;
  readonly handle: string;
  /** Colour of the avatar, degrees. */
  readonly hue: number;
  readonly telegramId: number;
  readonly discordId: string;
}

// ---- Telegram ------------------------------------------------------------------------------------------------

export interface EntityView {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
}

export interface InlineButtonView {
  readonly text: string;
  readonly callback_data?: string;
  readonly url?: string;
  readonly copy_text?: { readonly text: string };
  readonly disabled?: Readonly<Record<string, never>>;
  readonly style?: 'danger' | 'success' | 'primary';
}

export interface DocumentView {
  readonly file_id: string;
  readonly file_name?: string;
  readonly file_size?: number;
}

export interface PhotoSizeView {
  readonly file_id: string;
  readonly width: number;
  readonly height: number;
}

export interface TelegramMessageView {
  readonly message_id: number;
  readonly from?: { readonly id: number; readonly is_bot: boolean; readonly first_name: string };
  readonly date: number;
  readonly edit_date?: number;
  readonly text?: string;
  readonly entities?: readonly EntityView[];
  readonly caption?: string;
  readonly caption_entities?: readonly EntityView[];
  readonly document?: DocumentView;
  /** One picture in several sizes, the largest last. */
  readonly photo?: readonly PhotoSizeView[];
  readonly reply_to_message?: TelegramMessageView;
  readonly reply_markup?: { readonly inline_keyboard: readonly (readonly InlineButtonView[])[] };
}

export interface TelegramDraftView {
  readonly draft_id: number;
  readonly text: string;
  readonly entities: readonly EntityView[];
  readonly can_stop: boolean;
}

/** What the bot last asked of the input field: a forced reply, or a keyboard of ready answers. */
export interface TelegramPromptView {
  readonly force_reply_to?: number;
  readonly placeholder?: string;
  readonly keyboard?: readonly (readonly string[])[];
}

export interface BotCommandView {
  readonly command: string;
  readonly description: string;
}

export interface TelegramView {
  readonly bot: { readonly id: number; readonly name: string; readonly username: string };
  readonly commands: readonly BotCommandView[];
  readonly messages: readonly TelegramMessageView[];
  readonly draft: TelegramDraftView | null;
  readonly action: string | null;
  readonly prompt: TelegramPromptView | null;
  readonly blocked: boolean;
}

// ---- Discord -------------------------------------------------------------------------------------------------

export interface DiscordUserView {
  readonly id: string;
  readonly username: string;
  readonly global_name?: string | null;
  readonly bot?: boolean;
}

export interface DiscordEmojiView {
  readonly id?: string | null;
  readonly name?: string | null;
}

export interface DiscordOptionView {
  readonly label: string;
  readonly value: string;
  readonly description?: string | null;
  readonly default?: boolean;
}

/** A message or modal component of any kind: the union of the fields the page draws. */
export interface DiscordComponentView {
  readonly type: number;
  readonly id?: number;
  readonly custom_id?: string;
  readonly label?: string;
  readonly description?: string;
  readonly style?: number;
  readonly url?: string;
  readonly emoji?: DiscordEmojiView;
  readonly disabled?: boolean;
  readonly content?: string;
  readonly placeholder?: string;
  readonly value?: string;
  readonly default?: boolean;
  readonly required?: boolean;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly min_values?: number;
  readonly max_values?: number;
  readonly options?: readonly DiscordOptionView[];
  readonly components?: readonly DiscordComponentView[];
  readonly component?: DiscordComponentView;
  readonly accessory?: DiscordComponentView;
  readonly accent_color?: number | null;
  readonly divider?: boolean;
}

export interface DiscordEmbedView {
  readonly title?: string;
  readonly description?: string;
  readonly url?: string;
  readonly color?: number;
  readonly author?: { readonly name: string };
  readonly footer?: { readonly text: string };
  readonly fields?: readonly { readonly name: string; readonly value: string; readonly inline?: boolean }[];
}

export interface DiscordAttachmentView {
  readonly id: string;
  readonly filename: string;
  readonly size: number;
  readonly url: string;
  readonly content_type?: string;
  /** What a picture shows, in words. */
  readonly description?: string;
  readonly width?: number;
  readonly height?: number;
}

export interface DiscordReactionView {
  readonly emoji: DiscordEmojiView;
  readonly count: number;
}

export interface DiscordMessageView {
  readonly id: string;
  readonly channel_id: string;
  readonly author: DiscordUserView;
  readonly content: string;
  readonly timestamp: string;
  readonly edited_timestamp: string | null;
  readonly type: number;
  /** 64 = ephemeral ("Only you can see this"), 128 = loading ("is thinking…"), 32768 = Components V2. */
  readonly flags?: number;
  readonly embeds: readonly DiscordEmbedView[];
  readonly attachments: readonly DiscordAttachmentView[];
  readonly components?: readonly DiscordComponentView[];
  readonly reactions?: readonly DiscordReactionView[];
  readonly mention_everyone: boolean;
  readonly mentions: readonly DiscordUserView[];
  readonly mention_roles: readonly string[];
  readonly referenced_message?: DiscordMessageView | null;
  readonly interaction_metadata?: { readonly user: DiscordUserView; readonly name?: string };
}

export interface DiscordChannelView {
  readonly id: string;
  /** 0 text, 1 DM, 11 public thread, 12 private thread. */
  readonly type: number;
  readonly name: string;
  readonly parent_id: string | null;
  readonly archived: boolean;
}

export interface SlashOptionView {
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly min_value?: number;
  readonly max_value?: number;
  readonly choices?: readonly { readonly name: string; readonly value: string | number }[];
  readonly options?: readonly SlashOptionView[];
}

export interface SlashCommandView {
  readonly id: string;
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly options?: readonly SlashOptionView[];
  /** Where it may be used: 0 guild, 1 DM with the bot; absent = everywhere. */
  readonly contexts?: readonly number[] | null;
}

export interface DiscordModalView {
  readonly interaction_id: string;
  readonly custom_id: string;
  readonly title: string;
  readonly components: readonly DiscordComponentView[];
}

export interface DiscordView {
  readonly bot: { readonly id: string; readonly name: string; readonly online: boolean };
  readonly guild: { readonly id: string; readonly name: string };
  readonly channels: readonly DiscordChannelView[];
  readonly commands: readonly SlashCommandView[];
  readonly messages: readonly DiscordMessageView[];
  /** Channel ids in which the bot is typing. */
  readonly typing: readonly string[];
  readonly modal: DiscordModalView | null;
}

// ---- Live feed -----------------------------------------------------------------------------------------------

/** A short note that an app would show and forget: an answered button, a failed interaction. */
export interface NoticeView {
  readonly platform: 'telegram' | 'discord';
  readonly text: string;
  /** Telegram's `show_alert`: a box to dismiss instead of a toast. */
  readonly alert: boolean;
  /** Discord: the message under which "This interaction failed" stands. */
  readonly message_id?: string;
}

export interface Snapshot {
  readonly person: PersonView;
  readonly people: readonly PersonView[];
  readonly telegram: TelegramView;
  readonly discord: DiscordView;
}

export type ViewEvent =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'people'; readonly people: readonly PersonView[] }
  | { readonly kind: 'notice'; readonly notice: NoticeView }
  /** The bot has reacted to a press: the spinner of the button ends. */
  | { readonly kind: 'answered'; readonly platform: 'telegram' | 'discord' }
  | { readonly kind: 'telegram.message'; readonly message: TelegramMessageView }
  | { readonly kind: 'telegram.deleted'; readonly message_id: number }
  | { readonly kind: 'telegram.state'; readonly state: Partial<Omit<TelegramView, 'messages'>> }
  | { readonly kind: 'discord.message'; readonly message: DiscordMessageView }
  | { readonly kind: 'discord.deleted'; readonly message_id: string }
  | { readonly kind: 'discord.channel'; readonly channel: DiscordChannelView }
  | { readonly kind: 'discord.state'; readonly state: Partial<Omit<DiscordView, 'messages' | 'channels'>> };
