// Random tests draw the same cases in every run of `npm test`, so that a change is judged and not the dice.
// Loaded before each test file. `FC_SEED=random npm test` (or a number) draws others; fast-check prints the seed of what
// it finds.
import fc from 'fast-check';

const wish = process.env.FC_SEED ?? '20261121';
if (wish !== 'random') {
  const seed = Number(wish);
  if (!Number.isInteger(seed)) throw new Error(`FC_SEED is "random" or a whole number, not "${wish}"`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
