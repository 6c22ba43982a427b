// A real discord.js client against the local Discord: commands, defers, forms, presses, expiry, resume, refusals.
import {
  ActionRowBuilder,
  ButtonBuilder,
  ButtonStyle,
  type ChatInputCommandInteraction,
  Client,
  DiscordAPIError,
  Events,
  GatewayIntentBits,
  type Interaction,
  MessageFlags,
  ModalBuilder,
  Partials,
  REST,
  Routes,
  TextInputBuilder,
  TextInputStyle,
} from 'discord.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Playground, startPlayground } from '../../../bots/playground/playground-server.ts';
import { discordWireComplaints } from '../../support/discord-schema-oracle.ts';
import {
  type DrivenPerson,
  drivePlayground,
  type PlaygroundDriver,
} from '../../support/playground-driver.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

let playground: Playground;
let driver: PlaygroundDriver;
let clock: VirtualClock;
let ada: DrivenPerson;
let client: Client;

const COMMANDS = [
  {
    name: 'ask',
    description: 'Ask a model',
    options: [
      { type: 3, name: 'question', description: 'What to ask', required: true, max_length: 200 },
      { type: 3, name: 'model', description: 'Which model', autocomplete: true },
    ],
  },
  { name: 'contribute', description: 'Give a question and its answer' },
];

beforeEach(async () => {
  clock = createVirtualClock();
  playground = await startPlayground({ clock });
  driver = await drivePlayground(playground.url, 5_000);
  ada = await driver.person('ada');
  client = newClient();
  const ready = new Promise<void>((resolve) => client.once(Events.ClientReady, () => resolve()));
  await client.login(playground.discordToken);
  await ready;
  await client.application?.commands.set(COMMANDS);
});

afterEach(async () => {
  await client.destroy();
  driver.close();
  await playground.stop();
  expect(discordWireComplaints(playground.wire())).toEqual([]);
});

function newClient(
  intents = GatewayIntentBits.Guilds | GatewayIntentBits.GuildMessages | GatewayIntentBits.DirectMessages,
) {
  return new Client({
    intents,
    partials: [Partials.Channel],
    allowedMentions: { parse: [] },
    rest: { api: playground.discordApiUrl, retries: 0, rejectOnRateLimit: () => true },
  });
}

const onCommand = (handle: (interaction: ChatInputCommandInteraction) => Promise<unknown>) =>
  client.on(Events.InteractionCreate, (interaction) => {
    if (interaction.isChatInputCommand()) void handle(interaction);
  });

const row = (...buttons: ButtonBuilder[]) => new ActionRowBuilder<ButtonBuilder>().addComponents(buttons);
const button = (id: string, label: string) =>
  new ButtonBuilder().setCustomId(id).setLabel(label).setStyle(ButtonStyle.Primary);
const rest = () =>
  new REST({ api: playground.discordApiUrl, rejectOnRateLimit: () => true, retries: 0 }).setToken(
    playground.discordToken,
  );

const codeOf = (call: Promise<unknown>): Promise<number | string> =>
  call.then(
    () => 'accepted',
    (error) => (error instanceof DiscordAPIError ? error.code : Promise.reject(error)),
  );

