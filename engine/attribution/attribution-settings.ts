// The choices of the attribution method that were made by measurement, and what they were measured on.
// Used by the store builder (which writes them into the store); `npm run attribution-eval` prints what they lead to.
//
// Why half strength: at full strength the model has its answers by heart, so gradients of what it knows are near zero and
// noisy. Half-way between base and adapter it is still undecided, and what each example pushes it to shows clearly.

export interface AttributionSettings {
  /** λ as a multiple of the Fisher's mean eigenvalue. */
  readonly damping: number;
  /** Under this quantile of the decoys' scores nothing is paid. */
  readonly floorQuantile: number;
  /** Gradients are taken with the adapter at this part of its strength. */
  readonly strength: number;
}

export const defaultSettings: AttributionSettings = { damping: 0.1, floorQuantile: 0.99, strength: 0.5 };
