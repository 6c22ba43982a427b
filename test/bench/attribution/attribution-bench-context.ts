// What the measures of the attribution bench share: the subject and every method's scores of its queries, made once when
// first asked for, and a folder for all that is written. It measures nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasureOf } from '../bench-run.ts';
import { makeSubject, type Subject, smallSize, wholeSize } from './leave-out-subject.ts';
import { type MethodScores, scoreMethods } from './method-scores.ts';

export interface AttributionBench {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly folder: string;
  readonly subject: () => Promise<Subject>;
  /** The method that pays first. */
  readonly methods: () => Promise<readonly MethodScores[]>;
  /** How far shares moved, answer by answer, by what moved them: filled by measures, drawn by the last one. */
  readonly moved: Map<string, readonly number[]>;
}

export type AttributionMeasure = MeasureOf<AttributionBench>;

/** Choices were made on seed 1. */
export const reportSeed = 2;

export function createAttributionBench({
  quick,
  say,
}: Pick<AttributionBench, 'quick' | 'say'>): AttributionBench & { readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'attribution-bench-'));
  let subject: Promise<Subject> | undefined;
  let methods: Promise<readonly MethodScores[]> | undefined;
  const subjectOnce = (): Promise<Subject> => {
    subject ??= makeSubject(join(folder, 'subject'), reportSeed, quick ? smallSize : wholeSize, say);
    return subject;
  };
  return {
    ...{ quick, say, folder, moved: new Map() },
    subject: subjectOnce,
    methods: () => {
      methods ??= subjectOnce().then((made) => scoreMethods(made, join(folder, 'ensemble'), say));
      return methods;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
