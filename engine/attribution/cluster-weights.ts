// How much each example of a training weighs, so that copies weigh as one together. Used by the factory before a version
// is trained, and by measures. Knows texts and ids only.
import type { Example } from '../engine.ts';
import { clusterDuplicates } from './duplicate-clusters.ts';

/** 1 / size of its cluster, by example id. @param examples in order of acceptance */
export function clusterWeights(examples: readonly Example[]): ReadonlyMap<string, number> {
  const { members } = clusterDuplicates(examples);
  const sizes = new Map<string, number>();
  for (const { of } of members.values()) sizes.set(of, (sizes.get(of) ?? 1) + 1);
  return new Map(examples.map(({ id }) => [id, 1 / (sizes.get(members.get(id)?.of ?? id) ?? 1)]));
}
