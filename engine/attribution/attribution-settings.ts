// The choices of the attribution method that were made by measurement, and what they were measured on.
// Used by the store builder (which writes them into the store); `npm run attribution-eval` prints what they lead to.
//
// Measured against real retrainings of the shipped base in the same order from the same first weights. Two subjects, as they
// differ: "by heart" is the Pocket Atlas, 330 facts told once each in its own recipe (180 updates, answers known to 0.002
// nats), 330 held-out questions, 16 random halves; "smooth" is the bench's planted facts with seed 1, 240 statements, 1 to 4
// of a fact, 32 updates (0.3 nats), 60 questions, 40 halves. LDS = rank correlation of summed scores with the answer's
// likelihood over the retrainings, mean over questions (dispersion about 0.04); "paid" the same of what is paid, above
// the floor; "right" = mean part of the paid sum that goes to who states the fact. c = damping.
//
//                                              by heart               smooth
//   rows and answer                     c    LDS   paid  right     LDS   paid  right
//   1 of full strength                 0.1  0.69  0.81  0.99      0.56  0.66  0.87
//   0.75                               0.1  0.71  0.81  0.99      0.64  0.68  0.84
//   0.5                                0.1  0.71  0.81  0.99      0.61  0.67  0.82
//   0.25                               0.1  0.72  0.82  0.99      0.60  0.69  0.87
//   0.5, and states of the run (1/3)   0.1  0.72  0.81  0.99      0.63  0.68  0.82
//   0.5, and states of the run (1/3)   0.2  0.72  0.79  0.98      0.65  0.70  0.80
//   0.5, and states of the run (1/3)   0.3  0.72  0.78  0.97      0.65  0.72  0.78
//   0.75, and states of the run (1/3)  0.2  0.71  0.80  0.98      0.67  0.70  0.81
//   0.5                                1    0.72  0.73  0.89      0.64  0.71  0.68
//   0.5                                0.2  0.72  0.78  0.98      0.62  0.69  0.80
//   0.5, values over 0.3 m + rms       0.2  0.72  0.79  0.98      0.65  0.70  0.82
//   both, as attribution pays          0.2                        0.67  0.71           <- taken
//   product of gradients, full strength      0.64               0.39
//   cosine of gradients, 0.5                 0.69               0.50
//   TF-IDF                                   0.59               0.28
//
// What it says: the curvature is worth 0.1 to 0.2 of LDS on the smooth subject; where within the adapter's strength
// gradients are taken matters less, but full strength is worst, as the model has its answers by heart and its gradients
// are noise; states of the run add 0.01 to 0.02 (states alone, asked about at another point, lose 0.03 and sometimes the
// right one); small damping pays fewer people more surely, large damping pays crumbs to many. Half contributors in
// place of half statements: 0.74, paid 0.81 (8 halves, by heart). 0.75 is as good as 0.5, but an adapter that learned little
// paid the right one 94 % there and 98 % at 0.5. Of answers by heart most of LDS is whether the one contribution that
// states the fact was there (that alone: 0.81): among the others' retrainings the correlation is 0.1 to 0.18.
// All these were choices on these subjects; the bench reports other seeds. Products of gradients that are not of unit
// length drown in the decoys' longer ones: 20 to 100 % of answers pay nobody.

export interface AttributionSettings {
  /** λ as a multiple of the Fisher's mean eigenvalue. */
  readonly damping: number;
  /** κ of the diagonal curvature that gradients are divided by before, see influence-rows.ts; 0 = none. */
  readonly coordinateDamping: number;
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
  ...{
    damping: 0.2,
    coordinateDamping: 0.3,
    floorQuantile: 0.99,
    strength: 0.5,
    pathWeight: 1 / 3,
    pathStates: 4,
  },
};

/** Names the formula of influence-rows.ts and influence.ts; another formula, another id. */
export const methodId = 'fisher/2';
