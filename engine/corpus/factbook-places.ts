// The places of the public-domain World Factbook with names that read well in a sentence.
// Used by: factbook-questions, and the generator of the demo datanet. Knows no question.
// Invariant: a place is listed once; regions of the sea and the world as a whole are left out.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanText } from './corpus-document.ts';

export interface FactbookPlace {
  /** two letters, the Factbook's own */
  readonly code: string;
  /** with its article where English asks for one: "the Gambia" */
  readonly name: string;
  readonly region: string;
  /** belongs to another state */
  readonly dependent: boolean;
  /** "Geography / Coastline" -> "536 km" */
  readonly facts: ReadonlyMap<string, string>;
}

/** The Factbook's short form is missing, abbreviated or unusual for these. */
const names: Readonly<Record<string, string>> = {
  ct: 'the Central African Republic',
  fm: 'Micronesia',
  ae: 'the United Arab Emirates',
  sh: 'Saint Helena',
  io: 'the British Indian Ocean Territory',
  cg: 'the Democratic Republic of the Congo',
  cf: 'the Republic of the Congo',
  dr: 'the Dominican Republic',
  bm: 'Myanmar',
  vt: 'Vatican City',
  fk: 'the Falkland Islands',
  sv: 'Svalbard',
  gz: 'the Gaza Strip',
  we: 'the West Bank',
  fs: 'the French Southern and Antarctic Lands',
  ck: 'the Cocos Islands',
  vq: 'the United States Virgin Islands',
  um: 'none',
};

const takesArticle =
  /(Islands|Republic|Emirates|Netherlands|Philippines|Maldives|Bahamas|Gambia|Comoros|Seychelles|Union)$|^United|Isle of Man/;

/** Reads `text/factbook-2026.cc0.jsonl` under the data folder. */
export function readFactbookPlaces(dataFolder: string): readonly FactbookPlace[] {
  const lines = readFileSync(join(dataFolder, 'text/factbook-2026.cc0.jsonl'), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as {
        code: string;
        region: string;
        name: string;
        facts: [string, string][];
      };
      const facts = new Map(row.facts.map(([key, value]) => [key, cleanText(value)]));
      const short = (names[row.code] ?? row.name).replace(/^The /, 'the ');
      const name = takesArticle.test(short) && !short.startsWith('the ') ? `the ${short}` : short;
      return {
        code: row.code,
        name: cleanText(name),
        region: row.region,
        dependent: facts.has('Government / Dependency status'),
        facts,
      };
    })
    .filter((place) => place.region !== 'oceans' && place.region !== 'world')
    .filter((place) => place.name !== 'none' && place.name.length > 3);
}
