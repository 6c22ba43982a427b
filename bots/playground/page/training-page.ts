// The live page of trainings: asks for the state every second and keeps one card a training; a curve is drawn anew when
// its step has changed. Runs in the browser; knows only /training/state and /training/chart.
import type { TrainingMethod, TrainingsView, TrainingView } from '../../../marketplace/training-views.ts';
import { byId, el } from './page-dom.ts';

const EVERY_MS = 1_000;

const LEARNS: Readonly<Record<TrainingMethod, string>> = {
  sft: 'learning the contributions',
  dpo: 'learning from corrections',
  orpo: 'learning from corrections',
  kto: 'learning from votes',
};

const ENDED: Readonly<Record<string, string>> = {
  published: '✓ published',
  rejected: '✗ not published',
  failed: '⚠️ failed',
  cancelled: '✋ cancelled',
};

function stateWords({ state, queuePosition, method, steps }: TrainingView): string {
  if (state === 'queued') return queuePosition === 1 ? 'next in line' : `number ${queuePosition} in line`;
  if (state === 'evaluating') return 'being examined on questions it has never seen';
  if (state !== 'running') return ENDED[state] ?? state;
  return steps === 0 ? 'starting' : LEARNS[method];
}

function timeLeft(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

function figures(training: TrainingView): HTMLElement {
  const { step, steps, loss, heldOutLoss, tokensPerSecond, etaMs } = training;
  const rows: readonly (readonly [name: string, value: string])[] = [
    ['step', `${step} of ${steps}`],
    ['loss', loss.toFixed(3)],
    ['held-out loss', heldOutLoss === null ? 'not measured' : heldOutLoss.toFixed(3)],
    ['tokens a second', Math.round(tokensPerSecond).toLocaleString('en')],
    ['to go', training.state === 'running' ? timeLeft(etaMs) : '–'],
  ];
  return el(
    'dl',
    { class: 'figures' },
    ...rows.map(([name, value]) =>
      el('div', {}, el('dt', {}, name), el('dd', { data: { figure: name } }, value)),
    ),
  );
}

/** Curves stay as they are until their step changes, so that the page does not flicker. */
const curves = new Map<string, { readonly step: number; readonly image: HTMLImageElement }>();

function curve({ runId, method, step, modelTitle }: TrainingView): HTMLElement | null {
  if (step < 2) return null;
  const key = `${runId}/${method}`;
  const known = curves.get(key);
  if (known?.step === step) return known.image;
  const image = known?.image ?? el('img', { testid: 'training-curve' });
  image.alt = `Loss of ${modelTitle} by step`;
  image.src = `/training/chart/${encodeURIComponent(runId)}/${method}?step=${step}`;
  curves.set(key, { step, image });
  return image;
}

function phaseList({ phases }: TrainingView): HTMLElement | null {
  const told = phases.filter(({ method, outcome }) => method !== 'sft' && outcome !== 'trained');
  if (told.length === 0) return null;
  return el(
    'ul',
    {},
    ...told.map(({ method, reason }) =>
      el('li', {}, `${method === 'kto' ? 'Votes' : 'Corrections'}: ${reason}`),
    ),
  );
}

function card(training: TrainingView): HTMLElement {
  const begun = training.steps > 0;
  const isActive = training.finishedAt === null;
  return el(
    'article',
    { class: 'training', testid: 'training', data: { run: training.runId } },
    el('h3', {}, training.modelTitle),
    el('p', { class: 'quiet' }, stateWords(training)),
    begun && isActive
      ? el('progress', { attrs: { max: String(training.steps), value: String(training.step) } })
      : null,
    begun && isActive ? figures(training) : null,
    training.note === null ? null : el('p', {}, training.note),
    phaseList(training),
    begun ? curve(training) : null,
  );
}

function draw({ active, recent }: TrainingsView): void {
  const none = el(
    'p',
    { class: 'training quiet' },
    'Nothing is being trained. A training starts by itself when enough contributions are accepted.',
  );
  byId('active').replaceChildren(...(active.length === 0 ? [none] : active.map(card)));
  byId('recent').replaceChildren(
    ...(recent.length === 0 ? [el('p', { class: 'quiet' }, 'None yet.')] : recent.map(card)),
  );
}

async function look(): Promise<void> {
  try {
    const answer = await fetch('/training/state', { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    draw((await answer.json()) as TrainingsView);
    byId('offline').hidden = true;
  } catch {
    byId('offline').hidden = false;
  }
  setTimeout(() => void look(), document.hidden ? 5 * EVERY_MS : EVERY_MS);
}

void look();
