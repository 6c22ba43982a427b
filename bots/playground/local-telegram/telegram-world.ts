// Everything the local Telegram knows: chats, messages, drafts, button presses, commands. State and its rules only:
// the bot's calls come through the method files, what people do through telegram-person.ts, both change it here.
// One private chat per person (chat id = the person's user id). Every change is published to the live feed.

import type { CallbackQuery, Chat, Message, User } from '@grammyjs/types';
import type { ChatJournal } from '../chat-journal.ts';
import type { LiveFeed } from '../live-feed.ts';
import { createDripBucket, type DripBucket } from '../pace-bucket.ts';
import type {
  BotCommandView,
  PersonView,
  TelegramDraftView,
  TelegramMessageView,
  TelegramPromptView,
  TelegramView,
} from '../page/view-types.ts';
import type { PlaygroundClock } from '../playground-clock.ts';
import type { PlaygroundPeople } from '../playground-people.ts';
import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import { faults, tooManyRequests } from './telegram-faults.ts';
import { createUpdateQueue, type UpdateQueue } from './update-queue.ts';

/** The fields of a message this server makes. */
export type StoredMessage = Message.CommonMessage & {
  text?: string;
  entities?: Message['entities'];
  caption?: string;
  caption_entities?: Message['entities'];
  document?: Message['document'];
  photo?: Message['photo'];
};

interface ChatState {
  readonly started: boolean;
  readonly blocked: boolean;
  readonly prompt: TelegramPromptView | null;
}

interface StoredFile {
  readonly file_id: string;
  readonly name: string;
  readonly type: string;
  readonly base64: string;
}

export interface TelegramWorld {
  readonly bot: User & { readonly username: string };
  readonly clock: PlaygroundClock;
  readonly updates: UpdateQueue;
  readonly paceEnforced: boolean;
  userOf(person: PersonView): User;
  chatOf(person: PersonView): Chat.PrivateChat;
  /** The person behind a chat the bot may write to. @throws 400 chat not found, 403 blocked or never started */
  writableChat(chatId: number): PersonView;
  /** Counts one send or edit. @throws 429 */
  pace(chatId: number, kind: 'message' | 'draft'): void;
  message(chatId: number, messageId: number): StoredMessage | undefined;
  newMessageId(): number;
  saveMessage(person: PersonView, message: StoredMessage): void;
  removeMessage(person: PersonView, messageId: number): void;
  chatState(person: PersonView): ChatState;
  setChatState(person: PersonView, change: Partial<ChatState>): void;
  setDraft(person: PersonView, draft: (TelegramDraftView & { readonly keepOnStop: boolean }) | null): void;
  stopDraft(person: PersonView): number | undefined;
  setAction(person: PersonView, action: string | null): void;
  openQuery(query: CallbackQuery): void;
  /** Takes a press out of waiting. @throws 400 query is too old */
  closeQuery(id: string): CallbackQuery;
  commands(): readonly BotCommandView[];
  setCommands(scope: string, commands: readonly BotCommandView[]): void;
  commandsOf(scope: string): readonly BotCommandView[];
  notice(person: PersonView, text: string, alert: boolean): void;
  saveFile(file: StoredFile): void;
  file(fileId: string): StoredFile | undefined;
  view(person: PersonView): TelegramView;
}

interface TelegramWorldDeps {
  readonly journal: ChatJournal;
  readonly feed: LiveFeed;
  readonly people: PlaygroundPeople;
  readonly clock: PlaygroundClock;
  readonly botName: string;
  readonly botUsername: string;
  readonly paceEnforced: boolean;
}

export const TELEGRAM_BOT_ID = 7_654_321;

