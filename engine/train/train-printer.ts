// How a run looks while it trains: one line that rewrites itself in a terminal, plain lines elsewhere, or JSON. Used by
// train-cli.ts. It knows no training and writes to whatever it is given.
import type { TrainEvent } from './train-event.ts';

interface PrinterOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function trainPrinter(output: PrinterOutput, json: boolean): (event: TrainEvent) => void {
  let isOpen = false;
  const overwrite = (text: string): void => {
    const width = (output.columns || 80) - 1; // some terminals say 0
    output.write(`\r${text.slice(0, width)}\x1b[K`);
    isOpen = true;
  };
  return (event) => {
    if (json) {
      output.write(`${JSON.stringify(event)}\n`);
      return;
    }
    if (event.type === 'error') {
      if (isOpen) output.write('\n');
      isOpen = false;
      return; // the command ends with its words on standard error
    }
    const text = eventText(event);
    const isPassing = event.type === 'progress' || event.type === 'reference' || event.type === 'checkpoint';
    const isLast = event.type === 'progress' && event.step === event.steps;
    if (output.isTTY && isPassing) {
      if (event.type !== 'checkpoint') overwrite(text);
      if (isLast) output.write('\n');
      if (isLast) isOpen = false;
      return;
    }
    output.write(`${isOpen ? '\n' : ''}${text}\n`);
    isOpen = false;
  };
}

/** One line for people. */
function eventText(event: Exclude<TrainEvent, { type: 'error' }>): string {
  switch (event.type) {
    case 'start':
      return `${event.parameters} parameters, ${event.trained} trained; update ${event.step} of ${event.steps}`;
    case 'note':
      return event.text;
    case 'reference':
      return `reference ${event.done}/${event.total}`;
    case 'progress':
      return [
        `update ${event.step}/${event.steps}`,
        `loss ${figure(event.loss)}`,
        ...shownMetrics(event.metrics),
        ...(event.heldOutLoss === undefined ? [] : [`held out ${figure(event.heldOutLoss)}`]),
        `${event.tokensPerSecond} tokens/s`,
        `${clock(event.etaSeconds)} left`,
      ].join('  ');
    case 'eval':
      return [
        `held out at update ${event.step}:`,
        ...Object.entries(event.losses).map(([source, loss]) => `${source} ${figure(loss)}`),
      ].join('  ');
    case 'checkpoint':
      return `checkpoint at update ${event.step}`;
    case 'done':
      return [
        `done: ${event.folder} (loss ${figure(event.finalLoss)}`,
        ...(event.heldOutLoss === undefined ? [] : [`held out ${figure(event.heldOutLoss)}`]),
        `${event.tokens} tokens${endText(event)})`,
      ].join(', ');
    case 'stopped':
      return `stopped at update ${event.step}; the same command goes on from there`;
  }
}

/** NaN comes through JSON as null. */
function figure(value: number, digits = 4): string {
  return Number.isFinite(value) ? value.toFixed(digits) : 'not a number';
}

function endText({ endedBy }: Extract<TrainEvent, { type: 'done' }>): string {
  if (endedBy === 'early') return '; ended early, best weights kept';
  return endedBy === 'minutes' ? '; its time was up, the same command goes on' : '';
}

const shortNames: readonly (readonly [string, string])[] = [
  ['rewards/margin', 'margin'],
  ['rewards/accuracy', 'accuracy'],
  ['kl', 'kl'],
];

function shownMetrics(metrics: Readonly<Record<string, number>> = {}): readonly string[] {
  return shortNames.flatMap(([name, short]) =>
    metrics[name] === undefined ? [] : [`${short} ${figure(metrics[name], 3)}`],
  );
}

function clock(seconds: number): string {
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${pad(seconds / 3600)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
}
