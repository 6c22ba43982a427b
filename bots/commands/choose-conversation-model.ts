// Which model a conversation speaks with: the chosen one, or the first of the list (chosen on the spot, and said so).
// Used by /ask and free conversation. With none listed it returns null.
import type { ModelSummary } from '../../marketplace/marketplace.ts';
import type { RichText } from '../core/platform.ts';
import { rich, small } from '../core/rich-text.ts';
import { count } from '../core/words.ts';
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
  const [first, ...others] = (await marketplace.models()).filter((model) => !model.retired);
  if (first === undefined) return null;
  const model = await marketplace.chooseModel({ person, conversationKey, slug: first.slug });
  if (model === null) return null;
  const why =
    others.length === 0
      ? 'it is the only model here so far.'
      : `/models shows ${count(others.length, 'other', 'others')}.`;
  return { model, intro: rich(small(`I chose ${model.title} for you: ${why}`)) };
}
