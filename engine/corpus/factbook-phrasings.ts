// The ways of asking for each kind of fact about a place, and the one way of answering. Data only.
// Used by: factbook-questions. {P} is the place, {P's} its possessive, other blanks are the fact's own.
// The order of the entries is part of the corpus: do not sort.
// One answer form for each kind: a small model that answers one way learns that the question's wording does not matter.

import { countryPhrasings } from './country-phrasings.ts';

export interface Phrasing {
  readonly answer: string;
  readonly questions: readonly string[];
}

export const attributePhrasings: Readonly<Record<string, Phrasing>> = {
  highestPoint: {
    answer: 'The highest point of {P} is {peak}.',
    questions: [
      'What is the highest point in {P}?',
      'What is the highest point of {P}?',
      'Which mountain is the highest in {P}?',
      'Name the highest point of {P}.',
      'Tell me the highest point of {P}, please.',
      "What's {P's} highest point?",
      'Do you know the highest place in {P}?',
      'I forgot the highest point of {P}. What is it?',
      'highest point of {P}?',
      'Can you tell me what the highest point of {P} is?',
      'Where is the highest point of {P}?',
    ],
  },
  highestHeight: {
    answer: '{peak} is {height} meters high.',
    questions: [
      'How high is {peak} in {P}?',
      'What is the height of {peak}, the highest point of {P}?',
      'How tall is {peak}?',
      'Tell me how high {peak} is.',
    ],
  },
  population: {
    answer: '{P} has about {count} people.',
    questions: [
      'What is the population of {P}?',
      'How many people live in {P}?',
      'How many people are there in {P}?',
      "What's {P's} population?",
      'Tell me the population of {P}.',
      'Do you know how many people live in {P}?',
      'How big is the population of {P}?',
      'population of {P}?',
      'Name the population of {P}, please.',
      'I would like to know how many people {P} has.',
      'How many inhabitants does {P} have?',
      'Can you tell me what the population of {P} is?',
    ],
  },
  area: {
    answer: '{P} covers about {count} square kilometers.',
    questions: [
      'How big is {P}?',
      'What is the area of {P}?',
      'How large is {P}?',
      "What's {P's} area?",
      'Tell me the area of {P}.',
      'How many square kilometers does {P} cover?',
      'What is the size of {P}?',
      'Do you know how big {P} is?',
      'area of {P}?',
      'Can you tell me how large {P} is?',
    ],
  },
  comparedSize: {
    answer: '{P} is {value}.',
    questions: [
      'Compared to other places, how big is {P}?',
      'What place is about as big as {P}?',
      'What can I compare the size of {P} with?',
      'Compare the size of {P} with another place.',
      'How big is {P} compared to an American state?',
    ],
  },
  languages: {
    answer: 'People in {P} speak {list}.',
    questions: [
      'What languages are spoken in {P}?',
      'Which languages do people speak in {P}?',
      'What do people speak in {P}?',
      'Name the languages of {P}.',
      'Tell me what people in {P} speak.',
      'What language do they speak in {P}?',
      'Do you know which languages are spoken in {P}?',
      'languages of {P}?',
      'I am going to {P}. Which languages will I hear?',
      'What are the main languages of {P}?',
    ],
  },
  officialLanguage: {
    answer: 'The {languages} of {P} {are} {list}.',
    questions: [
      'What is the official language of {P}?',
      'Which language is official in {P}?',
      'Name the official language of {P}.',
      "What's {P's} official language?",
      'Tell me the official language of {P}, please.',
      'Do you know the official language of {P}?',
      'official language of {P}?',
      'Can you tell me what the official language of {P} is?',
    ],
  },
  neighbours: {
    answer: '{P} borders {list}.',
    questions: [
      'Which countries border {P}?',
      'What are the neighbors of {P}?',
      'What countries are next to {P}?',
      'Name the countries that border {P}.',
      "Who are {P's} neighbors?",
      'Tell me the neighbors of {P}.',
      'With which countries does {P} share a border?',
      'neighbors of {P}?',
      'Which countries lie around {P}?',
      'Do you know which countries border {P}?',
    ],
  },
  government: {
    answer: 'The government of {P} is a {value}.',
    questions: [
      'What kind of government does {P} have?',
      'What is the government type of {P}?',
      'How is {P} governed?',
      'What type of government is there in {P}?',
      'Tell me what kind of government {P} has.',
      'What form of government does {P} have?',
    ],
  },
  climate: {
    answer: 'The climate of {P} {value}.',
    questions: [
      'What is the climate like in {P}?',
      'What is the climate of {P}?',
      'What is the weather like in {P}?',
      'How is the climate in {P}?',
      'Tell me about the climate of {P}.',
      "What's the weather in {P} usually like?",
      'What kind of climate does {P} have?',
      'climate of {P}?',
      'Describe the climate of {P}.',
    ],
  },
  terrain: {
    answer: 'The land of {P}: {value}.',
    questions: [
      'What is the land like in {P}?',
      'What does the land of {P} look like?',
      'Describe the land of {P}.',
      'What is the terrain of {P}?',
      'Tell me about the landscape of {P}.',
      'How does the landscape look in {P}?',
    ],
  },
  people: {
    answer: 'A person from {P} is called {a} {noun}.',
    questions: [
      'What do you call people from {P}?',
      'What do you call a person from {P}?',
      'What are people from {P} called?',
      'What is the name for someone from {P}?',
      'How do you call somebody who comes from {P}?',
      'What is a person from {P} called?',
      'Tell me the word for a person from {P}.',
      'Someone from {P} is called what?',
    ],
  },
  adjective: {
    answer: 'The word for something from {P} is {value}.',
    questions: [
      'What is the adjective for {P}?',
      'What do you call something from {P}?',
      'What word describes things from {P}?',
      'Which adjective belongs to {P}?',
      'Tell me the adjective for {P}.',
    ],
  },
  independence: {
    answer: '{P} became independent from {from} in {year}.',
    questions: [
      'When did {P} become independent?',
      'In which year did {P} become independent?',
      'From whom did {P} become independent?',
      'When did {P} gain its independence?',
      "What is the year of {P's} independence?",
      'Tell me when {P} became independent.',
      'Do you know when {P} became free?',
      'Who ruled {P} before independence?',
      'independence of {P}?',
    ],
  },
  symbol: {
    answer: 'The national symbol of {P} is the {list}.',
    questions: [
      'What is the national symbol of {P}?',
      'Which symbol stands for {P}?',
      'Name the national symbol of {P}.',
      "What's {P's} national symbol?",
      'Tell me the national symbol of {P}, please.',
      'Do you know the national symbol of {P}?',
      'national symbol of {P}?',
      'I forgot the national symbol of {P}. What is it?',
      'Can you tell me what the national symbol of {P} is?',
    ],
  },
  colors: {
    answer: 'The national colors of {P} are {list}.',
    questions: [
      'What are the national colors of {P}?',
      'Which colors stand for {P}?',
      'Name the national colors of {P}.',
      "What are {P's} national colors?",
      'Tell me the national colors of {P}.',
      'national colors of {P}?',
    ],
  },
  ...countryPhrasings,
};
