// A chart's SVG as a PNG picture, for places that show no SVG (chat, model hubs). Used by the jobs that tell progress
// and by model cards. Knows pictures only. Every machine draws the same: the font comes with the program, those of the
// system are not looked at.
import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';

const { resolve } = createRequire(import.meta.url);
const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) =>
  resolve(`dejavu-fonts-ttf/ttf/${file}`),
);

/**
 * @param svg as lineChartSvg and lossChart make it
 * @param zoom pixels of the picture per pixel of the SVG; 2 is sharp on phones
 * @throws Error on a text that is no SVG
 */
export function chartPng(svg: string, zoom = 2): Buffer {
  const font = {
    fontFiles,
    loadSystemFonts: false,
    defaultFontFamily: 'DejaVu Sans',
    sansSerifFamily: 'DejaVu Sans',
  };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: zoom } }).render().asPng();
}
