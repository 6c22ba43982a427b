// A line chart as an SVG text, for cards and chat. Used by export-base.ts, loss-chart.ts and, as a picture, through
// chart-png.ts. Knows numbers and names only. Deterministic: the same lines give the same bytes.
// 800 x 450 on a white ground, readable on light and dark pages. Points without a place (not finite; not above 0 on
// a logarithmic axis) are left out.
import { type ChartScale, chartAxis } from './chart-axis.ts';

export interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn thin and pale in the colour of the next line, and left out of the legend: raw values behind smoothed ones. */
  readonly faint?: boolean;
}

interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly ChartLine[];
  /** A linear axis begins at 0 where no value is below. Left out = linear. */
  readonly yScale?: ChartScale;
}

const size = { width: 800, height: 450 } as const;
const left = 76;
const right = 732;
const bottom = 392;
/** Told apart by people who see few colours, too (after Okabe and Ito), dark enough for white. */
const colours = [
  ...['#0b6bb8', '#d35c00', '#00805f', '#b03a7e', '#7a5c00', '#5b4fc7', '#0a8a9c', '#a32d2d'],
  ...['#4a6b00', '#6b6f76'],
];
const ink = '#1f2933';
const paleInk = '#52606d';
/** About what a character of 13 pixels takes, for the legend's line breaks. */
const characterWidth = 7.4;
const labelHeight = 16;

