// Stop strings: never a part of one, whatever the pieces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopText } from '../../../engine/serve/stop-text.ts';

/** The text that comes out of the pieces, and all states in between. */
function run(pieces: readonly string[], stops: readonly string[]) {
  const stopText = createStopText(stops);
  let text = '';
  for (const piece of pieces) {
    const { text: more, stopped } = stopText.push(piece);
    text += more;
    if (stopped) return { text, stopped };
  }
  return { text: text + stopText.flush(), stopped: false };
}

/** What must come out, from the whole text: of all endings of stop strings the first one counts. */
function expected(whole: string, stops: readonly string[]) {
  for (let end = 1; end <= whole.length; end++) {
    const complete = stops.filter((stop) => whole.slice(0, end).endsWith(stop));
    if (complete.length > 0) {
      const longest = Math.max(...complete.map((stop) => stop.length));
      return { text: whole.slice(0, end - longest), stopped: true };
    }
  }
  return { text: whole, stopped: false };
}

describe('stop text', () => {
  it('holds back what may be the beginning of a stop string, and gives it out when it is none', () => {
    const stopText = createStopText(['\nUser:']);
    expect(stopText.push('Hello\nUs')).toEqual({ text: 'Hello', stopped: false });
    expect(stopText.push('ual')).toEqual({ text: '\nUsual', stopped: false });
    expect(stopText.push('\n')).toEqual({ text: '', stopped: false });
    expect(stopText.push('\nUser')).toEqual({ text: '\n', stopped: false });
    expect(stopText.push(': more')).toEqual({ text: '', stopped: true });
  });

  it('gives out what it held when the text ends', () => {
    const stopText = createStopText(['abc']);
    expect(stopText.push('xab').text).toBe('x');
    expect(stopText.flush()).toBe('ab');
    expect(stopText.flush()).toBe('');
  });

  it('never shows a part of a stop string, and the pieces do not matter: 3,000 random texts of a, b, c', () => {
    const letters = (max: number, min = 0) =>
      fc
        .array(fc.constantFrom('a', 'b', 'c'), { minLength: min, maxLength: max })
        .map((list) => list.join(''));
    let stoppedRuns = 0;
    fc.assert(
      fc.property(
        fc.array(letters(5), { maxLength: 8 }),
        fc.array(letters(4, 2), { maxLength: 3 }),
        (pieces, stops) => {
          const whole = pieces.join('');
          const result = run(pieces, stops);
          expect(result).toEqual(expected(whole, stops));
          expect(run([...whole], stops)).toEqual(result);
          if (result.stopped) stoppedRuns += 1;
          for (const stop of stops) expect(result.text.includes(stop)).toBe(false);
        },
      ),
      { numRuns: 3000 },
    );
    expect(stoppedRuns).toBeGreaterThan(300);
  });

  it('what came out so far is always a beginning of what comes out at last', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'ab', '\n', '\nU'), { maxLength: 12 }), (pieces) => {
        const stops = ['ab\n', '\n\nU', 'aa'];
        const { text: final } = expected(pieces.join(''), stops);
        const stopText = createStopText(stops);
        let shown = '';
        for (const piece of pieces) {
          const { text, stopped } = stopText.push(piece);
          shown += text;
          expect(final.startsWith(shown)).toBe(true);
          if (stopped) break;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([[''], ['\ud83d']])('refuses %j', (stop) => {
    expect(() => createStopText([stop])).toThrow(expect.objectContaining({ code: 'sampling_invalid' }));
  });
});
