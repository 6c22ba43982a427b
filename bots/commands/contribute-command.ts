// /contribute [datanet]: a form with question and answer, the licence agreed to once, then the contribution goes in.
// Used as a command, by the Contribute buttons (openContributionForm), by the form's answers (takeContribution) and by
// the consent buttons (decideConsent). The form opens before any slow work: a platform gives it three seconds.
import type { ContributeResult } from '../../marketplace/datanets/intake-views.ts';
import type { DatanetProgress } from '../../marketplace/marketplace.ts';
import { encodeAction } from '../core/button-codec.ts';
import type { Command } from '../core/command.ts';
import type { Reply } from '../core/platform.ts';
import { bold, italic, lines, quote, rich } from '../core/rich-text.ts';
import { shorten, shownText, typedText } from '../core/sanitize-text.ts';
import { count } from '../core/words.ts';
import { contributeButton, datanetButton, reviewButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';
import { correctionReply } from './correction-form.ts';

const QUESTION_CHARS_MAX = 300;
const ANSWER_CHARS_MAX = 600;

export async function openContributionForm({ respond }: CommandContext, slug: string): Promise<void> {
  await respond.openForm(
    {
      action: encodeAction('contribution', slug),
      title: shorten(`Contribute to ${slug}`, 45),
      fields: [
        {
          id: 'question',
          label: 'A question somebody could ask',
          placeholder: 'What is the capital of Portugal?',
          charsMin: 3,
          charsMax: QUESTION_CHARS_MAX,
        },
        {
          id: 'answer',
          label: 'The right answer, in your own words',
          placeholder: 'Lisbon is the capital of Portugal.',
          long: true,
          charsMin: 1,
          charsMax: ANSWER_CHARS_MAX,
        },
      ],
    },
    contributeButton(slug, 'Write it'),
  );
}

function resultReply(result: ContributeResult, slug: string): Reply {
  const again = contributeButton(slug, 'Write another');
  if (result.ok) {
    return {
      text: lines(
        rich(
          bold('Thank you: it is in.'),
          ` Other people now check it; ${count(result.waitingReview, 'contribution waits', 'contributions wait')} for that.`,
        ),
        'Once accepted it goes into the next version, and answers made of it pay you.',
        ...(result.sameFactAs === undefined
          ? []
          : [
              rich(
                'But somebody has said the same before, in answer to: ',
                shownText(result.sameFactAs, 200),
                ' Who says a thing first is paid for it, so something new would earn you more.',
              ),
            ]),
      ),
      buttons: [[again, reviewButton(), datanetButton(slug)]],
      ephemeral: true,
    };
  }
  switch (result.code) {
    case 'duplicate':
      return {
        text: lines(
          'This is in the datanet already:',
          quote(shownText(result.existing, 300)),
          'Nothing was added. Do you know something else?',
        ),
        buttons: [[again]],
        ephemeral: true,
      };
    case 'rejected_by_check':
      return {
        text: lines(
          rich('Not taken: ', shownText(result.reason, 300)),
          'Nothing was added. Change it and send it again.',
        ),
        buttons: [[again]],
        ephemeral: true,
      };
    case 'unknown_datanet':
      return { text: lines('I know no such datanet. /datanet lists them.'), ephemeral: true };
    case 'consent_missing':
      return {
        text: lines('Without your consent I cannot take it. Nothing was stored.'),
        buttons: [[again]],
        ephemeral: true,
      };
  }
}

const userKeyOf = ({ source }: CommandContext): string => `${source.platform}:${source.userId}`;

/** The answers of the form have come. */
export async function takeContribution(
  context: CommandContext,
  slug: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const question = typedText(values.question ?? '', QUESTION_CHARS_MAX);
  const answer = typedText(values.answer ?? '', ANSWER_CHARS_MAX);
  if (!question.ok || !answer.ok) {
    const empty = [question, answer].some((text) => !text.ok && text.code === 'empty');
    await context.respond.reply({
      text: lines(
        empty
          ? 'A contribution needs both a question and an answer.'
          : `Too long: a question may have ${QUESTION_CHARS_MAX} characters, an answer ${ANSWER_CHARS_MAX}.`,
        'Nothing was added.',
      ),
      buttons: [[contributeButton(slug, 'Write it again')]],
      ephemeral: true,
    });
    return;
  }
  const person = await context.person();
  const contribution = { datanetSlug: slug, question: question.text, answer: answer.text };
  const result = await context.marketplace.contribute({
    person,
    ...contribution,
    conversationKey: context.conversationKey,
  });
  if (result.ok || result.code !== 'consent_missing') {
    await context.respond.reply(resultReply(result, slug));
    return;
  }
  const draft = context.drafts.put({
    kind: 'contribution',
    userKey: userKeyOf(context),
    ...contribution,
  });
  await context.respond.reply({
    text: lines(
      bold('Once, before your first contribution here:'),
      shownText(result.consentText, 1500),
      rich('Licence: ', bold(shownText(result.licence, 100))),
      '',
      italic(`Your text: ${shownText(question.text, 100)} — ${shownText(answer.text, 200)}`),
    ),
    buttons: [
      [
        { action: encodeAction('consent', draft), label: 'I agree: send it', style: 'success' },
        { action: encodeAction('decline', draft), label: 'No' },
      ],
    ],
    ephemeral: true,
  });
}

/** "I agree" or "No" was pressed under the licence. */
export async function decideConsent(
  context: CommandContext,
  draftId: string,
  agreed: boolean,
): Promise<void> {
  if (context.event.kind !== 'press') return;
  const { message } = context.event;
  const draft = context.drafts.take(draftId, userKeyOf(context));
  if (draft === null) {
    await context.respond.edit(message, {
      text: lines(
        'I no longer have that text: I was restarted, or a day has passed. Nothing was added. /contribute starts again.',
      ),
    });
    return;
  }
  if (!agreed) {
    await context.respond.edit(message, { text: lines('All right: nothing was stored.') });
    return;
  }
  await context.respond.edit(message, await sendDraft(context, draft));
}

type Draft = NonNullable<ReturnType<CommandContext['drafts']['take']>>;

/** The consent is given, then the text that waited for it goes in. */
async function sendDraft(context: CommandContext, draft: Draft): Promise<Reply> {
  const { marketplace, conversationKey } = context;
  const person = await context.person();
  if (draft.kind === 'correction') {
    const { callId, answer } = draft;
    const asked = await marketplace.correct({ callId, person, answer, conversationKey });
    if (asked.ok || asked.code !== 'consent_missing') return correctionReply(asked, callId);
    await marketplace.consent(person, asked.datanetSlug);
    return correctionReply(await marketplace.correct({ callId, person, answer, conversationKey }), callId);
  }
  const { datanetSlug, question, answer } = draft;
  await marketplace.consent(person, datanetSlug);
  const result = await marketplace.contribute({ person, datanetSlug, question, answer, conversationKey });
  return resultReply(result, datanetSlug);
}

const chooseDatanetReply = (datanets: readonly DatanetProgress[]): Reply => ({
  text: lines(datanets.length === 0 ? 'There is no datanet yet.' : 'Which datanet do you want to add to?'),
  buttons: datanets.slice(0, 5).map(({ slug, title }) => [contributeButton(slug, shorten(title, 60))]),
  ephemeral: true,
});

export const contributeCommand: Command<CommandContext> = {
  definition: {
    name: 'contribute',
    description: 'Add a question and its answer; answers made of it pay you',
    options: [{ name: 'datanet', description: 'Which datanet; empty = the only one', required: false }],
    onlyForYou: true,
    opensForm: true,
  },
  lane: 'immediate',
  async run(context, { datanet }) {
    const datanets = await context.marketplace.datanets();
    const wanted =
      datanet === undefined ? undefined : datanets.find(({ slug }) => slug === datanet.toLowerCase());
    const only = datanet === undefined && datanets.length === 1 ? datanets[0] : wanted;
    if (only !== undefined) await openContributionForm(context, only.slug);
    else await context.respond.reply(chooseDatanetReply(datanets));
  },
};
