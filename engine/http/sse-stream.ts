// A stream of server-sent events with back-pressure: the next line is asked for only when the client has taken the last
// one. Used by completion-routes.ts. It knows no completions. Spec: html.spec.whatwg.org/multipage/server-sent-events.html
// States: flowing -> ended | left (the client went away) | stalled (it took nothing for `stallMs`).
// Invariants: at most one line waits here; whatever ends the stream ends its source; silence is filled with comments.

interface SseOptions {
  /** Whole SSE lines, each with its blank line. It must not throw: a fault is a line too. */
  readonly source: AsyncGenerator<string, void, void>;
  /** The client is gone, or takes nothing: the work for it should end. */
  readonly onLeft: () => void;
  /** Closes the connection of a stalled client. */
  readonly cutOff: () => void;
  readonly keepAliveMs?: number;
  readonly stallMs?: number;
}

export const sseData = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
export const sseComment = (text: string): string => `: ${text}\n\n`;
export const sseDone = 'data: [DONE]\n\n';

export function sseStream(options: SseOptions): ReadableStream<Uint8Array> {
  const { source, onLeft, cutOff, keepAliveMs = 15_000, stallMs = 60_000 } = options;
  const encoder = new TextEncoder();
  let keepAlive: NodeJS.Timeout | undefined;
  let stall: NodeJS.Timeout | undefined;
  let over = false;
  const end = (): void => {
    over = true;
    clearInterval(keepAlive);
    clearTimeout(stall);
  };
  const left = (): void => {
    if (over) return;
    end();
    onLeft();
    void source.return();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stall);
        keepAlive = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(sseComment('waiting')));
        }, keepAliveMs);
        const next = await source.next().finally(() => clearInterval(keepAlive));
        if (over) return;
        if (next.done) {
          end();
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(next.value));
        stall = setTimeout(() => {
          left();
          cutOff();
        }, stallMs);
      },
      cancel: left,
    },
    { highWaterMark: 1 },
  );
}
