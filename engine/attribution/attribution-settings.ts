// The choices of the attribution method that were made by measurement, and what they were measured on.
// Used by the store builder (which writes them into the store) and the evaluation (which tries others).

export interface AttributionSettings {
  /** λ as a multiple of the Fisher's mean eigenvalue. */
  readonly damping: number;
  /** Under this quantile of the decoys' scores nothing is paid. */
  readonly floorQuantile: number;
  /** Gradients are taken with the adapter at this part of its strength. */
  readonly strength: number;
}

export const defaultSettings: AttributionSettings = { damping: 1, floorQuantile: 0.99, strength: 1 };
