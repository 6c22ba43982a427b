// How a pull looks while it runs: one line that rewrites itself in a terminal, a plain line now and then elsewhere.
// Used by pull-command.ts. It knows no network; time comes in from outside.

import { byteText } from './byte-text.ts';

interface Snapshot {
  readonly bytes: number;
  readonly bytesTotal: number;
  /** milliseconds, any origin */
  readonly nowMs: number;
}

interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface ProgressLine {
  update(snapshot: Snapshot): void;
  /** A line of its own above the bar. */
  say(line: string): void;
  /** Ends the bar with its last state. */
  end(): void;
}

const barEveryMs = 100;
const plainEveryMs = 5000;
/** Speed is that of the last seconds: a stall shows, a burst does not last. */
const speedWindowMs = 8000;

export function progressLine(output: ProgressOutput): ProgressLine {
  const seen: Snapshot[] = [];
  let shownAt = Number.NEGATIVE_INFINITY;
  let last: string | undefined;
  const show = (text: string): void => {
    const width = (output.columns || 80) - 1; // some terminals say 0
    output.write(output.isTTY ? `\r${text.slice(0, width)}\x1b[K` : `${text}\n`);
    last = text;
  };
  return {
    update(now) {
      seen.push(now);
      while (seen.length > 2 && now.nowMs - seen[0].nowMs > speedWindowMs) seen.shift();
      const isWhole = now.bytes === now.bytesTotal;
      if (now.nowMs - shownAt < (output.isTTY ? barEveryMs : plainEveryMs) && !isWhole) return;
      shownAt = now.nowMs;
      const text = progressText(seen[0], now);
      if (text !== last) show(text);
    },
    say(line) {
      output.write(output.isTTY ? `\r${line}\x1b[K\n` : `${line}\n`);
      if (output.isTTY && last !== undefined) show(last);
    },
    end() {
      if (output.isTTY && last !== undefined) output.write('\n');
      last = undefined;
    },
  };
}

/** ` 43 %  116 MB of 269 MB  11.2 MB/s  0:14 left` */
export function progressText(from: Snapshot, now: Snapshot): string {
  const percent = now.bytesTotal === 0 ? 100 : Math.floor((100 * now.bytes) / now.bytesTotal);
  const parts = [`${String(percent).padStart(3)} %`, `${byteText(now.bytes)} of ${byteText(now.bytesTotal)}`];
  const bytesPerSecond = (1000 * (now.bytes - from.bytes)) / (now.nowMs - from.nowMs);
  if (Number.isFinite(bytesPerSecond) && bytesPerSecond > 0 && now.bytes < now.bytesTotal) {
    parts.push(`${byteText(Math.round(bytesPerSecond))}/s`);
    parts.push(`${clock((now.bytesTotal - now.bytes) / bytesPerSecond)} left`);
  }
  return parts.join('  ');
}

function clock(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
