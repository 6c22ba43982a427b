// Which model a conversation speaks with: the chosen one, or the only one listed (chosen on the spot, and said so).
// Used by /ask and free conversation. With several listed and none chosen it returns null and the person is asked.
import type { ModelSummary } from '../../marketplace/marketplace.ts';
import type { RichText } from '../core/platform.ts';
import { rich, small } from '../core/rich-text.ts';
import type { CommandContext } from './command-context.ts';

interface ConversationModel {
  readonly model: ModelSummary;
  /** Said once, when the model was chosen for the person. */
  readonly intro: RichText | null;
}

export async function conversationModel(context: CommandContext): Promise<ConversationModel | null> {
  const { marketplace, conversationKey } = context;
  const person = await context.person();
  const chosen = await marketplace.chosenModel(conversationKey, person);
  if (chosen !== null) return { model: chosen, intro: null };
  const listed = (await marketplace.models()).filter((model) => !model.retired);
  const only = listed.length === 1 ? listed[0] : undefined;
  if (only === undefined) return null;
  const model = await marketplace.chooseModel({ person, conversationKey, slug: only.slug });
  if (model === null) return null;
  return { model, intro: rich(small(`I chose ${model.title} for you: it is the only model here so far.`)) };
}
