// The last calls and events that crossed between a bot and the local servers, for tests that must assert on the wire
// and for a curious person. Bounded; holds references, never changes them; knows no platform.

export interface WireRecord {
  readonly platform: 'telegram' | 'discord';
  /** 'in': the bot called us. 'out': we sent the bot an event. */
  readonly direction: 'in' | 'out';
  /** Method name, "VERB /route" or event name. */
  readonly what: string;
  readonly body: unknown;
  readonly status: number;
  readonly answer: unknown;
}

export interface WireLog {
  record(entry: WireRecord): void;
  entries(): readonly WireRecord[];
}

const KEPT = 2000;

export function createWireLog(): WireLog {
  let kept: WireRecord[] = [];
  return {
    record(entry) {
      kept.push(entry);
      if (kept.length > KEPT * 2) kept = kept.slice(-KEPT);
    },
    entries: () => kept,
  };
}
