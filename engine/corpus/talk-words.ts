// The words that everyday talks are made of. Data only, the second half of everyday-talks.ts, which alone uses it.

interface Feeling {
  readonly feeling: string;
  readonly answer: readonly string[];
  /** Why, and what is said to that. */
  readonly reasons: readonly { readonly said: string; readonly answer: string }[];
}

const rest = [
  'Then a little rest may help you. What made you so tired?',
  'Then you should sleep early tonight. Was it a long day?',
];
const sorry = ['I am sorry to hear that. What happened?', 'I am sorry. Do you want to tell me more?'];
const glad = ['I am glad to hear that! What made you so happy?', 'That is good to hear. What happened?'];
const calm = ['Take a slow breath. What worries you?', 'That is hard. Tell me what you are thinking about.'];

const hardWork = [
  { said: 'I worked all day.', answer: 'That was a long day of work. Rest well tonight.' },
  { said: 'I slept badly.', answer: 'A bad night is hard. I hope that you sleep better tonight.' },
  { said: 'I walked very far.', answer: 'A long walk makes the legs tired. Sit down for a while.' },
];
const losses = [
  { said: 'I lost my keys.', answer: 'Lost keys are a trouble. Look where you were last.' },
  {
    said: 'My friend moved away.',
    answer: 'It is hard when a friend moves away. You can write to your friend.',
  },
  { said: 'It rained all day.', answer: 'A day of rain can make one sad. I hope for sun tomorrow.' },
];
const joys = [
  { said: 'I passed my exam.', answer: 'Well done! You worked hard for that exam.' },
  {
    said: 'My sister visits me.',
    answer: 'A visit of your sister is a good reason. Have a nice time with her.',
  },
  { said: 'The sun is shining.', answer: 'Sunshine makes a good day. Enjoy it outside.' },
];
const worries = [
  {
    said: 'I have an exam tomorrow.',
    answer: 'Read your notes once more, then sleep. Good luck with the exam!',
  },
  { said: 'I have to see the doctor.', answer: 'The doctor will help you. I hope that it goes well.' },
  { said: 'I start a new job.', answer: 'A new job is exciting. Everybody is new once. Good luck!' },
];

export const feelings: readonly Feeling[] = [
  ...['tired', 'sleepy', 'exhausted'].map((feeling) => ({ feeling, answer: rest, reasons: hardWork })),
  ...['sad', 'lonely', 'unhappy', 'disappointed'].map((feeling) => ({
    ...{ feeling, answer: sorry, reasons: losses },
  })),
  ...['happy', 'glad', 'cheerful', 'excited', 'proud'].map((feeling) => ({
    ...{ feeling, answer: glad, reasons: joys },
  })),
  ...['nervous', 'worried', 'afraid', 'scared'].map((feeling) => ({
    ...{ feeling, answer: calm, reasons: worries },
  })),
];

const list = (words: string): readonly string[] => words.split(', ');

export const names = list(
  'Anna, Ben, Clara, David, Emma, Felix, Grace, Hugo, Ida, Jonas, Kira, Leo, Maria, Noah, Olga, Paul, Rosa, Sam, Tina, ' +
    'Uma, Victor, Wanda, Yusuf, Zoe, Amina, Carlos, Diego, Fatima, Ivan, Julia, Kofi, Lena, Mei, Nina, Omar, Priya, Ravi, ' +
    'Sofia, Tom, Laura, Peter, Lucy, Max, Ella, Jack, Mary, John, Alice, Robert, Helen',
);
export const petNames = list(
  'Luna, Rocky, Bella, Charlie, Coco, Daisy, Rex, Milo, Oscar, Ruby, Simba, Teddy, Toby, Willow, Ziggy, Pepper, Ginger, ' +
    'Snowy, Biscuit, Shadow',
);
export const animals = list(
  'cat, dog, rabbit, hamster, parrot, horse, goat, turtle, pony, goldfish, hen, duck',
);
export const foods = list(
  'soup, bread, rice, pizza, pasta, pancakes, apples, bananas, chocolate, cheese, fish, salad, potatoes, beans, cake, ' +
    'ice cream, noodles, honey, tomatoes, mangoes, eggs, porridge',
);
export const hobbies = list(
  'reading, swimming, dancing, running, painting, singing, cooking, fishing, cycling, gardening, knitting, hiking, chess, ' +
    'football, drawing, baking, playing the guitar, playing the piano, climbing, sewing',
);
export const times = list(
  'in the morning, in the evening, at the weekend, on Sundays, after work, after school, every day, once a week, in summer',
);

export const jobs: readonly { readonly job: string; readonly works: string }[] = [
  { job: 'teacher', works: 'helps people to learn' },
  { job: 'nurse', works: 'takes care of people who are ill' },
  { job: 'farmer', works: 'grows the food that we eat' },
  { job: 'baker', works: 'bakes bread while others sleep' },
  { job: 'driver', works: 'brings people and things where they need to be' },
  { job: 'cook', works: 'makes meals for many people' },
  { job: 'carpenter', works: 'makes things of wood' },
  { job: 'doctor', works: 'helps people to get well' },
  { job: 'programmer', works: 'writes what computers do' },
  { job: 'gardener', works: 'takes care of plants' },
  { job: 'painter', works: 'gives walls and pictures their colors' },
  { job: 'sailor', works: 'lives with the wind and the sea' },
];

