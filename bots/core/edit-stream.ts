// A streaming message by repeated edits of one message. Used by both platforms (Telegram: where there are no drafts).
// It knows no platform: opening, editing and finishing are passed in, already rendered and split by the sender.
// States: open → finished. Invariants: an edit equal to what is shown is not sent; nothing is edited after finish().

import type { Pacer } from './pacer.ts';
import type { ButtonRows, MessageRef, Reply, RichText, StreamingMessage } from './platform.ts';

interface EditStreamOptions {
  readonly pacer: Pacer;
  readonly chat: string;
  readonly message: MessageRef;
  readonly stop: ButtonRows;
  readonly opening: RichText;
  /** One edit of the open message, cut to what fits; throws PlatformFault. */
  readonly edit: (reply: Reply) => Promise<void>;
  /** Puts the final reply in place of the open message (more messages when it is long); retried by the pacer. */
  readonly finish: (reply: Reply) => Promise<MessageRef>;
}

export function createEditStream(options: EditStreamOptions): StreamingMessage {
  const { pacer, chat, message, stop } = options;
  const slot: string = message;
  let shown = JSON.stringify(options.opening);
  let finished: Promise<MessageRef> | null = null;

  return {
    message,
    update(text) {
      if (finished !== null) return;
      pacer.offer(chat, slot, async () => {
        const next = JSON.stringify(text);
        if (next === shown) return;
        await options.edit({ text, buttons: stop });
        shown = next;
      });
    },
    finish(reply) {
      if (finished === null) {
        pacer.withdraw(chat, slot);
        finished = options.finish(reply);
        // A failed finish may be asked for again (the durable delivery does); a successful one is never repeated.
        finished.catch(() => {
          finished = null;
        });
      }
      return finished;
    },
  };
}
