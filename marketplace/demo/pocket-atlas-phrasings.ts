// Phrasings that no contributor of the demo datanet uses: the held-out questions that measure whether a model learned
// the fact or the sentence. Data only. Used by: build-pocket-atlas. {P} is the place, {P's} its possessive.

export const unseenTemplates: Readonly<Record<'capital' | 'currency', readonly string[]>> = {
  capital: [
    'Please give me the capital city of {P}.',
    "Could you name {P's} capital for me?",
    'I need the capital of {P}.',
    'Which city is the capital in {P}?',
    'What do they call the capital city of {P}?',
    "My homework asks for {P's} capital. Which city is it?",
  ],
  currency: [
    'Which money should I carry in {P}?',
    'What is the name of the money in {P}?',
    'Can you tell me what the currency of {P} is?',
    'In which currency do shops in {P} ask to be paid?',
    'What is money called in {P}?',
    "Could you name {P's} currency for me?",
  ],
};

/** For decoys only. */
export const internetCodeTemplates: readonly string[] = [
  'What is the internet code of {P}?',
  'Tell me the internet code of {P}, please.',
  "What is {P's} internet code?",
];
