// Brings the marketplace's news (training, new versions) into the conversations that asked for it. Used by main.ts as
// marketplace.start's `onNews`. Progress is edited into one message; what ends a training is a message of its own, so
// that people notice. After a restart progress continues in a new message. Throws when the platform cannot be reached:
// the marketplace tells the same news again, and its key keeps it from being said twice where the platform can.
import type { MarketplaceNews } from '../../marketplace/marketplace.ts';
import type { MessageRef, Platform, Reply } from '../core/platform.ts';
import { bold, lines, rich } from '../core/rich-text.ts';
import { shownText } from '../core/sanitize-text.ts';
import { PlatformFault } from '../errors.ts';

const SIGNS = {
  training_started: '🛠',
  training_progress: '🛠',
  version_published: '🎉',
  version_rejected: '🔎',
  version_audited: '🔬',
  training_failed: '⚠️',
  training_cancelled: '✋',
  refunded: '↩️',
  deposit_seen: '⏳',
  deposit_orphaned: '↩️',
  deposit_credited: '💰',
  wallet_linked: '🔗',
  books_failed: '🚨',
  books_sound: '✅',
} as const satisfies Record<MarketplaceNews['kind'], string>;

const newsReply = (news: MarketplaceNews): Reply => ({
  text: lines(
    rich(`${SIGNS[news.kind]} `, bold(shownText(news.datanetTitle, 80))),
    shownText(news.text, 1500),
  ),
});

export function createNewsTeller(
  platforms: () => readonly Platform[],
): (news: MarketplaceNews) => Promise<void> {
  const progress = new Map<string, MessageRef>();
  const told = new Set<string>();

  return async (news) => {
    const platform = platforms().find(({ name }) => name === news.platform);
    if (platform === undefined || told.has(news.key)) return;
    const line = `${news.platform}:${news.conversationId}:${news.datanetTitle}`;
    const shown = progress.get(line);
    const ends = news.kind !== 'training_progress' && news.kind !== 'training_started';
    if (news.kind === 'training_progress' && shown !== undefined) {
      try {
        await platform.editMessage(shown, newsReply(news));
      } catch (fault) {
        if (!(fault instanceof PlatformFault) || fault.code !== 'message_gone') throw fault;
        progress.delete(line);
      }
    } else {
      const message = await platform.send(news.conversationId, newsReply(news), news.key);
      if (ends) progress.delete(line);
      else progress.set(line, message);
    }
    told.add(news.key);
    if (told.size > 5000) told.clear();
  };
}
