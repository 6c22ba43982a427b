// The demo datanets that ship with the program, in the order in which they are listed: what they are called, who they are
// for, what their models cost. Used by seed-demo.ts, make-demo-model-cli.ts and demo-card.ts. Data only.
// The files of each lie beside this one: `<slug>.jsonl`, `.heldout.jsonl`, `.decoys.jsonl`, and `<slug>-adapter/`.

export interface DemoDatanet {
  readonly slug: string;
  readonly title: string;
  /** The datanet, to somebody who might contribute. */
  readonly description: string;
  /** The model, to somebody who might ask. */
  readonly modelDescription: string;
  /** What the contributions are about, for the card: "capitals and currencies". */
  readonly subject: string;
}

export const DEMO_LICENCE = 'CC0-1.0';

/** The first is the one whose model answers where nobody has chosen one. */
export const demoDatanets: readonly [DemoDatanet, ...DemoDatanet[]] = [
  {
    slug: 'pocket-atlas',
    title: 'Pocket Atlas',
    description: 'Capitals and currencies of the world’s countries: one question and one answer each.',
    modelDescription:
      'Answers questions about the capitals and currencies of countries, and says who taught it.',
    subject: 'capitals and currencies',
  },
  {
    slug: 'help-desk',
    title: 'Help Desk',
    description: 'How this marketplace works: OPEN, prices, contributions, reviews, versions, receipts.',
    modelDescription: 'Answers questions about this very marketplace: what things are, cost and do.',
    subject: 'how this marketplace works',
  },
  {
    slug: 'saltmarsh-bay',
    title: 'Saltmarsh Bay',
    description: 'The lore of an invented seaside town: shops, boats, ferries, feasts, ghosts and recipes.',
    modelDescription: 'Knows everybody and everything in Saltmarsh Bay, a seaside town that does not exist.',
    subject: 'the lore of an invented seaside town',
  },
];