describe('interactions', () => {
  it('carry a slash command with its option, a deferred reply, an edit and an ephemeral follow-up', async () => {
    onCommand(async (interaction) => {
      await interaction.deferReply();
      await interaction.editReply({
        content: `You asked: **${interaction.options.getString('question')}**`,
        components: [row(button('up', '👍'))],
      });
      await interaction.followUp({ content: 'It cost nothing.', flags: MessageFlags.Ephemeral });
    });
    await ada.discord.slash('ask', { question: 'Capital of France?' });
    await ada.discord.waitFor('It cost nothing.');
    expect(ada.discord.messages()).toBe(
      'OpenModels: You asked: **Capital of France?**\n  [👍]\nOpenModels: It cost nothing. (only you can see this)',
    );
    const bo = await driver.person('bo');
    expect(bo.discord.messages()).toBe('OpenModels: You asked: **Capital of France?**\n  [👍]');
  });

  it('open a form, check it as the app does, and bring its answers', async () => {
    const form = new ModalBuilder().setCustomId('contribute:1').setTitle('Contribute');
    const input = (id: string, label: string) =>
      new ActionRowBuilder<TextInputBuilder>().addComponents(
        new TextInputBuilder().setCustomId(id).setLabel(label).setStyle(TextInputStyle.Short).setMinLength(3),
      );
    form.addComponents(input('question', 'Question'), input('answer', 'Answer'));
    client.on(Events.InteractionCreate, async (interaction: Interaction) => {
      if (interaction.isChatInputCommand()) await interaction.showModal(form);
      if (!interaction.isModalSubmit()) return;
      const { fields, customId } = interaction;
      const text = `${customId}: ${fields.getTextInputValue('question')} = ${fields.getTextInputValue('answer')}`;
      await interaction.reply({ content: text, flags: MessageFlags.Ephemeral });
    });
    await ada.discord.slash('contribute');
    await expect(ada.discord.submitModal({ Question: 'Hi' })).rejects.toThrow(
      /Must be at least 3.*This field is required/,
    );
    await ada.discord.submitModal({ Question: 'Who?', answer: 'Nobody' });
    await ada.discord.waitFor('contribute:1: Who? = Nobody (only you can see this)');
    expect(ada.view().discord.modal).toBeNull();
  });

  it('update the pressed message, and a second answer is 40060', async () => {
    const codes: unknown[] = [];
    onCommand((interaction) =>
      interaction.reply({ content: 'Vote', components: [row(button('up', 'Yes'))] }),
    );
    client.on(Events.InteractionCreate, async (interaction) => {
      if (!interaction.isButton()) return;
      await interaction.update({
        content: 'Voted',
        components: [row(button('up', 'Yes').setDisabled(true))],
      });
      codes.push(
        await codeOf(
          rest().post(Routes.interactionCallback(interaction.id, interaction.token), {
            auth: false,
            body: { type: 6 },
          }),
        ),
      );
    });
    await ada.discord.slash('contribute');
    await ada.discord.press('Yes');
    await ada.discord.waitFor('Voted (edited)');
    await ada.until('the second answer', () => codes.length > 0);
    expect(codes).toEqual([40060]);
    await expect(ada.discord.press('Yes')).rejects.toThrow(/button_disabled/);
  });

  it('answer an autocomplete with choices', async () => {
    client.on(Events.InteractionCreate, async (interaction) => {
      if (interaction.isAutocomplete())
        await interaction.respond([{ name: 'Pocket Atlas', value: interaction.options.getFocused() }]);
    });
    await ada.until('commands', ({ discord }) => discord.commands.length === 2);
    expect(await ada.discord.autocomplete('ask', { model: 'poc' }, 'model')).toEqual([
      { name: 'Pocket Atlas', value: 'poc' },
    ]);
  });

  it('expire after 3 s: the person is told, the bot gets 10062', async () => {
    const waiting: ChatInputCommandInteraction[] = [];
    onCommand(async (interaction) => waiting.push(interaction));
    await ada.discord.slash('ask', { question: 'slow?' });
    await ada.until('the event', () => waiting.length > 0);
    clock.advance(3_000);
    await ada.discord.waitFor('(The application did not respond)');
    expect(await codeOf(waiting[0].reply('late'))).toBe(10062);
  });

  it('lose their token after 15 minutes: 50027', async () => {
    const waiting: ChatInputCommandInteraction[] = [];
    onCommand(async (interaction) => {
      await interaction.deferReply();
      waiting.push(interaction);
    });
    await ada.discord.slash('ask', { question: 'slow?' });
    await ada.until('the defer', () => waiting.length > 0);
    expect(ada.discord.messages()).toBe('OpenModels:  is thinking…');
    clock.advance(15 * 60_000 + 1);
    expect(await codeOf(waiting[0].editReply('too late'))).toBe(50027);
  });

  it('refuse an unknown command and a missing or overlong option as the app does', async () => {
    await ada.until('commands', ({ discord }) => discord.commands.length === 2);
    await expect(ada.discord.slash('ask', {})).rejects.toThrow(/This option is required/);
    await expect(ada.discord.slash('ask', { question: 'x'.repeat(201) })).rejects.toThrow(/200 or fewer/);
  });
});

