// A tokenizer of our own kind, trained in a moment on a few sentences, for tests that need no real model.

import { tokenizerConfigJson } from '../../../engine/corpus/chat-markup.ts';
import { countWords, toTokenizerJson, trainBpe } from '../../../engine/corpus/train-tokenizer.ts';
import { createTokenizer } from '../../../engine/model/tokenizer.ts';

const text = `What is the capital of Kenya? The capital of Kenya is Nairobi. What money do people use there?
It's the Kenyan shilling, about 130 to a dollar. Once upon a time there was a small town by the sea, and it was 1984.
"Don't you know?" she said - she'll know that they're here. Ein schöner Tag, naïve café, 東京, 🙂🙂🙂.`;

const counts = new Map<string, number>();
for (let i = 0; i < 3; i++) countWords(text, counts);

export const tinyVocabulary = trainBpe(counts, 400);
export const tinyTokenizer = createTokenizer(toTokenizerJson(tinyVocabulary), tokenizerConfigJson());
