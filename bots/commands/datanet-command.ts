// /datanet [name]: how far a datanet is, who contributed, its versions, and the training that runs. Used as a command
// and by the buttons that open or refresh the page.
import type { DatanetProgress } from '../../marketplace/marketplace.ts';
import type { Command } from '../core/command.ts';
import type { Reply, RichText } from '../core/platform.ts';
import { bold, code, lines, rich, small } from '../core/rich-text.ts';
import { shorten, shownName, shownText } from '../core/sanitize-text.ts';
import { count, duration, openAmount, progressBar } from '../core/words.ts';
import { contributeButton, datanetButton, reviewButton, trainingsButton } from './answer-buttons.ts';
import type { CommandContext } from './command-context.ts';

const CONTRIBUTORS_SHOWN = 10;
const VERSIONS_SHOWN = 5;

function trainingText({ training }: DatanetProgress): RichText | null {
  if (training === null) return null;
  return lines(
    rich(bold('Training now: '), shownText(training.state, 60)),
    `${progressBar(training.step, training.steps)} step ${training.step} of ${training.steps} · loss ${training.loss.toFixed(3)} · ${duration(training.etaMs)} to go`,
  );
}

export function datanetReply(datanet: DatanetProgress): Reply {
  const versions = datanet.versions.toSorted((a, b) => b.number - a.number);
  return {
    text: lines(
      rich(bold(datanet.title), ` · ${datanet.state}`),
      shownText(datanet.description, 400),
      small(`Licence: ${datanet.licence}`),
      rich(
        bold(count(datanet.accepted, 'accepted contribution')),
        ` · ${count(datanet.waitingReview, 'waits', 'wait')} for review · ${count(datanet.contributors.length, 'contributor')}`,
      ),
      `Next version: ${progressBar(datanet.newSinceVersion, datanet.neededForNextVersion)} ${datanet.newSinceVersion} of ${datanet.neededForNextVersion} new contributions`,
      trainingText(datanet),
      '',
      bold('Who contributed'),
      ...datanet.contributors
        .slice(0, CONTRIBUTORS_SHOWN)
        .map(
          (each) =>
            `${shownName(each.pseudonym)}: ${each.accepted} accepted, ${openAmount(each.earnedNano)} earned`,
        ),
      datanet.contributors.length > CONTRIBUTORS_SHOWN &&
        `… and ${datanet.contributors.length - CONTRIBUTORS_SHOWN} more`,
      '',
      bold('Versions'),
      versions.length === 0 && 'None yet.',
      ...versions
        .slice(0, VERSIONS_SHOWN)
        .map((version) =>
          rich(
            `v${version.number}: ${count(version.contributions, 'contribution')}, ${version.modelState}`,
            version.note !== '' && ` (${shownText(version.note, 160)})`,
            ', root ',
            code(shorten(version.merkleRoot, 14)),
          ),
        ),
    ),
    buttons: [
      [contributeButton(datanet.slug), reviewButton(), datanetButton(datanet.slug, 'Refresh')],
      ...(datanet.training === null ? [] : [[trainingsButton('See the training')]]),
    ],
    ephemeral: true,
  };
}

export const datanetListReply = (datanets: readonly DatanetProgress[], heading: string): Reply => ({
  text: lines(
    bold(heading),
    ...datanets.slice(0, 10).map(({ slug, title }) => rich(code(slug), ` ${title}`)),
  ),
  buttons: datanets.slice(0, 5).map(({ slug, title }) => [datanetButton(slug, shorten(title, 60))]),
  ephemeral: true,
});

export const datanetCommand: Command<CommandContext> = {
  definition: {
    name: 'datanet',
    description: 'A datanet’s progress, contributors and versions',
    options: [{ name: 'name', description: 'Which datanet; empty = the only one', required: false }],
    onlyForYou: true,
  },
  lane: 'immediate',
  async run({ marketplace, respond }, { name }) {
    const datanets = await marketplace.datanets();
    const found =
      name === undefined
        ? datanets.length === 1 && datanets[0]
        : datanets.find(({ slug }) => slug === name.toLowerCase());
    if (found) {
      await respond.reply(datanetReply(found));
      return;
    }
    const heading =
      datanets.length === 0
        ? 'There is no datanet yet.'
        : name === undefined
          ? 'The datanets'
          : `I know no datanet “${shownText(name, 60)}”. There are:`;
    await respond.reply(datanetListReply(datanets, heading));
  },
};
