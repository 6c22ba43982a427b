// Messages of the bot with buttons that this version would not send now: of an older version, of somebody else's answer.
// Sent with the bot's own token over the local platform's wire, as a forgotten process would. Used by test/e2e/.
import type { Playground } from '../../bots/playground/playground-server.ts';
import type { ChatSeat } from './chat-seat.ts';

interface ForgedButton {
  readonly label: string;
  readonly action: string;
}

/** Sends one message with these buttons into the seat's private chat. */
export async function sendAsBot(
  playground: Playground,
  { app, person }: ChatSeat,
  buttons: readonly ForgedButton[],
): Promise<void> {
  const { discordApiUrl, discordToken, telegramApiRoot, telegramToken } = playground;
  if (app === 'telegram') {
    await post(`${telegramApiRoot}/bot${telegramToken}/sendMessage`, undefined, {
      chat_id: person.info.telegramId,
      text: 'From another time.',
      reply_markup: {
        inline_keyboard: buttons.map(({ label, action }) => [{ text: label, callback_data: action }]),
      },
    });
  } else {
    const dm = person.view().discord.channels.find(({ type }) => type === 1);
    const components = buttons.map(({ label, action }) => ({ type: 2, style: 2, label, custom_id: action }));
    await post(`${discordApiUrl}/v10/channels/${dm?.id}/messages`, `Bot ${discordToken}`, {
      content: 'From another time.',
      components: [{ type: 1, components }],
    });
  }
  const last = buttons.at(-1)?.label ?? '';
  await person[app].waitFor(last);
}

async function post(url: string, authorization: string | undefined, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}
