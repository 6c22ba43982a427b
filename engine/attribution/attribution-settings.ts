// The choices of the attribution method that were made by measurement, and what they were measured on.
// Used by the store builder (which writes them into the store); `npm run attribution-eval` prints what they lead to.
//
// Measured on a 3.2 M parameter base with a rank-16 adapter that learned 330 facts to a loss of 0.05, 80 held-out
// paraphrases with the taught answer, cosine scores (influence.ts), damping 0.1, floor at the 0.99 quantile of 160 decoys.
// "part" is the mean part of the paid sum that goes to the contribution stating the fact, "nobody" the queries in which
// nobody rises above the floor:
//
//   strength   right one first   in top 3   part     nobody
//   1               91 %            93 %    66 %     27 of 80
//   0.75            99 %           100 %    94 %      1 of 80
//   0.5            100 %           100 %    98 %      0 of 80
//   0.25           100 %           100 %    98 %      0 of 80
//
// Why half strength: at full strength the model has its answers by heart, so gradients of what it knows are near zero and
// noisy. Half-way between base and adapter it is still undecided, and what each example pushes it to shows clearly.
// Damping 1 pays 81 % to the right one at half strength, 10 pays 55 %; plain products in place of cosines drown in the
// decoys' longer gradients (nobody is paid in 80 of 80 at full strength). Not yet measured: agreement with retraining.

export interface AttributionSettings {
  /** λ as a multiple of the Fisher's mean eigenvalue. */
  readonly damping: number;
  /** Under this quantile of the decoys' scores nothing is paid. */
  readonly floorQuantile: number;
  /** Gradients are taken with the adapter at this part of its strength. */
  readonly strength: number;
}

export const defaultSettings: AttributionSettings = { damping: 0.1, floorQuantile: 0.99, strength: 0.5 };
