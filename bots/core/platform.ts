// What a chat platform can do, as data and booleans. Commands speak only this; bots/discord and bots/telegram
// render it. It knows no Discord and no Telegram: a difference between platforms is a capability, never a name test.
// Invariants: `text` is markdown we wrote plus escaped user/model text (see Span); nothing sent ever pings anyone.

/** Who and where, as the platform names them; opaque to everything above. */
export interface Source {
  readonly platform: string;
  readonly userId: string;
  readonly displayName: string;
  /** One conversation: a Telegram chat (or topic), a Discord channel or thread with that user. */
  readonly conversationId: string;
  /** True where only this person reads (a DM or private chat). */
  readonly isPrivate: boolean;
}

export interface Capabilities {
  /** Modal forms in the app itself; without it a form is asked question by question. */
  readonly forms: boolean;
  /** Live drafts for streaming, with a Stop button of the app's own. */
  readonly drafts: boolean;
  /** Replies that only one person sees. */
  readonly ephemeral: boolean;
  readonly messageCharsMax: number;
  /** Least time between two edits of a streaming message. */
  readonly editIntervalMs: number;
}

/** A piece of rich text. `plain` is shown to the letter: markup in it is escaped by the renderer. */
export type Span =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'bold'; readonly text: string }
  | { readonly kind: 'italic'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'quote'; readonly text: string }
  | { readonly kind: 'small'; readonly text: string };

export type RichText = readonly Span[];

export interface Button {
  /** Encodes what to do; opaque, <= 48 bytes; made by core/button-codec.ts. */
  readonly action: string;
  readonly label: string;
  readonly style?: 'plain' | 'primary' | 'success' | 'danger';
  readonly disabled?: boolean;
}

export interface Reply {
  readonly text: RichText;
  readonly buttons?: readonly (readonly Button[])[];
  /** Only this person should see it (a hint where the platform cannot). */
  readonly ephemeral?: boolean;
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
  | { readonly kind: 'command'; readonly eventId: string; readonly source: Source; readonly name: string; readonly args: Readonly<Record<string, string>> }
  | { readonly kind: 'text'; readonly eventId: string; readonly source: Source; readonly text: string }
  | { readonly kind: 'press'; readonly eventId: string; readonly source: Source; readonly action: string; readonly message: MessageRef }
  | { readonly kind: 'form'; readonly eventId: string; readonly source: Source; readonly action: string; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'stop'; readonly eventId: string; readonly source: Source };

/** A message we sent, as the platform names it; opaque, serialisable, survives a restart. */
export type MessageRef = string & { readonly __messageRef: true };

/**
 * The open line back to one inbound event. Acknowledged within the platform's limit before the handler runs.
 * All sends go through the platform's pacer; a lost or late one is retried or redelivered, never doubled.
 */
export interface Responder {
  /** Sends a new message (the first one answers the event itself). */
  reply(reply: Reply): Promise<MessageRef>;
  /** Replaces a message we sent. */
  edit(message: MessageRef, reply: Reply): Promise<void>;
  /** Starts a streaming message; `update` may be called as often as one likes, the pacer drops what is too much. */
  stream(stop: Button): Promise<StreamingMessage>;
  /** Opens a form (in the app, or question by question where `forms` is false). Must come first in a handler. */
  openForm(form: Form): Promise<void>;
  /** A short toast on a button press, where the platform has one; otherwise an ephemeral reply. */
  toast(text: string): Promise<void>;
}

export interface StreamingMessage {
  update(text: RichText): void;
  /** The final state: delivered even when updates were held back by flood limits. */
  finish(reply: Reply): Promise<MessageRef>;
}

export type InboundHandler = (event: Inbound, respond: Responder) => Promise<void>;

export interface Platform {
  readonly name: string;
  readonly capabilities: Capabilities;
  start(handler: InboundHandler, commands: readonly CommandDefinition[]): Promise<void>;
  /** Sends outside any event (training news, redelivery). `key` makes it idempotent. */
  send(conversationId: string, reply: Reply, key: string): Promise<MessageRef>;
  editMessage(message: MessageRef, reply: Reply): Promise<void>;
  stop(): Promise<void>;
}

/** A command as data: registration and help are made from it, and both platforms show the same. */
export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CommandOption[];
}

export interface CommandOption {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all the rest of the line on platforms with plain-text commands. */
  readonly rest?: boolean;
}
