// /model [name]: one model's page; without a name the model chosen in this conversation.
import type { ModelSummary } from '../../marketplace/marketplace.ts';
import type { Command } from '../core/command.ts';
import { shownText } from '../core/sanitize-text.ts';
import type { CommandContext } from './command-context.ts';
import { modelDetailsReply, modelListReply } from './model-view.ts';

/** By short name, or by title in any case. */
async function findModel({ marketplace }: CommandContext, name: string): Promise<ModelSummary | null> {
  const wanted = name.trim().toLowerCase().slice(0, 100);
  const exact = await marketplace.model(wanted);
  if (exact !== null) return exact;
  return (await marketplace.models()).find((model) => model.title.toLowerCase() === wanted) ?? null;
}

export const modelCommand: Command<CommandContext> = {
  definition: {
    name: 'model',
    description: 'One model’s page: price, test results, examples',
    options: [
      { name: 'name', description: 'Which model; empty = the one chosen here', required: false, rest: true },
    ],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run(context, { name }) {
    const { marketplace, respond } = context;
    const chosen = await marketplace.chosenModel(context.conversationKey, await context.person());
    const model = name === undefined ? chosen : await findModel(context, name);
    if (model !== null) {
      await respond.reply(modelDetailsReply(model, model.slug === chosen?.slug));
      return;
    }
    const heading =
      name === undefined ? 'No model is chosen here yet' : `I know no model “${shownText(name, 60)}”`;
    await respond.reply(modelListReply(await marketplace.models(), heading));
  },
};
