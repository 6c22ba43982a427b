// The buttons that commands share: the row under an answer, Stop, and the usual next steps. Pure.
import { encodeAction } from '../core/button-codec.ts';
import type { Button, ButtonRows } from '../core/platform.ts';

export type Vote = 'up' | 'down';

/** 👍 👎 ✏️ 🔍 🔁 under an answer; the vote that was taken is marked, and the other one changes it. */
export function answerButtons(callId: string, vote?: Vote): ButtonRows {
  return [
    [
      {
        action: encodeAction('rate_up', callId),
        label: vote === 'up' ? '👍 ✓' : '👍',
        style: vote === 'up' ? 'success' : 'plain',
      },
      {
        action: encodeAction('rate_down', callId),
        label: vote === 'down' ? '👎 ✓' : '👎',
        style: vote === 'down' ? 'danger' : 'plain',
      },
      { action: encodeAction('correct', callId), label: '✏️' },
      { action: encodeAction('why', callId), label: '🔍 Makers' },
      { action: encodeAction('again', callId), label: '🔁 Again' },
    ],
  ];
}

export const stopButton = (run: string): Button => ({
  action: encodeAction('stop', run),
  label: '■ Stop',
  style: 'danger',
});

export const modelsButton = (label = 'All models'): Button => ({ action: encodeAction('models'), label });
export const helpButton: Button = { action: encodeAction('help'), label: 'How it works' };
export const balanceButton: Button = { action: encodeAction('balance'), label: 'My balance' };
export const budgetsButton: Button = { action: encodeAction('budgets'), label: 'My budgets' };
export const historyButton: Button = { action: encodeAction('history', '1'), label: 'History' };
export const contributeButton = (slug: string, label = 'Contribute'): Button => ({
  action: encodeAction('contribute', slug),
  label,
  style: 'primary',
});
export const reviewButton = (label = 'Review others’'): Button => ({
  action: encodeAction('review_next'),
  label,
});
export const trainingsButton = (label = 'Trainings'): Button => ({
  action: encodeAction('trainings'),
  label,
});
export const datanetButton = (slug: string, label = 'Progress'): Button => ({
  action: encodeAction('datanet', slug),
  label,
});
