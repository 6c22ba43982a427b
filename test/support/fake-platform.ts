// A chat platform in memory that shows messages as a reader would see them: for tests of commands without a network.
// Streams show every update at once; forms open at once; what only one person sees is marked. Knows no real platform.
import type {
  BotLog,
  ButtonRows,
  CommandDefinition,
  Form,
  Inbound,
  InboundHandler,
  MessageRef,
  Platform,
  PrivateFile,
  Reply,
  Responder,
  RichText,
  Source,
} from '../../bots/core/platform.ts';

interface ShownMessage {
  readonly ref: MessageRef;
  readonly from: string;
  text: RichText;
  buttons: ButtonRows;
  ephemeral: boolean;
}

export interface FakeChat {
  readonly platform: Platform;
  readonly source: Source;
  /** Everything as a reader sees it; emphasis as **bold**, _italic_, `code`, > quote, (small). */
  transcript(): string;
  /** What came since the last call of since(). */
  since(): string;
  toasts(): readonly string[];
  say(text: string, eventId?: string): Promise<void>;
  command(name: string, args?: Readonly<Record<string, string>>): Promise<void>;
  /** Presses the newest button whose label contains `label`. */
  press(label: string): Promise<void>;
  pressAction(action: string): Promise<void>;
  /** Fills the form that is open. */
  fill(values: Readonly<Record<string, string>>): Promise<void>;
  openForm(): Form | null;
  stop(): Promise<void>;
  /** Makes the next sends and edits fail. */
  breakSends(count: number, fault: Error): void;
  as(userId: string, displayName: string): FakeChat;
  /** All files that were shown. */
  readonly files: PrivateFile[];
  /** All updates that a stream was given. */
  readonly updates: string[];
}

export const quietBotLog: BotLog = { error: () => {}, warn: () => {}, info: () => {} };

const MARKS = {
  plain: ['', ''],
  bold: ['**', '**'],
  italic: ['_', '_'],
  code: ['`', '`'],
  quote: ['> ', ''],
  small: ['(', ')'],
  link: ['<', '>'],
} as const;

const shownText = (text: RichText): string =>
  text.map((span) => `${MARKS[span.kind][0]}${span.text}${MARKS[span.kind][1]}`).join('');

interface FakeChatOptions {
  readonly isPrivate?: boolean;
  /** Default: what only one person sees is hidden from the others. */
  readonly hidesReplies?: boolean;
  readonly handler: InboundHandler;
  /** Waited for before a stream stands there. */
  readonly beforeStream?: () => Promise<void>;
  readonly definitions?: readonly CommandDefinition[];
}

