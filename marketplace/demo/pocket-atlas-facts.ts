// The facts of the demo datanet "Pocket Atlas": capitals and currencies, taken from the World Factbook (public domain).
// Used by: build-pocket-atlas. Knows no contributor and no phrasing.
// Invariants: each fact has one answer that nobody else's fact has; nothing contested, nothing that changed lately,
// nothing whose answer is in the place's own name. Shared or dependent-territory facts become decoys, never contributions.

import { type FactbookPlace, readFactbookPlaces } from '../../engine/corpus/factbook-places.ts';

export interface AtlasFact {
  readonly kind: 'capital' | 'currency';
  readonly place: string;
  readonly region: string;
  /** what a right answer contains */
  readonly value: string;
}

/** A fact of a kind that neither the datanet nor the base model's corpus holds. */
export interface InternetCode {
  readonly place: string;
  readonly code: string;
}

interface AtlasFacts {
  readonly contributed: readonly AtlasFact[];
  readonly decoys: readonly AtlasFact[];
  readonly internetCodes: readonly InternetCode[];
}

/** Left out: more than one seat or a disputed one, or moved after the source was written. */
const noCapital: ReadonlySet<string> = new Set([
  'Israel',
  'Nauru',
  'Equatorial Guinea',
  'the European Union',
]);
/** Left out: replaced since the source was written, or told there in prose only. */
const noCurrency: ReadonlySet<string> = new Set([
  'Bulgaria',
  'Zimbabwe',
  'Curacao',
  'Sint Maarten',
  'the United States',
  'Tuvalu',
  'the European Union',
  'the West Bank',
  'the Gaza Strip',
  'Western Sahara',
]);

/** Where the source gives several seats or spellings: the constitutional capital, in the usual spelling. */
const capitals: Readonly<Record<string, string>> = {
  Bolivia: 'Sucre',
  Burundi: 'Gitega',
  "Côte d'Ivoire": 'Yamoussoukro',
  Moldova: 'Chisinau',
  Myanmar: 'Naypyidaw',
  'Sri Lanka': 'Sri Jayewardenepura Kotte',
};

/** Singular of the source's plural, where dropping the s is not enough. */
const currencies: Readonly<Record<string, string>> = {
  cedis: 'cedi',
  maloti: 'loti',
  'Botswana pulas': 'pula',
  meticais: 'metical',
  leones: 'leone',
  emalangeni: 'lilangeni',
  'Costa Rican colones': 'Costa Rican colon',
  quetzales: 'quetzal',
  'Renminbi yuan': 'Chinese yuan',
  'togrog/tugriks': 'tugrik',
  leke: 'lek',
  'konvertibilna markas': 'convertible mark',
  'Danish kroner': 'Danish krone',
  'Norwegian kroner': 'Norwegian krone',
  'Swedish kronor': 'Swedish krona',
  'Icelandic kronur': 'Icelandic krona',
  koruny: 'Czech koruna',
  'Moldovan lei': 'Moldovan leu',
  lei: 'Romanian leu',
  zlotych: 'zloty',
  'new Israeli shekels': 'new Israeli shekel',
  reals: 'Brazilian real',
  'nuevo sol': 'Peruvian sol',
  'Aruban guilders/florins': 'Aruban florin',
  yen: 'Japanese yen',
  rand: 'South African rand',
  baht: 'Thai baht',
  dong: 'Vietnamese dong',
  'Communaute Financiere Africaine francs': 'West African CFA franc',
  'Cooperation Financiere en Afrique Centrale francs': 'Central African CFA franc',
  'Coopération Financière en Afrique Centrale francs': 'Central African CFA franc',
  'Comptoirs Francais du Pacifique francs': 'CFP franc',
};

/** Reads the facts from the data folder's copy of the Factbook. */
export function readAtlasFacts(dataFolder: string): AtlasFacts {
  const places = readFactbookPlaces(dataFolder);
  const facts = places.flatMap((place) => [...capitalOf(place), ...currencyOf(place)]);
  const dependent = new Set(places.filter((place) => place.dependent).map((place) => place.name));
  const isDependent = (fact: AtlasFact) => dependent.has(fact.place);
  const holders = Map.groupBy(facts, (fact) => fact.value);
  const contributed = facts.filter((fact) => {
    const independent = (holders.get(fact.value) ?? []).filter((other) => !isDependent(other));
    const isOnlyOne = holders.get(fact.value)?.length === 1;
    return isDependent(fact) ? fact.kind === 'currency' && isOnlyOne : independent.length === 1;
  });
  // A territory that shares its answer with a contribution is neither: the datanet half answers it.
  const answered = new Set(contributed.map((fact) => fact.value));
  return {
    contributed,
    decoys: facts.filter((fact) => !answered.has(fact.value)),
    internetCodes: places.flatMap((place) => {
      const code = /^\.[a-z]{2}$/.exec(place.facts.get('Communications / Internet country code') ?? '')?.[0];
      return code === undefined || place.dependent ? [] : [{ place: place.name, code }];
    }),
  };
}

function capitalOf(place: FactbookPlace): readonly AtlasFact[] {
  const written = place.facts.get('Government / Capital / name');
  if (written === undefined || noCapital.has(place.name)) return [];
  const value =
    capitals[place.name] ??
    written
      .replace(/\([^)]*\)/g, '')
      .split(/;|, [A-Z][a-z]+ *$/)[0]
      .trim();
  // "The capital of Guinea-Bissau is ..." would hold the right answer whatever follows.
  if (place.name.includes(value) || !/^[A-Z]/.test(value) || value === 'None') return [];
  return [{ kind: 'capital', place: place.name, region: place.region, value }];
}

function currencyOf(place: FactbookPlace): readonly AtlasFact[] {
  const written =
    place.facts.get('Economy / Exchange rates / Currency') ?? place.facts.get('Economy / Exchange rates');
  if (written === undefined || noCurrency.has(place.name)) return [];
  const plural = /^(.*?)(?: \([A-Z/]+\))? per US dollar/.exec(written)?.[1];
  const value =
    plural === undefined
      ? /US dollar/.test(written)
        ? 'United States dollar'
        : undefined
      : (currencies[plural] ?? plural.replace(/s$/, ''));
  return value === undefined ? [] : [{ kind: 'currency', place: place.name, region: place.region, value }];
}
