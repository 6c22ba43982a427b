// Loss charts: what is drawn, and that the picture is a PNG whose letters come from the shipped font.
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { chartAxis, niceTicks } from '../../../engine/train/chart-axis.ts';
import { chartPng } from '../../../engine/train/chart-png.ts';
import { lineChartSvg } from '../../../engine/train/line-chart-svg.ts';
import { lossChart } from '../../../engine/train/loss-chart.ts';

const steps = (count: number): readonly (readonly [number, number])[] =>
  Array.from({ length: count }, (_, i) => [i + 1, 4 / (i + 1)] as const);

describe('an axis', () => {
  it('from 0.3 to 40 on a logarithm has 1-2-5 ticks around it, a decade as long as the next', () => {
    const axis = chartAxis([0.3, 40], { scale: 'log', count: 6, from: 0, to: 100 });
    expect(axis.ticks).toEqual([0.2, 0.5, 1, 2, 5, 10, 20, 50]);
    expect(axis.place(10) - axis.place(1)).toBeCloseTo(axis.place(5) - axis.place(0.5), 0);
    expect([axis.holds(0), axis.holds(-1), axis.holds(1)]).toEqual([false, false, true]);
  });

  it('of steps has whole numbers only and ends where the data end', () => {
    const axis = chartAxis([0, 3], { scale: 'linear', count: 8, from: 0, to: 300, tight: true, whole: true });
    expect(axis.ticks).toEqual([0, 1, 2, 3]);
    expect(axis.place(3)).toBe(300);
  });

  it('does not grow by a tick through rounding', () => {
    expect(niceTicks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(niceTicks(5, 5, 4).length).toBeGreaterThan(1);
  });
});

describe('a loss chart', () => {
  it('writes the last value in as many letters as there is room for: 0.000682 as 7e-4', () => {
    const endingAt = (loss: number) =>
      lossChart({ title: 'Run', training: [...steps(9), [10, loss]], heldOut: [[10, loss]] });
    expect(endingAt(0.000682)).toContain('>7e-4<');
    expect(endingAt(0.00194)).toContain('>0.00194<');
  });

  it('of 100 steps draws them pale with a mean over them, and the held-out losses with dots', () => {
    const svg = lossChart({
      title: 'Run 1',
      training: steps(100),
      heldOut: [
        [50, 1],
        [100, 0.5],
      ],
    });
    expect(svg.match(/<path/g)).toHaveLength(3);
    expect(svg.match(/stroke-opacity/g)).toHaveLength(1);
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).toContain('>0.5</text>');
    expect(svg).not.toContain('NaN');
  });

  it('of 3 steps draws the steps themselves', () => {
    const svg = lossChart({ title: 'Run 1', training: steps(3) });
    expect(svg.match(/<circle/g)).toHaveLength(3);
    expect(svg).not.toContain('moving mean');
  });

  it('leaves out what is no number, and refuses to draw nothing', () => {
    const svg = lossChart({
      title: 't',
      training: [
        [1, 2],
        [2, Number.NaN],
        [3, 1],
      ],
    });
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(() => lossChart({ title: 't', training: [] })).toThrow(RangeError);
    const below: (readonly [number, number])[] = [[1, 0]];
    const log = {
      title: 't',
      xLabel: 'x',
      yLabel: 'y',
      yScale: 'log',
      lines: [{ name: 'a', points: below }],
    } as const;
    expect(() => lineChartSvg(log)).toThrow(RangeError);
  });
});

describe('the picture', () => {
  it('is a PNG of 1600 x 900 in which the title has left ink', () => {
    const png = chartPng(lossChart({ title: 'Run 1', training: steps(40) }));
    expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1600, 900]);
    const titled = rawBytes(png).toString('latin1');
    const untitled = rawBytes(chartPng(lossChart({ title: ' ', training: steps(40) }))).toString('latin1');
    expect(titled).not.toBe(untitled); // letters are drawn: the font was found
  });
});

/** The uncompressed image data of all IDAT chunks. */
function rawBytes(png: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  return inflateSync(Buffer.concat(parts));
}