export function createFakeChat({
  isPrivate = true,
  hidesReplies = true,
  handler,
  beforeStream,
}: FakeChatOptions): FakeChat {
  const messages: ShownMessage[] = [];
  const toasts: string[] = [];
  const updates: string[] = [];
  const files: PrivateFile[] = [];
  let form: Form | null = null;
  let events = 0;
  let seen = 0;
  let broken: { left: number; fault: Error } = { left: 0, fault: new Error('broken') };
  const attempt = (): void => {
    if (broken.left <= 0) return;
    broken.left -= 1;
    throw broken.fault;
  };
  const add = (from: string, reply: Reply): MessageRef => {
    const ref = `m${messages.length + 1}` as MessageRef;
    messages.push({
      ref,
      from,
      text: reply.text,
      buttons: reply.buttons ?? [],
      ephemeral: reply.ephemeral === true,
    });
    return ref;
  };
  const change = (ref: MessageRef, next: Partial<ShownMessage>): void => {
    const message = messages.find((each) => each.ref === ref);
    if (message === undefined) throw new Error(`no message ${ref}`);
    Object.assign(message, next);
  };
  const line = ({ from, text, buttons, ephemeral }: ShownMessage): string =>
    [
      `${from}: ${shownText(text)}${ephemeral && !isPrivate ? ' (only you see this)' : ''}`,
      ...buttons.map((row) => `  ${row.map((button) => `[${button.label}]`).join(' ')}`),
    ].join('\n');

  const respond: Responder = {
    hidesReplies: isPrivate || hidesReplies,
    async reply(reply) {
      attempt();
      return add('Bot', reply);
    },
    async showPicture({ fileName, caption, ephemeral }) {
      attempt();
      add('Bot', { text: [{ kind: 'plain', text: `<picture ${fileName}> ${caption}` }], ephemeral });
    },
    async showFile(file) {
      attempt();
      if (!isPrivate) return false;
      const { fileName, caption } = file;
      files.push(file);
      add('Bot', { text: [{ kind: 'plain', text: `<file ${fileName}> ${caption}` }], ephemeral: true });
      return true;
    },
    async edit(ref, reply) {
      attempt();
      change(ref, { text: reply.text, buttons: reply.buttons ?? [] });
    },
    async editButtons(ref, buttons) {
      attempt();
      change(ref, { buttons });
    },
    async stream(stop, opening) {
      await beforeStream?.();
      attempt();
      const message = add('Bot', { text: opening, buttons: [[stop]] });
      return {
        message,
        update(text) {
          updates.push(shownText(text));
          change(message, { text });
        },
        async finish(reply) {
          attempt();
          change(message, { text: reply.text, buttons: reply.buttons ?? [] });
          return message;
        },
      };
    },
    async openForm(next) {
      form = next;
    },
    async toast(text) {
      toasts.push(text);
    },
  };

  const chatOf = (source: Source): FakeChat => {
    const nextEvent = (): string => {
      events += 1;
      return `event-${events}`;
    };
    const pressed = (action: string, message: MessageRef) => {
      const event: Inbound = { kind: 'press', eventId: nextEvent(), source, action, message };
      return handler(event, respond);
    };
    return {
      source,
      updates,
      files,
      platform: {
        name: source.platform,
        capabilities: {
          forms: true,
          drafts: false,
          ephemeral: true,
          idempotentSends: false,
          pictures: true,
          messageCharsMax: 4000,
          editIntervalMs: 0,
        },
        start: async () => {},
        async send(_, reply) {
          attempt();
          return add('Bot', reply);
        },
        editMessage: (ref, reply) => respond.edit(ref, reply),
        stop: async () => {},
      },
      transcript: () => messages.map(line).join('\n'),
      since() {
        const shown = messages.slice(seen).map(line).join('\n');
        seen = messages.length;
        return shown;
      },
      toasts: () => toasts,
      say(text, eventId) {
        add(source.displayName, {
          text: [{ kind: 'plain', text: text.length > 200 ? `${text.slice(0, 20)}…` : text }],
        });
        return handler({ kind: 'text', eventId: eventId ?? nextEvent(), source, text }, respond);
      },
      command(name, args = {}) {
        add(source.displayName, {
          text: [{ kind: 'plain', text: `/${[name, ...Object.values(args)].join(' ')}` }],
        });
        return handler({ kind: 'command', eventId: nextEvent(), source, name, args }, respond);
      },
      async press(label) {
        for (const message of messages.toReversed()) {
          const button = message.buttons.flat().find((each) => each.label.includes(label));
          if (button !== undefined) return pressed(button.action, message.ref);
        }
        throw new Error(`no button ${label} in\n${messages.map(line).join('\n')}`);
      },
      pressAction: (action) => pressed(action, messages.at(-1)?.ref ?? ('m0' as MessageRef)),
      async fill(values) {
        if (form === null) throw new Error('no form is open');
        const { action } = form;
        form = null;
        await handler({ kind: 'form', eventId: nextEvent(), source, action, values }, respond);
      },
      openForm: () => form,
      stop: () => handler({ kind: 'stop', eventId: nextEvent(), source }, respond),
      breakSends(left, fault) {
        broken = { left, fault };
      },
      as: (userId, displayName) => chatOf({ ...source, userId, displayName }),
    };
  };
  return chatOf({ platform: 'fake', userId: 'u1', displayName: 'Ada', conversationId: 'c1', isPrivate });
}
