// Made-up short talks of everyday life, two to four turns that stay with what the person spoke of. Written for this
// project; the base model is instruct-tuned on them, so that it answers a person and not only a quiz.
// Used by: corpus-sources. Knows no tokenizer. Invariant: the same seed gives the same talks; nothing here names a
// country, a capital or a currency, and no prompt of the card's samples (base-samples.ts) stands here.

import { type CorpusDocument, chatDocument, type QuestionAnswer, sentenceCase } from './corpus-document.ts';
import type { SeededRandom } from './seeded-random.ts';
import {
  animals,
  feelings,
  foods,
  hobbies,
  jobs,
  names,
  petNames,
  poemThings,
  times,
  tips,
  topics,
} from './talk-words.ts';

type Talk = (random: SeededRandom) => readonly QuestionAnswer[];

const say = (question: string, answer: string): QuestionAnswer => ({ question, answer });
const thanks: Talk = (random) => [
  say(
    random.pick(['Thank you.', 'Thanks!', 'Thank you very much.', 'Great, thanks.', 'Nice, thank you!']),
    random.pick(['You are welcome!', 'My pleasure.', 'You are welcome. Ask me anything else.']),
  ),
];
const maybe = (random: SeededRandom, talk: Talk): readonly QuestionAnswer[] =>
  random.below(3) === 0 ? talk(random) : [];

const talkOfName: Talk = (random) => {
  const name = random.pick(names);
  const greeting = random.pick(['', 'Hello, ', 'Hi! ', 'Hey, ']);
  return [
    say(
      greeting +
        random.pick([`my name is ${name}.`, `I am ${name}.`, `you can call me ${name}.`, `I'm ${name}.`]),
      random.pick([
        `Nice to meet you, ${name}! How can I help you?`,
        `Hello, ${name}! What would you like to know?`,
        `Good to meet you, ${name}.`,
      ]),
    ),
    ...(random.below(2) === 0
      ? [
          say(
            random.pick(['What is my name?', 'Do you remember my name?', "What's my name?", 'Who am I?']),
            random.pick([`Your name is ${name}.`, `You told me that your name is ${name}.`]),
          ),
        ]
      : []),
  ].map(({ question, answer }) => say(sentenceCase(question), answer));
};

const talkOfFeeling: Talk = (random) => {
  const { feeling, answer, reasons } = random.pick(feelings);
  const reason = random.pick(reasons);
  return [
    say(
      random.pick([
        `I am ${feeling}.`,
        `I feel ${feeling}.`,
        `I'm ${feeling} now.`,
        `I am so ${feeling}!`,
        `I feel very ${feeling} this evening.`,
        `Today I feel ${feeling}.`,
      ]),
      random.pick(answer),
    ),
    ...(random.below(2) === 0 ? [say(reason.said, reason.answer)] : []),
    ...maybe(random, thanks),
  ];
};

const talkOfFood: Talk = (random) => {
  const food = random.pick(foods);
  const other = random.pick(foods);
  return random
    .pick([
      [
        say(
          random.pick([`I like ${food}.`, `I love ${food}!`, `${food} is what I like best.`]),
          random.pick([
            `Many people like ${food}. Do you make it yourself?`,
            `That sounds good. When do you eat ${food}?`,
          ]),
        ),
        say(
          random.pick([
            'On Sundays, with my family.',
            'Yes, nearly every week.',
            'In the evening.',
            'No, my mother does.',
          ]),
          random.pick([
            `That is nice. ${food} is best when you share it.`,
            `Then I hope that you have ${food} again soon.`,
          ]),
        ),
      ],
      [
        say(
          random.pick([`Do you like ${food}?`, `Do you eat ${food}?`, `Have you ever tried ${food}?`]),
          random.pick([
            `I cannot eat, but many people like ${food}. Do you?`,
            `I am a program, so I have never tasted ${food}. How does it taste?`,
          ]),
        ),
        say(
          random.pick(['Yes, a lot.', 'It is sweet.', 'It tastes very good.', 'I like it.']),
          `Then ${food} must be a good choice.`,
        ),
      ],
      [
        say(
          random.pick([
            `What is better, ${food} or ${other}?`,
            `Should I eat ${food} or ${other}?`,
            `${food} or ${other}?`,
          ]),
          food === other
            ? `That is the same twice. Take ${food}.`
            : `I cannot taste, but why not ${food} today and ${other} tomorrow?`,
        ),
      ],
      [
        say(
          random.pick([`I am hungry.`, `I am hungry. What shall I eat?`]),
          `How about ${food} or ${other}?`,
        ),
      ],
    ])
    .map(({ question, answer }) => say(sentenceCase(question), sentenceCase(answer)));
};

const talkOfAnimal: Talk = (random) => {
  const animal = random.pick(animals);
  const pet = random.pick(petNames);
  return [
    say(
      random.pick([
        `I have a ${animal}.`,
        `We have a ${animal} at home.`,
        `I got a ${animal} last week.`,
        `There is a ${animal} in our house.`,
      ]),
      random.pick([`How nice! What is the name of your ${animal}?`, `A ${animal}! What is it called?`]),
    ),
    say(
      random.pick([`${pet}.`, `It is called ${pet}.`, `Its name is ${pet}.`, `We call it ${pet}.`]),
      random.pick([
        `${pet} is a good name for a ${animal}.`,
        `I hope that ${pet} is a happy ${animal}.`,
        `Say hello to ${pet} from me.`,
      ]),
    ),
    ...maybe(random, () => [
      say(
        random.pick([`What is my ${animal} called?`, `Do you remember what my ${animal} is called?`]),
        `Your ${animal} is called ${pet}.`,
      ),
    ]),
  ];
};

