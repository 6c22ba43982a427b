// What a chat platform can do, as data and booleans. Commands speak only this; bots/discord and bots/telegram
// render it. It knows no Discord and no Telegram: a difference between platforms is a capability, never a name test.
// Invariants: a `plain` span is shown to the letter, whatever markup it holds; nothing sent ever pings anyone.

/** Who and where, as the platform names them; opaque to everything above. */
export interface Source {
  readonly platform: string;
  readonly userId: string;
  readonly displayName: string;
  /** One person's conversation in one place: a Telegram chat or topic, a Discord channel or thread. */
  readonly conversationId: string;
  /** True where only this person reads (a DM or private chat). */
  readonly isPrivate: boolean;
}

export interface Capabilities {
  /** Modal forms in the app itself; without it a form is asked question by question. */
  readonly forms: boolean;
  /** Live drafts for streaming, with a Stop button of the app's own. */
  readonly drafts: boolean;
  /** Replies that only one person sees in a shared place. */
  readonly ephemeral: boolean;
  /** A send repeated under the same key gives the first message, so a lost answer is no double message. */
  readonly idempotentSends: boolean;
  /** Pictures in a message. */
  readonly pictures: boolean;
  readonly messageCharsMax: number;
  /** Least time between two edits of a streaming message. */
  readonly editIntervalMs: number;
}

/**
 * A piece of rich text, always shown to the letter. `small` is for a line of its own. `link` is an address of our own pages
 * that can be pressed: never anything that a person or a model wrote.
 */
export interface Span {
  readonly kind: 'plain' | 'bold' | 'italic' | 'code' | 'quote' | 'small' | 'link';
  readonly text: string;
}

export type RichText = readonly Span[];

export interface Button {
  /** Encodes what to do; opaque, at most 48 bytes; made by core/button-codec.ts. */
  readonly action: string;
  readonly label: string;
  readonly style?: 'plain' | 'primary' | 'success' | 'danger';
  readonly disabled?: boolean;
}

export type ButtonRows = readonly (readonly Button[])[];

export interface Reply {
  readonly text: RichText;
  readonly buttons?: ButtonRows;
  /** Only this person should see it (a hint where the platform cannot). */
  readonly ephemeral?: boolean;
}

/** A picture as a message of its own. */
export interface Picture {
  readonly png: Uint8Array;
  /** Ends in .png. */
  readonly fileName: string;
  /** Stands under it, and is read out to who cannot see it; one line. */
  readonly caption: string;
  /** As in Reply. */
  readonly ephemeral?: boolean;
}

/** A text to keep as a file (a receipt, a statement), as a message of its own; for one person's eyes. */
export interface PrivateFile {
  readonly text: string;
  /** Ends in .json or .csv. */
  readonly fileName: string;
  /** One line. */
  readonly caption: string;
}

export interface FormField {
  readonly id: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly long?: boolean;
  readonly charsMax: number;
  readonly charsMin: number;
}

export interface Form {
  /** Encodes what the answers are for; made by core/button-codec.ts. */
  readonly action: string;
  readonly title: string;
  readonly fields: readonly FormField[];
}

/** Raw platform updates become these, and nothing else reaches the commands. `eventId` is the dedupe key. */
export type Inbound =
  | {
      readonly kind: 'command';
      readonly eventId: string;
      readonly source: Source;
      readonly name: string;
      readonly args: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'text'; readonly eventId: string; readonly source: Source; readonly text: string }
  | {
      readonly kind: 'press';
      readonly eventId: string;
      readonly source: Source;
      readonly action: string;
      readonly message: MessageRef;
    }
  | {
      readonly kind: 'form';
      readonly eventId: string;
      readonly source: Source;
      readonly action: string;
      readonly values: Readonly<Record<string, string>>;
    }
  /** The app's own Stop button of a live draft. */
  | { readonly kind: 'stop'; readonly eventId: string; readonly source: Source };

/** A message we sent, as the platform names it; opaque, serialisable, survives a restart. */
export type MessageRef = string & { readonly __messageRef: true };

/**
 * The open line back to one inbound event. Acknowledged within the platform's limit before any slow work.
 * All sends go through the platform's pacer, which retries what is safe and waits out flood penalties.
 */
export interface Responder {
  /** True where an ephemeral reply is sure to be read by this person alone: only there may it hold a secret of theirs. */
  readonly hidesReplies: boolean;
  /** Sends a new message (the first one answers the event itself). Resolves to the part that carries the buttons. */
  reply(reply: Reply): Promise<MessageRef>;
  /** Sends a picture as a further message; its caption alone where `pictures` is false. */
  showPicture(picture: Picture): Promise<void>;
  /**
   * Sends a file that only this person sees, as a further message.
   * @returns false where others would see it too (a shared place on a platform that cannot hide files): nothing was sent
   */
  showFile(file: PrivateFile): Promise<boolean>;
  /** Replaces text and buttons of a message we sent. */
  edit(message: MessageRef, reply: Reply): Promise<void>;
  /** Replaces only the buttons of a message we sent. */
  editButtons(message: MessageRef, buttons: ButtonRows): Promise<void>;
  /** Starts a streaming message that shows `opening` and the Stop button. */
  stream(stop: Button, opening: RichText): Promise<StreamingMessage>;
  /**
   * Opens a form (in the app, or question by question where `forms` is false). To be called at once in handlers of
   * commands and actions that are marked to open a form; when it came too late, the button `again` is offered instead.
   */
  openForm(form: Form, again: Button): Promise<void>;
  /** A short notice on a button press, where the platform has one; otherwise a reply only this person sees. */
  toast(text: string): Promise<void>;
}

export interface StreamingMessage {
  /** The message people see already, when there is one (a draft is none). */
  readonly message: MessageRef | null;
  /** May be called as often as one likes; the pacer shows the newest and drops what is too much. */
  update(text: RichText): void;
  /** The final state: delivered even when updates were held back by flood limits; a second call repeats the first. */
  finish(reply: Reply): Promise<MessageRef>;
}

export type InboundHandler = (event: Inbound, respond: Responder) => Promise<void>;

export interface Platform {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Connects, registers the commands and hands events to `handler` until stop(). */
  start(handler: InboundHandler, commands: readonly CommandDefinition[]): Promise<void>;
  /** Sends outside any event (training news, redelivery). `key` makes it idempotent where the platform can. */
  send(conversationId: string, reply: Reply, key: string): Promise<MessageRef>;
  editMessage(message: MessageRef, reply: Reply): Promise<void>;
  stop(): Promise<void>;
}

/** A command as data: registration and help are made from it, and both platforms show the same. */
export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CommandOption[];
  /** In a shared place only the person who typed it sees the answer. */
  readonly onlyForYou?: boolean;
  /** The first thing its handler does is openForm. */
  readonly opensForm?: boolean;
}

interface CommandOption {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all the rest of the line on platforms with plain-text commands. */
  readonly rest?: boolean;
}

/** What bots/ needs of a logger; pino fits. */
export interface BotLog {
  error(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  info(facts: object, message: string): void;
}
