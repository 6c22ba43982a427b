// What a version is trained on, so that copies weigh as one together. Used by the factory before a version is trained, and
// by measures. Knows texts and ids only.
// A copy of the words teaches nothing and is left out; the same fact in other words teaches to understand a question, so
// such wordings share the weight of one. Without this rule, copies would also be learned better than what is said once.
import type { Example } from '../engine.ts';
import { clusterDuplicates } from './duplicate-clusters.ts';

/** @param examples in order of acceptance; weights that they have already are multiplied */
export function trainingExamples(examples: readonly Example[]): readonly Example[] {
  const { members } = clusterDuplicates(examples, { sameAnswer: true });
  const wordings = new Map<string, number>();
  for (const { of, rule } of members.values())
    if (rule === 'words') wordings.set(of, (wordings.get(of) ?? 1) + 1);
  return examples.flatMap((example) => {
    const member = members.get(example.id);
    if (member !== undefined && member.rule !== 'words') return [];
    const sharers = wordings.get(member?.of ?? example.id) ?? 1;
    return [sharers === 1 ? example : { ...example, weight: (example.weight ?? 1) / sharers }];
  });
}
