// The Bot API methods about the bot itself and its chats: who it is, its command list, webhooks (only their absence),
// files. Same form as message-methods.ts. getUpdates is not here: telegram-server.ts answers it when something comes.

import { TELEGRAM_LIMITS } from './local-telegram-limits.ts';
import type { BotMethod } from './message-methods.ts';
import type { MethodParams } from './method-params.ts';
import { isRecord } from './method-params.ts';
import { badRequest } from './telegram-faults.ts';

const getMe: BotMethod = ({ bot }) => ({
  ...bot,
  can_join_groups: false,
  can_read_all_group_messages: false,
  supports_guest_queries: false,
  supports_inline_queries: false,
  can_connect_to_business: false,
  has_main_web_app: false,
  has_topics_enabled: false,
  allows_users_to_create_topics: false,
  can_manage_bots: false,
  supports_join_request_queries: false,
});

/** 'default', 'all_private_chats', …; a language code makes a list of its own. */
function scopeOf(params: MethodParams): string {
  const scope = params.value('scope');
  const type = isRecord(scope) && typeof scope.type === 'string' ? scope.type : 'default';
  const language = params.text('language_code') ?? '';
  return language === '' ? type : `${type}:${language}`;
}

const setMyCommands: BotMethod = (world, params) => {
  const given = params.value('commands');
  if (!Array.isArray(given)) throw badRequest('field "commands" must be of type Array');
  if (given.length > TELEGRAM_LIMITS.commands) throw badRequest('BOT_COMMANDS_TOO_MUCH');
  const commands = given.map((item) => {
    if (!isRecord(item) || typeof item.command !== 'string' || typeof item.description !== 'string') {
      throw badRequest("can't parse BotCommand: expected an Object");
    }
    const command = item.command.replace(/^\//, '');
    if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID');
    const { description } = item;
    if (description.trim() === '') throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID');
    if (description.length > TELEGRAM_LIMITS.commandDescriptionChars)
      throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID');
    return { command, description };
  });
  world.setCommands(scopeOf(params), commands);
  return true;
};

const getMyCommands: BotMethod = (world, params) => world.commandsOf(scopeOf(params));

const deleteMyCommands: BotMethod = (world, params) => {
  world.setCommands(scopeOf(params), []);
  return true;
};

const getWebhookInfo: BotMethod = (world) => ({
  url: '',
  has_custom_certificate: false,
  pending_update_count: world.updates.waiting(),
});

const setWebhook: BotMethod = (_world, params) => {
  if ((params.text('url') ?? '') === '') return true;
  throw badRequest('bad webhook: the playground delivers through getUpdates only');
};

const deleteWebhook: BotMethod = (world, params) => {
  if (params.flag('drop_pending_updates')) world.updates.dropAll();
  return true;
};

const getChat: BotMethod = (world, params) => {
  const person = world.writableChat(params.chatId());
  return { ...world.chatOf(person), accent_color_id: 0, max_reaction_count: 11, accepted_gift_types: {} };
};

const getFile: BotMethod = (world, params) => {
  const file = world.file(params.text('file_id') ?? '');
  if (file === undefined) throw badRequest('wrong file_id or the file is temporarily unavailable');
  return {
    file_id: file.file_id,
    file_unique_id: file.file_id.slice(-12),
    file_size: Buffer.from(file.base64, 'base64').byteLength,
    file_path: `documents/${file.file_id}`,
  };
};

export const settingsMethods: Readonly<Record<string, BotMethod>> = {
  getMe,
  setMyCommands,
  getMyCommands,
  deleteMyCommands,
  getWebhookInfo,
  setWebhook,
  deleteWebhook,
  getChat,
  getFile,
};
