// Trainings in words: what runs and how far it is, what waits and at which place, how the last ones ended. Used by
// training-command.ts. Pure.
import type { TrainingState, TrainingsView, TrainingView } from '../../marketplace/training-views.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Button, Reply, RichText } from '../core/platform.ts';
import { bold, lines, rich, small } from '../core/rich-text.ts';
import { shorten, shownText } from '../core/sanitize-text.ts';
import { count, duration, progressBar } from '../core/words.ts';
import { trainingsButton } from './answer-buttons.ts';

const ACTIVE_SHOWN = 5;
const NOTE_CHARS_MAX = 300;

const LEARNS: Readonly<Record<TrainingView['method'], string>> = {
  sft: 'learning the contributions',
  dpo: 'learning from corrections',
  orpo: 'learning from corrections',
  kto: 'learning from votes',
};

const ENDED: Readonly<Partial<Record<TrainingState, string>>> = {
  published: '✓ published',
  rejected: '✗ not published',
  failed: '⚠️ failed',
  cancelled: '✋ cancelled',
};

function activeText(training: TrainingView): RichText {
  const title = bold(shownText(training.modelTitle, 80));
  if (training.state === 'queued') {
    const place = training.queuePosition;
    return rich(title, place === 1 ? ' · next in line' : ` · number ${place} in line`);
  }
  if (training.state === 'evaluating') return rich(title, ' · being examined on questions it has never seen');
  const { step, steps, loss, heldOutLoss, tokensPerSecond, etaMs } = training;
  if (steps === 0) return rich(title, ' · starting');
  const held = heldOutLoss === null ? '' : ` · held out ${heldOutLoss.toFixed(3)}`;
  return lines(
    rich(title, ` · ${LEARNS[training.method]}`),
    `${progressBar(step, steps)} step ${step} of ${steps} · ${duration(etaMs)} to go`,
    `loss ${loss.toFixed(3)}${held} · ${count(Math.round(tokensPerSecond), 'token')} a second`,
  );
}

function phaseLines({ phases }: TrainingView): readonly RichText[] {
  return phases
    .filter(({ method, outcome }) => method !== 'sft' && outcome !== 'trained')
    .map(({ method, reason }) =>
      rich(small(`${method === 'kto' ? 'Votes' : 'Corrections'}: ${shownText(reason, 160)}`)),
    );
}

function endedText(training: TrainingView): RichText {
  const note = training.note === null ? '' : `: ${shownText(training.note, NOTE_CHARS_MAX)}`;
  return lines(
    rich(bold(shownText(training.modelTitle, 80)), ` · ${ENDED[training.state] ?? training.state}${note}`),
    ...phaseLines(training),
  );
}

const named = (label: string, training: TrainingView, many: boolean): string =>
  many ? shorten(`${label}: ${training.modelTitle}`, 40) : label;

function buttonsOf(active: readonly TrainingView[]): readonly Button[][] {
  const many = active.length > 1;
  return active
    .map((training): Button[] => [
      ...(training.step > 0
        ? [
            {
              action: encodeAction('training_curve', training.runId),
              label: named('📈 Curve', training, many),
            },
          ]
        : []),
      ...(training.mayCancel
        ? [
            {
              action: encodeAction('training_cancel', training.runId),
              label: named('Cancel', training, many),
              style: 'danger' as const,
            },
          ]
        : []),
    ])
    .filter((row) => row.length > 0);
}

export function trainingsPage({ active, recent }: TrainingsView): Reply {
  const shown = active.slice(0, ACTIVE_SHOWN - 1);
  const last = recent[0];
  return {
    text: lines(
      bold('Trainings'),
      active.length === 0 &&
        'Nothing is being trained. A training starts by itself when enough contributions are accepted: /datanet shows how many are missing.',
      ...shown.flatMap((training) => [activeText(training), ...phaseLines(training)]),
      active.length > shown.length && `… and ${active.length - shown.length} more in line`,
      recent.length > 0 && '',
      recent.length > 0 && bold('Lately'),
      ...recent.map(endedText),
    ),
    buttons: [
      ...buttonsOf(shown),
      [
        ...(shown.length === 0 && last !== undefined && last.step > 0
          ? [{ action: encodeAction('training_curve', last.runId), label: '📈 Last curve' }]
          : []),
        trainingsButton('Refresh'),
      ],
    ],
    ephemeral: true,
  };
}