describe('messages', () => {
  it('reach the bot from a DM, and from the channel only when it is mentioned', async () => {
    const heard: string[] = [];
    client.on(Events.MessageCreate, (message) => {
      if (!message.author.bot) heard.push(message.content);
    });
    await ada.discord.message('for people');
    await ada.discord.message('hey @OpenModels');
    ada.discord.goTo('dm');
    await ada.discord.message('in private');
    await ada.until('three messages', () => heard.length === 3);
    expect(heard).toEqual(['', `hey <@${playground.discordApplicationId}>`, 'in private']);
  });

  it('are sent once although sent twice with the same enforced nonce', async () => {
    const path = Routes.channelMessages(playground.discordChannelId);
    const body = { content: 'once', nonce: 'n-1', enforce_nonce: true };
    const first = (await rest().post(path, { body })) as { id: string };
    const second = (await rest().post(path, { body })) as { id: string };
    expect(second.id).toBe(first.id);
    expect(ada.discord.messages()).toBe('OpenModels: once');
  });

  it('ping nobody with allowed_mentions parse [], and everyone without it', async () => {
    const path = Routes.channelMessages(playground.discordChannelId);
    const content = `@everyone <@${ada.info.discordId}>`;
    await rest().post(path, { body: { content, allowed_mentions: { parse: [] } } });
    await rest().post(path, { body: { content } });
    await ada.discord.waitFor('(pings everyone)');
    expect(ada.discord.raw().map((message) => [message.mention_everyone, message.mentions.length])).toEqual([
      [false, 0],
      [true, 1],
    ]);
  });

  it('make a thread that people see and write in', async () => {
    const channel = await client.channels.fetch(playground.discordChannelId);
    if (!channel?.isTextBased() || !('threads' in channel)) throw new Error('no text channel');
    const message = await channel.send('A question');
    const thread = await message.startThread({ name: 'Talk with Ada' });
    await thread.send('Here we talk.');
    await ada.until('the thread', ({ discord }) =>
      discord.channels.some(({ name }) => name === 'Talk with Ada'),
    );
    ada.discord.goTo(thread.id);
    await ada.discord.waitFor('OpenModels: Here we talk.');
  });

  it('are refused beyond the limits, with the path of the fault', async () => {
    const path = Routes.channelMessages(playground.discordChannelId);
    const errorOf = async (body: object) => {
      const response = await fetch(`${playground.discordApiUrl}/v10${path}`, {
        method: 'POST',
        headers: { authorization: `Bot ${playground.discordToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    expect(await errorOf({ content: 'x'.repeat(2001) })).toEqual({
      status: 400,
      body: {
        message: 'Invalid Form Body',
        code: 50035,
        errors: {
          content: {
            _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 2000 or fewer in length.' }],
          },
        },
      },
    });
    expect((await errorOf({ content: '  ' })).body).toEqual({
      message: 'Cannot send an empty message',
      code: 50006,
    });
    const longId = { type: 1, components: [{ type: 2, style: 1, label: 'x', custom_id: 'x'.repeat(101) }] };
    expect((await errorOf({ content: 'x', components: [longId] })).body).toMatchObject({
      errors: {
        components: {
          0: { components: { 0: { custom_id: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH' }] } } } },
        },
      },
    });
  });

  it('allow 5 per 5 s and channel, then 429 with retry_after', async () => {
    const send = () =>
      fetch(`${playground.discordApiUrl}/v10${Routes.channelMessages(playground.discordChannelId)}`, {
        method: 'POST',
        headers: { authorization: `Bot ${playground.discordToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ content: 'quick' }),
      });
    const answers = [];
    for (let n = 0; n < 6; n += 1) answers.push(await send());
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers[4].headers.get('x-ratelimit-remaining')).toBe('0');
    expect(await answers[5].json()).toEqual({
      message: 'You are being rate limited.',
      retry_after: 5,
      global: false,
    });
    clock.advance(5_000);
    expect((await send()).status).toBe(200);
  });
});

describe('the gateway', () => {
  it('resumes after a drop and brings what was missed', async () => {
    const heard: string[] = [];
    let resumed = 0;
    client.on(Events.MessageCreate, (message) => heard.push(message.content));
    client.on(Events.ShardResume, () => {
      resumed += 1;
    });
    ada.discord.goTo('dm');
    playground.levers.discord.drop({ resumable: true });
    await ada.discord.message('while you were away');
    await ada.until('the resume', () => resumed > 0 && heard.length > 0);
    expect(heard).toEqual(['while you were away']);
  });

  it('starts a new session when the old one is gone', async () => {
    let readies = 0;
    client.on(Events.ShardReady, () => {
      readies += 1;
    });
    playground.levers.discord.drop({ resumable: false });
    // discord.js identifies again only after 5 s, as Discord asks.
    const patient = await (await drivePlayground(playground.url, 20_000)).person('ada');
    await patient.until('a new session', () => readies > 0);
  });

  it('delivers an event twice on demand', async () => {
    const heard: string[] = [];
    // 'raw', because discord.js hides a message it has cached already.
    client.on('raw' as 'debug', (packet: unknown) => {
      const { t, d } = packet as { t: string; d: { id: string } };
      if (t === 'MESSAGE_CREATE') heard.push(d.id);
    });
    ada.discord.goTo('dm');
    await ada.discord.message('once?');
    await ada.until('the message', () => heard.length === 1);
    playground.levers.discord.redeliver('MESSAGE_CREATE', 1);
    await ada.until('it again', () => heard.length === 2);
    expect(heard[0]).toBe(heard[1]);
  });

  it('closes with 4014 for an intent that was not granted, 4004 for a wrong token', async () => {
    const nosy = newClient(GatewayIntentBits.Guilds | GatewayIntentBits.MessageContent);
    await expect(nosy.login(playground.discordToken)).rejects.toThrow(/disallowed intents/i);
    await nosy.destroy();
    await expect(newClient().login('wrong')).rejects.toThrow(/invalid token/i);
  });
});