/** @throws RangeError when no line has a point with a place */
export function lineChartSvg({ title, xLabel, yLabel, lines, yScale = 'linear' }: LineChart): string {
  const named = lines.filter(({ faint }) => !faint);
  const rows = legendRows(named.map(({ name }) => name));
  const top = 62 + rows.length * 20;
  const kept = lines.map((line) => ({
    ...line,
    points: line.points.filter(
      ([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (yScale === 'linear' || y > 0),
    ),
  }));
  const xs = kept.flatMap(({ points }) => points.map(([x]) => x));
  const ys = kept.flatMap(({ points }) => points.map(([, y]) => y));
  if (xs.length === 0) throw new RangeError('a chart needs a point');
  const xAxis = chartAxis([0, ...xs], {
    scale: 'linear',
    count: 8,
    from: left,
    to: right,
    tight: true,
    whole: true,
  });
  const yAxis = chartAxis(yScale === 'log' ? ys : [0, ...ys], {
    scale: yScale,
    count: 6,
    from: bottom,
    to: top,
  });

  const grid = [
    ...yAxis.ticks.flatMap((tick) => [
      `<line x1="${left}" x2="${right}" y1="${yAxis.place(tick)}" y2="${yAxis.place(tick)}" stroke="#e4e7eb"/>`,
      text(left - 10, yAxis.place(tick) + 4.5, tickLabel(tick, yAxis.ticks), 'end', `fill="${paleInk}"`),
    ]),
    ...xAxis.ticks.flatMap((tick) => [
      `<line x1="${xAxis.place(tick)}" x2="${xAxis.place(tick)}" y1="${bottom}" y2="${bottom + 5}" stroke="#9aa5b1"/>`,
      text(xAxis.place(tick), bottom + 21, tickLabel(tick, xAxis.ticks), 'middle', `fill="${paleInk}"`),
    ]),
    `<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="#9aa5b1"/>`,
  ];
  const colourOf = (index: number): string => {
    const before = lines.slice(0, index).filter(({ faint }) => !faint).length;
    return colours[before % colours.length]; // a faint line: the colour of the next named one
  };
  const drawn = kept.map(({ points, faint }, index) => {
    const colour = colourOf(index);
    const path = points
      .map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${xAxis.place(x)} ${yAxis.place(y)}`)
      .join('');
    const look = faint ? 'stroke-width="1" stroke-opacity="0.35"' : 'stroke-width="2.25"';
    const dots =
      faint || points.length > 20
        ? ''
        : points
            .map(
              ([x, y]) => `<circle cx="${xAxis.place(x)}" cy="${yAxis.place(y)}" r="3.2" fill="${colour}"/>`,
            )
            .join('');
    return `<path d="${path}" fill="none" stroke="${colour}" ${look} stroke-linejoin="round" stroke-linecap="round"/>${dots}`;
  });
  const ends = apart(
    kept.flatMap(({ points, faint }, index) => {
      const last = points.at(-1);
      if (faint || last === undefined) return [];
      return [{ y: yAxis.place(last[1]), value: last[1], colour: colourOf(index) }];
    }),
  ).map(({ y, value, colour }) =>
    text(right + 8, y + 4.5, threeDigits(value), 'start', `fill="${colour}" font-weight="bold"`),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="13" role="img" aria-label="${escapeXml(title)}">`,
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text(24, 34, title, 'start', `fill="${ink}" font-size="18" font-weight="bold"`),
    ...legend(rows),
    ...grid,
    ...drawn,
    ...ends,
    text((left + right) / 2, size.height - 14, xLabel, 'middle', `fill="${ink}"`),
    text(0, 0, yLabel, 'middle', `fill="${ink}" transform="translate(22 ${(top + bottom) / 2}) rotate(-90)"`),
    '</svg>',
    '',
  ].join('\n');
}

interface LegendEntry {
  readonly name: string;
  readonly x: number;
  readonly colour: string;
}

function legendRows(names: readonly string[]): readonly (readonly LegendEntry[])[] {
  const rows: LegendEntry[][] = [];
  let x = Number.POSITIVE_INFINITY;
  for (const [i, name] of names.entries()) {
    const width = 30 + name.length * characterWidth;
    if (x + width > size.width - 16) {
      rows.push([]);
      x = 24;
    }
    rows[rows.length - 1].push({ name, x, colour: colours[i % colours.length] });
    x += width + 20;
  }
  return rows;
}

function legend(rows: readonly (readonly LegendEntry[])[]): readonly string[] {
  return rows.flatMap((row, i) => {
    const y = 57 + i * 20;
    return row.flatMap(({ name, x, colour }) => [
      `<line x1="${x}" x2="${x + 22}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" stroke-linecap="round"/>`,
      text(x + 30, y + 4.5, name, 'start', `fill="${ink}"`),
    ]);
  });
}

/** Moves labels that would cover each other up and down from their middle, keeping their order. */
function apart<T extends { readonly y: number }>(labels: readonly T[]): readonly T[] {
  interface Group {
    readonly labels: readonly T[];
    readonly middle: number;
  }
  const groups: Group[] = [];
  for (const label of [...labels].sort((a, b) => a.y - b.y)) {
    let group: Group = { labels: [label], middle: label.y };
    for (let above = groups.at(-1); above !== undefined; above = groups.at(-1)) {
      const room = (labelHeight * (above.labels.length + group.labels.length)) / 2;
      if (group.middle - above.middle >= room) break;
      groups.pop();
      const merged = [...above.labels, ...group.labels];
      group = { labels: merged, middle: merged.reduce((sum, { y }) => sum + y, 0) / merged.length };
    }
    groups.push(group);
  }
  return groups.flatMap(({ labels: members, middle }) =>
    members.map((label, i) => ({ ...label, y: middle + (i - (members.length - 1) / 2) * labelHeight })),
  );
}

function text(x: number, y: number, content: string, anchor: string, more: string): string {
  return `<text x="${x}" y="${Math.round(y * 10) / 10}" text-anchor="${anchor}" ${more}>${escapeXml(content)}</text>`;
}

/** All ticks of an axis with the digits that its finest one needs. */
function tickLabel(value: number, ticks: readonly number[]): string {
  if (value === 0) return '0';
  const gap = Math.min(...ticks.slice(1).map((tick, i) => tick - ticks[i]));
  const isLog = ticks.length > 2 && ticks[2] - ticks[1] > 1.5 * (ticks[1] - ticks[0]);
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(isLog ? value : gap) + 1e-9)));
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function threeDigits(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0);
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 5 });
}

function escapeXml(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