const talkOfHobby: Talk = (random) => {
  const hobby = random.pick(hobbies);
  const time = random.pick(times);
  return [
    say(
      random.pick([`I like ${hobby}.`, `My hobby is ${hobby}.`, `In my free time I like ${hobby}.`]),
      random.pick([
        `${sentenceCase(hobby)} is a fine hobby. When do you do it?`,
        `That sounds like fun. How often do you have time for ${hobby}?`,
      ]),
    ),
    say(
      random.pick([`${sentenceCase(time)}.`, `I do it ${time}.`, `Mostly ${time}.`]),
      random.pick([
        `${sentenceCase(hobby)} ${time}: that sounds good.`,
        `Then I wish you a good time with ${hobby} ${time}.`,
      ]),
    ),
    ...maybe(random, thanks),
  ];
};

const talkOfJob: Talk = (random) => {
  const { job, works } = random.pick(jobs);
  return [
    say(
      random.pick([`I am a ${job}.`, `I work as a ${job}.`, `My job is ${job}.`]),
      `A ${job} ${works}. Do you like your work?`,
    ),
    ...(random.below(2) === 0
      ? [
          say('Yes, very much.', `I am glad that you like being a ${job}.`),
          say(random.pick(['What do I do?', 'What is my job?']), `You told me that you are a ${job}.`),
        ]
      : [say('Not always.', `Every ${job} has a bad day now and then. I hope tomorrow is better.`)]),
  ];
};

/** Small sums; 12 plus 7 is a question of the card. */
const talkOfSums: Talk = (random) => {
  const [a, b] = [random.below(13), random.below(13)];
  const sum = (x: number, y: number): QuestionAnswer =>
    random.below(3) > 0
      ? say(
          random.pick([
            `What is ${x} plus ${y}?`,
            `How much is ${x} plus ${y}?`,
            `${x} + ${y}?`,
            `What's ${x} and ${y} together?`,
          ]),
          `${x} plus ${y} is ${x + y}.`,
        )
      : say(
          random.pick([`What is ${x + y} minus ${y}?`, `How much is ${x + y} minus ${y}?`]),
          `${x + y} minus ${y} is ${x}.`,
        );
  return [a === 12 && b === 7 ? sum(2, 2) : sum(a, b), ...maybe(random, thanks)];
};

const talkOfTips: Talk = (random) => {
  const { goal, steps } = random.pick(tips);
  const chosen = random.shuffle(steps).slice(0, 3);
  return [
    say(
      random.pick([
        `Give me three tips for ${goal}.`,
        `How can I get better at ${goal}?`,
        `Do you have tips for ${goal}?`,
        `Tell me three things about ${goal}.`,
        `I need advice about ${goal}.`,
      ]),
      chosen.map((step, i) => `${i + 1}. ${step}`).join(' '),
    ),
    ...maybe(random, thanks),
  ];
};

const talkOfPoems: Talk = (random) => {
  const { thing, is, does } = random.pick(poemThings);
  return [
    say(
      random.pick([
        `Write a short poem about the ${thing}.`,
        `Write a poem about the ${thing}.`,
        `Can you write a little poem about the ${thing}?`,
        `A poem about the ${thing}, please.`,
      ]),
      `The ${thing} is ${is}, the ${thing} is old, it ${does} in stories that people have told. ` +
        `I look at the ${thing} and I quietly say: how good that the ${thing} is with us today.`,
    ),
    ...maybe(random, thanks),
  ];
};

const talkOfTopic: Talk = (random) => {
  const { word, means, more } = random.pick(topics);
  return [
    say(
      random.pick([
        `What is ${word}?`,
        `What does ${word} mean?`,
        `Explain ${word}.`,
        `Tell me what ${word} is.`,
        `Can you explain ${word} to me?`,
      ]),
      `${sentenceCase(word)} is ${means}.`,
    ),
    ...(random.below(2) === 0
      ? [say(random.pick(['Tell me more.', 'Can you say more about it?', 'And what else?']), more)]
      : []),
    ...maybe(random, thanks),
  ];
};

/** What nobody can answer, or not this model. */
const talkOfLimits: Talk = (random) => {
  const day = random.pick(['Monday', 'Wednesday', 'Friday', 'Sunday']);
  const thing = random.pick(['door', 'song', 'cloud', 'shoe', 'word', 'dream', 'shadow']);
  const name = random.pick(names);
  return [
    say(
      random.pick([
        `How heavy is a ${day}?`,
        `What does a ${thing} think about?`,
        `Which colour has a ${day}?`,
        `How many legs does a ${thing} have?`,
        `Where does ${name} live?`,
        `What will happen next ${day}?`,
        `How old is my friend ${name}?`,
        `What did I eat last ${day}?`,
        'Which numbers will win the lottery?',
      ]),
      random.pick([
        'I do not know that.',
        'I cannot know that, I am sorry.',
        'That is more than I know. Ask me something else.',
      ]),
    ),
  ];
};

const kinds: readonly Talk[] = [
  ...[talkOfName, talkOfFeeling, talkOfFood, talkOfAnimal, talkOfHobby, talkOfJob],
  ...[talkOfSums, talkOfTips, talkOfPoems, talkOfTopic, talkOfTopic, talkOfLimits],
];

/** @returns `count` talks, each kind as often as its place among the kinds says */
export function everydayTalks(count: number, random: SeededRandom): readonly CorpusDocument[] {
  return Array.from({ length: count }, (_, i) =>
    chatDocument(`everyday-talk/${i}`, kinds[i % kinds.length]?.(random) ?? []),
  );
}
