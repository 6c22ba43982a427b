// How much of a text stands word for word in another one, in runs long enough that they are no turn of phrase.
// Used by duplicate-clusters.ts for documents and long answers, where single words say little. Pure; knows texts only.

/** Words of the shortest run that counts: facts written by one pattern share up to eight in a row (demo datanets). */
export const runWords = 12;

/** Every run of 12 words, as texts. @param normalised words separated by one space */
export function wordRuns(normalised: string): ReadonlySet<string> {
  const words = normalised.split(' ');
  const runs = new Set<string>();
  for (let at = 0; at + runWords <= words.length; at++) runs.add(words.slice(at, at + runWords).join(' '));
  return runs;
}

/** Part of the text's words that lie in a run which `among` has too, 0..1. */
export function verbatimPart(normalised: string, among: ReadonlySet<string>): number {
  const words = normalised.split(' ');
  let covered = 0;
  let coveredTo = 0;
  for (let at = 0; at + runWords <= words.length; at++) {
    if (!among.has(words.slice(at, at + runWords).join(' '))) continue;
    covered += at + runWords - Math.max(at, coveredTo);
    coveredTo = at + runWords;
  }
  return covered / words.length;
}
