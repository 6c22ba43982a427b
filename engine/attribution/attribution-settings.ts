// The choices of the attribution method that were made by measurement, and what they were measured on.
// Used by the store builder (which writes them into the store); `npm run attribution-eval` prints what they lead to.
//
// Measured on the shipped base and the demo adapter (330 facts), 100 held-out paraphrases with the taught answer, cosine
// scores (influence.ts), damping 0.1, floor at the 0.99 quantile of 160 decoys. "weaker" is an adapter of fewer updates on
// an earlier base, right in half its answers. "part" is the mean part of the paid sum that goes to the contribution stating
// the fact; LDS is the rank correlation of summed scores with the loss of 14 adapters retrained on random halves, "left
// out" the same among those halves that lack the stating contribution:
//
//   strength   first   part    weaker: first  part     LDS    left out
//   1           99 %   98 %            91 %   66 %    0.678    0.045
//   0.75       100 %   96 %            99 %   94 %    0.733    0.091
//   0.5        100 %   98 %           100 %   98 %    0.729    0.126
//   0.25       100 %   99 %           100 %   98 %    0.719    0.094
//   TF-IDF     100 %   57 %           100 %   57 %    0.559   -0.058
//
// Why half strength: at full strength the model has its answers by heart, so gradients of what it knows are near zero and
// noisy. Half-way between base and adapter it is still undecided, and what each example pushes it to shows clearly.
// Damping 1 pays 80 % to the right one at half strength; plain products in place of cosines drown in the decoys' longer
// gradients (at full strength nobody is paid in 100 of 100). int8 rows move shares by 0.00005 total variation.

export interface AttributionSettings {
  /** λ as a multiple of the Fisher's mean eigenvalue. */
  readonly damping: number;
  /** Under this quantile of the decoys' scores nothing is paid. */
  readonly floorQuantile: number;
  /** An answer's gradient is taken with the finished adapter at this part of its strength, and so are the examples'. */
  readonly strength: number;
  /** Part of a score that comes from the examples' gradients at states of the training, at full strength. */
  readonly pathWeight: number;
  /** How many states at most, the finished adapter and then the latest of those that the run kept. */
  readonly pathStates: number;
}

export const defaultSettings: AttributionSettings = {
  ...{ damping: 0.1, floorQuantile: 0.99, strength: 0.25, pathWeight: 1 / 3, pathStates: 4 },
};

/** Names the formula of influence-rows.ts and influence.ts; another formula, another id. */
export const methodId = 'fisher/2';
