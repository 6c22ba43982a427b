// Training makes way for answers, and gets its turn under any load.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStepAside } from '../../../engine/train/step-aside.ts';

const child = () => {
  const heard: string[] = [];
  return { heard, kill: (signal: string) => heard.push(signal) > 0 };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('training', () => {
  it('is halted from the first of three answers to the end of the last', () => {
    const aside = createStepAside();
    const training = child();
    aside.follow(training);
    const ends = [aside.answering(), aside.answering(), aside.answering()];
    expect(training.heard).toEqual(['SIGSTOP']);
    ends[1]?.();
    ends[1]?.(); // a second time does nothing
    ends[0]?.();
    expect(training.heard).toEqual(['SIGSTOP']);
    ends[2]?.();
    expect(training.heard).toEqual(['SIGSTOP', 'SIGCONT']);
  });

  it('runs half of the time under an answer without end: 10 turns in 20 seconds', () => {
    const aside = createStepAside({ haltMsMost: 1000, turnMsLeast: 1000 });
    const training = child();
    aside.follow(training);
    aside.answering();
    vi.advanceTimersByTime(20_000);
    expect(training.heard.filter((signal) => signal === 'SIGCONT')).toHaveLength(10);
    expect(training.heard.filter((signal) => signal === 'SIGSTOP')).toHaveLength(11);
  });

  it('is halted again at once by the next answer, but not within its turn', () => {
    const aside = createStepAside();
    const training = child();
    aside.follow(training);
    for (let i = 0; i < 5; i++) aside.answering()();
    expect(training.heard).toEqual(Array.from({ length: 5 }, () => ['SIGSTOP', 'SIGCONT']).flat());
    const end = aside.answering();
    vi.advanceTimersByTime(1500); // halted for 1 s, then half of its turn
    end();
    aside.answering()();
    expect(training.heard.slice(10)).toEqual(['SIGSTOP', 'SIGCONT']);
    vi.advanceTimersByTime(500);
    aside.answering();
    expect(training.heard.slice(12)).toEqual(['SIGSTOP']);
  });

  it('that begins while an answer is written is halted too; one that has ended hears nothing more', () => {
    const aside = createStepAside();
    const [first, second] = [child(), child()];
    const leave = aside.follow(first);
    const end = aside.answering();
    aside.follow(second);
    leave();
    end();
    expect([first.heard, second.heard]).toEqual([['SIGSTOP'], ['SIGSTOP', 'SIGCONT']]);
  });

  it('that begins alone under an answer is halted from its beginning', () => {
    const aside = createStepAside();
    aside.answering();
    const training = child();
    aside.follow(training);
    expect(training.heard).toEqual(['SIGSTOP']);
  });
});
