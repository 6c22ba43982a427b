// How far loading a model is, in lines for people. Used by bots/main.ts and the server's command line. Small models load
// before there is anything to tell; a large one says every few seconds how much of its weights was read.
import type { LoadProgress } from './serve-protocol.ts';

const MB = 1e6;

interface LoadTellerOptions {
  /** Silence before the first line and between lines, in milliseconds. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

/** What to hand to `onProgress`. */
export function tellLoading(
  say: (line: string) => void,
  { everyMs = 2_000, now = () => performance.now() }: LoadTellerOptions = {},
): (progress: LoadProgress) => void {
  let last = now();
  return ({ readBytes, totalBytes }) => {
    if (now() - last < everyMs) return;
    last = now();
    const percent = Math.floor((100 * readBytes) / totalBytes);
    say(`  weights: ${percent} % of ${Math.round(totalBytes / MB).toLocaleString('en-US')} MB`);
  };
}
