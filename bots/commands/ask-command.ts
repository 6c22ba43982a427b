// /ask question: one paid answer in this conversation, from its chosen model.
import type { Command } from '../core/command.ts';
import { answerQuestion } from './answer-question.ts';
import type { CommandContext } from './command-context.ts';

export const askCommand: Command<CommandContext> = {
  definition: {
    name: 'ask',
    description: 'Ask the chosen model a question',
    options: [{ name: 'question', description: 'Your question, in plain words', required: true, rest: true }],
  },
  lane: 'queued',
  run: (context, { question = '' }) =>
    answerQuestion(context, { raw: question, eventKey: context.event.eventId }),
};
