// What is served over HTTP on this machine: the playground with the program's pages, or the pages alone where both platforms
// are the real ones, or where the outside reaches them (the playground is for this machine only). Used by main.ts.
import { join } from 'node:path';
import type { Marketplace } from '../marketplace/marketplace.ts';
import { auditRoutes } from './audits-page/audit-routes.ts';
import { epochRoutes } from './epochs-page/epoch-routes.ts';
import { startPageServer } from './page-server.ts';
import { type Playground, startPlayground } from './playground/playground-server.ts';
import { type Settings, SettingsError } from './settings.ts';
import { trainingRoutes } from './training-page/training-routes.ts';
import { walletRoutes } from './wallet-page/wallet-routes.ts';

export interface LocalPages {
  readonly playground: Playground | null;
  /** The live page of trainings. Null without bots. */
  readonly trainingUrl: string | null;
  /** The wallet page as people reach it. */
  readonly walletPageUrl: string | null;
  stop(): Promise<void>;
}

export const noPages: LocalPages = {
  playground: null,
  trainingUrl: null,
  walletPageUrl: null,
  stop: async () => {},
};

/** @throws SettingsError for a taken port, or a public address without a real platform */
export async function startLocalPages(
  settings: Settings,
  dataDir: string,
  marketplace: Marketplace,
): Promise<LocalPages> {
  const { PLAYGROUND_PORT: port, PUBLIC_URL: publicUrl } = settings;
  const secrets = [settings.DISCORD_BOT_SECRET, settings.TELEGRAM_BOT_SECRET];
  if (publicUrl !== undefined && secrets.every((secret) => secret === undefined))
    throw new SettingsError(
      'PUBLIC_URL should be empty without a real platform: the playground is for this machine only. Set DISCORD_BOT_SECRET or TELEGRAM_BOT_SECRET too.',
    );
  const routes = {
    '/training': trainingRoutes(marketplace),
    '/wallet': walletRoutes(marketplace, publicUrl === undefined ? {} : { publicUrl }),
    '/epochs': epochRoutes(marketplace),
    '/audits': auditRoutes(marketplace),
  };
  try {
    const isPlayground = publicUrl === undefined && secrets.includes(undefined);
    const playground = isPlayground
      ? await startPlayground({ port, dataDir: join(dataDir, 'playground'), extraRoutes: routes })
      : null;
    const server = playground ?? (await startPageServer({ routes, port, publicUrl }));
    return {
      playground,
      trainingUrl: `${server.url}training`,
      walletPageUrl: publicUrl === undefined ? `${server.url}wallet` : `${new URL(publicUrl).origin}/wallet`,
      stop: server.stop,
    };
  } catch (fault) {
    if (!(fault instanceof Error && 'code' in fault && fault.code === 'EADDRINUSE')) throw fault;
    throw new SettingsError(
      `PLAYGROUND_PORT ${port} is taken: is the program running already? It should be a free port; 0 takes any.`,
    );
  }
}
