// The calls this very process is working on: what the reconciler must leave alone, and the one-call-at-a-time rule of a
// conversation. Used by open-call.ts and reconciler.ts. In memory on purpose: when the process dies, all of them are
// dead, and the reconciler settles what they left. So one marketplace process serves one database: db/process-lock.ts.

export interface LiveCalls {
  /** Reserves the conversation; null when a call of it is under way. */
  begin(conversation: string): LiveCall | null;
  /** True while this process works on the call with this id. */
  has(callId: string): boolean;
  /** Resolves when no call is under way. */
  idle(): Promise<void>;
}

export interface LiveCall {
  /** Names the call once it has an id. */
  is(callId: string): void;
  end(): void;
}

export function createLiveCalls(): LiveCalls {
  const calls = new Map<string, string | null>();
  let waiting: (() => void)[] = [];
  return {
    begin(conversation) {
      if (calls.has(conversation)) return null;
      calls.set(conversation, null);
      return {
        is: (callId) => void calls.set(conversation, callId),
        end() {
          calls.delete(conversation);
          if (calls.size > 0) return;
          for (const resolve of waiting) resolve();
          waiting = [];
        },
      };
    },
    has: (callId) => [...calls.values()].includes(callId),
    idle: () => (calls.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
