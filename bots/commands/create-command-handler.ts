// The bots' brain as one InboundHandler: routes commands, plain text, button presses, forms and Stop to their files,
// behind the dispatcher (dedupe, one queue per conversation, an error boundary that always answers). Used by main.ts and
// by the tests, for every platform alike.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Marketplace } from '../../marketplace/marketplace.ts';
import { decodeAction } from '../core/button-codec.ts';
import { createDispatcher, type Lane } from '../core/dispatcher.ts';
import type { DurableDelivery } from '../core/durable-delivery.ts';
import type { BotLog, CommandDefinition, Inbound, InboundHandler } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { allCommands, commandDefinitions } from './all-commands.ts';
import { helpButton } from './answer-buttons.ts';
import { answerQuestion } from './answer-question.ts';
import { type CommandContext, createCommandContext } from './command-context.ts';
import { takeContribution } from './contribute-command.ts';
import type { ContributionDraft } from './contribution-drafts.ts';
import { takeCorrection } from './correction-form.ts';
import { createDrafts } from './drafts.ts';
import { pressHandlers } from './press-handlers.ts';
import type { RefundDraft } from './refund-command.ts';
import { DOUBLE_PRESS_TOAST, failureReply, OLD_BUTTON_TOAST, tooManyReply } from './refusal-words.ts';
import { rejectContribution } from './review-command.ts';
import { createRunningCalls } from './running-calls.ts';

interface CommandHandlerDeps {
  readonly marketplace: Marketplace;
  readonly delivery: DurableDelivery;
  readonly log: BotLog;
  /** Where the wallet page stands; absent where none is served. */
  readonly walletPageUrl?: string;
  /** Longest question taken, in UTF-16 units; longer ones are refused before anything reads them. */
  readonly questionCharsMax?: number;
}

export interface CommandHandler {
  readonly handle: InboundHandler;
  readonly definitions: readonly CommandDefinition[];
  /** Ends running answers and resolves when every event in hand has been answered, after ten seconds at the latest. */
  stop(): Promise<void>;
}

const QUESTION_CHARS_MAX = 4000;
const STOP_WAIT_MS = 10_000;

const commandOf = (name: string) => allCommands.find(({ definition }) => definition.name === name);

function laneOf(event: Inbound): Lane {
  if (event.kind === 'text') return 'queued';
  if (event.kind === 'command') return commandOf(event.name)?.lane ?? 'immediate';
  if (event.kind !== 'press') return 'immediate';
  const action = decodeAction(event.action);
  return action === null ? 'immediate' : pressHandlers[action.kind].lane;
}

async function unknownCommand({ respond }: CommandContext, name: string): Promise<void> {
  await respond.reply({
    text: lines(
      `I know no command /${shownText(name, 40)}.`,
      rich(bold('This cost nothing.'), ' /help lists what I can do; a question needs no command at all.'),
    ),
    buttons: [[helpButton]],
    ephemeral: true,
  });
}

async function answersOfForm(
  context: CommandContext,
  action: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const form = decodeAction(action);
  if (form?.kind === 'contribution') await takeContribution(context, form.argument, values);
  else if (form?.kind === 'correction') await takeCorrection(context, form.argument, values.answer ?? '');
  else if (form?.kind === 'reject_reason')
    await rejectContribution(context, form.argument, values.reason ?? '');
  else await context.respond.toast(OLD_BUTTON_TOAST);
}

async function route(context: CommandContext, event: Inbound): Promise<void> {
  switch (event.kind) {
    case 'text':
      return answerQuestion(context, { raw: event.text, eventKey: event.eventId });
    case 'command': {
      const command = commandOf(event.name);
      return command === undefined ? unknownCommand(context, event.name) : command.run(context, event.args);
    }
    case 'press': {
      const action = decodeAction(event.action);
      if (action === null) return context.respond.toast(OLD_BUTTON_TOAST);
      return pressHandlers[action.kind].run(context, action.argument, event.message);
    }
    case 'form':
      return answersOfForm(context, event.action, event.values);
    case 'stop':
      context.calls.stop(event.source);
      return;
  }
}

export function createCommandHandler(deps: CommandHandlerDeps): CommandHandler {
  const commandDeps = {
    marketplace: deps.marketplace,
    delivery: deps.delivery,
    log: deps.log,
    walletPageUrl: deps.walletPageUrl ?? null,
    questionCharsMax: deps.questionCharsMax ?? QUESTION_CHARS_MAX,
    calls: createRunningCalls(),
    drafts: createDrafts<ContributionDraft>(),
    refundDrafts: createDrafts<RefundDraft>(),
  };
  const dispatch = createDispatcher({
    handle: (event, respond) => route(createCommandContext(commandDeps, event, respond), event),
    laneOf,
    failureReply: () => failureReply,
    tooManyReply: () => tooManyReply,
    doublePressToast: DOUBLE_PRESS_TOAST,
    log: deps.log,
  });
  const inHand = new Set<Promise<void>>();
  return {
    definitions: commandDefinitions(),
    handle(event, respond) {
      const done = dispatch(event, respond).finally(() => inHand.delete(done));
      inHand.add(done);
      return done;
    },
    async stop() {
      commandDeps.calls.stopAll();
      // A flood penalty may hold an answer back for minutes; it stays in the outbox and goes out at the next start.
      await Promise.race([Promise.all(inHand), sleep(STOP_WAIT_MS, null, { ref: false })]);
    },
  };
}
