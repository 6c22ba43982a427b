// The program as bots/main.ts starts it, with an engine that can be held in the middle of an answer: SIGUSR2 arms it, and
// the next answer stops after two pieces for good. Started by program-process.ts, to be killed while it writes.
import { startProgram } from '../../bots/main.ts';
import { readSettings } from '../../bots/settings.ts';
import { holdNextAnswer } from './answer-gate.ts';

const program = await startProgram(readSettings(process.env), { say: console.log });
process.on('SIGUSR2', () => {
  holdNextAnswer(program.engine);
  console.log('The next answer will be held.');
});
process.once('SIGINT', () => void program.stop().then(() => process.exit(0)));
console.log(`The playground is open: ${program.playground?.url}`);