export const tips: readonly { readonly goal: string; readonly steps: readonly string[] }[] = [
  {
    goal: 'learning a language',
    steps: ['Learn ten words a day.', 'Speak with people.', 'Read easy books.', 'Listen to songs.'],
  },
  {
    goal: 'saving money',
    steps: [
      'Write down what you spend.',
      'Cook at home.',
      'Buy only what you need.',
      'Put a little aside each week.',
    ],
  },
  {
    goal: 'staying healthy',
    steps: ['Walk every day.', 'Eat fruit and vegetables.', 'Sleep enough.', 'Drink water.'],
  },
  {
    goal: 'studying for an exam',
    steps: ['Begin early.', 'Make a plan.', 'Take short breaks.', 'Explain it to a friend.'],
  },
  {
    goal: 'making friends',
    steps: ['Smile and say hello.', 'Ask questions and listen.', 'Join a club.', 'Be kind and patient.'],
  },
  {
    goal: 'growing plants',
    steps: ['Give them light.', 'Water them, but not too much.', 'Use good soil.', 'Look at them every day.'],
  },
  {
    goal: 'cooking',
    steps: ['Read the recipe first.', 'Use fresh food.', 'Taste while you cook.', 'Keep the knife sharp.'],
  },
  {
    goal: 'writing a letter',
    steps: [
      'Begin with a greeting.',
      'Use short sentences.',
      'Say what you want early.',
      'Read it once more.',
    ],
  },
  {
    goal: 'keeping a room tidy',
    steps: ['Give each thing a place.', 'Tidy a little every day.', 'Give away what you do not use.'],
  },
  {
    goal: 'running',
    steps: ['Start slowly.', 'Wear good shoes.', 'Rest between the days.', 'Drink enough.'],
  },
];

export const poemThings: readonly { readonly thing: string; readonly is: string; readonly does: string }[] = [
  { thing: 'moon', is: 'white', does: 'shines' },
  { thing: 'river', is: 'long', does: 'flows' },
  { thing: 'tree', is: 'green', does: 'grows' },
  { thing: 'rain', is: 'soft', does: 'falls' },
  { thing: 'wind', is: 'free', does: 'sings' },
  { thing: 'mountain', is: 'high', does: 'stands' },
  { thing: 'sun', is: 'bright', does: 'shines' },
  { thing: 'forest', is: 'deep', does: 'sleeps' },
  { thing: 'snow', is: 'cold', does: 'falls' },
  { thing: 'bird', is: 'small', does: 'sings' },
];

/** `more` is said when asked for more. */
export const topics: readonly { readonly word: string; readonly means: string; readonly more: string }[] = [
  {
    word: 'a friend',
    means: 'a person who likes you and helps you',
    more: 'A friend listens to you and tells you the truth.',
  },
  {
    word: 'a book',
    means: 'many pages with a story or with knowledge',
    more: 'Books are kept in libraries, where you may borrow them.',
  },
  { word: 'rain', means: 'water that falls from the clouds', more: 'Plants need rain to grow.' },
  { word: 'snow', means: 'frozen water that falls in white flakes', more: 'Snow melts when it gets warm.' },
  {
    word: 'a library',
    means: 'a house full of books that you may borrow',
    more: 'In a library people read and are quiet.',
  },
  {
    word: 'a market',
    means: 'a place where people buy and sell',
    more: 'At a market you find fruit, bread and much more.',
  },
  {
    word: 'a model',
    means: 'a program that has learned from many examples',
    more: 'I am a small model myself: people taught me what I know.',
  },
  {
    word: 'a datanet',
    means: 'a collection of questions and answers that a community gives',
    more: 'A model is trained on a datanet, and its makers are paid.',
  },
  {
    word: 'honesty',
    means: 'telling the truth, also when it is hard',
    more: 'Honesty makes others trust you.',
  },
  {
    word: 'courage',
    means: 'doing what is right although you are afraid',
    more: 'Everybody can show courage in small things.',
  },
  {
    word: 'a habit',
    means: 'something that you do again and again without thinking',
    more: 'Good habits start small.',
  },
  {
    word: 'a map',
    means: 'a picture of a place seen from above',
    more: 'A map shows roads, rivers and towns.',
  },
  {
    word: 'a dictionary',
    means: 'a book that tells what words mean',
    more: 'Its words stand in the order of the alphabet.',
  },
  { word: 'a clock', means: 'a thing that shows the time', more: 'A clock has hands, or it shows numbers.' },
  {
    word: 'a bridge',
    means: 'a way over water or over a valley',
    more: 'Bridges are made of wood, stone or steel.',
  },
  {
    word: 'a secret',
    means: 'something that only a few people know',
    more: 'Never tell me a secret that belongs to another person.',
  },
  {
    word: 'music',
    means: 'sound that people make and enjoy',
    more: 'People sing, dance and play instruments to music.',
  },
  {
    word: 'a story',
    means: 'something that happened, or that was made up, told in order',
    more: 'A good story has a beginning, a middle and an end.',
  },
  {
    word: 'patience',
    means: 'waiting without getting angry',
    more: 'Patience helps with children, with plants and with computers.',
  },
  {
    word: 'a computer',
    means: 'a machine that follows instructions very quickly',
    more: 'I live in a computer, in a manner of speaking.',
  },
  {
    word: 'sleep',
    means: 'the rest that the body and the mind take at night',
    more: 'Most people need about eight hours of sleep.',
  },
  {
    word: 'a family',
    means: 'people who belong together, such as parents and children',
    more: 'Families can be small or large.',
  },
  {
    word: 'a question',
    means: 'what you ask when you want to know something',
    more: 'You have just asked me a good one.',
  },
  {
    word: 'a holiday',
    means: 'a day on which people do not work',
    more: 'Many people travel or celebrate on a holiday.',
  },
];
