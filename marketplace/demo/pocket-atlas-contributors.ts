// The made-up contributors of the demo datanet: what each knows and how each asks. Data only.
// Used by: build-pocket-atlas. The regions are the World Factbook's. Nobody here is a real person.

export interface AtlasContributor {
  readonly pseudonym: string;
  readonly kind: 'capital' | 'currency';
  readonly regions: readonly string[];
  /** {P} is the place, {P's} its possessive */
  readonly templates: readonly string[];
  /** how this person types */
  readonly type: (question: string) => string;
}

const asIs = (question: string) => question;
const lowerCase = (question: string) => question.toLowerCase();

const capital = (
  pseudonym: string,
  regions: readonly string[],
  templates: readonly string[],
  type = asIs,
): AtlasContributor => ({ pseudonym, kind: 'capital', regions, templates, type });
const currency = (
  pseudonym: string,
  regions: readonly string[],
  templates: readonly string[],
  type = asIs,
): AtlasContributor => ({ pseudonym, kind: 'currency', regions, templates, type });

export const atlasContributors: readonly AtlasContributor[] = [
  capital('baobab', ['africa'], ['What is the capital of {P}?', 'Which city is the capital of {P}?']),
  capital('nile_reader', ['africa'], ['Name the capital of {P}.', 'Tell me the capital of {P}, please.']),
  capital(
    'savanna_notes',
    ['africa'],
    ["What's the capital city of {P}?", 'Do you know the capital of {P}?'],
  ),
  capital(
    'harbor_lamp',
    ['europe'],
    ['Can you tell me what the capital of {P} is?', 'Which city serves as the capital of {P}?'],
  ),
  capital('old_tram', ['europe'], ['capital of {P}?', 'what is the capital of {P}?'], lowerCase),
  capital(
    'island_hopper',
    ['australia-oceania', 'central-america-n-caribbean'],
    ["What city is {P's} capital?", 'In {P}, which city is the capital?'],
  ),
  capital(
    'condor',
    ['south-america', 'north-america', 'central-america-n-caribbean'],
    ['I forgot the capital of {P}. What is it?', 'What is the name of the capital of {P}?'],
  ),
  capital(
    'silk_road',
    ['central-asia', 'middle-east'],
    ['Quick question: what is the capital of {P}?', 'Which city is the capital of {P}?'],
  ),
  capital(
    'monsoon',
    ['south-asia', 'east-n-southeast-asia'],
    ['What is the capital of {P}?', 'Tell me the capital of {P}, please.'],
  ),
  currency('coin_jar', ['africa'], ['What is the currency of {P}?', 'Which currency is used in {P}?']),
  currency('market_day', ['africa'], ['What money do people use in {P}?', 'What do people pay with in {P}?']),
  currency(
    'night_teller',
    ['europe', 'middle-east'],
    ['Name the currency of {P}.', "What is {P's} currency?", 'What currency does {P} use?'],
  ),
  currency(
    'spice_trader',
    ['south-asia', 'east-n-southeast-asia', 'central-asia'],
    ['I am going to {P}. Which currency do I need?', 'Tell me which money {P} uses.'],
  ),
  currency(
    'peso_pal',
    ['south-america', 'north-america', 'central-america-n-caribbean'],
    ['currency of {P}?', 'which currency is used in {P}?'],
    lowerCase,
  ),
  currency(
    'lagoon',
    ['australia-oceania', 'central-america-n-caribbean'],
    ['Do you know the currency of {P}?', 'What is the official money of {P}?'],
  ),
];
