// /models: browse the models; each button opens one model's page.
import type { Command } from '../core/command.ts';
import type { CommandContext } from './command-context.ts';
import { modelListReply } from './model-view.ts';

export const modelsCommand: Command<CommandContext> = {
  definition: {
    name: 'models',
    description: 'Browse the models: what they know, price, who made them',
    options: [],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run({ marketplace, respond }) {
    await respond.reply(modelListReply(await marketplace.models()));
  },
};
