// A streaming message by live drafts: previews that vanish by themselves, so the final answer is always a message of its
// own. Used where a platform offers drafts. It knows no platform: showing and finishing are passed in.
// A draft lives half a minute only: the newest one is shown again before that while a model thinks.
// States: open → finished. Invariant: nothing is shown after finish().
import type { Pacer } from './pacer.ts';
import type { MessageRef, Reply, RichText, StreamingMessage } from './platform.ts';

interface DraftStreamOptions {
  readonly pacer: Pacer;
  readonly chat: string;
  readonly draft: number;
  readonly opening: RichText;
  readonly keepAliveMs: number;
  readonly show: (text: RichText) => Promise<void>;
  readonly finish: (reply: Reply) => Promise<MessageRef>;
}

export function createDraftStream(options: DraftStreamOptions): StreamingMessage {
  const { pacer, chat } = options;
  const slot = `draft:${options.draft}`;
  let newest = options.opening;
  let shown = JSON.stringify(newest);
  let finished: Promise<MessageRef> | null = null;

  const offer = (evenIfShown: boolean): void => {
    pacer.offer(chat, slot, async () => {
      const next = JSON.stringify(newest);
      if (next === shown && !evenIfShown) return;
      await options.show(newest);
      shown = next;
    });
  };
  const keepAlive = setInterval(() => offer(true), options.keepAliveMs);

  return {
    message: null,
    update(text) {
      if (finished !== null) return;
      newest = text;
      offer(false);
    },
    finish(reply) {
      if (finished === null) {
        clearInterval(keepAlive);
        pacer.withdraw(chat, slot);
        finished = options.finish(reply);
        finished.catch(() => {
          finished = null;
        });
      }
      return finished;
    },
  };
}