export function createTelegramWorld(deps: TelegramWorldDeps): TelegramWorld {
  const { journal, feed, people, clock } = deps;
  const messages = journal.shelf<StoredMessage>('telegram.messages');
  const chats = journal.shelf<ChatState>('telegram.chats');
  const commandSets = journal.shelf<readonly BotCommandView[]>('telegram.commands');
  const files = journal.shelf<StoredFile>('telegram.files');
  const updates = createUpdateQueue(
    journal.shelf('telegram.updates'),
    journal.shelf('telegram.queue'),
    clock,
  );
  const bot = { id: TELEGRAM_BOT_ID, is_bot: true, first_name: deps.botName, username: deps.botUsername };
  const drafts = new Map<string, TelegramDraftView & { readonly keepOnStop: boolean }>();
  const draftTimers = new Map<string, () => void>();
  const stoppedDrafts = new Set<string>();
  const actions = new Map<string, string>();
  const actionTimers = new Map<string, () => void>();
  const queries = new Map<string, CallbackQuery>();
  const buckets = new Map<string, DripBucket>();
  const botBucket = createDripBucket(TELEGRAM_LIMITS.botPace);
  let lastMessageId = Math.max(0, ...messages.values().map((message) => message.message_id));

  const show = (person: PersonView, state: Partial<Omit<TelegramView, 'messages'>>) =>
    feed.publish(person.id, { kind: 'telegram.state', state });
  const chatState = (person: PersonView): ChatState =>
    chats.get(person.id) ?? { started: false, blocked: false, prompt: null };
  const draftOf = (person: PersonView): TelegramDraftView | null => {
    const draft = drafts.get(person.id);
    if (draft === undefined) return null;
    const { keepOnStop: _, ...shown } = draft;
    return shown;
  };

  const world: TelegramWorld = {
    bot,
    clock,
    updates,
    paceEnforced: deps.paceEnforced,
    userOf: (person) => ({
      id: person.telegramId,
      is_bot: false,
      first_name: person.name,
      username: person.handle,
      language_code: 'en',
    }),
    chatOf: (person) => ({
      id: person.telegramId,
      type: 'private',
      first_name: person.name,
      username: person.handle,
    }),
    writableChat(chatId) {
      const person = people.byTelegramId(chatId);
      if (person === undefined) throw faults.chatNotFound();
      const { started, blocked } = chatState(person);
      if (blocked) throw faults.blocked();
      if (!started) throw faults.notStarted();
      return person;
    },
    pace(chatId, kind) {
      if (!deps.paceEnforced) return;
      const key = `${kind}:${chatId}`;
      const bucket =
        buckets.get(key) ??
        createDripBucket(kind === 'draft' ? TELEGRAM_LIMITS.draftPace : TELEGRAM_LIMITS.chatPace);
      buckets.set(key, bucket);
      const waitMs = Math.max(bucket.take(clock.now()), botBucket.take(clock.now()));
      if (waitMs > 0) throw tooManyRequests(waitMs);
    },
    message(chatId, messageId) {
      const message = messages.get(String(messageId));
      return message?.chat.id === chatId ? message : undefined;
    },
    newMessageId() {
      lastMessageId += 1;
      return lastMessageId;
    },
    saveMessage(person, message) {
      messages.set(String(message.message_id), message);
      feed.publish(person.id, { kind: 'telegram.message', message: message as TelegramMessageView });
    },
    removeMessage(person, messageId) {
      messages.delete(String(messageId));
      feed.publish(person.id, { kind: 'telegram.deleted', message_id: messageId });
    },
    chatState,
    setChatState(person, change) {
      const next = { ...chatState(person), ...change };
      chats.set(person.id, next);
      show(person, { prompt: next.prompt, blocked: next.blocked });
    },
    setDraft(person, draft) {
      draftTimers.get(person.id)?.();
      draftTimers.delete(person.id);
      if (draft === null) {
        if (drafts.delete(person.id)) show(person, { draft: null });
        return;
      }
      // A stopped draft stays stopped: later pieces of it are accepted and not shown.
      if (stoppedDrafts.has(`${person.id}:${draft.draft_id}`)) return;
      drafts.set(person.id, draft);
      draftTimers.set(
        person.id,
        clock.after(TELEGRAM_LIMITS.draftMs, () => world.setDraft(person, null)),
      );
      show(person, { draft: draftOf(person) });
    },
    stopDraft(person) {
      const draft = drafts.get(person.id);
      if (draft === undefined || !draft.can_stop) return undefined;
      stoppedDrafts.add(`${person.id}:${draft.draft_id}`);
      if (draft.keepOnStop) {
        drafts.set(person.id, { ...draft, can_stop: false });
        show(person, { draft: draftOf(person) });
      } else {
        world.setDraft(person, null);
      }
      return draft.draft_id;
    },
    setAction(person, action) {
      actionTimers.get(person.id)?.();
      actionTimers.delete(person.id);
      if (action === null) {
        if (actions.delete(person.id)) show(person, { action: null });
        return;
      }
      actions.set(person.id, action);
      actionTimers.set(
        person.id,
        clock.after(TELEGRAM_LIMITS.actionMs, () => world.setAction(person, null)),
      );
      show(person, { action });
    },
    openQuery(query) {
      queries.set(query.id, query);
      clock.after(TELEGRAM_LIMITS.callbackAnswerMs, () => queries.delete(query.id));
    },
    closeQuery(id) {
      const query = queries.get(id);
      if (query === undefined) throw faults.queryTooOld();
      queries.delete(id);
      const person = people.byTelegramId(query.from.id);
      if (person) feed.publish(person.id, { kind: 'answered', platform: 'telegram' });
      return query;
    },
    commands: () => commandSets.get('all_private_chats') ?? commandSets.get('default') ?? [],
    commandsOf: (scope) => commandSets.get(scope) ?? [],
    setCommands(scope, commands) {
      if (commands.length === 0) commandSets.delete(scope);
      else commandSets.set(scope, commands);
      feed.publish(undefined, { kind: 'telegram.state', state: { commands: world.commands() } });
    },
    notice(person, text, alert) {
      feed.publish(person.id, { kind: 'notice', notice: { platform: 'telegram', text, alert } });
    },
    saveFile: (file) => files.set(file.file_id, file),
    file: (fileId) => files.get(fileId),
    view(person) {
      const state = chatState(person);
      return {
        bot: { id: bot.id, name: bot.first_name, username: bot.username },
        commands: world.commands(),
        messages: messages
          .values()
          .filter((message) => message.chat.id === person.telegramId) as TelegramMessageView[],
        draft: draftOf(person),
        action: actions.get(person.id) ?? null,
        prompt: state.prompt,
        blocked: state.blocked,
      };
    },
  };
  return world;
}
