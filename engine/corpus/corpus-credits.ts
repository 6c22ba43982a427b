// Whom the base model's card thanks: author, place and licence of each source that asks to be named. Used by
// train/make-base-cli.ts. Knows the sources' file names only. Public-domain and CC0 texts ask for nothing and are named
// with their licence in the data table. Commits are the ones the texts were taken from: some were relicensed later.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credit {
  readonly work: string;
  readonly by: string;
  readonly where: string;
  readonly licence: string;
  readonly changes: string;
}

const storybookFile = 'text/african-storybook-en.ccby.jsonl';
const openstaxBy = 'OpenStax, Rice University; access for free at openstax.org';
const proseChanges = 'running text only, cut into pieces';

const openstaxCommits: Readonly<Record<string, string | undefined>> = {
  'american-government': '5c90dd7907dbf25f42266417e63ca3bb0012f031',
  'anatomy-physiology': 'c2cd8e211a59376a2b88a9a6a7e38e8c03acacd3',
  astronomy: '63157f370b09c06a4cc12832384aaaf4de1ced3b',
  'college-success': '695b838a0a0dd584af30eba4f77b2c5ba5fafd15',
  entrepreneurship: 'c1fa2c872ba07dc864c3aeb5a510b08b4f657288',
  'introduction-anthropology': '418eedd9bef21ec1a6fa1b472c0d82c084e35c70',
  'introduction-business': '2910efc760bf09a670e0180fe75e538c49b09fb7',
  'introduction-political-science': '4391e659b98eec43b71e8b3f08241215fb4dd4c4',
  'introduction-sociology': 'd35d5f3bdac40f93607d600134865d4f13ce1f9b',
  'principles-economics-bundle': 'cd31beb103fffbc09cc81ebfe117d8c40cc12d1a',
  'world-history': '3e17beda9130380d24be881e6d1942dfcc1be845',
  'writing-guide': 'a6c95528390e3a2936f5bf87c49ac1a4995a0a6e',
};

const named: Readonly<Record<string, Credit | undefined>> = {
  [storybookFile]: {
    work: 'African Storybook, stories in English (authors in CREDITS.md)',
    by: 'the African Storybook Initiative and the authors',
    where: 'github.com/global-asp/asp-source',
    licence: 'CC-BY-4.0',
    changes: 'text without pictures, cut into pieces',
  },
  'qa/openstax-terms.ccby4.jsonl': {
    work: 'Glossaries of the OpenStax textbooks named here',
    by: openstaxBy,
    where: 'github.com/openstax',
    licence: 'CC-BY-4.0',
    changes: 'terms and definitions made into questions and answers',
  },
  'qa/medquad.ccby4.jsonl': {
    work: 'MedQuAD (National Institutes of Health)',
    by: 'Asma Ben Abacha and Dina Demner-Fushman',
    where: 'github.com/abachaa/MedQuAD',
    licence: 'CC-BY-4.0',
    changes: 'answers shortened to their first sentences',
  },
  'qa/dstc9-faq.apache2.jsonl': {
    work: 'DSTC9 track 1 knowledge snippets',
    by: 'Amazon.com, Inc. or its affiliates',
    where: 'github.com/alexa/alexa-with-dstc9-track1-dataset@7ebb4c767b64826c1ac0f8bae409c0fab9cc0ae4',
    licence: 'Apache-2.0',
    changes: 'questions and answers, a sample',
  },
  'qa/gsm8k-train.mit.jsonl': {
    work: 'Grade School Math, training part',
    by: 'Copyright (c) 2021 OpenAI',
    where: 'github.com/openai/grade-school-math@3101c7d5072418e28b9008a6636bde82a006892c',
    licence: 'MIT',
    changes: "calculator's marks left out",
  },
  'dialogue/self-dialogue.bsd3.jsonl': {
    work: 'Self-dialogue corpus',
    by: 'Copyright (c) 2017 the authors of the corpus (Joachim Fainberg and others)',
    where: 'github.com/jfainberg/self_dialogue_corpus@113a1b0ff10308f1227c13a4aaded9bc85577816',
    licence: 'BSD-3-Clause',
    changes: 'cut into short conversations; rude and noisy ones left out',
  },
  'dialogue/chatterbot-english.bsd3.jsonl': {
    work: 'ChatterBot language training corpus, English',
    by: 'Copyright (c) 2017 Gunther Cox',
    where: 'github.com/gunthercox/chatterbot-corpus@a01efece26661309b870af0251d96f94ee09fb19',
    licence: 'BSD-3-Clause',
    changes: 'a selection of its files',
  },
  ...Object.fromEntries(
    ['seed_tasks', 'user_oriented'].map((part) => [
      `instruct/self-instruct-${part}.apache2.jsonl`,
      {
        work: `Self-Instruct, human-written instructions (${part})`,
        by: 'Yizhong Wang and others',
        where: 'github.com/yizhongw/self-instruct',
        licence: 'Apache-2.0',
        changes: 'the shorter ones',
      },
    ]),
  ),
};

/** Credits of these files, each once; files that ask for none are left out. */
export function corpusCredits(files: readonly string[]): readonly Credit[] {
  const credits = [...new Set(files)].map((file) => named[file] ?? openstaxCredit(file));
  return credits.filter((credit) => credit !== undefined);
}

function openstaxCredit(file: string): Credit | undefined {
  const book = /^text\/openstax-(.+)\.ccby4?\.(?:jsonl|txt)$/.exec(file)?.[1];
  if (book === undefined) return undefined;
  const commit = openstaxCommits[book];
  const title = book.replace(/-2e$/, '').replaceAll('-', ' ').replace(' us ', ' US ').replace(/^us /, 'US ');
  return {
    work: title.charAt(0).toUpperCase() + title.slice(1),
    by: openstaxBy,
    where: `github.com/openstax/osbooks-${book.replace(/-2e$/, '')}${commit === undefined ? ' (before March 2026)' : `@${commit}`}`,
    licence: 'CC-BY-4.0',
    changes: proseChanges,
  };
}

/** Title and author of every story of the African Storybook in the data folder. */
export function storybookAuthors(
  dataFolder: string,
): readonly { readonly title: string; readonly credit: string }[] {
  return readFileSync(join(dataFolder, storybookFile), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly title: string; readonly credit: string });
}
