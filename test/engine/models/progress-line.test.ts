// The progress of a pull as text: figures, one rewritten line in a terminal, few lines elsewhere.
import { describe, expect, it } from 'vitest';
import { byteText, countText } from '../../../engine/models/byte-text.ts';
import { progressLine, progressText } from '../../../engine/models/progress-line.ts';

const at = (bytes: number, nowMs: number) => ({ bytes, bytesTotal: 269_000_000, nowMs });

function output(options: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
  const written: string[] = [];
  return { ...options, written, write: (text: string) => written.push(text) };
}

describe('progressText', () => {
  it('shows percent, size, speed and time left', () => {
    expect(progressText(at(104_800_000, 0), at(116_000_000, 1000))).toBe(
      ' 43 %  116 MB of 269 MB  11.2 MB/s  0:13 left',
    );
    expect(progressText(at(0, 0), at(1000, 1000))).toMatch(
      / {2}0 % {2}1 kB of 269 MB {2}1 kB\/s {2}74:43:19 left/,
    );
  });

  it('shows no speed before there is one, and none at the end', () => {
    expect(progressText(at(5, 0), at(5, 0))).toBe('  0 %  5 B of 269 MB');
    expect(progressText(at(0, 0), at(269_000_000, 9))).toBe('100 %  269 MB of 269 MB');
    expect(progressText({ ...at(0, 0), bytesTotal: 0 }, { ...at(0, 0), bytesTotal: 0 })).toBe(
      '100 %  0 B of 0 B',
    );
  });

  it('is 100 % only when all is there', () => {
    expect(progressText(at(0, 0), at(268_999_999, 0))).toMatch(/^ 99 %/);
  });
});

describe('progressLine', () => {
  it('rewrites one line in a terminal, at most ten times a second, cut to its width', () => {
    const terminal = output({ isTTY: true, columns: 20 });
    const line = progressLine(terminal);
    for (let ms = 0; ms <= 1000; ms += 10) line.update(at(ms * 1000, ms));
    line.end();
    expect(terminal.written.length).toBe(11 + 1);
    for (const text of terminal.written.slice(0, -1)) {
      expect(text.startsWith('\r') && text.endsWith('\x1b[K')).toBe(true);
      expect(text.length).toBeLessThanOrEqual(1 + 19 + 3);
    }
    expect(terminal.written.at(-1)).toBe('\n');
  });

  it('is whole in a terminal that says it has 0 columns', () => {
    const terminal = output({ isTTY: true, columns: 0 });
    progressLine(terminal).update(at(5, 0));
    expect(terminal.written).toEqual(['\r  0 %  5 B of 269 MB\x1b[K']);
  });

  it('keeps the bar below what is said meanwhile', () => {
    const terminal = output({ isTTY: true });
    const line = progressLine(terminal);
    line.update(at(5, 0));
    line.say('again in 1 s');
    expect(terminal.written.slice(1)).toEqual(['\ragain in 1 s\x1b[K\n', terminal.written[0]]);
  });

  it('writes a plain line every five seconds elsewhere, and the last one', () => {
    const file = output();
    const line = progressLine(file);
    for (let ms = 0; ms < 12_000; ms += 100) line.update(at(ms, ms));
    line.update(at(269_000_000, 12_000));
    line.end();
    expect(file.written.map((text) => text.slice(0, 5))).toEqual(['  0 %', '  0 %', '  0 %', '100 %']);
    for (const text of file.written) expect(text).toMatch(/^[ -~]+\n$/);
  });

  it('shows the speed of the last seconds', () => {
    const file = output();
    const line = progressLine(file);
    for (let s = 0; s <= 20; s++) line.update(at(s * 1_000_000, s * 1000));
    for (let s = 21; s <= 60; s++) line.update(at(20_000_000 + (s - 20) * 1000, s * 1000));
    expect(file.written.at(-1)).toContain('1 kB/s');
  });
});

describe('byteText and countText', () => {
  it.each([
    [0, '0 B', '0'],
    [999, '999 B', '999'],
    [999.6, '1 kB', '1 k'],
    [14_788, '14.8 kB', '14.8 k'],
    [134_515_008, '135 MB', '135 M'],
    [8_030_261_248, '8.03 GB', '8.03 B'],
  ])('%d is %s', (value, bytes, count) => {
    expect([byteText(value), countText(value)]).toEqual([bytes, count]);
  });
});
