// Pictures and files on every chat platform: one suite beside platform-conformance.ts, on the same benches. Used by
// platform-conformance.e2e.test.ts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InboundHandler } from '../../bots/core/platform.ts';
import { rich } from '../../bots/core/rich-text.ts';
import { pngSize } from '../../bots/playground/png-size.ts';
import { chartPng } from '../../engine/train/chart-png.ts';
import { lineChartSvg } from '../../engine/train/line-chart-svg.ts';
import type { PlatformBench } from './platform-conformance.ts';

const line = {
  title: 'Loss',
  xLabel: 'update',
  yLabel: 'loss',
  lines: [
    {
      name: 'training',
      points: [
        [1, 4],
        [40, 1.25],
      ] as const,
    },
  ],
};

const commands = [{ name: 'help', description: 'What I can do', options: [], onlyForYou: true }];

export function pictureConformance(name: string, openBench: () => Promise<PlatformBench>): void {
  describe(`${name}: pictures`, () => {
    let bench: PlatformBench;
    beforeEach(async () => {
      bench = await openBench();
    });
    afterEach(() => bench.stop());

    it('shows a picture with its caption after a reply, in its own size', async () => {
      const png = chartPng(lineChartSvg(line), 1);
      const handle: InboundHandler = async (event, respond) => {
        await respond.reply({ text: rich('Here it comes.') });
        const caption = `Loss *1.25* for @everyone by ${event.kind}`;
        await respond.showPicture({
          png,
          fileName: 'training.png',
          caption,
          ephemeral: event.kind === 'command',
        });
      };
      await bench.platform.start(handle, commands);
      for (const [kind, act] of [
        ['text', () => bench.say('how far is it?')],
        ['command', () => bench.command('help', {})],
      ] as const) {
        await act();
        await bench.waitFor(`by ${kind}`);
        const shown = bench.shown().at(-1);
        expect(shown).toMatchObject({ text: `Loss *1.25* for @everyone by ${kind}`, pings: false });
        expect(shown?.picture).toEqual(pngSize(png));
      }
      expect(bench.platform.capabilities.pictures).toBe(true);
      expect(bench.shown().filter(({ picture }) => picture !== undefined)).toHaveLength(2);
    });

    it('shows a file with its caption to one person, and nothing where others would see it', async () => {
      const text = `{"receipt":"R-000042","words":"${'ä'.repeat(3_000)}"}`;
      const told: boolean[] = [];
      const handle: InboundHandler = async (event, respond) => {
        await respond.reply({ text: rich('Here it comes.'), ephemeral: true });
        const caption = `Keep it, for @everyone by ${event.kind}`;
        told.push(await respond.showFile({ text, fileName: 'receipt-R-000042.json', caption }));
        await respond.reply({ text: rich(`That was ${event.kind} ${told.length}.`), ephemeral: true });
      };
      await bench.platform.start(handle, commands);
      await bench.say('my receipt');
      await bench.waitFor('That was text 1.');
      await bench.command('help', {});
      await bench.waitFor('That was command 2.');
      const kept = () => bench.shown().filter(({ file }) => file !== undefined);
      expect(kept()).toMatchObject(
        ['text', 'command'].map((kind) => ({
          ...{ text: `Keep it, for @everyone by ${kind}`, pings: false },
          file: { name: 'receipt-R-000042.json', bytes: Buffer.byteLength(text) },
        })),
      );
      expect(told).toEqual([true, true]);
      if (!bench.goPublic()) return;
      await bench.command('help', {});
      await bench.waitFor('That was command 3.');
      expect(kept()).toHaveLength(told[2] ? 1 : 0); // this channel's messages only
      expect(kept().every(({ onlyYou }) => onlyYou)).toBe(true);
    });
  });
}
