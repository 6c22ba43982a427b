// A line chart as an SVG text, for cards. Used by make-base-cli.ts. Knows numbers and names only.
// Deterministic: the same lines give the same bytes. Colours read on light and on dark pages, on a ground of its own.

interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn thin and pale, and left out of the legend: the raw values behind a smoothed line. */
  readonly faint?: boolean;
}

interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly ChartLine[];
}

const width = 900;
const height = 440;
const plot = { left: 62, top: 46, right: 640, bottom: 386 } as const;
const colours = ['#2563eb', '#d97706', '#059669', '#dc2626', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f'];

/** @throws RangeError when no line has a point */
export function lineChartSvg({ title, xLabel, yLabel, lines }: LineChart): string {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) throw new RangeError('a chart needs a point');
  const xTicks = niceTicks(Math.min(0, ...all.map(([x]) => x)), Math.max(...all.map(([x]) => x)), 8);
  const yTicks = niceTicks(Math.min(0, ...all.map(([, y]) => y)), Math.max(...all.map(([, y]) => y)), 8);
  const x = scale(xTicks, plot.left, plot.right);
  const y = scale(yTicks, plot.bottom, plot.top);

  const grid = [
    ...yTicks.flatMap((tick) => [
      `<line x1="${plot.left}" x2="${plot.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e5e7eb"/>`,
      text(plot.left - 8, y(tick) + 4, shortNumber(tick), 'end'),
    ]),
    ...xTicks.flatMap((tick) => [
      `<line x1="${x(tick)}" x2="${x(tick)}" y1="${plot.bottom}" y2="${plot.bottom + 5}" stroke="#6b7280"/>`,
      text(x(tick), plot.bottom + 20, shortNumber(tick), 'middle'),
    ]),
    `<path d="M${plot.left} ${plot.top}V${plot.bottom}H${plot.right}" fill="none" stroke="#6b7280"/>`,
  ];
  const named = lines.filter(({ faint }) => !faint);
  const drawn = lines.map((line) => {
    const colour = line.faint ? '#93c5fd' : colours[named.indexOf(line) % colours.length];
    const path = line.points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`).join('');
    const dots =
      line.points.length <= 20 ? line.points.map(([px, py]) => dot(x(px), y(py), colour)).join('') : '';
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${line.faint ? 1 : 2}" stroke-linejoin="round"/>${dots}`;
  });
  const legend = named.flatMap(({ name }, i) => {
    const at = plot.top + 8 + i * 22;
    const colour = colours[i % colours.length];
    return [
      `<line x1="${plot.right + 18}" x2="${plot.right + 40}" y1="${at}" y2="${at}" stroke="${colour}" stroke-width="3"/>`,
      text(plot.right + 47, at + 4, name, 'start'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeXml(title)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    text(plot.left, 26, title, 'start', 'font-size="15" font-weight="600"'),
    ...grid,
    ...drawn,
    ...legend,
    text((plot.left + plot.right) / 2, height - 14, xLabel, 'middle'),
    text(0, 0, yLabel, 'middle', `transform="translate(18 ${(plot.top + plot.bottom) / 2}) rotate(-90)"`),
    '</svg>',
    '',
  ].join('\n');
}

/** Round numbers (1, 2 or 5 times a power of ten apart) that enclose low..high, about `count` of them. */
export function niceTicks(low: number, high: number, count: number): readonly number[] {
  const raw = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({ length: Math.max(2, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const low = ticks[0];
  const high = ticks[ticks.length - 1];
  return (value) => Math.round((from + ((value - low) / (high - low)) * (to - from)) * 10) / 10;
}

function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#374151" ${more}>${escapeXml(content)}</text>`;
}

function shortNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 3 });
}

function escapeXml(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
