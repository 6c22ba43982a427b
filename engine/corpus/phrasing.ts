// How an attribute of a place is asked and answered. Used by the tables of phrasings.

export interface Phrasing {
  /** One sentence with {P} for the place and the value's name in braces. */
  readonly answer: string;
  readonly questions: readonly string[];
}
