// The local chain in a program of its own, to be killed in the middle: `local-chain-main.ts <data folder>` starts it, prints
// "ready" and runs until it is told to end. Used by test/contracts/local/.
import { startLocal } from '../../contracts/start-local.ts';
import { quietLog } from './quiet-log.ts';

const { chain, stop } = await startLocal({
  dataDir: process.argv[2],
  settings: { finality: 'finalized', maxFeeGwei: 1_000, port: 0 },
  log: quietLog,
  say: () => undefined,
  mineEveryMs: 50,
});
console.log(`ready ${chain?.rpcUrlForWallets}`);
process.once('SIGTERM', () => void stop().then(() => process.exit(0)));
setInterval(() => undefined, 60_000);
