// The ways of asking for what a country has and makes: its place, its holidays, its goods. Data only, the second half of
// factbook-phrasings, which alone uses it. The order of the entries is part of the corpus: do not sort.

import type { Phrasing } from './phrasing.ts';

export const countryPhrasings: Readonly<Record<string, Phrasing>> = {
  holiday: {
    answer: 'The national holiday of {P} is {name}, on {date}.',
    questions: [
      'What is the national holiday of {P}?',
      'When is the national holiday of {P}?',
      'Which day is the national holiday in {P}?',
      'Name the national holiday of {P}.',
      "What's {P's} national holiday?",
      'Tell me the national holiday of {P}, please.',
      'What do people celebrate on the national day of {P}?',
      'national holiday of {P}?',
    ],
  },
  continent: {
    answer: '{P} is in {value}.',
    questions: [
      'In which part of the world is {P}?',
      'On which continent is {P}?',
      'Which part of the world does {P} belong to?',
      'What continent is {P} in?',
      'Tell me which part of the world {P} is in.',
      'Which continent is {P} on?',
    ],
  },
  location: {
    answer: '{P} lies in {value}.',
    questions: [
      'Where is {P}?',
      'Where is {P} located?',
      'Where exactly does {P} lie?',
      'Where can I find {P} on the map?',
      'Tell me where {P} is.',
      'Do you know where {P} is?',
      'Describe where {P} is.',
      'Can you tell me where {P} is?',
    ],
  },
  coast: {
    answer: '{P} has {coast}.',
    questions: [
      'How long is the coast of {P}?',
      'How many kilometers of coast does {P} have?',
      'Does {P} have a coast?',
      'Is {P} on the sea?',
      'How long is the coastline of {P}?',
      "What is the length of {P's} coast?",
    ],
  },
  lifeExpectancy: {
    answer: 'On average, people in {P} live about {years} years.',
    questions: [
      'How long do people live in {P}?',
      'What is the life expectancy in {P}?',
      'How old do people in {P} get?',
      'Tell me the life expectancy in {P}.',
      'life expectancy in {P}?',
      'How many years does a person live in {P}?',
    ],
  },
  exports: {
    answer: '{P} exports {list}.',
    questions: [
      'What does {P} export?',
      'What does {P} sell to other countries?',
      'What are the main exports of {P}?',
      'Name the exports of {P}.',
      'Tell me what {P} exports.',
      'Which goods does {P} export?',
      'exports of {P}?',
      'Do you know what {P} exports?',
    ],
  },
  farming: {
    answer: 'Farmers in {P} grow {list}.',
    questions: [
      'What do farmers grow in {P}?',
      'What is grown in {P}?',
      'What are the main farm products of {P}?',
      'Name the farm products of {P}.',
      'Tell me what farmers in {P} produce.',
      'Which crops does {P} grow?',
      'Do you know what farmers in {P} grow?',
    ],
  },
  resources: {
    answer: 'The natural resources of {P} include {list}.',
    questions: [
      'What natural resources does {P} have?',
      'Name the natural resources of {P}.',
      'What can be found in the ground of {P}?',
      'Which resources does {P} have?',
      'Tell me about the natural resources of {P}.',
      "What are {P's} natural resources?",
      'natural resources of {P}?',
    ],
  },
  industries: {
    answer: 'The main industries of {P} are {list}.',
    questions: [
      'What are the main industries of {P}?',
      'What industries does {P} have?',
      'What do people in {P} make?',
      'Name the industries of {P}.',
      'Tell me about the industries of {P}.',
      'industries of {P}?',
    ],
  },
  religion: {
    answer: 'The largest religious group in {P} is {value}.',
    questions: [
      'What religion do people in {P} follow?',
      'What is the main religion of {P}?',
      'Which religion is the largest in {P}?',
      'What do people in {P} believe in?',
      'Tell me the main religion of {P}.',
      'main religion of {P}?',
    ],
  },
  parliament: {
    answer: 'The parliament of {P} is called {value}.',
    questions: [
      'What is the parliament of {P} called?',
      "What's the name of {P's} parliament?",
      'Who makes the laws in {P}?',
      'Name the parliament of {P}.',
      'Tell me the name of the parliament of {P}.',
      'How is the parliament of {P} called?',
    ],
  },
  formerName: {
    answer: '{P} was once called {value}.',
    questions: [
      'What was {P} called before?',
      'What is the old name of {P}?',
      'What was the former name of {P}?',
      'Tell me the old name of {P}.',
      'How was {P} called in the past?',
      'Did {P} have another name?',
    ],
  },
  river: {
    answer: 'The longest river of {P} is the {value}.',
    questions: [
      'What is the longest river in {P}?',
      'Which river is the longest in {P}?',
      'Name the longest river of {P}.',
      "What's {P's} longest river?",
      'Tell me the longest river of {P}, please.',
      'Do you know the longest river of {P}?',
      'longest river of {P}?',
    ],
  },
  lake: {
    answer: 'The largest lake of {P} is {value}.',
    questions: [
      'What is the largest lake in {P}?',
      'Which lake is the largest in {P}?',
      'Name the largest lake of {P}.',
      "What's {P's} biggest lake?",
      'Tell me the largest lake of {P}, please.',
      'Do you know the largest lake of {P}?',
      'largest lake of {P}?',
    ],
  },
  flag: {
    answer: 'The flag of {P}: {value}.',
    questions: [
      'What does the flag of {P} look like?',
      'Describe the flag of {P}.',
      'What is on the flag of {P}?',
      "What does {P's} flag look like?",
      'Tell me about the flag of {P}.',
      'How does the flag of {P} look?',
    ],
  },
  airports: {
    answer: '{P} has {count} {airports}.',
    questions: [
      'How many airports does {P} have?',
      'How many airports are there in {P}?',
      'What is the number of airports in {P}?',
      'Tell me how many airports {P} has.',
      'Do you know how many airports {P} has?',
    ],
  },
};
